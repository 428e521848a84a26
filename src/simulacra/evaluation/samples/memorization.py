"""Tests whether a model copies its training rows, by distances calibrated on held-out rows.

For each sample, the nearest training row argmin_i ||x~ - x_i|| is found. Two statistics are compared with
those of rows that the model never saw:

    near:  the number of samples nearer to the training set than the 5 % nearest held-out rows
    side:  the share of training rows among all rows that are nearest to some sample, compared with N / (N +
        M)

The first alone would also flag samples that are merely blurred (a mean is near to everything); the second
alone any slight overfitting; both a model whose held-out rows have another distribution, such as those of a
later year. Samples are therefore also compared with training rows among themselves, and with each other
(`copying`). A model copies if all of these are significant, or if there are exact copies although real rows
have none: in a continuous distribution, one in a hundred. C_T is the z-score of the Mann-Whitney test between
the two sets of distances (below -3: samples are nearer to the training set than held-out rows are).

Reference: Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in
generative models, 2020 (C_T); Deep Learning 20.14. Row F28.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy  # loads scipy.stats on first use, because that takes a second
import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.likelihood.held_out import fits
from simulacra.evaluation.rows import feature_blocks, features, samples_like, subset
from simulacra.evaluation.samples.by_chance import by_chance
from simulacra.evaluation.samples.copying import COPY, SURE, Among, Beside, beside
from simulacra.evaluation.samples.nearest import nearest


@dataclass
class Memorization:
    """Distances between samples and their nearest training rows, with references.

    Args:
        distances: distance of each sample to its nearest training row, in features, shape (n,).
        nearest: index of that row in the training split, shape (n,).
        held_out: distances of held-out rows to their nearest training rows, shape (m,).
        to_held_out: distances of the samples to their nearest held-out rows, shape (n,).
        nearest_held_out: indices of those rows, shape (n,).
        rows: number N of training rows.
        beside: distances among training rows and among samples, or None.
        by_chance: True for samples that may equal a training row by chance, such as short texts, which are no
            copies, shape (n,); None: none of them.
    """

    distances: Tensor
    nearest: Tensor
    held_out: Tensor
    to_held_out: Tensor
    nearest_held_out: Tensor
    rows: int
    beside: Beside | None = None
    by_chance: Tensor | None = None

    @property
    def flagged(self) -> Tensor:
        """True for samples that are exact copies of a training row, and not by chance, shape (n,)."""
        equal = self.distances <= COPY * float(self.held_out.median())
        return equal if self.by_chance is None else equal & ~self.by_chance

    def share_nearer(self, percent: float) -> float:
        """Returns the share of samples nearer to the training set than a percentile of held-out rows.

        Args:
            percent: percentile of the distances of held-out rows, such as 5.
        """
        return float((self.distances < np.percentile(self.held_out.numpy(), percent)).double().mean())

    @property
    def near_chance(self) -> float:
        """Probability of so many near samples if samples had the distribution of held-out rows."""
        return self._near_probability(self.held_out)

    def _near_probability(self, real: Tensor) -> float:
        """Returns the probability of so many near samples if their distances had the distribution of `real`.

        It is exact: the number of distances below the r-th of m distances is beta-binomial.
        """
        m, n = len(real), len(self.distances)
        r = max(1, round(0.05 * m))
        near = int((self.distances < real.sort().values[r - 1]).sum())
        return float(scipy.stats.betabinom(n, r, m + 1 - r).sf(near - 1))

    @property
    def near_limit(self) -> float:
        """Largest share of near samples that chance explains, for so few held-out rows."""
        m, n = len(self.held_out), len(self.distances)
        r = max(1, round(0.05 * m))
        return float(scipy.stats.betabinom(n, r, m + 1 - r).isf(SURE)) / max(n, 1)

    @property
    def copied_limit(self) -> int:
        """Largest number of exact copies that chance explains."""
        m, n = len(self.held_out), len(self.distances)
        if self.beside is not None and self.beside.continuous:
            return self.beside.coincidences(n, self.rows)
        equal = int((self.held_out <= COPY * float(self.held_out.median())).sum())
        return n if equal == m else int(scipy.stats.betabinom(n, equal + 1, m - equal).isf(SURE))

    @property
    def copied_chance(self) -> float:
        """Probability of so many exact copies if samples had the distribution of held-out rows."""
        return self._copied_probability(self.held_out)

    def _copied_probability(self, real: Tensor) -> float:
        """Returns the probability of so many exact copies if distances had the distribution of `real`."""
        m, n = len(real), len(self.distances)
        equal = int((real <= COPY * float(self.held_out.median())).sum())
        if equal == m:
            return 1.0
        return float(scipy.stats.betabinom(n, equal + 1, m - equal).sf(int(self.flagged.sum()) - 1))

    @property
    def sides(self) -> tuple[int, int]:
        """Numbers of training rows and of held-out rows that are the nearest row of a sample.

        Each row counts once, so that similar samples do not count several times; samples at equal distances
        to both do not count.
        """
        train = self.nearest[self.distances < self.to_held_out].unique()
        held_out = self.nearest_held_out[self.distances > self.to_held_out].unique()
        return len(train), len(held_out)

    @property
    def side(self) -> float:
        """Share of training rows among the rows nearest to a sample; NaN if there are none."""
        train, held_out = self.sides
        return train / (train + held_out) if train + held_out else math.nan

    @property
    def side_expected(self) -> float:
        """Expected share N / (N + M) if the model treats training and held-out rows alike."""
        return self.rows / (self.rows + len(self.held_out))

    @property
    def side_chance(self) -> float:
        """Probability of so many training rows if the model treats both alike: hypergeometric, exact."""
        train, held_out = self.sides
        return float(
            scipy.stats.hypergeom(self.rows + len(self.held_out), self.rows, train + held_out).sf(train - 1)
        )

    @property
    def copying_score(self) -> float:
        """C_T: z-score of the Mann-Whitney U of the two sets of distances; far below 0 means copying."""
        n, m = len(self.distances), len(self.held_out)
        found = scipy.stats.mannwhitneyu(self.distances.numpy(), self.held_out.numpy())
        return float((found.statistic - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))

    @property
    def copies(self) -> bool:
        """True if the model copies: samples are too near to training rows, and nearer than to other rows."""
        if self.copies_at_once:
            return True
        near = self.too_near and self.side_chance < SURE
        return near and not (self.beside is not None and self.beside.alike_chance < SURE)

    @property
    def copies_at_once(self) -> bool:
        """True if there are exact copies although real rows are never equal."""
        if self.beside is not None and self.beside.continuous:
            return self.beside.coincidence(int(self.flagged.sum()), len(self.distances), self.rows) < SURE
        return all(
            self._copied_probability(real) < SURE and not self._has_copies(real)
            for real in self._real_distances
        )

    @property
    def too_near(self) -> bool:
        """True if samples are nearer to training rows than held-out rows and other training rows are."""
        return all(
            min(self._near_probability(real), self._copied_probability(real)) < SURE
            for real in self._real_distances
        )

    @property
    def drift_chance(self) -> float:
        """Probability of such large distances of held-out rows if they were like training rows."""
        if self.beside is None:
            return 1.0
        # reference: distances of training rows to other training rows
        further = scipy.stats.mannwhitneyu(
            self.held_out.numpy(), self.beside.among.numpy(), alternative="greater"
        )
        return float(further.pvalue)

    @property
    def _real_distances(self) -> tuple[Tensor, ...]:
        """Distances of real rows to their nearest training rows."""
        return (self.held_out,) if self.beside is None else (self.held_out, self.beside.among)

    def _has_copies(self, real: Tensor) -> bool:
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
    """Summary of the test for copies.

    Args:
        samples: number of samples.
        training_rows: number N of training rows.
        held_out_rows: number M of held-out rows.
        exact_copies: number of samples that equal a training row.
        share_nearer_than_1st_percentile: share of samples nearer to a training row than 99 % of held-out
            rows.
        share_nearer_than_5th_percentile: share of samples nearer than 95 % of them.
        near_chance: probability of so many near samples, if samples had the distribution of held-out rows.
        copied_chance: probability of so many exact copies under the same hypothesis.
        nearest_rows: number of rows that are the nearest row of a sample.
        share_of_training_rows: share of training rows among these; None if there are none.
        share_expected: N / (N + M).
        side_chance: probability of so many training rows among them, if the model treats all rows alike.
        copying_score: C_T, far below 0 if samples are nearer than held-out rows.
        median_distance: median distance of a sample to its nearest training row.
        median_held_out_distance: median distance of a held-out row.
        copies: True if the model copies.
        beside: distances among training rows and among samples; None in reports before 0.3.
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
    """Compares n samples, and the held-out rows of `split`, with the training rows.

    Args:
        model: model to sample from.
        data: data set.
        split: `valid` or `test`.
        n: number of samples; a model with a condition is given the conditions of `split`.
        seed: seed of the choice of rows and of all draws.
        limit: use only so many rows of `split`, chosen at random; all training rows are always searched.
        drawn: n samples, if they were drawn before.

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
    found = (both[:n], rows[:n], both[n:], to_held_out, which, len(data.train), more)
    return Memorization(*found, by_chance=by_chance(data, raw))


def copy_rows(found: Copies) -> list[tuple[str, str]]:
    """Returns name and value of each number on copies, in words."""
    return [
        ("exact copies", f"{found.exact_copies} of {found.samples} samples"),
        ("nearer than 5% of held-out", f"{found.share_nearer_than_5th_percentile:.1%} of samples"),
        ("copying score C_T", f"{found.copying_score:.1f} (below -3: nearer than held-out)"),
    ]
