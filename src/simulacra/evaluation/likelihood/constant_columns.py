"""Constant columns of real-valued or positive data, and how narrow a density is around them.

A Gaussian with variance s^2 around a value that never changes has log-density -log s + const: as s goes to
0 it grows without limit, and the model is no better for it. How wide the model is there can be measured:
moved by d, a Gaussian column falls by

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

ROWS = 2000  # of the training split that columns are judged by; all are read of what is constant in these
SCORED = 200  # rows that are moved
DENSE = (Real, Positive)  # kinds of entries that a density stands on
STEP = 0.01  # of the typical spread of the other columns: how far


@dataclass(frozen=True)
class Constant:
    """Columns that never change.

    Args:
        names: of the columns.
        of: number of columns with a density.
        width: s of equation (1) over the spread of a typical column; infinite where the density does not
            narrow there.
    """

    names: tuple[str, ...]
    of: int
    width: float


def constant_columns(model: Model, data: Dataset, seed: int = 0, limit: int = ROWS) -> Constant | None:
    """The real and positive columns that are constant over all training rows, and the model's width there.

    A column of which fewer than two values are known is no constant.

    Args:
        limit: rows that say how far the other columns are spread.

    Returns:
        None where nothing is real-valued, each level is scored, or the model has no density.

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
    """Those of the flattened columns `at` whose known values are equal in all rows, and two or more.

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
    """The values of rows and which of them are known, both of shape (B, d)."""
    x = rows.x.flatten(1)
    return x, torch.ones_like(x, dtype=torch.bool) if rows.known is None else rows.known.flatten(1)


def real_columns(space: Space) -> Iterator[tuple[int, str]]:
    """Number and name of each flattened entry that is a real or a positive number.

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
    """The name of a flattened entry of a vector or an image.

    Example:
        >>> entry_name(Real((1, 2, 2)), 3), entry_name(Real((4,)), 3)
        ('pixel (1, 1)', 'column 3')
    """
    if not space.image:
        return f"column {i}"
    return f"pixel {divmod(i % math.prod(space.shape[-2:]), space.shape[-1])}"


def _width(model: Model, train: Split, at: list[int], step: float, seed: int) -> float:
    """s of equation (1) of a typical one of the columns `at`."""
    drawn = train.rows(chosen(train, SCORED, seed))
    # in memory, whatever the split is
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
