"""Tables of mixed columns in memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

import simulacra
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Count, Positive, Real
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors


def rows_of(n: int, seed: int, constant: bool = False) -> Tensor:
    """Draws height, income, visits and group, which depend on each other, shape (n, 4).

    Args:
        n: number of rows.
        seed: seed of the rows.
        constant: if True, the income is constant.
    """
    r = np.random.default_rng(seed)
    group = r.choice(3, n, p=[0.5, 0.3, 0.2])
    height = 10 * group + 5 * r.normal(size=n)
    income = np.full(n, 7.0) if constant else np.exp(0.05 * height + 0.3 * r.normal(size=n))
    visits = r.poisson(1 + group)
    return torch.tensor(np.stack([height, income, visits, group], 1), dtype=torch.float32)


def space() -> Table:
    """Returns the space of the table."""
    kinds = {"height": Real(()), "income": Positive(()), "visits": Count(())}
    return Table(**kinds, group=simulacra.Categorical((), 3))


def table(seed: int, rows: int = 1500, constant: bool = False) -> Dataset:
    """Returns the table, split at random.

    Args:
        seed: seed of rows and split.
        rows: number of rows.
        constant: if True, the income is constant.
    """
    return from_tensors(rows_of(rows, seed, constant), space(), name="table", test=0.2, seed=seed)
