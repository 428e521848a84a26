"""The part of a gap between training and held-out rows that the values of the columns make by themselves.

A column of numbers is scored in cells of its training values, e_k < y <= e_k+1 in normal scores. With Phi the
normal distribution function,

    log c(x) = sum_j log (Phi(e_k+1) - Phi(e_k)),   k the cell of x_j                                    (1)

is the score of a model that draws each column by itself from the training rows. A held-out value that no
training row has falls into the narrow cell of its neighbour, so that (1) is lower for held-out rows, by

    gap = E_train log c(x) - E_held-out log c(x)                                                         (2)

whatever the model: no training makes it smaller.
"""

from __future__ import annotations

import torch

from simulacra.core.model import Model
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Grid, Scores
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.rows import blocks


def cells_gap(
    model: Model, data: Dataset, split: str, seed: int = 0, limit: int | None = None
) -> float | None:
    """Evaluates equation (2) in nats.

    Args:
        model: model whose preprocessing is applied.
        data: data set.
        split: split of the held-out rows.
        seed: seed of the choice of rows.
        limit: largest number of rows of each side; None: all.

    Returns:
        the gap; None if no column is scored in cells.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data({"a": [i * 0.37 % 7 for i in range(60)], "b": [0, 1, 2] * 20})
        >>> # each number is in one training row, so that all cells have one width
        >>> abs(cells_gap(simulacra.GaussianCopula(data.space), data, "test")) < 1e-6
        True
    """
    space = model.space
    if not isinstance(space, Table):
        return None
    fields = [field for _, field in space.fields for _ in range(field.dims)]
    at = [j for j, field in enumerate(fields) if isinstance(field, Scores)]
    if not at:
        return None
    grid = Grid(tuple(field for field in fields if isinstance(field, Scores)))
    means = [_mean(model, rows, at, grid, seed, limit) for rows in (data.train, data[split])]
    return means[0] - means[1]


def _mean(model: Model, split: Split, at: list[int], grid: Grid, seed: int, limit: int | None) -> float:
    """Returns the mean of equation (1) over rows, of known entries."""
    found = []
    for block in blocks(model, split, seed, limit):
        low, high = grid.ends(block.y[:, at].double().cpu())
        # (1)
        cells = (torch.special.ndtr(high) - torch.special.ndtr(low)).log()
        found.append((cells if block.known is None else cells * block.known[:, at].cpu()).sum(1))
    return float(torch.cat(found).mean())
