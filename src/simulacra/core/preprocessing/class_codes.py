"""Encodes stored class values as class numbers: grades 3 to 7 become classes 0 to 4, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.preprocessing.transforms import Transform
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal, codes_of, values_of
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space


@dataclass(frozen=True)
class Codes(Transform):
    """Replaces stored class values in the columns of a table by class numbers 0, 1, ...

    Args:
        values: for each column, the stored values of its classes in ascending order; empty for other columns.

    Example:
        >>> step = Codes(((), (3.0, 5.0)))
        >>> y = step.forward(torch.tensor([[0.5, 5.0]]), Rng(0))
        >>> y.tolist(), step.inverse(y).tolist()
        ([[0.5, 1.0]], [[0.5, 5.0]])
    """

    values: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(tuple(map(float, v)) for v in self.values))

    def space(self, before: Space) -> Space:
        """Returns the table with classes numbered from 0."""
        if not isinstance(before, Table) or before.dims != len(self.values):
            raise ValueError(
                f"class values of {len(self.values)} columns do not fit {before}: load the table again."
            )
        return Table({name: _plain(field) for name, field in before.fields})

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """Returns the class numbers."""
        return self._columnwise(x, codes_of)

    def inverse(self, y: Tensor) -> Tensor:
        """Returns the stored values."""
        return self._columnwise(y, lambda values, codes: values_of(values, codes.round()))

    def restore(self, y: Tensor) -> Tensor:
        """Returns the stored value of the nearest class, and other means unchanged."""
        return self.inverse(y)

    def _columnwise(self, x: Tensor, change: Callable[[tuple[float, ...], Tensor], Tensor]) -> Tensor:
        columns = list(x.unbind(1))
        for j, values in enumerate(self.values):
            if values:
                columns[j] = change(values, columns[j]).to(x.dtype)
        return torch.stack(columns, 1)

    @property
    def label(self) -> str:
        """Short description, `classes by number`."""
        return "classes by number"


def _plain(field: Space) -> Space:
    if isinstance(field, (Categorical, Ordinal)) and field.values:
        return type(field)(field.shape, field.classes, field.names)
    return field


def coding(space: Table) -> tuple[Codes, ...]:
    """Returns the step for a table, or nothing if no class has a stored value of its own."""
    values = tuple(getattr(field, "values", ()) for _, field in space.fields for _ in range(field.dims))
    return (Codes(values),) if any(values) else ()
