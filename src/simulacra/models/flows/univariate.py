"""Increasing maps of one number, from `zuko`: what an autoregressive flow or a coupling does to each entry.

    affine     z = e^a x + b                                                                           (1)
    spline     rational quadratic between K knots in [-5, 5], the identity beyond                      (2)
    bernstein  polynomial of Bernstein in [-5, 5], the identity beyond                                 (3)

The maps lead from x to z, so the densities of all are exact. (1) and (2) have an inverse in closed form;
that of (3) is found by bisection, to 1e-6: samples have that error. Further maps of `zuko` are left out: sums
of squares and monotone networks are inverted in [-10, 10] alone, and mixtures of normal distributions give
rows beyond the reach of erf no finite density.

Reference: Papamakarios et al. 2017 (1); Durkan et al. 2019 (2); Sick et al. 2020 (3). `zuko` is by Rozet et
al.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from zuko.transforms import BoundedBernsteinTransform, MonotonicAffineTransform, MonotonicRQSTransform

KNOTS, DEGREE = 8, 17


@dataclass(frozen=True)
class Univariate:
    """A map of one number.

    Args:
        shapes: shapes of its parameters.
        build: makes the map from parameters of shapes (B, d, *shape).
        bisects: True if its inverse is found by bisection.
    """

    shapes: tuple[tuple[int, ...], ...]
    build: Callable[..., Any]
    bisects: bool = False

    @property
    def size(self) -> int:
        """Number of its parameters."""
        return sum(math.prod(shape) for shape in self.shapes)

    def of(self, phi: Tensor) -> Any:
        """Returns the maps of all entries.

        Args:
            phi: parameters, shape (B, size, d).
        """
        parts = phi.movedim(1, -1).split([math.prod(shape) for shape in self.shapes], -1)
        return self.build(*(part.unflatten(-1, shape or (1,)) for part, shape in zip(parts, self.shapes)))


def affine() -> Univariate:
    """Returns equation (1)."""
    return Univariate(((), ()), _affine)


def _affine(b: Tensor, a: Tensor) -> Any:
    return MonotonicAffineTransform(b.squeeze(-1), a.squeeze(-1))


def spline() -> Univariate:
    """Returns equation (2) with 8 intervals."""
    return Univariate(((KNOTS,), (KNOTS,), (KNOTS - 1,)), MonotonicRQSTransform)


def bernstein() -> Univariate:
    """Returns equation (3) with 17 free coefficients."""
    return Univariate(((DEGREE,),), BoundedBernsteinTransform, bisects=True)
