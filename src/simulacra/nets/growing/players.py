"""Generator and critic that gain a level at a time, from a shorter side of 4 to whole images.

    h_0 = stem(z),   h_l = block_l(up(h_(l-1)))                                                   (1)
    G = (1 - a) up(out_(l-1)(h_(l-1))) + a out_l(h_l)                                             (2)
    f_l = (1 - a) in_(l-1)(down(x)) + a block_l(in_l(x)),   f_(i-1) = block_i(f_i)                (3)

up repeats pixels, down takes means over 2 x 2. The level l and its share a are given with each call: a
network has all levels from the beginning and runs those up to l. At a = 0 both are the networks of level
l - 1 between up and down, at a = 1 level l stands on its own, and what it replaces is not computed.

Reference: Karras, Aila, Laine and Lehtinen 2018, section 2, figure 2. Row G30.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.nets.growing.equalized import BatchDeviation, EqualizedConv, EqualizedLinear, PixelNorm
from simulacra.nets.layers import activation

ACT = "leaky-relu-0.2"
START = 4  # shorter side of the first level


def up(x: Tensor) -> Tensor:
    """Returns images of twice the sides, shape (B, C, 2 H, 2 W).

    Args:
        x: images, shape (B, C, H, W).
    """
    return F.interpolate(x, scale_factor=2, mode="nearest")


def down(x: Tensor) -> Tensor:
    """Returns images of half the sides, shape (B, C, H / 2, W / 2).

    Args:
        x: images, shape (B, C, H, W).

    Example:
        >>> x = torch.tensor([[[[1.0, 3.0]]]])
        >>> bool((down(up(x)) == x).all())
        True
    """
    return F.avg_pool2d(x, 2)


class GrowingGenerator(nn.Module):
    """Generates images from noise (B, latent) and a condition (B, condition) by equations (1) and (2).

    Args:
        latent: size of the noise.
        out_shape: (C, h, w) of the first level.
        channels: channels of the levels, the coarsest first.
        condition: number of entries of the condition; 0 without one.

    Example:
        >>> G = GrowingGenerator(5, (3, 4, 6), (7, 4, 2))
        >>> G(torch.zeros(2, 5), None, 1, 0.5).shape, G(torch.zeros(2, 5), None, 2, 1.0).shape
        (torch.Size([2, 3, 8, 12]), torch.Size([2, 3, 16, 24]))
    """

    def __init__(self, latent: int, out_shape: Sequence[int], channels: Sequence[int], condition: int = 0):
        super().__init__()
        image, *sides = out_shape
        self.start = (channels[0], *sides)
        stem = EqualizedLinear(latent + condition, channels[0] * sides[0] * sides[1])
        self.stem, self.first = stem, nn.Sequential(activation(ACT), PixelNorm(), *_step(channels[0]))
        self.blocks = nn.ModuleList(nn.Sequential(*_step(b, a), *_step(b)) for a, b in pairwise(channels))
        self.out = nn.ModuleList(EqualizedConv(a, image, 1, gain=1.0) for a in channels)

    def maps(self, z: Tensor, c: Tensor | None, level: int) -> list[Tensor]:
        """Returns h_0, ..., h_level of equation (1), the coarsest first.

        Args:
            z: noise, shape (B, latent).
            c: features of the condition, shape (B, condition), or None.
            level: l.
        """
        z = z if c is None else torch.cat([z, c.flatten(1)], 1)
        found = [self.first(self.stem(z).unflatten(1, self.start))]
        for block in list(self.blocks)[:level]:
            # (1)
            found.append(block(up(found[-1])))
        return found

    def forward(self, z: Tensor, c: Tensor | None, level: int, a: float) -> Tensor:
        """Returns images of a level, shape (B, C, 2^level h, 2^level w).

        Args:
            z: noise, shape (B, latent).
            c: features of the condition, shape (B, condition), or None.
            level: l, from 0.
            a: share of the new level, in [0, 1].
        """
        h = self.maps(z, c, level)
        fine = self.out[level](h[-1])
        if not level or a >= 1:
            return fine
        # (2)
        return torch.lerp(up(self.out[level - 1](h[-2])), fine, a)


class GrowingCritic(nn.Module):
    """Extracts features (B, width) from images of a level by equation (3).

    Args:
        in_shape: (C, h, w) of the first level.
        channels: channels of the levels, the coarsest first.
        deviates: if True, the last block sees the deviation of the batch.

    Example:
        >>> D = GrowingCritic((3, 4, 6), (7, 4, 2))
        >>> D(torch.zeros(2, 3, 16, 24), 2, 0.5).shape, D.width
        (torch.Size([2, 7]), 7)
    """

    def __init__(self, in_shape: Sequence[int], channels: Sequence[int], deviates: bool = True):
        super().__init__()
        image, h, w = in_shape
        self.width = top = channels[0]
        self.into = nn.ModuleList(
            nn.Sequential(EqualizedConv(image, a, 1), activation(ACT)) for a in channels
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*_conv(b, b), *_conv(b, a), nn.AvgPool2d(2)) for a, b in pairwise(channels)
        )
        self.minibatch = BatchDeviation() if deviates else None
        self.last = nn.Sequential(
            *_conv(top + deviates, top), nn.Flatten(), EqualizedLinear(top * h * w, top), activation(ACT)
        )

    def forward(self, x: Tensor, level: int, a: float) -> Tensor:
        """Returns features, shape (B, width).

        Args:
            x: images of the level, shape (B, C, 2^level h, 2^level w).
            level: l, from 0.
            a: share of the new level, in [0, 1].
        """
        f = self.into[level](x)
        for i in reversed(range(level)):
            f = self.blocks[i](f)
            if i == level - 1 and a < 1:
                # (3)
                f = torch.lerp(self.into[i](down(x)), f, a)
        return self.last(f if self.minibatch is None else self.minibatch(f))


def _conv(a: int, b: int) -> list[nn.Module]:
    return [EqualizedConv(a, b, 3), activation(ACT)]


def _step(b: int, a: int | None = None) -> list[nn.Module]:
    """Returns a convolution of the generator, its activation and pixel normalization."""
    return [*_conv(b if a is None else a, b), PixelNorm()]
