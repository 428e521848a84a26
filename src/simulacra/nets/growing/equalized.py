"""Layers of progressive growing: equalized learning rates, pixel normalization, deviation of a batch.

    w^ = c w,   w ~ N(0, 1) at the start,   c = gain / sqrt(inputs of a unit)                     (1)
    b = a / sqrt(mean_j a_j^2 + eps),   j over the channels of a pixel                            (2)
    s = mean over channels and pixels of the standard deviation over the rows of the batch        (3)

Adam moves each weight by about its learning rate, whatever its gradient; under (1) all layers have weights of
one size and move at one pace. (3) is one number for the batch, which the critic sees at each pixel: samples
that vary less than data show it. A constant batch has s = 0: sqrt(v) is taken as v / sqrt(v + eps), whose
gradients are finite there.

Reference: Karras, Aila, Laine and Lehtinen, Progressive Growing of GANs, 2018, sections 3 and 4. Row G30.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.numerics.exchange import row_mean

EPS = 1e-8
RELU = math.sqrt(2)  # He's gain before a rectifier
MOMENTUM = 0.1  # share of a batch in the running mean of (3)


class EqualizedConv(nn.Conv2d):
    """A convolution (B, a, H, W) -> (B, b, H, W) with weights by equation (1).

    Args:
        a: channels of the input.
        b: channels of the output.
        kernel: side of the kernel, odd.
        gain: of equation (1).

    Example:
        >>> layer = EqualizedConv(3, 5, 3)
        >>> layer(torch.zeros(2, 3, 4, 4)).shape, round(layer.c, 4)
        (torch.Size([2, 5, 4, 4]), 0.2722)
    """

    def __init__(self, a: int, b: int, kernel: int, gain: float = RELU):
        super().__init__(a, b, kernel, padding=kernel // 2)
        self.c = _begin(self, gain)

    def forward(self, h: Tensor) -> Tensor:
        """Returns maps, shape (B, b, H, W)."""
        # (1)
        return self._conv_forward(h, self.c * self.weight, self.bias)


class EqualizedLinear(nn.Linear):
    """A linear layer (B, a) -> (B, b) with weights by equation (1).

    Args:
        a: units of the input.
        b: units of the output.
        gain: of equation (1).
        bias: if True, the layer has a bias.
    """

    def __init__(self, a: int, b: int, gain: float = RELU, bias: bool = True):
        super().__init__(a, b, bias=bias)
        self.c = _begin(self, gain)

    def forward(self, h: Tensor) -> Tensor:
        """Returns units, shape (B, b)."""
        # (1)
        return F.linear(h, self.c * self.weight, self.bias)


def _begin(layer: nn.Linear | nn.Conv2d, gain: float) -> float:
    """Draws weights from N(0, 1), sets biases to 0, and returns c of equation (1)."""
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return gain / math.sqrt(layer.weight[0].numel())


class PixelNorm(nn.Module):
    """Normalizes the channels of each pixel to a mean square of 1, equation (2).

    Example:
        >>> PixelNorm()(torch.tensor([[3.0, 4.0]])).square().mean().item()
        1.0
    """

    def forward(self, a: Tensor) -> Tensor:
        """Returns b, shape of a (B, C, *)."""
        # (2)
        return a * (a.square().mean(1, keepdim=True) + EPS).rsqrt()


def deviation(h: Tensor) -> Tensor:
    """Computes s of equation (3) over the rows of all processes, shape ().

    Args:
        h: maps or features, shape (B, *).

    Example:
        >>> deviation(torch.tensor([[1.0, 1.0], [3.0, 1.0]])), deviation(torch.ones(5, 2))
        (tensor(0.5000), tensor(0.))
    """
    v = row_mean((h - row_mean(h)).square())
    # (3)
    return (v * (v + EPS).rsqrt()).mean()


class BatchDeviation(nn.Module):
    """Appends s of equation (3) to maps as a constant channel; in evaluation a running mean takes its place.

    A score in evaluation is then one of the row alone. Pass real and generated rows in separate calls.

    Example:
        >>> BatchDeviation()(torch.ones(5, 2, 3, 3))[:, 2].unique()
        tensor([0.])
    """

    usual: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("usual", torch.zeros(()))

    def forward(self, h: Tensor) -> Tensor:
        """Returns maps with one more channel, shape (B, C + 1, H, W)."""
        s = self.usual
        if self.training:
            s = deviation(h)
            with torch.no_grad():
                self.usual.lerp_(s.to(self.usual.dtype), MOMENTUM)
        return torch.cat([h, s.to(h.dtype).expand(h.shape[0], 1, *h.shape[2:])], 1)
