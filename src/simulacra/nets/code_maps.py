"""Encoders and decoders of codes: T vectors of d numbers for each row, on a map of the image or in a list.

An image is halved by convolutions to a map of h x w features, and each place of the map is a code, so that a
code stands for its part of the image; T = h w. Other rows have a list of T codes, all of which a dense
network computes from the whole row.

    block:  h -> h + conv_1x1(f(conv_3x3(f(h))))                                 (1)

Reference: van den Oord, Vinyals and Kavukcuoglu, Neural Discrete Representation Learning, 2017, section 4.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from simulacra.nets.conv import doubling, halving, sizes_along
from simulacra.nets.layers import activation
from simulacra.nets.mlp import MLPDecoder, MLPEncoder


class Residual(nn.Module):
    """The block of equation (1).

    Args:
        channels: number of channels.
        act: activation f.
    """

    def __init__(self, channels: int, act: str):
        super().__init__()
        self.body = nn.Sequential(
            activation(act),
            nn.Conv2d(channels, channels, 3, padding=1),
            activation(act),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, h: Tensor) -> Tensor:
        """Computes equation (1), shape (B, channels, H, W)."""
        # (1)
        out: Tensor = h + self.body(h)
        return out


class MapEncoder(nn.Module):
    """Maps images (B, C, H, W) to the codes of a map, (B, h w, d), row by row.

    Args:
        in_shape: (C, H, W).
        channels: channels after each halving of the side.
        d: size of a code.
        blocks: number of residual blocks on the map.
        act: activation of the hidden layers.

    Example:
        >>> import torch
        >>> net = MapEncoder((1, 7, 6), (4, 5), d=3)
        >>> net.map, net(torch.zeros(2, 1, 7, 6)).shape
        ((2, 2), torch.Size([2, 4, 3]))
    """

    def __init__(
        self, in_shape: Sequence[int], channels: Sequence[int], d: int, blocks: int = 2, act: str = "relu"
    ):
        super().__init__()
        c, h, w = in_shape
        self.map = (sizes_along(h, len(channels))[-1], sizes_along(w, len(channels))[-1])
        residual = [Residual(channels[-1], act) for _ in range(blocks)]
        self.body = nn.Sequential(halving(c, channels, act), *residual, activation(act))
        self.out = nn.Conv2d(channels[-1], d, 1)

    def forward(self, h: Tensor) -> Tensor:
        """Returns codes (B, T, d) of images h (B, C, H, W)."""
        return self.out(self.body(h)).flatten(2).transpose(1, 2)


class MapDecoder(nn.Module):
    """Maps codes (B, h w, d), and a condition (B, *), to (B, *out_shape); the mirror of `MapEncoder`.

    Args:
        d: size of a code.
        channels: channels of the encoder, which are used in reverse.
        out_shape: (P, C, H, W), with P parameters for each entry of an image.
        condition: number of entries of the flattened condition, which is added at each place; 0 without one.
        blocks: number of residual blocks on the map.
        act: activation of the hidden layers.
    """

    def __init__(
        self,
        d: int,
        channels: Sequence[int],
        out_shape: Sequence[int],
        condition: int = 0,
        blocks: int = 2,
        act: str = "relu",
    ):
        super().__init__()
        *front, h, w = out_shape
        self.out_shape = tuple(out_shape)
        self.map = (sizes_along(h, len(channels))[-1], sizes_along(w, len(channels))[-1])
        self.stem = nn.Conv2d(d, channels[-1], 3, padding=1)
        self.given = nn.Linear(condition, channels[-1], bias=False) if condition else None
        residual = [Residual(channels[-1], act) for _ in range(blocks)]
        self.body = nn.Sequential(*residual, doubling(channels, math.prod(front), (h, w), act))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, *out_shape) for codes z (B, T, d) and condition features c (B, *), or None."""
        h = self.stem(z.transpose(1, 2).unflatten(2, self.map))
        if self.given is not None and c is not None:
            h = h + self.given(c.flatten(1))[:, :, None, None]
        return self.body(h).unflatten(1, self.out_shape[:-2])


class ListEncoder(nn.Module):
    """Maps features (B, *in_shape) to a list of T codes, (B, T, d).

    Args:
        in_shape: shape of one input.
        hidden: sizes of the hidden layers.
        T: number of codes.
        d: size of a code.
        act: activation of the hidden layers.
    """

    def __init__(self, in_shape: Sequence[int], hidden: Sequence[int], T: int, d: int, act: str = "relu"):
        super().__init__()
        self.map = (T,)
        self.net = MLPEncoder(in_shape, hidden, T * d, act=act)

    def forward(self, h: Tensor) -> Tensor:
        """Returns codes (B, T, d) of features h (B, *in_shape)."""
        return self.net(h).unflatten(1, (*self.map, -1))


class ListDecoder(nn.Module):
    """Maps a list of codes (B, T, d), and a condition (B, *), to (B, *out_shape).

    Args:
        T: number of codes.
        d: size of a code.
        hidden: sizes of the hidden layers of the encoder, which are used in reverse.
        out_shape: shape of one output.
        condition: number of entries of the flattened condition; 0 without one.
        act: activation of the hidden layers.
    """

    def __init__(
        self,
        T: int,
        d: int,
        hidden: Sequence[int],
        out_shape: Sequence[int],
        condition: int = 0,
        act: str = "relu",
    ):
        super().__init__()
        self.net = MLPDecoder(T * d, list(reversed(hidden)), out_shape, condition, act)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, *out_shape) for codes z (B, T, d) and condition features c (B, *), or None."""
        return self.net(z.flatten(1), c)
