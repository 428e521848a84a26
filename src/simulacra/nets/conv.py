"""Convolutional encoder and decoder for images of any size, with strides of two and mirrored sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from simulacra.nets.layers import activation


def _sizes(size: int, halvings: int) -> list[int]:
    """Returns the sides along the encoder; each convolution maps n to ceil(n / 2)."""
    sizes = [size]
    for _ in range(halvings):
        sizes.append(-(-sizes[-1] // 2))
    return sizes


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
        layers: list[nn.Module] = []
        for a, b in zip([c, *channels], channels):
            layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), activation(act)]
        self.body = nn.Sequential(*layers)
        sides = _sizes(h, len(channels))[-1] * _sizes(w, len(channels))[-1]
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
        heights, widths = _sizes(h, len(channels)), _sizes(w, len(channels))
        self.start = (channels[-1], heights[-1], widths[-1])
        self.stem = nn.Linear(code + condition, math.prod(self.start))
        steps = [*reversed(channels), math.prod(front)]
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise(steps)):
            # o = 2 n - 1 + output_padding, which is 1 where the encoder halved an even side
            extra = (1 - heights[-2 - i] % 2, 1 - widths[-2 - i] % 2)
            up = nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=extra)
            layers += [activation(act), up]
        self.body = nn.Sequential(*layers)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, *out_shape) for codes z (B, code) and condition features c (B, *), or None."""
        z = z if c is None else torch.cat([z, c.flatten(1)], 1)
        return self.body(self.stem(z).unflatten(1, self.start)).unflatten(1, self.out_shape[:-2])
