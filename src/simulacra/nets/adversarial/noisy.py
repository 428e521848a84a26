"""A fully connected discriminator with noise on every layer and weight normalization, for few labels.

    h <- relu(W (h + s n) + b),  n ~ N(0, I),  W = g v / |v| row by row           (1)

Reference: Salimans et al. 2016; Salimans and Kingma 2016 (weight normalization). Row G13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.random.keyed import current_rng


class Noise(nn.Module):
    """Adds N(0, s^2) in training mode, with random numbers keyed by the training step.

    Args:
        scale: standard deviation s.

    Raises:
        ValueError: if `scale` is negative.
    """

    def __init__(self, scale: float):
        super().__init__()
        if scale < 0:
            raise ValueError(f"the noise on a layer is {scale}, but it must not be negative.")
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Returns x with noise, shape (B, *)."""
        if not self.training or self.scale == 0:
            return x
        rng = current_rng()
        if rng is None:
            return x + self.scale * torch.randn_like(x)
        assert isinstance(rng.rows, range)
        rows = range(rng.rows.start, rng.rows.start + x.shape[0])
        return x + self.scale * rng.normal(rng.anonymous(), *x.shape[1:], rows=rows, dtype=x.dtype)


class NormalizedLinear(nn.Module):
    """A linear layer with weight normalization: each row of weights has the norm g, equation (1).

    Args:
        a: size of the input.
        b: size of the output.
    """

    def __init__(self, a: int, b: int):
        super().__init__()
        self.v = nn.Parameter(torch.randn(b, a) / math.sqrt(a))
        self.g = nn.Parameter(self.v.detach().norm(dim=1))
        self.bias = nn.Parameter(torch.zeros(b))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the output of the layer, shape (B, b)."""
        return F.linear(x, self.v * (self.g / self.v.norm(dim=1)).unsqueeze(1), self.bias)


class NoisyCritic(nn.Module):
    """A stack of layers of equation (1); its features are the last layer.

    Args:
        in_shape: shape of one input.
        hidden: sizes of the layers.
        input_noise: s of the first layer.
        layer_noise: s of the other layers.
    """

    def __init__(
        self, in_shape: Sequence[int], hidden: Sequence[int], input_noise: float, layer_noise: float
    ):
        super().__init__()
        self.width = hidden[-1]
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise([math.prod(in_shape), *hidden])):
            layers += [Noise(layer_noise if i else input_noise), NormalizedLinear(a, b), nn.ReLU()]
        self.body = nn.Sequential(*layers)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns features of h (B, *in_shape), shape (B, width); the condition c is ignored."""
        return self.body(h.flatten(1))
