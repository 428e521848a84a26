"""The step from a table's raw columns to a model's: each column on its own scale.

Real columns are shifted and scaled, positive ones likewise in their logarithm, others stay:

    y = (x - shift) / scale,        log y = (log x - log shift) / scale              (1)

A table whose columns are all real is a point of R^D, and one of 0 and 1 a binary vector: what is
left then needs no names.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.numerics.precision import needs_double, to_float64, working
from simulacra.core.preprocessing.transforms import Transform
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Binary, Positive, Real, Space


@dataclass(frozen=True)
class Columns(Transform):
    """Equation (1) for each column of a table.

    Args:
        kinds: `shift`, `power` or `keep` for each column.
        shift: one number for each column; 0 where kept.
        scale: likewise, positive; 1 where kept.

    Example:
        >>> Columns(("shift",), (1.0,), (2.0,)).forward(torch.tensor([[5.0]]), Rng(0)).item()
        2.0
    """

    kinds: tuple[str, ...]
    shift: tuple[float, ...]
    scale: tuple[float, ...]

    def space(self, before: Space) -> Space:
        """R^D or a binary vector where all columns are of that kind, otherwise the fields.

        Numbers without normal scores are real.
        """
        if not isinstance(before, Table) or before.dims != len(self.kinds):
            raise ValueError(f"columns are scaled in a table of {len(self.kinds)} columns, not in {before}.")
        fields = {name: Real(f.shape) if isinstance(f, Numeric) else f for name, f in before.fields}
        for kind in (Real, Binary):
            if all(type(space) is kind for space in fields.values()):
                return kind(before.shape)
        return Table(fields)

    @property
    def double(self) -> bool:
        """Returns True if some column lies many of its deviations away from 0, as time stamps do."""
        spread = lambda kind, shift, scale: shift * scale if kind == "power" else scale
        moved = [row for row in zip(self.kinds, self.shift, self.scale) if row[0] != "keep"]
        return any(needs_double(shift, spread(kind, shift, scale)) for kind, shift, scale in moved)

    def _parameters(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns True if a column is a power, shift and scale, each of shape (D,)."""
        make = lambda v: torch.tensor(v, dtype=x.dtype, device=x.device)
        return (
            torch.tensor([k == "power" for k in self.kinds], device=x.device),
            make(self.shift),
            make(self.scale),
        )

    @property
    def _moves(self) -> bool:
        return any(kind != "keep" for kind in self.kinds)

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """y of equation (1), computed in double precision; in the type of x if that is a floating one."""
        if not self._moves:
            return x
        wide = working(x, self.double)
        power, shift, scale = self._parameters(wide)
        # kept within what single precision holds, 85 deviations off
        powers = ((wide / shift).abs() ** (1 / scale)).clamp(1e-37, 1e37)
        y = torch.where(power, powers, (wide - shift) / scale)
        return y.to(x.device, x.dtype if x.is_floating_point() else torch.get_default_dtype())

    def inverse(self, y: Tensor) -> Tensor:
        """x of equation (1): in double precision where single would round it away."""
        if not self._moves:
            return y
        wide = working(y, self.double)
        power, shift, scale = self._parameters(wide)
        x = torch.where(power, shift * wide.abs() ** scale, shift + scale * wide)
        if self.double:
            return x
        return x.to(y.device, y.dtype if y.is_floating_point() else torch.get_default_dtype())

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """-log scale, and log y - log x - log scale for a power."""
        if not self._moves:
            return super().log_slope(x, y)
        x, y = to_float64(x), to_float64(y)
        power, _, scale = self._parameters(x)
        one = torch.ones_like(x)
        ratio = torch.where(power, y, one).log() - torch.where(power, x, one).log()
        return ratio - scale.log()

    @property
    def label(self) -> str:
        """`standardized`, or `columns as they are`."""
        return "standardized" if self._moves else "columns as they are"


def standardizing(space: Table, x: Tensor, known: Tensor | None) -> Columns:
    """Mean 0 and deviation 1 for each real column (for the logarithm of each positive one).

    Args:
        x: training rows, shape (N, D).
        known: True where an entry is observed, or None.
    """
    kinds, shifts, scales = [], [], []
    start = 0
    for _, field in space.fields:
        for j in range(start, start + field.dims):
            column = x[:, j].double() if known is None else x[known[:, j], j].double()
            kind = {Real: "shift", Numeric: "shift", Positive: "power"}.get(type(field), "keep")
            shift, scale = (
                _moments(column.log() if kind == "power" else column) if kind != "keep" else (0.0, 1.0)
            )
            kinds.append(kind)
            shifts.append(float(torch.tensor(shift, dtype=torch.float64).exp()) if kind == "power" else shift)
            scales.append(scale)
        start += field.dims
    return Columns(tuple(kinds), tuple(shifts), tuple(scales))


def as_they_are(space: Table) -> Columns:
    """No column moved: only what all of them are together."""
    d = space.dims
    return Columns(("keep",) * d, (0.0,) * d, (1.0,) * d)


def _moments(column: Tensor) -> tuple[float, float]:
    """Mean and deviation; a column that never changes keeps its scale."""
    if not len(column):
        return 0.0, 1.0
    shift, scale = float(column.mean()), float(column.std(correction=0))
    return shift, scale if scale > 1e-12 * float(column.abs().max()) else 1.0
