"""Finds constant columns of real-valued or positive data, and measures the width of the density there.

A Gaussian with variance s^2 around a constant value has log-density -log s + const, which grows without limit
as s goes to 0, although the model does not improve. The width can be measured: if a Gaussian column is moved
by d, its log-density falls by

    log p(x) - log p(x + d) = d^2 / (2 s^2)    =>    s = d / sqrt(2 fall)         (1)

Reference: Deep Learning 20.14; Theis et al. 2016. Row I7.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.interface import CHUNK
from simulacra.core.model import Model
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Positive, Real, Space
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood.relative import has_relative, relative_scores
from simulacra.evaluation.rows import chosen

ROWS = 2000  # training rows for finding candidates, which are then checked on all rows
SCORED = 200  # rows that are moved in equation (1)
DENSE = (Real, Positive)  # spaces whose entries have a density
STEP = 0.01  # d of equation (1), relative to the typical spread of the other columns


@dataclass(frozen=True)
class Constant:
    """Constant columns.

    Args:
        names: names of the columns.
        of: number of columns with a density.
        width: s of equation (1) over the spread of a typical column; infinite if the density does not fall
            when the columns are moved.
    """

    names: tuple[str, ...]
    of: int
    width: float


def constant_columns(model: Model, data: Dataset, seed: int = 0, limit: int = ROWS) -> Constant | None:
    """Finds the real and positive columns that are constant over all training rows.

    A column with fewer than two known values does not count as constant.

    Args:
        model: model with a density or a bound.
        data: data set.
        seed: seed of the choice of rows and of all draws.
        limit: number of rows from which the spread of the other columns is estimated.

    Returns:
        the columns; None if there are no real-valued columns, levels are scored, or the model has no density.

    Example:
        >>> import simulacra
        >>> x = torch.cat([torch.randn(50, 2), torch.zeros(50, 1)], 1)
        >>> data = simulacra.from_tensors(x, simulacra.Real((3,)))
        >>> constant_columns(simulacra.PPCA(data.space, latent=1), data).names
        ('column 2',)
    """
    columns = list(real_columns(data.preprocessing.raw))
    if not columns or not data.preprocessing.exact or not has_relative(model):
        return None
    x, there = _entries(data.train.rows(chosen(data.train, limit, seed)))
    known = {i: x[there[:, i], i].double() for i, _ in columns}
    spreads = {i: float(values.std(correction=0)) if len(values) else 0.0 for i, values in known.items()}
    typical = sorted(spread for spread in spreads.values() if spread > 0)
    if not typical:
        return None
    middle = typical[len(typical) // 2]
    at = never_changing(data.train, [i for i, spread in spreads.items() if spread == 0])
    names = tuple(name for i, name in columns if i in at)
    width = _width(model, data.train, at, STEP * middle, seed) / middle if at else math.inf
    return Constant(names, len(columns), width)


def never_changing(rows: Split, at: list[int]) -> list[int]:
    """Returns those of the flattened columns `at` that have two or more known values, all equal.

    Args:
        rows: rows to read.
        at: indices of flattened columns.

    Example:
        >>> import simulacra
        >>> x = torch.tensor([[1.0, 5.0, 2.0], [1.0, 5.0, 2.0], [1.0, 6.0, 2.0]])
        >>> data = simulacra.from_tensors(x, Real((3,)), valid=0, test=0)
        >>> never_changing(data.train, [0, 1])
        [0]
    """
    least, most, n = torch.full((len(at),), math.inf), torch.full((len(at),), -math.inf), torch.zeros(len(at))
    for index in torch.arange(len(rows)).split(CHUNK):
        if bool((least < most).all()):
            break
        x, there = (part[:, at].cpu() for part in _entries(rows.rows(index)))
        least = torch.minimum(least, torch.where(there, x, math.inf).amin(0))
        most = torch.maximum(most, torch.where(there, x, -math.inf).amax(0))
        n += there.sum(0)
    return [i for i, same in zip(at, (least == most) & (n > 1)) if same]


def _entries(rows: Batch) -> tuple[Tensor, Tensor]:
    """Returns the values of rows, and True where they are known, both of shape (B, d)."""
    x = rows.x.flatten(1)
    return x, torch.ones_like(x, dtype=torch.bool) if rows.known is None else rows.known.flatten(1)


def real_columns(space: Space) -> Iterator[tuple[int, str]]:
    """Yields index and name of each flattened entry that is a real or a positive number.

    Example:
        >>> list(real_columns(Real((1, 1, 2))))
        [(0, 'pixel (0, 0)'), (1, 'pixel (0, 1)')]
    """
    if isinstance(space, Table):
        start = 0
        for (name, field), width in zip(space.fields, space.widths):
            if isinstance(field, DENSE):
                yield from ((start + i, name if width == 1 else f"{name}[{i}]") for i in range(width))
            start += width
    elif isinstance(space, DENSE):
        yield from ((i, entry_name(space, i)) for i in range(space.dims))


def entry_name(space: Space, i: int) -> str:
    """Returns the name of a flattened entry of a vector or an image.

    Args:
        space: space of the rows.
        i: index of the entry.

    Example:
        >>> entry_name(Real((1, 2, 2)), 3), entry_name(Real((4,)), 3)
        ('pixel (1, 1)', 'column 3')
    """
    if not space.image:
        return f"column {i}"
    return f"pixel {divmod(i % math.prod(space.shape[-2:]), space.shape[-1])}"


def _width(model: Model, train: Split, at: list[int], step: float, seed: int) -> float:
    """Returns s of equation (1) for the columns `at`, averaged."""
    drawn = train.rows(chosen(train, SCORED, seed))
    # copy the rows to memory, because the split may be streamed
    rows = Split(drawn.x, train.preprocessing, drawn.c, known=drawn.known, c_known=drawn.c_known)
    moved = replace(rows, x=_moved(rows.x, at, step))
    fall = relative_scores(model, rows, seed) - relative_scores(model, moved, seed)
    each = float(fall.mean()) / len(at)
    # (1)
    return step / math.sqrt(2 * each) if each > 0 else math.inf


def _moved(x: Tensor, at: list[int], step: float) -> Tensor:
    flat = x.flatten(1).clone()
    flat[:, at] += step
    return flat.view_as(x)
