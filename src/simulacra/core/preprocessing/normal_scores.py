"""Maps the numbers of a table to their normal scores, and back.

The training rows of a column hold the values v_1 < ... < v_K; each number belongs to the cell of the nearest
value. The step is the empirical distribution function followed by Phi^-1,

    y = f_k    for x nearest to v_k,       x = v_k    for y in cell k                             (1)

with the cells and f of `core.spaces.numeric`. So every drawn value occurs in the training rows. With
`tails="continued"`, a drawn score is mapped by linear interpolation of the points (f_k, v_k) and rounded to
the decimals of the column. Beyond the points, the line continues with the mean slope over the outer twentieth
of the rows. Values that occur far more often than others, such as zeros, and columns in which most values
recur, are not interpolated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_float64
from simulacra.core.preprocessing.transforms import Transform
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Grid, Numeric, Scores, padded, picked, rank, ranks
from simulacra.core.spaces.plain import Space

MOST_VALUES = 1024  # most values kept of a column; of more, equally spaced quantiles are kept
DIGITS = 8  # decimals of an edge, enough to separate cells in small files
# a value is an atom if its share exceeds ATOM times the median share, and LEAST
ATOM, LEAST = 4, 0.05
OUTER = 0.05  # share of the rows at each end whose slope is extrapolated


@dataclass(frozen=True)
class _Transformed:
    """Columns that are transformed: tensors with one row for each column, padded to the same length.

    Args:
        places: their positions in the table, shape (D,).
        values: v, shape (D, K).
        between: boundaries between nearest values, shape (D, K - 1).
        columns: their spaces.
    """

    places: Tensor
    values: Tensor
    between: Tensor
    columns: tuple[Scores, ...]

    @cached_property
    def grid(self) -> Grid:
        """Cells of all columns."""
        return Grid(self.columns)

    def column(self, n: int) -> tuple[Tensor, Scores]:
        """Returns values and cells of the n-th column."""
        cells = self.columns[n]
        return self.values[n, : cells.cells], cells


def _moved(
    places: list[int], values: list[tuple[float, ...]], edges: list[tuple[float, ...]]
) -> _Transformed | None:
    if not places:
        return None
    v = padded([torch.tensor(column, dtype=torch.float64, device="cpu") for column in values])
    between = padded([torch.from_numpy(_boundaries(np.array(column))) for column in values])
    at = torch.tensor(places, device="cpu")
    return _Transformed(at, v, between, tuple(Scores(edges=column) for column in edges))


@dataclass(frozen=True)
class NormalScores(Transform):
    """Applies equation (1) to each numeric column of a table.

    Args:
        values: v_1 < ... < v_K of each column; empty for columns that stay.
        edges: e_1 < ... < e_(K-1) of each column.
        continued: for each column, True if drawn values may lie between and beyond `values`; empty: none.
        decimals: decimals to which those values are rounded; None: no rounding; empty: None for all columns.

    Example:
        >>> step = NormalScores(((0.0, 5.0),), ((0.0,),))
        >>> y = step.forward(torch.tensor([[1.0], [4.0]]), Rng(0))
        >>> step.inverse(y).tolist()
        [[0.0], [5.0]]
    """

    values: tuple[tuple[float, ...], ...]
    edges: tuple[tuple[float, ...], ...]
    continued: tuple[bool, ...] = ()
    decimals: tuple[int | None, ...] = ()
    lossy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("values", "edges"):
            columns = tuple(tuple(map(float, column)) for column in getattr(self, name))
            object.__setattr__(self, name, columns)
        object.__setattr__(self, "continued", tuple(self.continued) or (False,) * len(self.values))
        object.__setattr__(self, "decimals", tuple(self.decimals) or (None,) * len(self.values))

    def space(self, before: Space) -> Space:
        """Returns the table with numbers replaced by their normal scores."""
        if not isinstance(before, Table) or before.dims != len(self.values):
            raise ValueError(
                f"normal scores of {len(self.values)} columns do not fit {before}: load the table again."
            )
        cells = iter(zip(self.values, self.edges))
        fields: dict[str, Space] = {}
        for name, field in before.fields:
            (values, edges), *_ = [next(cells) for _ in range(field.dims)]
            fields[name] = Scores(field.shape, edges) if values else field
        return Table(fields)

    @property
    def double(self) -> bool:
        """True if single precision would merge neighbouring values of a column."""
        return any(_needs_double(values) for values in self.values if values)

    @cached_property
    def _moved(self) -> _Transformed | None:
        """The transformed columns together; None if there is none."""
        places = [j for j, values in enumerate(self.values) if values]
        return _moved(places, [self.values[j] for j in places], [self.edges[j] for j in places])

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """Returns f of the cell of the nearest value."""
        dtype = x.dtype if x.is_floating_point() else torch.get_default_dtype()
        y, moved = x.to(dtype).clone(), self._moved
        if moved is not None:
            wide = to_float64(x)
            at = moved.places.to(x.device)
            cell = ranks(moved.between.to(wide.device), wide[:, at.to(wide.device)], right=True)
            y[:, at] = picked(moved.grid.centres.to(wide.device), cell).to(y.device, dtype)
        return y

    def inverse(self, y: Tensor) -> Tensor:
        """Returns a value of the column, in double precision."""
        x, moved = to_float64(y).clone(), self._moved
        if moved is None:
            return x
        at = moved.places.to(x.device)
        scores = x[:, at]
        x[:, at] = picked(moved.values.to(x.device), moved.grid.cell(scores))
        for n, j in enumerate(moved.places.tolist()):
            if self.continued[j]:
                drawn = _extrapolated(scores[:, n], *moved.column(n))
                x[:, j] = _rounded(drawn, self.decimals[j])
        return x

    def restore(self, y: Tensor) -> Tensor:
        """Returns the interpolated number at a mean score, not rounded."""
        x, moved = to_float64(y).clone(), self._moved
        if moved is None:
            return x
        for n, j in enumerate(moved.places.tolist()):
            values, cells = moved.column(n)
            x[:, j] = _interpolated(x[:, j], cells.centres, values)
        return x

    def spec(self) -> dict[str, Any]:
        """The step as JSON; its tuples, which are long in wide tables, are not copied."""
        return {"kind": type(self).__name__, **{f.name: getattr(self, f.name) for f in fields(self)}}

    @property
    def label(self) -> str:
        """Short description, `normal scores`."""
        return "normal scores"

    @property
    def mark(self) -> str:
        """A digest of values and edges, since models score the cells."""
        return "/" + hashlib.sha256(repr((self.values, self.edges)).encode()).hexdigest()[:8]


def _boundaries(values: np.ndarray) -> np.ndarray:
    """Returns the smallest number nearest to each value but the first: the midpoint, or the value itself."""
    middle = (values[1:] + values[:-1]) / 2
    # the midpoint of two adjacent doubles rounds to one of them, perhaps to the lower
    return np.where(middle > values[:-1], middle, values[1:])


def _needs_double(values: tuple[float, ...]) -> bool:
    gap = min((b - a for a, b in pairwise(values)), default=1.0)
    return max(abs(values[0]), abs(values[-1])) * 2**-22 > gap


def _interpolated(y: Tensor, scores: Tensor, values: Tensor) -> Tensor:
    f, v = scores.to(y.device), values.to(y.device)
    if len(v) < 2:
        return v.expand(y.shape)
    right = rank(f, y).clamp(1, len(v) - 1)
    share = ((y - f[right - 1]) / (f[right] - f[right - 1])).clamp(0, 1)
    return v[right - 1] + share * (v[right] - v[right - 1])


def _extrapolated(y: Tensor, values: Tensor, cells: Scores) -> Tensor:
    """Returns the interpolated or extrapolated number at a drawn score."""
    f = cells.centres
    x = _interpolated(y, f, values)
    if len(values) < 2:
        return x
    low, high = (int((cells.masses.cumsum(0) < share).sum()) for share in (OUTER, 1 - OUTER))
    low, high = max(low, 1), min(high, len(values) - 2)
    for end, inner in ((0, low), (-1, high)):
        slope = (values[end] - values[inner]) / (f[end] - f[inner])
        beyond = y > f[-1] if end else y < f[0]
        x = torch.where(beyond, values[end] + slope * (y - f[end]), x)
    # an atom, such as zeros, is not interpolated
    cell, atoms = cells.cell(y), cells.masses > max(ATOM * float(cells.masses.median()), LEAST)
    return torch.where(atoms.to(y.device)[cell], values.to(y.device)[cell], x)


def _rounded(x: Tensor, decimals: int | None) -> Tensor:
    return x if decimals is None else torch.round(x, decimals=decimals)


def scoring(space: Table, x: Tensor, known: Tensor | None) -> NormalScores | None:
    """Returns the step for the numeric columns of a table, or None if there are none.

    Args:
        space: space of the table.
        x: training rows, shape (N, D).
        known: True where an entry is observed, shape (N, D); None: everywhere.

    Example:
        >>> step = scoring(Table(a=Numeric()), torch.tensor([[3.0], [1.0], [3.0], [2.0]]), None)
        >>> step.values, [round(e, 3) for e in step.edges[0]]
        (((1.0, 2.0, 3.0),), [-0.674, 0.0])
    """
    if not any(isinstance(field, Numeric) for _, field in space.fields):
        return None
    values: list[tuple[float, ...]] = []
    edges: list[tuple[float, ...]] = []
    continued: list[bool] = []
    decimals: list[int | None] = []
    starts = np.cumsum([0, *space.widths])
    for (_, field), start in zip(space.fields, starts):
        for j in range(start, start + field.dims):
            v: tuple[float, ...] = ()
            e: tuple[float, ...] = ()
            between, places = False, None
            if isinstance(field, Numeric):
                column = to_float64(x[:, j] if known is None else x[known[:, j], j])
                v, e, recurring = cells_of(column.cpu().numpy())
                between, places = field.tails == "continued" and not recurring, field.decimals
            values.append(v)
            edges.append(e)
            continued.append(between)
            decimals.append(places)
    return NormalScores(tuple(values), tuple(edges), tuple(continued), tuple(decimals))


def cells_of(column: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...], bool]:
    """Returns the values and edges of a column, and True if most of its values recur.

    Args:
        column: known numbers, shape (N,); if there is none, the only value is 0.

    Example:
        >>> cells_of(np.array([0.0, 0.0, 1.0]))
        ((0.0, 1.0), (0.4307273,), False)
    """
    if not len(column):
        return (0.0,), (), False
    ordered = np.sort(column)
    distinct = np.unique(ordered)
    recurring = len(distinct) < len(ordered) / 2
    if len(distinct) > MOST_VALUES:
        at = np.linspace(0, len(ordered) - 1, MOST_VALUES).round().astype(int)
        distinct = np.unique(ordered[at])
    shares = np.searchsorted(ordered, _boundaries(distinct), side="left") / len(ordered)
    score = torch.special.ndtri(torch.from_numpy(shares)).numpy().round(DIGITS)
    return tuple(distinct.tolist()), tuple(score.tolist()), recurring
