"""Images in which a disc at a random place is turned by a random angle.

    x~(p) = x(m + R(-a) (p - m))   where |p - m| <= r,   else x(p)                                   (1)

p are pixels, m is the centre of the disc, r its radius and R(a) the rotation by a, counterclockwise in the
image as it is shown. Between pixels x is interpolated linearly. The disc lies within the image, so that (1)
never looks beyond it, and pixels outside the disc stay as they are, bit for bit. m is uniform among the
centres where the disc fits.

Reference: a lecture's discussion of auxiliary tasks; Gidaris, Singh and Komodakis 2018. Row F21.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from simulacra.core.corruption.corruption import Corruption, floating, picture, within
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space


@dataclass(frozen=True)
class Turn(Corruption):
    """A disc turned by equation (1), each angle with the same probability.

    Args:
        level: diameter of the disc as a share of the shorter side, 0.5 by default.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> x = torch.arange(49).reshape(1, 1, 7, 7)
        >>> y = Turn(0.5).apply(x, Rng(0), Levels((1, 7, 7), 49))
        >>> int((y != x).sum())
        5
    """

    name: ClassVar[str] = "turn"
    usual: ClassVar[float | None] = 0.5
    most: ClassVar[float] = 1.0
    unit: ClassVar[str] = "a diameter as a share of the shorter side, between 0 and 1"
    needs: ClassVar[str] = "images of 0/1, levels or real numbers with sides of at least 3 pixels"

    def fits(self, space: Space) -> bool:
        """Returns True for images with sides of at least 3 pixels."""
        return picture(space) and min(space.shape[1:]) >= 3

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (1), shape (B, C, H, W)."""
        r = radius_of(self.level or 0.0, x.shape[-2:])
        y = floating(x)
        angle = 2 * math.pi * rng.uniform(f"{name} angle", dtype=y.dtype)
        m = centres(x.shape[-2:], r, rng, f"{name} centre", y.dtype)
        return torch.where(inside(m, r, y), within(turned(y, m, angle), space, x), x)


def radius_of(share: float, sides: tuple[int, ...]) -> float:
    """Returns the radius r in pixels of a disc; with a share of 1 it touches the outermost pixels.

    Args:
        share: diameter as a share of the shorter side.
        sides: height and width of the image in pixels.
    """
    return share * (min(sides) - 1) / 2


def centres(sides: tuple[int, ...], r: float, rng: Rng, name: str, dtype: torch.dtype) -> Tensor:
    """Draws the centres m (row, column) of discs that lie within the image, shape (B, 2).

    Args:
        sides: height and width of the image in pixels.
        r: radius in pixels.
        rng: source of random numbers.
        name: name of the draw.
        dtype: floating-point type.
    """
    room = torch.tensor([side - 1 - 2 * r for side in sides], dtype=dtype, device=rng.device)
    return r + room * rng.uniform(name, 2, dtype=dtype)


def inside(m: Tensor, r: float, like: Tensor) -> Tensor:
    """Returns True for the pixels of the disc, shape (B, 1, H, W).

    Args:
        m: centres (row, column), shape (B, 2).
        r: radius in pixels.
        like: images, shape (B, C, H, W).
    """
    return (_offsets(m, like).square().sum(1, keepdim=True)) <= r**2


def turned(x: Tensor, m: Tensor, angle: Tensor) -> Tensor:
    """Returns whole images turned about a centre by equation (1), shape (B, C, H, W); differentiable.

    Args:
        x: images of floating-point numbers, shape (B, C, H, W).
        m: centres (row, column), shape (B, 2).
        angle: angles a in radians, shape (B,).
    """
    down, right = _offsets(m, x).unbind(1)
    cos, sin = (t.view(-1, 1, 1) for t in (angle.cos(), angle.sin()))
    # (1): rows grow downwards, so that the signs of sin are those of a clock
    row = m[:, 0].view(-1, 1, 1) + cos * down + sin * right
    column = m[:, 1].view(-1, 1, 1) + cos * right - sin * down
    height, width = x.shape[-2:]
    grid = torch.stack([2 * column / (width - 1) - 1, 2 * row / (height - 1) - 1], 3)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=True)


def turned_disc(x: Tensor, m: Tensor, r: float, angle: Tensor) -> Tensor:
    """Returns equation (1) for images of floating-point numbers, shape (B, C, H, W); differentiable.

    Args:
        x: images, shape (B, C, H, W).
        m: centres (row, column), shape (B, 2).
        r: radius in pixels.
        angle: angles a in radians, shape (B,).
    """
    # (1)
    return torch.where(inside(m, r, x), turned(x, m, angle), x)


def _offsets(m: Tensor, like: Tensor) -> Tensor:
    """Returns p - m of all pixels as (row, column), shape (B, 2, H, W)."""
    height, width = like.shape[-2:]
    rows = torch.arange(height, dtype=m.dtype, device=m.device).view(1, height, 1)
    columns = torch.arange(width, dtype=m.dtype, device=m.device).view(1, 1, width)
    down = (rows - m[:, 0].view(-1, 1, 1)).expand(-1, height, width)
    right = (columns - m[:, 1].view(-1, 1, 1)).expand(-1, height, width)
    return torch.stack([down, right], 1)
