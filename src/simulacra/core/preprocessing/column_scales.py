"""Standardization of table columns: each column gets its own shift and scale.

Real columns are shifted and scaled, positive ones in their logarithm, others stay:

    y = (x - shift) / scale,        log y = (log x - log shift) / scale              (1)

A table of real columns only becomes a point of R^D, and one of 0/1 columns a binary vector, without names.
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

CONSTANT = 1e-12  # deviation of a constant column, relative to its largest absolute value


@dataclass(frozen=True)
class Columns(Transform):
    """Applies equation (1) to each column of a table.

    Args:
        kinds: `shift`, `power` (positive columns) or `keep` for each column.
        shift: shift of each column; 0 for kept ones.
        scale: scale of each column, positive; 1 for kept ones.

    Example:
        >>> Columns(("shift",), (1.0,), (2.0,)).forward(torch.tensor([[5.0]]), Rng(0)).item()
        2.0
    """

    kinds: tuple[str, ...]
    shift: tuple[float, ...]
    scale: tuple[float, ...]

    def space(self, before: Space) -> Space:
        """Returns R^D or a binary vector if all columns are of that kind, otherwise a table.

        Numeric columns without normal scores become real.
        """
        if not isinstance(before, Table) or before.dims != len(self.kinds):
            raise ValueError(
                f"scales of {len(self.kinds)} columns do not fit {before}: load the table again."
            )
        fields = {name: Real(f.shape) if isinstance(f, Numeric) else f for name, f in before.fields}
        for kind in (Real, Binary):
            if all(type(space) is kind for space in fields.values()):
                return kind(before.shape)
        return Table(fields)

    @property
    def double(self) -> bool:
        """True if a column is many deviations away from 0, as time stamps are, or of a tiny unit."""
        spread = lambda kind, shift, scale: shift * scale if kind == "power" else scale
        moved = [row for row in zip(self.kinds, self.shift, self.scale) if row[0] != "keep"]
        return any(needs_double(shift, spread(kind, shift, scale)) for kind, shift, scale in moved)

    def _parameters(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns a mask of the power columns, the shifts and the scales, each of shape (D,)."""
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
        """Returns y of equation (1), computed in double precision, in the floating-point type of x."""
        if not self._moves:
            return x
        wide = working(x, self.double)
        power, shift, scale = self._parameters(wide)
        # clamp to the range of single precision, 85 standard deviations away
        powers = ((wide / shift).abs() ** (1 / scale)).clamp(1e-37, 1e37)
        y = torch.where(power, powers, (wide - shift) / scale)
        return y.to(x.device, x.dtype if x.is_floating_point() else torch.get_default_dtype())

    def inverse(self, y: Tensor) -> Tensor:
        """Returns x of equation (1), in double precision if single would lose digits."""
        if not self._moves:
            return y
        wide = working(y, self.double)
        power, shift, scale = self._parameters(wide)
        x = torch.where(power, shift * wide.abs() ** scale, shift + scale * wide)
        if self.double:
            return x
        return x.to(y.device, y.dtype if y.is_floating_point() else torch.get_default_dtype())

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """Returns -log scale, and log y - log x - log scale for a power."""
        if not self._moves:
            return super().log_slope(x, y)
        x, y = to_float64(x), to_float64(y)
        power, _, scale = self._parameters(x)
        one = torch.ones_like(x)
        ratio = torch.where(power, y, one).log() - torch.where(power, x, one).log()
        return ratio - scale.log()

    @property
    def label(self) -> str:
        """Short description, `standardized` or `columns as they are`."""
        return "standardized" if self._moves else "columns as they are"


def standardizing(space: Table, x: Tensor, known: Tensor | None) -> Columns:
    """Returns the step that gives each real column (and the log of each positive one) mean 0 and deviation 1.

    Args:
        space: space of the table.
        x: training rows, shape (N, D).
        known: True where an entry is observed, shape (N, D); None: everywhere.
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
    """Returns a step that changes no column but may change the space (see `Columns.space`)."""
    d = space.dims
    return Columns(("keep",) * d, (0.0,) * d, (1.0,) * d)


def _moments(column: Tensor) -> tuple[float, float]:
    """Returns mean and standard deviation; the latter is 1 for a constant column."""
    if not len(column):
        return 0.0, 1.0
    y, unit = in_own_unit(column)
    scale = unless_constant(y.std(correction=0), y)
    return float(y.mean() * unit), float(scale * unit) if scale else 1.0


def place_and_scale(x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the mean and the standard deviation of each column, whatever its unit.

    Args:
        x: numbers in double precision, NaN where missing, shape (N, D).

    Returns:
        The means and deviations, shape (D,) each; the deviation of a constant column is 1.

    Example:
        >>> place_and_scale(torch.tensor([[1e-19, 5.0], [3e-19, 5.0]], dtype=torch.float64))[1].tolist()
        [1e-19, 1.0]
    """
    y, unit = in_own_unit(x)
    shift = y.nanmean(0)
    scale = unless_constant((y - shift).square().nanmean(0).sqrt(), y)
    return shift * unit, torch.where(scale > 0, scale * unit, 1.0)


def in_own_unit(x: Tensor) -> tuple[Tensor, Tensor]:
    """Divides columns by a power of 2, so that squares of small or large numbers stay in range.

    Args:
        x: numbers in double precision, NaN where missing, shape (N,) or (N, D).

    Returns:
        The columns, whose largest absolute value is between 0.5 and 1 (or 0), and the powers of 2. Both are
        exact, so moments have the same digits as those of x.
    """
    largest = _largest(x)
    unit = torch.where(largest > 0, largest / torch.frexp(largest).mantissa, 1.0)
    return x / unit, unit


def unless_constant(scale: Tensor, x: Tensor) -> Tensor:
    """Returns standard deviations, or 0 where only rounding keeps a column from being constant.

    Args:
        scale: standard deviation of each column, shape () or (D,).
        x: the columns, NaN where missing, shape (N,) or (N, D).
    """
    return scale * (scale > CONSTANT * _largest(x))


def _largest(x: Tensor) -> Tensor:
    low, high = torch.aminmax(x.nan_to_num(0.0), dim=0)
    return torch.maximum(high, -low)
