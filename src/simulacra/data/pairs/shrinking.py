"""Smaller images as conditions, for super-resolution: `downscale:4` gives a quarter of the sides.

    c = bicubic(x),  sides divided by k, with antialiasing                                           (1)

The corruption of the same name keeps the size of x, as corruptions of a model do; a condition may be of
another size, and is what a small file of the same picture would be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from simulacra.core.corruption.corruption import floating, picture, within
from simulacra.core.corruption.images import Downscale
from simulacra.core.numerics.bicubic import bicubic
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space


@dataclass(frozen=True)
class Shrink(Downscale):
    """Images of smaller sides by equation (1).

    Args:
        level: factor k, a whole number from 2; 2 by default.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Levels
        >>> image = Levels((1, 8, 12), 256)
        >>> Shrink(4).space(image).shape, Shrink(4).fits(Levels((1, 8, 10), 256))
        ((1, 2, 3), False)
        >>> Shrink(4).apply(torch.full((5, 1, 8, 12), 7), Rng(0), image).unique().tolist()
        [7]
    """

    needs: ClassVar[str] = "images whose sides are multiples of that number"
    alone: ClassVar[bool] = False

    def fits(self, space: Space) -> bool:
        """Returns True for images whose sides are multiples of k."""
        return picture(space) and all(side % int(self.level or 1) == 0 for side in space.shape[1:])

    def space(self, space: Space) -> Space:
        """Returns the space of the smaller images.

        Args:
            space: space of x.
        """
        channels, *sides = super().space(space).shape
        return replace(space, shape=(channels, *(side // int(self.level or 1) for side in sides)))

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (1), shape (B, C, H / k, W / k), with levels rounded after each pass."""
        height, width = self.space(space).shape[1:]
        # (1)
        for sides in ((x.shape[-2], width), (height, width)):
            x = within(bicubic(floating(x), sides), space, x)
        return x
