"""Fully connected networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.nets.layers import Dropout, activation


def mlp(sizes: Sequence[int], act: str = "relu", dropout: float = 0.0) -> nn.Sequential:
    """Builds linear layers of the given sizes with activations between them, none after the last.

    Saturating activations have Glorot initialization (Glorot and Bengio 2010), others torch's default.

    Args:
        sizes: sizes of input, hidden layers and output.
        act: activation of the hidden layers.
        dropout: dropout rate of the hidden layers.

    Example:
        >>> len(mlp([4, 8, 2]))
        3
    """
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        layers.append(_linear(a, b, act))
        if i < len(sizes) - 2:
            layers.append(activation(act))
            if dropout:
                layers.append(Dropout(dropout))
    return nn.Sequential(*layers)


def _linear(a: int, b: int, act: str) -> nn.Linear:
    layer = nn.Linear(a, b)
    if act in ("tanh", "sigmoid"):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return layer


def _straight(a: int, b: int) -> nn.Parameter:
    """Returns the weights of a linear map beside a network, which start at zero and draw no numbers."""
    return nn.Parameter(torch.zeros(b, a))


class MLPEncoder(nn.Module):
    """Maps features (B, *in_shape), and a condition (B, *), to vectors (B, out).

    Args:
        in_shape: shape of one input.
        hidden: sizes of the hidden layers.
        out: size of the output.
        condition: number of entries of the flattened condition; 0 without one.
        act: activation of the hidden layers.
        dropout: dropout rate of the hidden layers.
        linear: add a linear map of the inputs, which starts at zero.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        hidden: Sequence[int],
        out: int,
        condition: int = 0,
        act: str = "relu",
        dropout: float = 0.0,
        linear: bool = False,
    ):
        super().__init__()
        inputs = math.prod(in_shape) + condition
        self.body = mlp([inputs, *hidden, out], act, dropout)
        self.linear = _straight(inputs, out) if linear else None

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, out) for h (B, *in_shape) and condition features c (B, *), or None."""
        h = h.flatten(1)
        h = h if c is None else torch.cat([h, c.flatten(1)], 1)
        return self.body(h) if self.linear is None else self.body(h) + F.linear(h, self.linear)


class MLPDecoder(nn.Module):
    """Maps codes (B, code), and a condition (B, *), to (B, *out_shape).

    Args:
        code: size of the code.
        hidden: sizes of the hidden layers.
        out_shape: shape of one output.
        condition: number of entries of the flattened condition; 0 without one.
        act: activation of the hidden layers.
        dropout: dropout rate of the hidden layers.
        linear: add a linear map of the inputs, which starts at zero.
    """

    def __init__(
        self,
        code: int,
        hidden: Sequence[int],
        out_shape: Sequence[int],
        condition: int = 0,
        act: str = "relu",
        dropout: float = 0.0,
        linear: bool = False,
    ):
        super().__init__()
        self.out_shape = tuple(out_shape)
        outputs = math.prod(out_shape)
        self.body = mlp([code + condition, *hidden, outputs], act, dropout)
        self.linear = _straight(code + condition, outputs) if linear else None

    @property
    def output_bias(self) -> nn.Parameter:
        """Bias of the last layer, shape (prod(out_shape),)."""
        last = self.body[-1]
        assert isinstance(last, nn.Linear)
        return last.bias

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, *out_shape) for codes z (B, code) and condition features c (B, *), or None."""
        z = z if c is None else torch.cat([z, c.flatten(1)], 1)
        out = self.body(z) if self.linear is None else self.body(z) + F.linear(z, self.linear)
        return out.unflatten(1, self.out_shape)
