"""Does the model copy its training rows? Distances of samples, calibrated by held-out rows.

For each sample the nearest training row, argmin_i ||x~ - x_i||. Two questions, both answered
against rows that the model never saw:

    near:  how many samples are nearer to the training set than the 5 % nearest held-out rows?
    side:  of all rows that are nearest to some sample, are more than N / (N + M) training rows?

The first alone would also flag samples that are merely blurred (a mean is near to everything); the
second alone any slight overfitting; both a model whose held-out rows lie elsewhere, such as those of a later
year. So samples are also compared with training rows among themselves, and with each other (`copying`).
A model copies when all of them are beyond chance, or when there are exact copies where real rows have
none: in a continuous law, one in a hundred. C_T is the z-score
of the Mann-Whitney test between the two sets of distances (below -3: samples are nearer to the
training set than held-out rows are).

Reference: Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in
generative models, 2020 (C_T); Deep Learning 20.14. Row F28.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy  # whose stats are loaded when they are used: that takes a second
import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.likelihood.held_out import fits
from simulacra.evaluation.rows import feature_blocks, features, samples_like, subset
from simulacra.evaluation.samples.copying import COPY, Among, Beside, beside
from simulacra.evaluation.samples.nearest import nearest

SURE = 1e-3  # probability under "does not copy" below which chance is ruled out


@dataclass
class Memorization:
    """Samples beside their nearest training rows.

    Args:
        distances: of each sample to its nearest training row, in feature units, shape (n,).
        nearest: number of that row in the training split, shape (n,).
        held_out: distances of held-out rows to their nearest training rows, shape (m,).
        to_held_out: distances of the samples to their nearest held-out rows, shape (n,).
        nearest_held_out: numbers of those rows, shape (n,).
        rows: N, training rows that were searched.
        beside: the same distances among training rows and among samples, or None.
    """

    distances: Tensor
    nearest: Tensor
    held_out: Tensor
    to_held_out: Tensor
    nearest_held_out: Tensor
    rows: int
    beside: Beside | None = None

    @property
    def flagged(self) -> Tensor:
        """Samples that are copies of a training row: distance 0, booleans of shape (n,)."""
        return self.distances <= COPY * float(self.held_out.median())

    def share_nearer(self, percent: float) -> float:
        """Share of samples nearer to the training set than the `percent` % nearest held-out rows."""
        return float((self.distances < np.percentile(self.held_out.numpy(), percent)).double().mean())

    @property
    def near_chance(self) -> float:
        """Probability of so many near samples if samples were like held-out rows."""
        return self._near(self.held_out)

    def _near(self, real: Tensor) -> float:
        """Probability of so many near samples if they were like rows with distances `real` (exact, from
        ranks: the number below the r-th of m such distances is beta-binomial)."""
        m, n = len(real), len(self.distances)
        r = max(1, round(0.05 * m))
        near = int((self.distances < real.sort().values[r - 1]).sum())
        return float(scipy.stats.betabinom(n, r, m + 1 - r).sf(near - 1))

    @property
    def held_out_copies(self) -> int:
        """Held-out rows that equal a training row: in small discrete spaces there are many."""
        return int((self.held_out <= COPY * float(self.held_out.median())).sum())

    @property
    def copied_chance(self) -> float:
        """Probability of so many exact copies if samples were like held-out rows, as `near_chance`."""
        return self._copied(self.held_out)

    def _copied(self, real: Tensor) -> float:
        m, n = len(real), len(self.distances)
        equal = int((real <= COPY * float(self.held_out.median())).sum())
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
        """The verdict: samples are too near to training rows, and nearer than to other rows."""
        if self.copies_at_once:
            return True
        near = self.too_near and self.side_chance < SURE
        return near and not (self.beside is not None and self.beside.alike_chance < SURE)

    @property
    def copies_at_once(self) -> bool:
        """Exact copies decide where no two real rows are equal."""
        if self.beside is not None and self.beside.continuous:
            return self.beside.coincidence(int(self.flagged.sum()), len(self.distances), self.rows) < SURE
        return all(self._copied(real) < SURE and not self._equal(real) for real in self._real)

    @property
    def too_near(self) -> bool:
        """Returns True if samples are nearer to training rows than held-out and training rows are."""
        return all(min(self._near(real), self._copied(real)) < SURE for real in self._real)

    @property
    def drift_chance(self) -> float:
        """Probability of held-out rows so far from training rows, if they were like these."""
        if self.beside is None:
            return 1.0
        # a row is compared with the others of its split
        further = scipy.stats.mannwhitneyu(
            self.held_out.numpy(), self.beside.among.numpy(), alternative="greater"
        )
        return float(further.pvalue)

    @property
    def _real(self) -> tuple[Tensor, ...]:
        """Distances of real rows to their nearest training rows."""
        return (self.held_out,) if self.beside is None else (self.held_out, self.beside.among)

    def _equal(self, real: Tensor) -> bool:
        return bool((real <= COPY * float(self.held_out.median())).any())

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
            beside=None if self.beside is None else self.beside.summary,
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
        beside: training rows among themselves, and samples among themselves; None in reports before 0.3.
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
    beside: Among | None = None


def memorization(
    model: Model,
    data: Dataset,
    split: str = "test",
    n: int = 1000,
    seed: int = 0,
    limit: int | None = None,
    drawn: Tensor | None = None,
) -> Memorization:
    """Compare n samples, and the held-out rows of `split`, with the training rows.

    Args:
        n: number of samples; a model with a condition gets the conditions of `split`.
        limit: use only so many rows of `split`, chosen at random; the training rows are always all searched.
        drawn: the samples, where they are at hand.

    Raises:
        ValueError: if the model does not sample, or the data are not those that it was built for.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = memorization(simulacra.PPCA(data.space, latent=1), data, n=100)
        >>> found.copies, int(found.flagged.sum())
        (False, 0)
    """
    fits(model, data)
    raw = samples_like(model, data[split], n, seed) if drawn is None else drawn
    samples = features(model, raw, seed=seed)
    held_out = torch.cat(list(feature_blocks(model, subset(data[split], limit, seed), seed + 1)))
    both, rows = nearest(torch.cat([samples, held_out]), feature_blocks(model, data.train, seed + 2))
    to_held_out, which = nearest(samples, held_out)
    more = beside(model, data, samples, rows[:n], seed)
    return Memorization(both[:n], rows[:n], both[n:], to_held_out, which, len(data.train), more)


def copy_rows(found: Copies) -> list[tuple[str, str]]:
    """Name and value of each number of copies, in words."""
    return [
        ("exact copies", f"{found.exact_copies} of {found.samples} samples"),
        ("nearer than 5% of held-out", f"{found.share_nearer_than_5th_percentile:.1%} of samples"),
        ("copying score C_T", f"{found.copying_score:.1f} (below -3: nearer than held-out)"),
    ]
