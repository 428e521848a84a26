"""Inverse transform sampling from a table of a distribution function (row C8).

    F(x_0) = 0 <= F(x_1) <= ... <= F(x_n) = 1;    x = F^-1(u),  u ~ U(0, 1)                            (1)

Between two points F is a straight line, with a density that is constant there, or a cubic that increases
(Fritsch and Carlson), with a density that is continuous. In a bin of width h, with t = (x - x_i) / h and
slopes m,

    F = F_i + (F_(i+1) - F_i) t^2 (3 - 2 t) + h t (1 - t) ((1 - t) m_i - t m_(i+1))                    (2)

Where F is flat, the density is 0, and no u has its inverse inside. Outside of the points there is no mass.

Reference: Devroye 1986, chapter II; Fritsch and Carlson 1980, with the slopes of Fritsch and Butland 1984.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from simulacra.core.densities.inverse_cdf import InverseCdf, within
from simulacra.core.numerics.precision import to_float64

HALVINGS = 60  # of a bin, in which the inverse of (2) lies


@dataclass
class Tabulated(InverseCdf):
    """The distribution whose function F is given at points, for independent entries.

    Args:
        points: x_0 < ... < x_n, shape (n + 1,).
        levels: F at the points, from 0 to 1, shape (n + 1,).
        shape: shape of an observation.
        interpolation: `linear`, or `monotone` for equation (2).

    Raises:
        ValueError: if the points do not increase, or the levels decrease or do not go from 0 to 1.

    Example:
        >>> p = Tabulated(torch.tensor([0.0, 1.0, 3.0]), torch.tensor([0.0, 0.5, 1.0]))
        >>> p.quantile(torch.tensor([0.25, 0.75])).tolist(), p.log_prob(torch.tensor([2.0])).exp().item()
        ([0.5, 2.0], 0.25)
    """

    points: Tensor
    levels: Tensor
    shape: tuple[int, ...] = ()
    interpolation: Literal["linear", "monotone"] = "linear"

    def __post_init__(self) -> None:
        x, F = self.points, self.levels
        if x.dim() != 1 or x.shape != F.shape or len(x) < 2:
            raise ValueError(
                f"points and levels have the shapes {tuple(x.shape)} and {tuple(F.shape)}, but a table needs "
                "two vectors of the same length, at least 2."
            )
        if not bool((x.diff() > 0).all()) or not bool(x.isfinite().all()):
            raise ValueError("the points of a table have to be finite and to increase: sort them, each once.")
        if not bool((F.diff() >= 0).all()) or F[0] != 0 or F[-1] != 1:
            raise ValueError(
                f"the levels go from {F[0].item():g} to {F[-1].item():g}, but a distribution function "
                "increases from 0 to 1: `from_density` makes one of a density."
            )
        if self.interpolation not in ("linear", "monotone"):
            raise ValueError(f"interpolation is {self.interpolation!r}, give 'linear' or 'monotone'.")
        self.event_dims = len(self.shape)

    @property
    def like(self) -> Tensor:
        """A tensor of the type and shape of one draw."""
        return self.points[:1].expand(1, *self.shape)

    def entries(self, x: Tensor) -> Tensor:
        """Returns log F'(x), and -inf outside of the points."""
        x = x.to(self.points.dtype)
        i, t = self._place(x)
        return within((x >= self.points[0]) & (x <= self.points[-1]), self._slope(i, t).log())

    def cdf(self, x: Tensor) -> Tensor:
        """Returns F(x), 0 below the points and 1 above them."""
        return self._level(*self._place(x.to(self.points.dtype)))

    def quantile(self, u: Tensor) -> Tensor:
        """Returns the least x with F(x) = u, by bisection of (2) where F is no line."""
        # the first bin that ends at u or above, so a flat one never
        i = torch.searchsorted(self.levels, u).clamp(1, len(self.levels) - 1) - 1
        if self.interpolation == "linear":
            rise = self.levels.diff()[i]
            t = ((u - self.levels[i]) / rise.where(rise > 0, torch.ones_like(rise))).clamp(0, 1)
        else:
            t = self._bisected(i, u)
        return torch.lerp(self.points[i], self.points[i + 1], t)

    @property
    def mean(self) -> Tensor:
        """Mean of an entry, x_n minus the integral of F, shape (1, *shape)."""
        F, h = self.levels, self.points.diff()
        area = h * (F[:-1] + F[1:]) / 2
        if self.interpolation == "monotone":
            m = self._slopes()
            # the integral of (2)
            area = area + h.square() * (m[:-1] - m[1:]) / 12
        return (self.points[-1] - area.sum()).expand(1, *self.shape)

    def _place(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the bin of each x and its place t within it, from 0 to 1."""
        i = torch.searchsorted(self.points, x.contiguous()).clamp(1, len(self.points) - 1) - 1
        return i, ((x - self.points[i]) / self.points.diff()[i]).clamp(0, 1)

    def _level(self, i: Tensor, t: Tensor) -> Tensor:
        low, rise, h = self.levels[i], self.levels.diff()[i], self.points.diff()[i]
        if self.interpolation == "linear":
            return low + rise * t
        m = self._slopes()
        # (2)
        return low + rise * t * t * (3 - 2 * t) + h * t * (1 - t) * ((1 - t) * m[i] - t * m[i + 1])

    def _slope(self, i: Tensor, t: Tensor) -> Tensor:
        """Returns the density F', at least 0."""
        secant = (self.levels.diff() / self.points.diff())[i]
        if self.interpolation == "linear":
            return secant
        m = self._slopes()
        inner = (1 - t) * (1 - 3 * t) * m[i] + t * (3 * t - 2) * m[i + 1]
        # the derivative of (2)
        return (6 * secant * t * (1 - t) + inner).clamp_min(0)

    def _slopes(self) -> Tensor:
        """Returns m at the points, weighted harmonic means of neighbouring secants: F then increases."""
        h, secant = self.points.diff(), self.levels.diff() / self.points.diff()
        a, b, left, right = secant[:-1], secant[1:], 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
        flat = (a == 0) | (b == 0)
        one = torch.ones_like(a)
        inner = (left + right) / (left / a.where(~flat, one) + right / b.where(~flat, one))
        return torch.cat([secant[:1], inner.where(~flat, torch.zeros_like(a)), secant[-1:]])

    def _bisected(self, i: Tensor, u: Tensor) -> Tensor:
        """Returns t of u in bin i."""
        low, high = torch.zeros_like(u), torch.ones_like(u)
        for _ in range(HALVINGS):
            t = (low + high) / 2
            below = self._level(i, t) < u
            low, high = torch.where(below, t, low), torch.where(below, high, t)
        return (low + high) / 2


def from_density(
    density: Callable[[Tensor], Tensor],
    points: Tensor,
    shape: tuple[int, ...] = (),
    interpolation: Literal["linear", "monotone"] = "linear",
) -> Tabulated:
    """Returns the distribution of a density that is known up to its constant, by the trapezoidal rule.

    Args:
        density: function of points (n + 1,) to numbers of at least 0, shape (n + 1,).
        points: points x_0 < ... < x_n that hold all of the mass, shape (n + 1,).
        shape: shape of an observation.
        interpolation: `linear` or `monotone`, as of `Tabulated`.

    Raises:
        ValueError: if the density is negative, not finite, or 0 at all points.

    Example:
        >>> p = from_density(lambda x: 1 - x.abs(), torch.linspace(-1, 1, 201))
        >>> round(p.cdf(torch.zeros(1)).item(), 4)
        0.5
    """
    p = to_float64(density(points))
    steps = (p[:-1] + p[1:]) / 2 * to_float64(points).diff()
    if not bool(((p >= 0) & p.isfinite()).all()) or float(steps.sum()) <= 0:
        raise ValueError("the density has to be finite and at least 0 at all points, and above 0 at some.")
    F = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
    return Tabulated(points, (F / F[-1]).to(points), shape, interpolation)
