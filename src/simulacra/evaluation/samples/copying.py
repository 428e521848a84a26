"""What samples that are near to training rows are compared with besides held-out rows.

Held-out rows may lie elsewhere: later years, other sites, the end of a sorted file. Two comparisons do
without:

    among:  the distance of a training row to the nearest other one, which a fresh row of its law has too
    alike:  samples with a nearest training row each of its own, in two halves: are those of one half nearer
            to the other half than to as many training rows? Then they are alike, not copied.

In a continuous law rows are equal by the precision of numbers alone: of n samples and N training rows

    copies by chance ~ Poisson(n (COPY + N 2^-24 [one column]))                                          (1)

Reference: Meehan, Chaudhuri and Dasgupta 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import scipy  # whose stats are loaded when they are used: that takes a second
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

AMONG = 500  # training rows whose nearest others are searched
LOOKED_AT = 2000  # training rows by which a law counts as continuous
COPY = 1e-6  # distance, relative to the typical one, that counts as none
PRECISION = 2.0**-24  # of numbers in single precision


@dataclass(frozen=True)
class Beside:
    """Training rows beside training rows, and samples beside samples.

    Args:
        among: distances of training rows to the nearest other one, float64.
        to_rows: samples that are nearer to a training row than to another sample, of as many.
        to_samples: samples that are nearer to another sample.
        continuous: whether rows of the law are never equal by chance.
        dims: entries of a row.
    """

    among: Tensor
    to_rows: int
    to_samples: int
    continuous: bool
    dims: int

    @property
    def alike_chance(self) -> float:
        """Probability that so few samples are nearer to training rows if they were as much apart as those."""
        return float(scipy.stats.binom(self.to_rows + self.to_samples, 0.5).cdf(self.to_rows))

    def coincidence(self, copies: int, samples: int, rows: int) -> float:
        """Probability of so many equal rows by chance, by equation (1)."""
        expected = samples * (COPY + rows * PRECISION * (self.dims == 1))
        return float(scipy.stats.poisson(expected).sf(copies - 1))

    @property
    def summary(self) -> Among:
        """The numbers without those of single rows."""
        return Among(float(self.among.median()), self.to_rows, self.to_samples, self.continuous)


@dataclass(frozen=True)
class Among(Record):
    """Training rows and samples among themselves, in numbers.

    Args:
        median_distance: of a training row to the nearest other one.
        to_rows: samples that are nearer to a training row than to another sample, of as many.
        to_samples: samples that are nearer to another sample.
        continuous: whether rows of the law are never equal by chance.
    """

    median_distance: float
    to_rows: int
    to_samples: int
    continuous: bool


def beside(model: Model, data: Dataset, samples: Tensor, which: Tensor, seed: int = 0) -> Beside | None:
    """The comparisons of samples in feature space.

    Args:
        samples: shape (n, d).
        which: number of the training row that is nearest to each, shape (n,).

    Returns:
        None where there is a single training row.
    """
    train = data.train
    if len(train) < 2:
        return None
    at = chosen(train, AMONG, seed)
    queries = features(model, train.rows(at).x, seed=seed + 2)
    among = nearest_other(queries, at, feature_blocks(model, train, seed + 2))
    rows, alike = _alike(model, data, samples, which, seed)
    return Beside(among, rows, alike, _is_continuous(data, seed), int(data.preprocessing.raw.dims))


def _alike(model: Model, data: Dataset, samples: Tensor, which: Tensor, seed: int) -> tuple[int, int]:
    """How many samples are nearer to a training row, and how many to another sample."""
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
    """Returns True if a density of the model stands on numbers that are not rounded."""
    train = data.train
    if train.known is not None or train.lengths is not None or not data.preprocessing.exact:
        return False
    if not (_dense(data.space) and _dense(data.preprocessing.raw)):
        return False
    return continuous(data.preprocessing.raw, train.rows(chosen(train, LOOKED_AT, seed)).x.cpu())


def _dense(space: Space) -> bool:
    fields = [field for _, field in space.fields] if isinstance(space, Table) else [space]
    return any(isinstance(field, (Real, Positive)) for field in fields)
