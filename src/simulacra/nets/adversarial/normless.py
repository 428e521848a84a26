"""Residual generator and critic without normalization: the networks of R3GAN.

    block      x -> x + W3 f(W2 f(W1 x + b1) + b2)                                                    (1)
    at start   W1, W2 ~ N(0, g^2 / (n sqrt(L))),   W3 = 0,   g^2 = 2 / (1 + 0.2^2)                    (2)
    images     z -> basis * (W z) -> blocks -> 2x -> ... -> blocks -> 1 x 1 convolution               (3)
    vectors    z -> W z -> blocks -> W                                                                (4)

f is a leaky ReLU of slope 0.2, n the number of inputs of a unit and L the number of blocks of the network. By
(2) every block starts as the identity, so that the variance of the activations does not grow with the depth,
and no normalization is needed. W1 and W3 are 1 x 1 convolutions and W2 a grouped one of 3 x 3; for vectors
all are linear maps. A side is doubled by bilinear interpolation and halved by the mean of 2 x 2 places, which
is bilinear as well. The critic mirrors the generator and ends in a weighted sum over places for each channel.

Reference: Huang, Gokaslan, Kuleshov and Tompkin, The GAN is dead; long live the GAN! A Modern Baseline GAN,
2024; Zhang, Dauphin and Ma, Fixup Initialization, 2019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from simulacra.nets.adversarial.dcgan import beside
from simulacra.nets.adversarial.sides import halvings, starting_side
from simulacra.nets.layers import activation
from simulacra.nets.maps import interpolated

Layer = TypeVar("Layer", bound=nn.Linear | nn.Conv2d)
ACTIVATION, GAIN = "leaky-relu-0.2", math.sqrt(2 / (1 + 0.2**2))
EXPANSION, GROUP = 2, 16  # of the channels inside a block of images; channels of a group


class NormlessBlock(nn.Module):
    """The residual block (1), which is the identity at the start.

    Args:
        channels: channels of x, or entries if it is a vector.
        depth: number L of blocks in the whole network.
        images: if True, x are maps (B, channels, H, W), else vectors (B, channels).

    Example:
        >>> x = torch.ones(2, 3, 5, 7)
        >>> bool((NormlessBlock(3, depth=4, images=True)(x) == x).all())
        True
    """

    def __init__(self, channels: int, depth: int, images: bool):
        super().__init__()
        gain = GAIN * depth**-0.25
        layers: list[nn.Linear | nn.Conv2d]
        if images:
            inner = EXPANSION * channels
            groups = inner // math.gcd(inner, GROUP)
            middle = nn.Conv2d(inner, inner, 3, padding=1, groups=groups)
            layers = [nn.Conv2d(channels, inner, 1), middle, nn.Conv2d(inner, channels, 1, bias=False)]
        else:
            layers = [nn.Linear(channels, channels, bias=i < 2) for i in range(3)]
        # (2)
        first, second, last = (_started(layer, g) for layer, g in zip(layers, (gain, gain, 0.0)))
        self.body = nn.Sequential(first, activation(ACTIVATION), second, activation(ACTIVATION), last)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (1), in the shape of x."""
        # (1)
        return x + self.body(x)


class Doubled(nn.Module):
    """Doubles the sides of maps (B, C, H, W) by bilinear interpolation."""

    def forward(self, h: Tensor) -> Tensor:
        """Returns maps of shape (B, C, 2 H, 2 W)."""
        return interpolated(h, (2 * h.shape[2], 2 * h.shape[3]))


class NormlessGenerator(nn.Module):
    """Generates outputs (B, *out_shape), before output activation, from noise (B, latent) and a condition.

    Args:
        latent: size of the noise.
        out_shape: shape of one output; images (C, H, W) have sides that are 3 to 7 doubled several times.
        channels: channels of the blocks next to the image, which double at each halving of the side; for
            vectors the width of all blocks.
        blocks: blocks of each resolution; for vectors of the whole network.
        condition: number of entries of the flattened condition; 0 without one.
        images: if True, it has convolutions (3), else linear maps (4).

    Raises:
        ValueError: if the sides of images do not halve down to 3 to 7.

    Example:
        >>> NormlessGenerator(9, (1, 28, 28), channels=4, blocks=1, images=True)(torch.zeros(2, 9)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        latent: int,
        out_shape: Sequence[int],
        channels: int,
        blocks: int,
        condition: int = 0,
        images: bool = True,
    ):
        super().__init__()
        self.out_shape = tuple(out_shape)
        if not images:
            self.stem = _started(nn.Linear(latent + condition, channels, bias=False))
            end = _started(nn.Linear(channels, math.prod(out_shape)))
            self.body = nn.Sequential(*_blocks(channels, blocks, blocks, False), end)
            self.basis = None
            return
        n = halvings(out_shape)
        widths = [channels * 2**i for i in range(n, -1, -1)]
        self.stem = _started(nn.Linear(latent + condition, widths[0], bias=False))
        self.basis = nn.Parameter(torch.randn(widths[0], *starting_side(out_shape, n)))
        layers = _blocks(widths[0], blocks, blocks * len(widths))
        for a, b in pairwise(widths):
            layers += [_started(nn.Conv2d(a, b, 1, bias=False)), Doubled()]
            layers += _blocks(b, blocks, blocks * len(widths))
        self.body = nn.Sequential(*layers, _started(nn.Conv2d(channels, out_shape[0], 1)))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs for noise z (B, latent) and condition features c (B, condition), or None."""
        h = self.stem(z if c is None else torch.cat([z, c.flatten(1)], 1))
        # (3)
        h = h if self.basis is None else self.basis * h[:, :, None, None]
        return self.body(h).reshape(z.shape[0], *self.out_shape)


class NormlessCritic(nn.Module):
    """Extracts features (B, width) from inputs (B, *in_shape) and a condition (B, *).

    Args:
        in_shape: shape of one input; images (C, H, W) have sides that are 3 to 7 doubled several times.
        channels: channels of the blocks next to the image, which double at each halving of the side; for
            vectors the width of all blocks.
        blocks: blocks of each resolution; for vectors of the whole network.
        condition: number of entries of the flattened condition, which images have as constant maps; 0 without
            one.
        images: if True, it has convolutions, else linear maps.

    Raises:
        ValueError: if the sides of images do not halve down to 3 to 7.

    Example:
        >>> NormlessCritic((1, 28, 28), channels=4, blocks=1)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 16])
    """

    def __init__(
        self, in_shape: Sequence[int], channels: int, blocks: int, condition: int = 0, images: bool = True
    ):
        super().__init__()
        self.images = images
        if not images:
            self.width = channels
            stem = _started(nn.Linear(math.prod(in_shape) + condition, channels))
            self.body = nn.Sequential(stem, *_blocks(channels, blocks, blocks, False))
            return
        n = halvings(in_shape)
        widths = [channels * 2**i for i in range(n + 1)]
        self.width = widths[-1]
        layers: list[nn.Module] = [_started(nn.Conv2d(in_shape[0] + condition, channels, 1))]
        layers += _blocks(channels, blocks, blocks * len(widths))
        for a, b in pairwise(widths):
            layers += [nn.AvgPool2d(2), _started(nn.Conv2d(a, b, 1, bias=False))]
            layers += _blocks(b, blocks, blocks * len(widths))
        places = nn.Conv2d(self.width, self.width, starting_side(in_shape, n), groups=self.width, bias=False)
        self.body = nn.Sequential(*layers, _started(places))

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns features of h (B, *in_shape) and condition features c (B, *), or None."""
        if self.images:
            return self.body(beside(h, c)).flatten(1)
        h = h.flatten(1)
        return self.body(h if c is None else torch.cat([h, c.flatten(1)], 1))


def _blocks(channels: int, n: int, depth: int, images: bool = True) -> list[nn.Module]:
    return [NormlessBlock(channels, depth, images) for _ in range(n)]


def _started(layer: Layer, gain: float = 1.0) -> Layer:
    """Initializes weights from N(0, gain^2 / inputs of a unit) and biases with zero."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
