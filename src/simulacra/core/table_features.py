"""Features of the columns of a table, one column after the other, and of a condition behind them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulacra.core.composite import Fields
from simulacra.core.precision import bounded
from simulacra.core.space import Space


class ColumnFeatures:
    """Computes the features f of all columns and of the condition, and says where each column's stand.

    Args:
        space: a table or a vector.
        condition: what the condition is, or None.
        columns: space of each column.

    Example:
        >>> from simulacra.core.space import Real
        >>> features = ColumnFeatures(Real((2,)), None, (Real(), Real()))
        >>> features.of(torch.tensor([[1.0, 2.0]]), None, torch.float32).tolist()
        [[1.0, 2.0]]
    """

    def __init__(self, space: Space, condition: Space | None, columns: tuple[Space, ...]):
        self.space, self.condition, self.columns = space, condition, columns
        self.seen = [math.prod(column.features_shape) for column in columns]
        self.given = math.prod(condition.features_shape) if condition else 0

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
        if isinstance(self.space, Fields):
            f = self.space.features(x, dtype)
            return self.beside(f if self.space.discrete else bounded(f), c)
        each = [self.column(j, x[:, j], dtype) for j in range(len(self.columns))]
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
        return flat.reshape(*value.shape, self.seen[j])
