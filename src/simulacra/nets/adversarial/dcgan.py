"""Convolutional players without pooling: strides of two down, transposed ones up.

    G: z -> linear -> 4x4 -> 8x8 -> ... -> H x W        each step a transposed convolution
    D: H x W -> ... -> 8x8 -> 4x4 -> features           each step a convolution

A kernel of 4, stride 2 and padding 1 double and halve a side exactly, and each entry of the larger side lies
under equally many entries of the kernel, so that no chequered pattern comes from the overlap. As in the paper
all layers are normalized but the generator's last and the critic's first, and weights begin as N(0, 0.02).

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
    """From noise (B, latent), and a condition (B, *), to (B, C, H, W) without a last non-linearity.

    Args:
        latent: size of the noise.
        out_shape: (C, H, W), H and W multiples of 2^len(channels).
        channels: before each doubling of the side, from the lowest side to the highest.
        condition: size of the flattened condition.
        normalization: "batch", "virtual", "layer" or "none".
        reference: rows of the reference batch, for "virtual".

    Raises:
        ValueError: if the sides cannot be halved so often.

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
        self.apply(_begin)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """The images for noise `z` and features `c` of the condition."""
        z = z if c is None else torch.cat([z, c.flatten(1)], 1)
        return self.body(self.stem(z).unflatten(1, self.start))


class DCGANCritic(nn.Module):
    """From images (B, C, H, W), and a condition (B, *), to features (B, width).

    Args:
        in_shape: (C, H, W), H and W multiples of 2^len(channels).
        channels: after each halving of the side, from the highest side to the lowest.
        condition: size of the flattened condition, which comes in as constant maps beside the image.
        normalization: "batch", "virtual", "layer" or "none", of all layers but the first.
        dropout: probability of dropping an entry after each activation.
        reference: rows of the reference batch, for "virtual".

    Raises:
        ValueError: if the sides cannot be halved so often.

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
        self.apply(_begin)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """The features of images `h` with features `c` of the condition."""
        return self.body(beside(h, c)).flatten(1)


def beside(h: Tensor, c: Tensor | None) -> Tensor:
    """Maps h (B, C, H, W) and a condition (B, *) as constant maps, shape (B, C + m, H, W)."""
    if c is None:
        return h
    maps = c.flatten(1)[:, :, None, None]
    return torch.cat([h, maps.expand(-1, -1, *h.shape[2:])], 1)


def _begin(layer: nn.Module) -> None:
    """Weights from N(0, 0.02), biases of zero."""
    if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
