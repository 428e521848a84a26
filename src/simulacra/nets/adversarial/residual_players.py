"""Residual generator and critic: blocks double the side by nearest upsampling or halve it by average pooling.

    block:  x -> shortcut(x) + conv(f(norm(conv(f(norm(x))))))

As in the CIFAR-10 networks of the paper: three blocks up from 4x4; two down to 8x8 and two that keep the
side, the first without normalization; then a mean over positions.

Reference: Gulrajani et al., Improved Training of Wasserstein GANs, 2017, appendix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from simulacra.nets.adversarial.dcgan import beside
from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.adversarial.sides import halvings, starting_side
from simulacra.nets.layers import Dropout, activation

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)
SMALLEST = 6  # smallest side after the critic's halvings: 32 ends at 8, 28 at 7


class ResidualGenerator(nn.Module):
    """Generates images (B, C, H, W), before output activation, from noise (B, latent) and a condition.

    Args:
        latent: size of the noise.
        out_shape: (C, H, W), with sides that are 3 to 7 doubled several times.
        channels: channels of all blocks.
        condition: number of entries of the flattened condition; 0 without one.
        normalization: "batch", "virtual", "layer" or "none".
        act: activation of the blocks.
        reference: size of the reference batch of "virtual" normalization.

    Raises:
        ValueError: if the sides do not halve down to 3 to 7.

    Example:
        >>> ResidualGenerator(9, (1, 28, 28), channels=3)(torch.zeros(2, 9)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        latent: int,
        out_shape: Sequence[int],
        channels: int = 128,
        condition: int = 0,
        normalization: str = "batch",
        act: str = "relu",
        reference: int = 0,
    ):
        super().__init__()
        n = halvings(out_shape)
        self.start = (channels, *starting_side(out_shape, n))
        self.stem = nn.Linear(latent + condition, math.prod(self.start))
        _glorot(self.stem)
        blocks = [_block(channels, "up", normalization, act, 0.0, reference) for _ in range(n)]
        end = [norm(normalization, channels, reference=reference), activation(act)]
        last = _glorot(nn.Conv2d(channels, out_shape[0], 3, padding=1))
        self.body = nn.Sequential(*blocks, *end, last)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns images for noise z (B, latent) and condition features c (B, condition), or None."""
        z = z if c is None else torch.cat([z, c.flatten(1)], 1)
        return self.body(self.stem(z).unflatten(1, self.start))


class ResidualCritic(nn.Module):
    """Extracts features (B, width) from images (B, C, H, W) and a condition (B, *).

    Args:
        in_shape: (C, H, W), with sides that are 3 to 7 doubled several times.
        channels: channels of all blocks, and the width of the features.
        condition: number of entries of the flattened condition, which is appended as constant maps; 0 without
            one.
        normalization: normalization of all blocks but the first: "layer", "none", "batch" or "virtual".
        act: activation of the blocks.
        dropout: dropout rate between the convolutions of a block.
        reference: size of the reference batch of "virtual" normalization.

    Raises:
        ValueError: if the sides do not halve down to 3 to 7.

    Example:
        >>> ResidualCritic((1, 28, 28), channels=3)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        channels: int = 128,
        condition: int = 0,
        normalization: str = "none",
        act: str = "relu",
        dropout: float = 0.0,
        reference: int = 0,
    ):
        super().__init__()
        self.width = channels
        shorter, n = min(in_shape[1:]), halvings(in_shape)
        downs = max(1, sum(shorter // 2**i >= SMALLEST for i in range(1, n + 1)))
        steps = ["down"] * (downs - 1) + ["keep", "keep"]
        blocks = [_block(channels, step, normalization, act, dropout, reference) for step in steps]
        first = _first(in_shape[0] + condition, channels, act, dropout)
        self.body = nn.Sequential(first, *blocks, activation(act))

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the features of images h (B, C, H, W) and condition features c (B, condition), or None."""
        return self.body(beside(h, c)).mean((2, 3))


class _Sum(nn.Module):
    """Computes shortcut(x) + residual(x)."""

    def __init__(self, shortcut: Sequence[nn.Module], residual: Sequence[nn.Module]):
        super().__init__()
        self.shortcut, self.residual = nn.Sequential(*shortcut), nn.Sequential(*residual)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.residual(x)


def _block(channels: int, step: str, kind: str, act: str, dropout: float, reference: int) -> nn.Module:
    """Returns a residual block that doubles the side ("up"), halves it ("down") or keeps it ("keep")."""
    bias = needs_bias(kind)
    # upsampling goes before a convolution, average pooling after it
    before = [nn.Upsample(scale_factor=2)] if step == "up" else []
    after = [nn.AvgPool2d(2)] if step == "down" else []
    one = [] if step == "keep" else [_glorot(nn.Conv2d(channels, channels, 1, bias=bias))]

    def half() -> list[nn.Module]:
        return [norm(kind, channels, reference=reference), activation(act)]

    first, second = _he(channels, channels, bias), _he(channels, channels, bias)
    residual = [*half(), *before, first, *half(), Dropout(dropout), second, *after]
    return _Sum([*before, *one, *after], residual)


def _first(a: int, b: int, act: str, dropout: float) -> nn.Module:
    """Returns the critic's first block, which neither normalizes nor rectifies the image."""
    one = _glorot(nn.Conv2d(a, b, 1))
    residual = [_he(a, b), activation(act), Dropout(dropout), _he(b, b), nn.AvgPool2d(2)]
    return _Sum([nn.AvgPool2d(2), one], residual)


def _he(a: int, b: int, bias: bool = True) -> nn.Conv2d:
    """Returns a 3 x 3 convolution that keeps the side, with He initialization."""
    return _glorot(nn.Conv2d(a, b, 3, padding=1, bias=bias), gain=math.sqrt(2))


def _glorot(layer: Layer, gain: float = 1.0) -> Layer:
    """Initializes uniform weights of variance 2 gain^2 / (inputs + outputs) and zero biases."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
