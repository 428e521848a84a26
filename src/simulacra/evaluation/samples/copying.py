"""References for the distances between samples and training rows, other than held-out rows.

Held-out rows may have another distribution: later years, other sites, the end of a sorted file. Two
references do not depend on them:

    among:  distances of training rows to the nearest other training row; a new row of the same distribution
            would have such a distance, too
    alike:  samples with different nearest training rows, in two halves: the fraction of one half that is
            nearer to the other half than to as many training rows; if it is large, samples resemble each
            other and are no copies

In a continuous distribution rows are equal only by the limited precision of numbers: with n samples and N
training rows

    copies by chance ~ Poisson(n (COPY + N 2^-24 [one column]))                                          (1)

Reference: Meehan, Chaudhuri and Dasgupta 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import scipy  # loads scipy.stats on first use, because that takes a second
import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Positive, Real, Space
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.data.leaks.nearness import continuous
from simulacra.evaluation.rows import chosen, feature_blocks, features
from simulacra.evaluation.samples.nearest import nearest, nearest_other

AMONG = 500  # training rows whose nearest other training row is searched
LOOKED_AT = 2000  # training rows from which it is decided whether the distribution is continuous
SURE = 1e-3  # significance level for the null hypothesis that the model does not copy
COPY = 1e-6  # distances below this fraction of the typical one count as 0
PRECISION = 2.0**-24  # precision of float32


@dataclass(frozen=True)
class Beside:
    """Distances among training rows and among samples.

    Args:
        among: distances of training rows to the nearest other training row, float64.
        to_rows: number of samples that are nearer to a training row than to another sample.
        to_samples: number of samples that are nearer to another sample.
        continuous: True if rows of the distribution are never equal by chance.
        dims: number of entries of a row.
    """

    among: Tensor
    to_rows: int
    to_samples: int
    continuous: bool
    dims: int

    @property
    def alike_chance(self) -> float:
        """Probability of so few samples nearer to training rows if both distances were alike."""
        return float(scipy.stats.binom(self.to_rows + self.to_samples, 0.5).cdf(self.to_rows))

    def coincidence(self, copies: int, samples: int, rows: int) -> float:
        """Returns the probability of so many equal rows by chance, by equation (1).

        Args:
            copies: number of samples that equal a training row.
            samples: number of samples.
            rows: number of training rows.
        """
        return float(scipy.stats.poisson(self._expected(samples, rows)).sf(copies - 1))

    def coincidences(self, samples: int, rows: int) -> int:
        """Returns the largest number of equal rows that chance explains, by equation (1).

        Args:
            samples: number of samples.
            rows: number of training rows.
        """
        return int(scipy.stats.poisson(self._expected(samples, rows)).isf(SURE))

    def _expected(self, samples: int, rows: int) -> float:
        return samples * (COPY + rows * PRECISION * (self.dims == 1))

    @property
    def summary(self) -> Among:
        """The numbers without those of single rows."""
        return Among(float(self.among.median()), self.to_rows, self.to_samples, self.continuous)


@dataclass(frozen=True)
class Among(Record):
    """Summary of distances among training rows and among samples.

    Args:
        median_distance: median distance of a training row to the nearest other one.
        to_rows: number of samples that are nearer to a training row than to another sample.
        to_samples: number of samples that are nearer to another sample.
        continuous: True if rows of the distribution are never equal by chance.
    """

    median_distance: float
    to_rows: int
    to_samples: int
    continuous: bool


def beside(model: Model, data: Dataset, samples: Tensor, which: Tensor, seed: int = 0) -> Beside | None:
    """Computes the reference distances among training rows and among samples.

    Args:
        model: model whose features define distances.
        data: data set.
        samples: samples in feature space, shape (n, d).
        which: index of the nearest training row of each sample, shape (n,).
        seed: seed of the choice of rows.

    Returns:
        the distances; None for a single training row.
    """
    train = data.train
    if len(train) < 2:
        return None
    at = chosen(train, AMONG, seed)
    queries = features(model, train.rows(at).x, seed=seed + 2)
    among = nearest_other(queries, at, feature_blocks(model, train, seed + 2))
    rows, alike = _nearer_counts(model, data, samples, which, seed)
    return Beside(among, rows, alike, _is_continuous(data, seed), int(data.preprocessing.raw.dims))


def _nearer_counts(model: Model, data: Dataset, samples: Tensor, which: Tensor, seed: int) -> tuple[int, int]:
    """Returns the number of samples nearer to a training row, and of those nearer to another sample."""
    first = {int(row): i for i, row in reversed(list(enumerate(which)))}
    apart = samples[torch.tensor(sorted(first.values()))]
    asked, others = apart[::2], apart[1::2]
    n = min(len(others), len(data.train))
    if not n:
        return 0, 0
    some = data.train.rows(chosen(data.train, n, seed + 1)).x
    to_rows, _ = nearest(asked, features(model, some, seed=seed + 2))
    to_samples, _ = nearest(asked, others[:n])
    return int((to_rows < to_samples).sum()), int((to_rows > to_samples).sum())


def _is_continuous(data: Dataset, seed: int) -> bool:
    """Returns True if the model has a density of real numbers and these are not rounded."""
    train = data.train
    if train.known is not None or train.lengths is not None or not data.preprocessing.exact:
        return False
    if not (_dense(data.space) and _dense(data.preprocessing.raw)):
        return False
    return continuous(data.preprocessing.raw, train.rows(chosen(train, LOOKED_AT, seed)).x.cpu())


def _dense(space: Space) -> bool:
    fields = [field for _, field in space.fields] if isinstance(space, Table) else [space]
    return any(isinstance(field, (Real, Positive)) for field in fields)
