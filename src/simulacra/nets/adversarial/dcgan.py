"""Convolutional generator and critic without pooling: strides of two down, transposed ones up.

    G: z -> linear -> 4x4 -> 8x8 -> ... -> H x W        each step a transposed convolution
    D: H x W -> ... -> 8x8 -> 4x4 -> features           each step a convolution

A kernel of 4 with stride 2 and padding 1 doubles or halves a side exactly. Every entry of the larger side
overlaps the same number of kernel entries, so there are no checkerboard artefacts. As in the paper, all
layers but the generator's last and the critic's first are normalized, and weights start as N(0, 0.02).

Reference: Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks, 2015. Row G4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.adversarial.sides import starting_side
from simulacra.nets.layers import Dropout, activation
from simulacra.nets.strides import padding

KERNEL, STRIDE = 4, 2
PADDING = padding("same", KERNEL, STRIDE)


class DCGANGenerator(nn.Module):
    """Generates images (B, C, H, W), before output activation, from noise (B, latent) and a condition.

    Args:
        latent: size of the noise.
        out_shape: (C, H, W), with H and W multiples of 2^len(channels).
        channels: input channels of each upsampling layer, from the lowest resolution to the highest.
        condition: number of entries of the flattened condition; 0 without one.
        normalization: "batch", "virtual", "layer" or "none".
        act: activation of the hidden layers.
        reference: size of the reference batch of "virtual" normalization.

    Raises:
        ValueError: if H or W is not a multiple of 2^len(channels).

    Example:
        >>> DCGANGenerator(9, (1, 28, 28), channels=(6, 3))(torch.zeros(2, 9)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        latent: int,
        out_shape: Sequence[int],
        channels: Sequence[int] = (512, 256, 128, 64),
        condition: int = 0,
        normalization: str = "batch",
        act: str = "relu",
        reference: int = 0,
    ):
        super().__init__()
        self.start = (channels[0], *starting_side(out_shape, len(channels)))
        self.stem = nn.Linear(latent + condition, math.prod(self.start))
        layers = [norm(normalization, channels[0], reference=reference), activation(act)]
        for a, b in pairwise(channels):
            up = nn.ConvTranspose2d(a, b, KERNEL, STRIDE, PADDING, bias=needs_bias(normalization))
            layers += [up, norm(normalization, b, reference=reference), activation(act)]
        layers.append(nn.ConvTranspose2d(channels[-1], out_shape[0], KERNEL, STRIDE, PADDING))
        self.body = nn.Sequential(*layers)
        self.apply(begin)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns images for noise z (B, latent) and condition features c (B, condition), or None."""
        z = z if c is None else torch.cat([z, c.flatten(1)], 1)
        return self.body(self.stem(z).unflatten(1, self.start))


class DCGANCritic(nn.Module):
    """Extracts features (B, width) from images (B, C, H, W) and a condition (B, *).

    Args:
        in_shape: (C, H, W), with H and W multiples of 2^len(channels).
        channels: output channels of each downsampling layer, from the highest resolution to the lowest.
        condition: number of entries of the flattened condition, which is appended as constant maps; 0 without
            one.
        normalization: normalization of all layers but the first: "batch", "virtual", "layer" or "none".
        act: activation of the layers.
        dropout: dropout rate after each activation.
        reference: size of the reference batch of "virtual" normalization.

    Raises:
        ValueError: if H or W is not a multiple of 2^len(channels).

    Example:
        >>> DCGANCritic((1, 28, 28), channels=(3, 6))(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 294])
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        channels: Sequence[int] = (64, 128, 256, 512),
        condition: int = 0,
        normalization: str = "batch",
        act: str = "leaky-relu-0.2",
        dropout: float = 0.0,
        reference: int = 0,
    ):
        super().__init__()
        self.width = channels[-1] * math.prod(starting_side(in_shape, len(channels)))
        layers: list[nn.Module] = []
        kind = "none"
        for a, b in pairwise([in_shape[0] + condition, *channels]):
            down = nn.Conv2d(a, b, KERNEL, STRIDE, PADDING, bias=needs_bias(kind))
            layers += [down, norm(kind, b, reference=reference), activation(act), Dropout(dropout)]
            kind = normalization
        self.body = nn.Sequential(*layers)
        self.apply(begin)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the features of images h (B, C, H, W) and condition features c (B, condition), or None."""
        return self.body(beside(h, c)).flatten(1)


def beside(h: Tensor, c: Tensor | None) -> Tensor:
    """Appends a condition to maps as constant maps, shape (B, C + m, *).

    Args:
        h: images or maps, shape (B, C, H, W), or channels of a wave, shape (B, C, T).
        c: condition of m entries, shape (B, *), or None, which returns h.
    """
    if c is None:
        return h
    maps = c.flatten(1)[(..., *[None] * (h.dim() - 2))]
    return torch.cat([h, maps.expand(-1, -1, *h.shape[2:])], 1)


def begin(layer: nn.Module) -> None:
    """Initializes the weights of a linear or convolutional layer from N(0, 0.02), and its bias with zero.

    Args:
        layer: any layer; others are left as they are.
    """
    if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
