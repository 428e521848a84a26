"""Fully connected generator and critic, with normalization and dropout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.layers import Dropout, activation


class MLPGenerator(nn.Module):
    """Generates outputs (B, *out_shape), without output activation, from noise (B, latent) and a condition.

    Args:
        latent: size of the noise.
        hidden: sizes of the hidden layers.
        out_shape: shape of one output.
        condition: number of entries of the flattened condition; 0 without one.
        normalization: normalization of the hidden layers: "batch", "virtual", "layer" or "none".
        act: activation of the hidden layers.
        dropout: dropout rate after each activation.
        reference: size of the reference batch of "virtual" normalization.

    Example:
        >>> MLPGenerator(3, (10,), (1, 7, 5))(torch.zeros(2, 3)).shape
        torch.Size([2, 1, 7, 5])
    """

    def __init__(
        self,
        latent: int,
        hidden: Sequence[int],
        out_shape: Sequence[int],
        condition: int = 0,
        normalization: str = "none",
        act: str = "relu",
        dropout: float = 0.0,
        reference: int = 0,
    ):
        super().__init__()
        self.out_shape = tuple(out_shape)
        sizes = [latent + condition, *hidden]
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += dense_layer(a, b, normalization, act, dropout, reference)
        self.body = nn.Sequential(*layers, nn.Linear(sizes[-1], math.prod(out_shape)))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, *out_shape) for noise z (B, latent) and condition features c (B, *) or None."""
        z = z if c is None else torch.cat([z, c.flatten(1)], 1)
        return self.body(z).unflatten(1, self.out_shape)


class MLPCritic(nn.Module):
    """Extracts features (B, width), its last hidden layer, from inputs (B, *in_shape) and a condition (B, *).

    Args:
        in_shape: shape of one input.
        hidden: sizes of the hidden layers; the last one is the width.
        condition: number of entries of the flattened condition; 0 without one.
        normalization: normalization of all layers but the first, as in Radford et al. 2015: "batch",
            "virtual", "layer" or "none".
        act: activation of the layers.
        dropout: dropout rate after each activation.
        reference: size of the reference batch of "virtual" normalization.

    Example:
        >>> MLPCritic((1, 7, 5), (10, 6))(torch.zeros(2, 1, 7, 5)).shape
        torch.Size([2, 6])
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        hidden: Sequence[int],
        condition: int = 0,
        normalization: str = "none",
        act: str = "leaky-relu-0.2",
        dropout: float = 0.0,
        reference: int = 0,
    ):
        super().__init__()
        sizes = [math.prod(in_shape) + condition, *hidden]
        self.width = sizes[-1]
        layers: list[nn.Module] = []
        kind = "none"
        for a, b in pairwise(sizes):
            layers += dense_layer(a, b, kind, act, dropout, reference)
            kind = normalization
        self.body = nn.Sequential(*layers)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns features (B, width) of h (B, *in_shape) and condition features c (B, *), or None."""
        h = h.flatten(1)
        return self.body(h if c is None else torch.cat([h, c.flatten(1)], 1))


def dense_layer(a: int, b: int, kind: str, act: str, dropout: float, reference: int) -> list[nn.Module]:
    """Returns the modules of a hidden layer.

    Args:
        a: number of inputs.
        b: number of units.
        kind: normalization: "batch", "virtual", "layer" or "none".
        act: activation.
        dropout: dropout rate after the activation.
        reference: size of the reference batch of "virtual" normalization.
    """
    linear = nn.Linear(a, b, bias=needs_bias(kind))
    return [linear, norm(kind, b, 2, reference), activation(act), Dropout(dropout)]
