"""Features of table columns, concatenated, with those of a condition at the end.

A number on normal scores is encoded by its score and by its position in each of `BINS` intervals,

    f_i = clamp((f - q_(i-1)) / (q_i - q_(i-1)), 0, 1),   i = 1..BINS,                            (1)

with q at equal shares of N(0, 1) between -END and END: a network then learns a threshold in few steps. With
more than `MANY` columns, whose networks have many inputs anyway, the score alone is used, since the intervals
cost four times as much.

Reference: Gorishniy, Rubachev and Babenko 2022 (piecewise linear encoding).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import torch
from torch import Tensor

from simulacra.core.numerics.precision import bounded
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.spaces.plain import Space

BINS, END = 8, 2.5
MANY = 64
QUANTILES = (-END, *(NormalDist().inv_cdf(i / BINS) for i in range(1, BINS)), END)  # q


class ColumnFeatures:
    """Computes the features of all columns and of the condition, and locates those of each column.

    Args:
        space: a table or a vector.
        condition: space of the condition, or None.
        columns: space of each column.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> features = ColumnFeatures(Real((2,)), None, (Real(), Real()))
        >>> features.of(torch.tensor([[1.0, 2.0]]), None, torch.float32).tolist()
        [[1.0, 2.0]]
    """

    def __init__(self, space: Space, condition: Space | None, columns: tuple[Space, ...]):
        self.space, self.condition, self.columns = space, condition, columns
        self.parted = len(columns) <= MANY
        self.seen = [self._size(column) for column in columns]
        self.given = math.prod(condition.features_shape) if condition else 0

    def _size(self, column: Space) -> int:
        """Returns the number of features of a column."""
        return 1 + BINS if self._cut(column) else math.prod(column.features_shape)

    def _cut(self, column: Space) -> bool:
        """Returns True if a column is encoded by intervals."""
        return self.parted and isinstance(column, Scores)

    @property
    def width(self) -> int:
        """Number of all features."""
        return sum(self.seen) + self.given

    def at(self, j: int) -> slice:
        """Returns the slice of column j's features."""
        start = sum(self.seen[:j])
        return slice(start, start + self.seen[j])

    def of(self, x: Tensor, c: Tensor | None, dtype: torch.dtype) -> Tensor:
        """Returns the features of rows and of their conditions, shape (B, F).

        Args:
            x: rows, shape (B, columns).
            c: condition of each row, or None.
            dtype: floating-point type of the features.
        """
        scores = {}
        if isinstance(self.space, Table) and self.space.scored is not None:
            # all columns at once, which costs as much as one
            grid, places = self.space.scored
            f = grid.features(x[:, places.to(x.device)].to(dtype))
            f = in_parts(f) if self.parted else f.unsqueeze(2)
            scores = dict(zip(places.tolist(), f.unbind(1)))
        each = [
            scores[j] if j in scores else self.column(j, x[:, j], dtype) for j in range(len(self.columns))
        ]
        return self.beside(torch.cat(each, 1), c)

    def beside(self, f: Tensor, c: Tensor | None) -> Tensor:
        """Returns features of columns with those of the condition appended.

        Args:
            f: features of columns, shape (B, F).
            c: condition of each row, or None.
        """
        if self.condition is None or c is None:
            return f
        return torch.cat([f, self.condition.vectors(c, f.dtype)], 1)

    def column(self, j: int, value: Tensor, dtype: torch.dtype) -> Tensor:
        """Returns the features of one column, shape (*, features).

        Args:
            j: number of the column.
            value: its values, any shape.
            dtype: floating-point type of the features.
        """
        flat = self.columns[j].features(value.flatten(), dtype)
        flat = flat if self.columns[j].discrete else bounded(flat)
        flat = in_parts(flat) if self._cut(self.columns[j]) else flat
        return flat.reshape(*value.shape, self.seen[j])


def in_parts(f: Tensor) -> Tensor:
    """Returns a score with its interval features of equation (1), shape (*, 1 + BINS).

    Example:
        >>> in_parts(torch.tensor([0.0])).tolist()
        [[0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]]
    """
    q = torch.tensor(QUANTILES, dtype=f.dtype, device=f.device)
    f = f.unsqueeze(-1)
    return torch.cat([f, ((f - q[:-1]) / q.diff()).clamp(0, 1)], -1)
