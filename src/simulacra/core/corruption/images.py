"""Corruptions of images that are no noise: downscaling, blur and edges.

    downscale:  every block of k x k pixels has its mean                                            (1)
    blur:       x~ = A x B',  rows of A and B are Gaussian windows of standard deviation s           (2)
    edges:      x~ = the largest minus the least value of the 3 x 3 pixels around                    (3)

Images keep their size. Windows at the border are cut and have sum 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from simulacra.core.corruption.corruption import Corruption, floating, picture, within
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space

IMAGES = "images of 0/1, levels or real numbers"


@dataclass(frozen=True)
class Downscale(Corruption):
    """Images of larger pixels by equation (1).

    Args:
        level: side k of a block in pixels, a whole number from 2; 2 by default.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> x = torch.arange(4.0).reshape(1, 1, 2, 2)
        >>> Downscale(2).apply(x, Rng(0), Real((1, 2, 2))).flatten().tolist()
        [1.5, 1.5, 1.5, 1.5]
    """

    name: ClassVar[str] = "downscale"
    usual: ClassVar[float | None] = 2.0
    least: ClassVar[float] = 1.0
    unit: ClassVar[str] = "a whole number of pixels from 2"
    needs: ClassVar[str] = "images with a side of at least as many pixels"

    def in_range(self, level: float) -> bool:
        """Returns True for whole numbers from 2."""
        return super().in_range(level) and level == round(level)

    def fits(self, space: Space) -> bool:
        """Returns True for images with sides of at least k pixels."""
        return picture(space) and min(space.shape[1:]) >= (self.level or 0)

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (1), shape (B, C, H, W)."""
        k, (height, width) = int(self.level or 1), x.shape[-2:]
        # (1)
        small = F.avg_pool2d(floating(x), k, ceil_mode=True)
        whole = small.repeat_interleave(k, -2).repeat_interleave(k, -1)
        return within(whole[..., :height, :width], space, x)


@dataclass(frozen=True)
class Blur(Corruption):
    """Gaussian blur by equation (2).

    Args:
        level: standard deviation s in pixels, 1.5 by default.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> Blur(1.0).apply(torch.ones(1, 1, 3, 3), Rng(0), Real((1, 3, 3))).mean().round().item()
        1.0
    """

    name: ClassVar[str] = "blur"
    usual: ClassVar[float | None] = 1.5
    unit: ClassVar[str] = "a finite standard deviation above 0, in pixels"
    needs: ClassVar[str] = IMAGES

    def fits(self, space: Space) -> bool:
        """Returns True for images."""
        return picture(space)

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (2), shape (B, C, H, W)."""
        y = floating(x)
        down, right = (self._windows(side, y) for side in y.shape[-2:])
        # (2)
        return within(down @ y @ right.T, space, x)

    def _windows(self, side: int, like: Tensor) -> Tensor:
        """Returns A: the weights of each pixel of a side, shape (side, side)."""
        at = torch.arange(side, dtype=like.dtype, device=like.device)
        return torch.softmax(-0.5 * ((at - at.unsqueeze(1)) / (self.level or 1.0)).square(), 1)


@dataclass(frozen=True)
class Edges(Corruption):
    """Edges by equation (3), the morphological gradient; it has no level.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> x = torch.tensor([[[[0, 0, 0, 1, 1]]]])
        >>> Edges().apply(x, Rng(0), Binary((1, 1, 5))).flatten().tolist()
        [0, 0, 1, 1, 0]
    """

    name: ClassVar[str] = "edges"
    needs: ClassVar[str] = IMAGES

    def fits(self, space: Space) -> bool:
        """Returns True for images."""
        return picture(space)

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (3), shape (B, C, H, W)."""
        y = floating(x)
        # (3)
        high, low = F.max_pool2d(y, 3, 1, 1), -F.max_pool2d(-y, 3, 1, 1)
        return within(high - low, space, x)
