"""Angles among the columns of a condition: a point of the circle in place of a number.

    a = 2 pi r / P,   f = (cos a, sin a),   r the raw value, P the period                             (1)
    r = m + s y,   y what the model sees of the column                                                (2)

A number has an end where a circle has none: 355 and 0 degrees are far apart, and as classes all angles are.
By (1) neighbors on the circle are neighbors for a network, and it can be asked for angles between those of
the data. (2) undoes the standardization of the column; m and s are read from the preprocessing of conditions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from simulacra.core.distributions.column_heads import columns_of
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.numerics.precision import to_float64
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real, Space

DEGREES = 360.0


class Circles:
    """The columns of a condition that lie on a circle, and the features of all columns.

    Args:
        condition: space of the condition: a class, numbers, or a table of both.
        named: column names, each with its period where it is not 360: `angle`, `hour:24`. The columns of a
            vector are called `0`, `1` and so on; a single number may have any name.

    Raises:
        ValueError: if there is no such column, it holds classes, or a period is not positive.

    Example:
        >>> circles = Circles(Table(angle=Real(), width=Real()), ("angle",))
        >>> circles.sizes, circles.periods
        ([2, 1], {0: 360.0})
    """

    def __init__(self, condition: Space, named: Sequence[str]):
        self.condition, self.columns = condition, columns_of(condition)
        self.periods = dict(self._found(entry, named) for entry in named)

    def _found(self, entry: str, named: Sequence[str]) -> tuple[int, float]:
        """Returns the position of a column that an entry names, and its period."""
        names, columns = _names(self.condition), self.columns
        name, period = (entry, DEGREES) if entry in names else _parted(entry)
        if name not in names and len(columns) == 1 and not isinstance(self.condition, Table):
            name = names[0]
        if name not in names:
            numbers = [n for n, column in zip(names, columns) if type(column) is Real]
            mend = build_with(circular=(numbers[0],)) if numbers else ""
            said = f": give {mend}" if mend else ""
            raise Refusal(
                f"circular names {name!r}, but the columns of the condition are "
                f"{', '.join(names[:12])}{said}.",
                mend,
            )
        column = columns[names.index(name)]
        if type(column) is not Real:
            raise ValueError(
                f"circular names {name!r}, which is {column} and no number: classes have no angle between "
                "them, so load the column as numbers, with types= or as floating-point values."
            )
        if not 0 < period < math.inf:
            raise ValueError(f"circular is {entry!r}, but a period is above 0, such as {name}:360.")
        return names.index(name), period

    @property
    def sizes(self) -> list[int]:
        """Number of features of each column: 2 of an angle."""
        return [
            2 if j in self.periods else math.prod(column.features_shape)
            for j, column in enumerate(self.columns)
        ]

    def places(self, chain: Preprocessing) -> Tensor:
        """Returns m and s of equation (2) for each angle, float64, shape (2, angles).

        Args:
            chain: preprocessing that leads from raw conditions to those of the model.
        """
        rows = torch.zeros(2, len(self.columns), dtype=torch.float64)
        rows[1, [*self.periods]] = 1.0
        raw = to_float64(chain.restore(rows.reshape(2, *self.condition.shape)).reshape(2, -1))
        m, other = raw[:, [*self.periods]].unbind()
        return torch.stack([m, other - m])

    def features(self, c: Tensor, places: Tensor) -> list[Tensor]:
        """Returns the features of each column, (B, n_j), with equation (1) for angles.

        Args:
            c: conditions, shape (B, *).
            places: m and s of each angle, shape (2, angles), in the type of the features.
        """
        cells = c.reshape(c.shape[0], -1)
        found = []
        for j, column in enumerate(self.columns):
            if j not in self.periods:
                found.append(column.vectors(cells[:, j], places.dtype))
                continue
            m, s = places[:, [*self.periods].index(j)].unbind()
            # (2), (1)
            a = (m + s * cells[:, j].to(places.dtype)) * (2 * math.pi / self.periods[j])
            found.append(torch.stack([a.cos(), a.sin()], 1))
        return found


def _names(condition: Space) -> list[str]:
    """Returns the name of each column; those of a vector are their positions."""
    if isinstance(condition, Table):
        each = [[name] if field.dims == 1 else [f"{name}{k}" for k in range(field.dims)]
                for name, field in condition.fields]  # fmt: skip
        return [name for names in each for name in names]
    return [str(j) for j in range(condition.dims)]


def _parted(entry: str) -> tuple[str, float]:
    """Returns the name and the period of an entry `NAME:PERIOD`."""
    name, _, period = entry.rpartition(":")
    try:
        return (name, float(period)) if name else (entry, DEGREES)
    except ValueError:
        return entry, DEGREES
