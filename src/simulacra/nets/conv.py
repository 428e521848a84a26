"""Convolutional encoder and decoder for images of any size, with strides of two and mirrored sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from simulacra.nets.layers import activation


def sizes_along(size: int, halvings: int) -> list[int]:
    """Returns the sides along an encoder; each convolution maps n to ceil(n / 2).

    Args:
        size: side of the image.
        halvings: number of convolutions.

    Example:
        >>> sizes_along(7, 2)
        [7, 4, 2]
    """
    sizes = [size]
    for _ in range(halvings):
        sizes.append(-(-sizes[-1] // 2))
    return sizes


def halving(c: int, channels: Sequence[int], act: str) -> nn.Sequential:
    """Builds convolutions that halve the sides of images (B, c, H, W), each followed by the activation.

    Args:
        c: channels of the image.
        channels: channels after each halving.
        act: activation.
    """
    layers: list[nn.Module] = []
    for a, b in zip([c, *channels], channels):
        layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), activation(act)]
    return nn.Sequential(*layers)


def doubling(channels: Sequence[int], out: int, sides: tuple[int, int], act: str) -> nn.Sequential:
    """Builds the mirror of `halving`: the activation before each convolution, which doubles the sides.

    Args:
        channels: channels of the encoder, which are used in reverse.
        out: channels of the output.
        sides: height and width of the output.
        act: activation.
    """
    heights, widths = (sizes_along(side, len(channels)) for side in sides)
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise([*reversed(channels), out])):
        # o = 2 n - 1 + output_padding, which is 1 where the encoder halved an even side
        extra = (1 - heights[-2 - i] % 2, 1 - widths[-2 - i] % 2)
        layers += [activation(act), nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=extra)]
    return nn.Sequential(*layers)


class ConvEncoder(nn.Module):
    """Maps images (B, C, H, W), and a condition (B, *), to vectors (B, out).

    Args:
        in_shape: (C, H, W).
        channels: channels after each halving of the side.
        out: size of the output.
        condition: number of entries of the flattened condition; 0 without one.
        act: activation of the hidden layers.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        channels: Sequence[int],
        out: int,
        condition: int = 0,
        act: str = "relu",
    ):
        super().__init__()
        c, h, w = in_shape
        self.body = halving(c, channels, act)
        sides = sizes_along(h, len(channels))[-1] * sizes_along(w, len(channels))[-1]
        self.head = nn.Linear(channels[-1] * sides + condition, out)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, out) for images h (B, C, H, W) and condition features c (B, *), or None."""
        h = self.body(h).flatten(1)
        return self.head(h if c is None else torch.cat([h, c.flatten(1)], 1))


class ConvDecoder(nn.Module):
    """Maps codes (B, code), and a condition (B, *), to (B, *out_shape); the mirror of `ConvEncoder`.

    Args:
        code: size of the code.
        channels: channels of the encoder, which are used in reverse.
        out_shape: (P, C, H, W), with P parameters for each entry of an image.
        condition: number of entries of the flattened condition; 0 without one.
        act: activation of the hidden layers.
    """

    def __init__(
        self,
        code: int,
        channels: Sequence[int],
        out_shape: Sequence[int],
        condition: int = 0,
        act: str = "relu",
    ):
        super().__init__()
        self.out_shape = tuple(out_shape)
        *front, h, w = out_shape
        heights, widths = sizes_along(h, len(channels)), sizes_along(w, len(channels))
        self.start = (channels[-1], heights[-1], widths[-1])
        self.stem = nn.Linear(code + condition, math.prod(self.start))
        self.body = doubling(channels, math.prod(front), (h, w), act)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, *out_shape) for codes z (B, code) and condition features c (B, *), or None."""
        z = z if c is None else torch.cat([z, c.flatten(1)], 1)
        return self.body(self.stem(z).unflatten(1, self.start)).unflatten(1, self.out_shape[:-2])
