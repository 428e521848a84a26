"""Does the model copy its training rows? Distances of samples, calibrated by held-out rows.

For each sample the nearest training row, argmin_i ||x~ - x_i||. Two questions, both answered
against rows that the model never saw:

    near:  how many samples are nearer to the training set than the 5 % nearest held-out rows?
    side:  of all rows that are nearest to some sample, are more than N / (N + M) training rows?

The first alone would also flag samples that are merely blurred (a mean is near to everything); the
second alone any slight overfitting. A model copies when both are beyond chance, or when there are
exact copies where held-out rows have none. C_T is the z-score
of the Mann-Whitney test between the two sets of distances (below -3: samples are nearer to the
training set than held-out rows are).

Reference: Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in
generative models, 2020 (C_T); Deep Learning 20.14. Row F28.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy  # whose stats are loaded when they are used: that takes a second
import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.likelihood import fits
from simulacra.evaluation.rows import feature_blocks, features, samples_like, subset

BLOCK = 1024  # queries at once
CANDIDATES = 4  # near rows whose distance is computed again without cancellation
COPY = 1e-6  # distance, relative to the typical one of held-out rows, that counts as none
SURE = 1e-3  # probability under "does not copy" below which chance is ruled out


@dataclass
class Memorisation:
    """Samples beside their nearest training rows.

    Args:
        distances: of each sample to its nearest training row, in feature units, shape (n,).
        nearest: number of that row in the training split, shape (n,).
        held_out: distances of held-out rows to their nearest training rows, shape (m,).
        to_held_out: distances of the samples to their nearest held-out rows, shape (n,).
        nearest_held_out: numbers of those rows, shape (n,).
        rows: N, training rows that were searched.
    """

    distances: Tensor
    nearest: Tensor
    held_out: Tensor
    to_held_out: Tensor
    nearest_held_out: Tensor
    rows: int

    @property
    def flagged(self) -> Tensor:
        """Samples that are copies of a training row: distance 0, booleans of shape (n,)."""
        return self.distances <= COPY * float(self.held_out.median())

    def share_nearer(self, percent: float) -> float:
        """Share of samples nearer to the training set than the `percent` % nearest held-out rows."""
        return float((self.distances < np.percentile(self.held_out.numpy(), percent)).double().mean())

    @property
    def near_chance(self) -> float:
        """Probability of so many near samples if samples were like held-out rows (exact, from
        ranks: the number below the r-th of m held-out distances is beta-binomial)."""
        m, n = len(self.held_out), len(self.distances)
        r = max(1, round(0.05 * m))
        near = int((self.distances < self.held_out.sort().values[r - 1]).sum())
        return float(scipy.stats.betabinom(n, r, m + 1 - r).sf(near - 1))

    @property
    def held_out_copies(self) -> int:
        """Held-out rows that equal a training row: in small discrete spaces there are many."""
        return int((self.held_out <= COPY * float(self.held_out.median())).sum())

    @property
    def copied_chance(self) -> float:
        """Probability of so many exact copies if samples were like held-out rows, as `near_chance`."""
        m, n, equal = len(self.held_out), len(self.distances), self.held_out_copies
        if equal == m:
            return 1.0
        return float(scipy.stats.betabinom(n, equal + 1, m - equal).sf(int(self.flagged.sum()) - 1))

    @property
    def sides(self) -> tuple[int, int]:
        """How many training rows, and how many held-out rows, are the nearest of all to a sample.

        Each row counts once, so that samples that are all alike count as the few that they are;
        samples as near to both say nothing.
        """
        train = self.nearest[self.distances < self.to_held_out].unique()
        held_out = self.nearest_held_out[self.distances > self.to_held_out].unique()
        return len(train), len(held_out)

    @property
    def side(self) -> float:
        """Share of training rows among the rows nearest to a sample; NaN where there are none."""
        train, held_out = self.sides
        return train / (train + held_out) if train + held_out else math.nan

    @property
    def side_expected(self) -> float:
        """N / (N + M): that share, if the model cannot tell training rows from held-out ones."""
        return self.rows / (self.rows + len(self.held_out))

    @property
    def side_chance(self) -> float:
        """Probability of so many training rows on that side if the model did not know which rows it
        was trained on: hypergeometric, exact."""
        train, held_out = self.sides
        return float(
            scipy.stats.hypergeom(self.rows + len(self.held_out), self.rows, train + held_out).sf(train - 1)
        )

    @property
    def copying_score(self) -> float:
        """C_T: z of the Mann-Whitney U of the two sets of distances; far below 0 is copying."""
        n, m = len(self.distances), len(self.held_out)
        found = scipy.stats.mannwhitneyu(self.distances.numpy(), self.held_out.numpy())
        return float((found.statistic - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))

    @property
    def copies(self) -> bool:
        """The verdict: samples are too near to training rows, and nearer than to held-out ones."""
        if self.held_out_copies == 0 and self.copied_chance < SURE:
            return True
        return self.side_chance < SURE and min(self.near_chance, self.copied_chance) < SURE

    @property
    def summary(self) -> Copies:
        """The numbers without those of single samples."""
        return Copies(
            samples=len(self.distances),
            training_rows=self.rows,
            held_out_rows=len(self.held_out),
            exact_copies=int(self.flagged.sum()),
            share_nearer_than_1st_percentile=self.share_nearer(1),
            share_nearer_than_5th_percentile=self.share_nearer(5),
            near_chance=self.near_chance,
            copied_chance=self.copied_chance,
            nearest_rows=sum(self.sides),
            share_of_training_rows=None if math.isnan(self.side) else self.side,
            share_expected=self.side_expected,
            side_chance=self.side_chance,
            copying_score=self.copying_score,
            median_distance=float(self.distances.median()),
            median_held_out_distance=float(self.held_out.median()),
            copies=self.copies,
        )


@dataclass(frozen=True)
class Copies(Record):
    """Samples beside training rows, in numbers.

    Args:
        samples: how many were compared.
        training_rows: N, rows that were searched.
        held_out_rows: M, rows that samples are compared with.
        exact_copies: samples that equal a training row.
        share_nearer_than_1st_percentile: of samples nearer to a training row than 99 % of held-out rows are.
        share_nearer_than_5th_percentile: of samples nearer than 95 % of them.
        near_chance: probability of so many near samples, if samples were like held-out rows.
        copied_chance: probability of so many exact copies, if samples were like held-out rows.
        nearest_rows: rows that are the nearest of all to a sample.
        share_of_training_rows: among these; None where there are none.
        share_expected: N / (N + M).
        side_chance: probability of so many training rows among them, if the model did not know its rows.
        copying_score: C_T, far below 0 where samples are nearer than held-out rows.
        median_distance: of a sample to its nearest training row.
        median_held_out_distance: of a held-out row.
        copies: the verdict.
    """

    samples: int
    training_rows: int
    held_out_rows: int
    exact_copies: int
    share_nearer_than_1st_percentile: float
    share_nearer_than_5th_percentile: float
    near_chance: float
    copied_chance: float
    nearest_rows: int
    share_of_training_rows: float | None
    share_expected: float
    side_chance: float
    copying_score: float
    median_distance: float
    median_held_out_distance: float
    copies: bool


def memorisation(
    model: Model,
    data: Dataset,
    split: str = "test",
    n: int = 1000,
    seed: int = 0,
    limit: int | None = None,
) -> Memorisation:
    """Compare n samples, and the held-out rows of `split`, with the training rows.

    Args:
        n: number of samples; a model with a condition gets the conditions of `split`.
        limit: use only so many rows of `split`, chosen at random; the training rows are always all searched.

    Raises:
        ValueError: if the model does not sample, or the data are not those that it was built for.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = memorisation(simulacra.PPCA(data.space, latent=1), data, n=100)
        >>> found.copies, int(found.flagged.sum())
        (False, 0)
    """
    fits(model, data)
    samples = features(model, samples_like(model, data[split], n, seed), seed=seed)
    held_out = torch.cat(list(feature_blocks(model, subset(data[split], limit, seed), seed + 1)))
    both, rows = nearest(torch.cat([samples, held_out]), feature_blocks(model, data.train, seed + 2))
    to_held_out, which = nearest(samples, held_out)
    return Memorisation(both[:n], rows[:n], both[n:], to_held_out, which, len(data.train))


@torch.no_grad()
def nearest(queries: Tensor, rows: Tensor | Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Distance to the nearest of `rows` and its number, by brute force in blocks.

    Args:
        queries: shape (n, d).
        rows: shape (N, d), or blocks of it, so that streamed data need no memory.

    Returns:
        distances in float64 (0 for a copy) and row numbers, both of shape (n,).

    Raises:
        ValueError: if there are no rows, or they have another number of features.

    Example:
        >>> distances, which = nearest(torch.tensor([[0.9, 0.0]]), torch.eye(2))
        >>> which.tolist(), round(distances.item(), 4)
        ([0], 0.1)
    """
    best = torch.full((len(queries),), torch.inf, dtype=torch.float64)
    which = torch.zeros(len(queries), dtype=torch.long)
    start = 0
    for block in rows.split(BLOCK) if isinstance(rows, Tensor) else rows:
        if block.shape[1:] != queries.shape[1:]:
            raise ValueError(f"queries have shape {tuple(queries.shape)}, rows {tuple(block.shape)}.")
        if not len(block):
            continue
        distances, index = _nearest_in(queries, block)
        nearer = distances < best
        best[nearer], which[nearer] = distances[nearer], index[nearer] + start
        start += len(block)
    if not start:
        raise ValueError("there are no rows to be near to.")
    return best, which


def _nearest_in(queries: Tensor, block: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest row of one block: a matrix product finds candidates, differences decide."""
    # products of what lies far from the origin would lose the distances
    centre = block.mean(0)
    y = block - centre
    found = [_nearest_of(q, block, q - centre, y) for q in queries.split(BLOCK)]
    return torch.cat([d for d, _ in found]), torch.cat([index for _, index in found])


def _nearest_of(queries: Tensor, block: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest of some rows, and its number; `x` and `y` are queries and block, both centred alike."""
    half_squares = 0.5 * y.square().sum(1)
    # least |x - y|^2 / 2 - |x|^2 / 2; its rounding is why candidates are measured again
    near, index = (half_squares - x @ y.T).topk(min(CANDIDATES, len(y)), largest=False)
    exact = (block[index].double() - queries.unsqueeze(1).double()).square().sum(-1)
    best, at = exact.min(1)
    found = index.gather(1, at.unsqueeze(1)).squeeze(1)
    best = best.sqrt()
    if len(y) > CANDIDATES and x.dtype != torch.float64:
        # where rounding could hide a nearer row among the others, the product is made again in float64
        least = near[:, -1] + 0.5 * x.square().sum(1) - _rounding(x, y)
        doubtful = ~(0.5 * best.square() <= least)
        if doubtful.any():
            best[doubtful], found[doubtful] = _nearest_of(
                queries[doubtful], block, x[doubtful].double(), y.double()
            )
    return best, found


def _rounding(x: Tensor, y: Tensor) -> Tensor:
    """Errors of |x - y|^2 / 2 by products, as sums of random roundings have them, shape (n,)."""
    size = x.norm(dim=1) + y.norm(dim=1).max()
    return math.sqrt(x.shape[1]) * torch.finfo(x.dtype).eps * size.square()
