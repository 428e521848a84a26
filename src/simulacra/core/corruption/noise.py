"""Random corruptions: masking, Gaussian noise, and salt and pepper.

    mask:      x~_i = the placeholder (0) with probability p, else x_i                              (1)
    gaussian:  x~ = x + s e,   e ~ N(0, I), in units of features                                    (2)
    salt:      x~_i = the least or the largest value, each with probability p / 2, else x_i         (3)

Reference: Vincent, Larochelle, Lajoie, Bengio and Manzagol 2010. Row D6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from simulacra.core.corruption.corruption import (
    Corruption,
    floating,
    kept,
    limits,
    numeric,
    spread_of,
    within,
)
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Positive, Space

SHARE = "a share of entries between 0 and 1"


@dataclass(frozen=True)
class Masking(Corruption):
    """Masking by equation (1).

    Args:
        level: probability p that an entry is masked, 0.3 by default.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Real
        >>> Masking(0.3).apply(torch.ones(1, 6), Rng(1), Real((6,))).tolist()
        [[1.0, 1.0, 0.0, 1.0, 0.0, 1.0]]
    """

    name: ClassVar[str] = "mask"
    usual: ClassVar[float | None] = 0.3
    most: ClassVar[float] = 1.0
    unit: ClassVar[str] = SHARE
    needs: ClassVar[str] = "0/1, levels or real numbers"

    def fits(self, space: Space) -> bool:
        """Returns True for 0/1, levels, real and positive numbers."""
        return numeric(space)

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (1), shape (B, *)."""
        # (1)
        return kept(x, rng.uniform(name, *x.shape[1:]) >= (self.level or 0.0), space.placeholder)


@dataclass(frozen=True)
class GaussianNoise(Corruption):
    """Gaussian noise by equation (2); levels are rounded and clipped, positive numbers are multiplied.

    Args:
        level: standard deviation s, 0.1 by default: in units of x for real numbers, in shares of the range
            for levels (or in standard deviations, if they have a range of their own), of log x for positive
            numbers.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Levels
        >>> GaussianNoise(0.1).apply(torch.full((1, 4), 100), Rng(0), Levels((4,), 256)).tolist()
        [[105, 51, 52, 137]]
    """

    name: ClassVar[str] = "gaussian"
    usual: ClassVar[float | None] = 0.1
    unit: ClassVar[str] = "a finite standard deviation above 0"
    needs: ClassVar[str] = "levels or real numbers"
    power: ClassVar[int] = 2

    def fits(self, space: Space) -> bool:
        """Returns True for levels, real and positive numbers."""
        return numeric(space) and not isinstance(space, Binary)

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (2), shape (B, *)."""
        y = floating(x)
        # (2)
        noise = (self.level or 0.0) * spread_of(space) * rng.normal(name, *x.shape[1:], dtype=y.dtype)
        return y * noise.exp() if isinstance(space, Positive) else within(y + noise, space, x)


@dataclass(frozen=True)
class SaltAndPepper(Corruption):
    """Salt-and-pepper noise by equation (3).

    Args:
        level: probability p that an entry is replaced, 0.2 by default.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Levels
        >>> SaltAndPepper(0.5).apply(torch.full((1, 6), 7), Rng(1), Levels((6,), 17)).tolist()
        [[7, 7, 16, 7, 16, 7]]
    """

    name: ClassVar[str] = "salt"
    usual: ClassVar[float | None] = 0.2
    most: ClassVar[float] = 1.0
    unit: ClassVar[str] = SHARE
    needs: ClassVar[str] = "numbers with a least and a largest value, as 0/1 and levels have"

    def fits(self, space: Space) -> bool:
        """Returns True for 0/1, levels and recordings."""
        return numeric(space) and limits(space) is not None

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (3), shape (B, *)."""
        u, p = rng.uniform(name, *x.shape[1:]), self.level or 0.0
        least, largest = limits(space) or (0.0, 1.0)
        # (3)
        return kept(kept(x, u >= p, largest), u >= p / 2, least)
