"""Features of the columns of a table, one column after the other, and of a condition behind them.

A number on normal scores is shown with the shares of `BINS` parts of the scores that lie below it,

    f_i = clamp((f - q_(i-1)) / (q_i - q_(i-1)), 0, 1),   i = 1..BINS,                            (1)

q at equal shares of N(0, 1), -END and END at its ends: a network then finds a threshold in few steps. Of more
than `MANY` columns, whose networks see much anyway, only the score is shown: parts cost four times as much.

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
    """Computes the features f of all columns and of the condition, and says where each column's stand.

    Args:
        space: a table or a vector.
        condition: what the condition is, or None.
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
        """Number of features of a column."""
        return 1 + BINS if self._cut(column) else math.prod(column.features_shape)

    def _cut(self, column: Space) -> bool:
        """Returns True if a column is shown in parts."""
        return self.parted and isinstance(column, Scores)

    @property
    def width(self) -> int:
        """Number of all features."""
        return sum(self.seen) + self.given

    def at(self, j: int) -> slice:
        """The places of the features of column j among all."""
        start = sum(self.seen[:j])
        return slice(start, start + self.seen[j])

    def of(self, x: Tensor, c: Tensor | None, dtype: torch.dtype) -> Tensor:
        """Features of rows (B, columns) and of their conditions, shape (B, F)."""
        scores = {}
        if isinstance(self.space, Table) and self.space.scored is not None:
            # all at once: a column alone costs as much
            grid, places = self.space.scored
            f = grid.features(x[:, places.to(x.device)].to(dtype))
            f = in_parts(f) if self.parted else f.unsqueeze(2)
            scores = dict(zip(places.tolist(), f.unbind(1)))
        each = [
            scores[j] if j in scores else self.column(j, x[:, j], dtype) for j in range(len(self.columns))
        ]
        return self.beside(torch.cat(each, 1), c)

    def beside(self, f: Tensor, c: Tensor | None) -> Tensor:
        """Features of columns with those of the condition behind them."""
        if self.condition is None or c is None:
            return f
        return torch.cat([f, self.condition.features(c, f.dtype).flatten(1)], 1)

    def column(self, j: int, value: Tensor, dtype: torch.dtype) -> Tensor:
        """Features of values of column j of shape (*), shape (*, features)."""
        flat = self.columns[j].features(value.flatten(), dtype)
        flat = flat if self.columns[j].discrete else bounded(flat)
        flat = in_parts(flat) if self._cut(self.columns[j]) else flat
        return flat.reshape(*value.shape, self.seen[j])


def in_parts(f: Tensor) -> Tensor:
    """A score and its parts of equation (1), shape (*, 1 + BINS).

    Example:
        >>> in_parts(torch.tensor([0.0])).tolist()
        [[0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]]
    """
    q = torch.tensor(QUANTILES, dtype=f.dtype, device=f.device)
    f = f.unsqueeze(-1)
    return torch.cat([f, ((f - q[:-1]) / q.diff()).clamp(0, 1)], -1)
