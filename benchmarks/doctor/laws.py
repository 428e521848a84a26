"""Distributions that can be drawn anew, so that a healthy sampler draws fresh rows."""

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

Law = Callable[[int, int], Tensor]  # (number of rows, seed) -> rows
CLASSES = 4


def _normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def correlated(n: int, seed: int) -> Tensor:
    """Draws six columns of two factors, shape (n, 6)."""
    mix = _normal(2, 6, 77)
    return _normal(n, 2, seed) @ mix + 0.5 * _normal(n, 6, seed + 5000)


def heavy(n: int, seed: int) -> Tensor:
    """Draws four columns of Student's t with three degrees of freedom, shape (n, 4)."""
    r = np.random.default_rng(seed)
    return torch.tensor(r.standard_t(3, size=(n, 4)), dtype=torch.float32)


def rounded(n: int, seed: int) -> Tensor:
    """Draws six correlated columns with two decimals, shape (n, 6)."""
    return (correlated(n, seed) * 100).round() / 100


def positive(n: int, seed: int) -> Tensor:
    """Draws four log-normal columns, shape (n, 4)."""
    return (0.5 * _normal(n, 4, seed)).exp()


def constant_positive(n: int, seed: int) -> Tensor:
    """Draws four positive columns, the last of which is always 2, shape (n, 4)."""
    x = positive(n, seed)
    x[:, -1] = 2.0
    return x


def few_bits(n: int, seed: int) -> Tensor:
    """Draws six bits, so that rows recur by chance, shape (n, 6)."""
    u = torch.rand(n, 6, generator=torch.Generator().manual_seed(seed))
    return (u < torch.tensor([0.1, 0.3, 0.5, 0.5, 0.7, 0.9])).float()


def sparse_bits(n: int, seed: int) -> Tensor:
    """Draws forty bits, few of them on: the empty row is frequent, all others are rare; shape (n, 40)."""
    u = torch.rand(n, 40, generator=torch.Generator().manual_seed(seed))
    return (u < 0.05).float()


def chained_bits(n: int, seed: int) -> Tensor:
    """Draws forty bits, each mostly equal to its neighbour, shape (n, 40)."""
    u = torch.rand(n, 40, generator=torch.Generator().manual_seed(seed))
    return torch.stack(list(_chain(u)), 1)


def _chain(u: Tensor) -> list[Tensor]:
    x = [(u[:, 0] < 0.5).float()]
    for i in range(1, u.shape[1]):
        x.append(torch.where(u[:, i] < 0.85, x[-1], 1 - x[-1]))
    return x


def few_levels(n: int, seed: int) -> Tensor:
    """Draws five columns of four levels, shape (n, 5)."""
    return correlated(n, seed)[:, :5].add(1.5).floor().clamp(0, 3).long()


def clusters(n: int, seed: int) -> Tensor:
    """Draws two columns around one of four corners, the first of which has half of the rows, shape (n, 2)."""
    which = corner(n, seed)
    return _corners()[which] + 0.4 * _normal(n, 2, seed + 5000)


def corner(n: int, seed: int) -> Tensor:
    """Returns the corner of each row of `clusters`, shape (n,)."""
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
    """Returns the distribution of a name."""
    found: Law = globals()[name]
    return found


@cache
def data_of(name: str, seed: int, rows: int = 1500) -> Dataset:
    """Returns rows of a distribution, split at random, with a fifth for the test.

    Args:
        name: name of the distribution.
        seed: seed of the rows and of the split.
        rows: number of rows.
    """
    return from_tensors(law(name)(rows, seed), SPACES[name], name=name, test=0.2, seed=seed)


def repeated(name: str, seed: int, times: int = 3) -> Dataset:
    """Returns a data set in which every row occurs `times` times, split at random.

    Args:
        name: name of the distribution.
        seed: seed of the rows and of the split.
        times: number of copies of each of 500 rows.
    """
    x = law(name)(500, seed).repeat(times, 1)
    return from_tensors(x, SPACES[name], name=f"{name} repeated", test=0.2, seed=seed)


def by_hand(x: Tensor, test: Tensor, space: Space, name: str) -> Dataset:
    """Returns a data set of given training and test rows.

    Args:
        x: training rows.
        test: test rows.
        space: space of a row.
        name: name of the data set.
    """
    chain = Preprocessing(space)
    return Dataset(name, {"train": Split(x, chain), "test": Split(test, chain)}, chain)


def sorted_by_first(name: str, seed: int, rows: int = 1500) -> Dataset:
    """Returns a data set sorted by its first column, whose last fifth is the test split.

    Args:
        name: name of the distribution.
        seed: seed of the rows.
        rows: number of rows.
    """
    x = law(name)(rows, seed)
    x = x[x[:, 0].argsort()]
    return by_hand(x[: rows * 4 // 5], x[rows * 4 // 5 :], SPACES[name], f"{name} sorted")


def drifted(name: str, by: float, seed: int, rows: int = 1500) -> Dataset:
    """Returns a data set whose test rows have drifted: shifted in the first half of the columns, and spread.

    Args:
        name: name of the distribution.
        by: shift, in standard deviations.
        seed: seed of the rows.
        rows: number of rows.
    """
    x, test = law(name)(rows * 4 // 5, seed), law(name)(rows // 5, seed + 900)
    test = test * (1 + by / 2)
    test[:, : x.shape[1] // 2] += by * x.std(0)[: x.shape[1] // 2]
    return by_hand(x, test, SPACES[name], f"{name} with drift")


def labelled(seed: int, shuffled: bool = False, random: bool = False, rows: int = 1500) -> Dataset:
    """Returns clusters with the corner as condition.

    Args:
        seed: seed of the rows.
        shuffled: if True, the conditions of the training rows are permuted.
        random: if True, the condition is independent of the rows in all splits.
        rows: number of rows.
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
    """Returns the data with permuted conditions of the training rows."""
    train = data.train
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    assert train.c is not None
    mixed = Split(train.x, train.preprocessing, train.c[order], labels=train.labels)
    return Dataset(data.name, {**data.splits, "train": mixed}, data.preprocessing, data.condition)
