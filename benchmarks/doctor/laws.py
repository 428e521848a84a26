"""Data sets of laws that can be drawn anew, so that a healthy sampler is one that draws fresh rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

import simulacra
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.spaces.plain import Binary, Levels, Positive, Real, Space
from simulacra.data.dataset import Dataset, Split
from simulacra.data.sources.tensors import from_tensors

Law = Callable[[int, int], Tensor]  # rows and seed to rows
CLASSES = 4


def _normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def correlated(n: int, seed: int) -> Tensor:
    """Six columns of two factors."""
    mix = _normal(2, 6, 77)
    return _normal(n, 2, seed) @ mix + 0.5 * _normal(n, 6, seed + 5000)


def heavy(n: int, seed: int) -> Tensor:
    """Four columns of Student's law with three degrees of freedom."""
    r = np.random.default_rng(seed)
    return torch.tensor(r.standard_t(3, size=(n, 4)), dtype=torch.float32)


def rounded(n: int, seed: int) -> Tensor:
    """Six correlated columns with two decimals."""
    return (correlated(n, seed) * 100).round() / 100


def positive(n: int, seed: int) -> Tensor:
    """Four log-normal columns."""
    return (0.5 * _normal(n, 4, seed)).exp()


def constant_positive(n: int, seed: int) -> Tensor:
    """The same, the last of them always 2."""
    x = positive(n, seed)
    x[:, -1] = 2.0
    return x


def few_bits(n: int, seed: int) -> Tensor:
    """Six bits, so that rows occur again by chance."""
    u = torch.rand(n, 6, generator=torch.Generator().manual_seed(seed))
    return (u < torch.tensor([0.1, 0.3, 0.5, 0.5, 0.7, 0.9])).float()


def sparse_bits(n: int, seed: int) -> Tensor:
    """Forty bits, few of them on: the empty row occurs often, all others rarely."""
    u = torch.rand(n, 40, generator=torch.Generator().manual_seed(seed))
    return (u < 0.05).float()


def chained_bits(n: int, seed: int) -> Tensor:
    """Forty bits, each mostly that of its neighbour."""
    u = torch.rand(n, 40, generator=torch.Generator().manual_seed(seed))
    return torch.stack(list(_chain(u)), 1)


def _chain(u: Tensor) -> list[Tensor]:
    x = [(u[:, 0] < 0.5).float()]
    for i in range(1, u.shape[1]):
        x.append(torch.where(u[:, i] < 0.85, x[-1], 1 - x[-1]))
    return x


def few_levels(n: int, seed: int) -> Tensor:
    """Five columns of four levels."""
    return correlated(n, seed)[:, :5].add(1.5).floor().clamp(0, 3).long()


def clusters(n: int, seed: int) -> Tensor:
    """Two columns around one of four corners, the first of which has half of the rows."""
    which = corner(n, seed)
    return _corners()[which] + 0.4 * _normal(n, 2, seed + 5000)


def corner(n: int, seed: int) -> Tensor:
    """The corner of each row of `clusters`."""
    u = torch.rand(n, generator=torch.Generator().manual_seed(seed))
    return torch.bucketize(u, torch.tensor([0.5, 0.7, 0.85]))


def _corners() -> Tensor:
    return 3 * torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])


SPACES: dict[str, Space] = {
    "correlated": Real((6,)),
    "heavy": Real((4,)),
    "rounded": Real((6,)),
    "positive": Positive((4,)),
    "constant_positive": Positive((4,)),
    "few_bits": Binary((6,)),
    "sparse_bits": Binary((40,)),
    "chained_bits": Binary((40,)),
    "few_levels": Levels((5,), 4),
    "clusters": Real((2,)),
}


def law(name: str) -> Law:
    """The law of a name."""
    found: Law = globals()[name]
    return found


@cache
def data_of(name: str, seed: int, rows: int = 1500) -> Dataset:
    """Rows of a law, split at random, a fifth of them for the test."""
    return from_tensors(law(name)(rows, seed), SPACES[name], name=name, test=0.2, seed=seed)


def repeated(name: str, seed: int, times: int = 3) -> Dataset:
    """A third of the rows, each of them three times, split at random."""
    x = law(name)(500, seed).repeat(times, 1)
    return from_tensors(x, SPACES[name], name=f"{name} repeated", test=0.2, seed=seed)


def by_hand(x: Tensor, test: Tensor, space: Space, name: str) -> Dataset:
    """Training rows and test rows that are given."""
    chain = Preprocessing(space)
    return Dataset(name, {"train": Split(x, chain), "test": Split(test, chain)}, chain)


def sorted_by_first(name: str, seed: int, rows: int = 1500) -> Dataset:
    """A file that is sorted by its first column, the last fifth of it for the test."""
    x = law(name)(rows, seed)
    x = x[x[:, 0].argsort()]
    return by_hand(x[: rows * 4 // 5], x[rows * 4 // 5 :], SPACES[name], f"{name} sorted")


def drifted(name: str, by: float, seed: int, rows: int = 1500) -> Dataset:
    """Test rows that moved by so many standard deviations in the first half of the columns, and spread."""
    x, test = law(name)(rows * 4 // 5, seed), law(name)(rows // 5, seed + 900)
    test = test * (1 + by / 2)
    test[:, : x.shape[1] // 2] += by * x.std(0)[: x.shape[1] // 2]
    return by_hand(x, test, SPACES[name], f"{name} with drift")


def labelled(seed: int, shuffled: bool = False, random: bool = False, rows: int = 1500) -> Dataset:
    """Clusters with the corner as condition; of training rows it may be shuffled, of all it may be random.

    Args:
        shuffled: the condition of training rows stands beside other rows.
        random: the condition has nothing to do with the rows, in all splits.
    """
    r = torch.Generator().manual_seed(seed + 1)
    c = corner(rows, seed)
    c = c[torch.randperm(rows, generator=r)] if random else c
    kind = simulacra.Categorical((), CLASSES)
    data = from_tensors(
        clusters(rows, seed), SPACES["clusters"], name="labelled", c=c, condition=kind, test=0.2, seed=seed
    )
    return with_shuffled(data, seed) if shuffled else data


def with_shuffled(data: Dataset, seed: int) -> Dataset:
    """The data with the condition of training rows in another order."""
    train = data.train
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    assert train.c is not None
    mixed = Split(train.x, train.preprocessing, train.c[order], labels=train.labels)
    return Dataset(data.name, {**data.splits, "train": mixed}, data.preprocessing, data.condition)
