"""Networks of coupling layers: from the entries that stay, a scale and a shift for the others.

    (a, t) = network(h),   s = g tanh(a)                                                              (1)

g is learned, one for each entry of a vector or each channel of an image, so that |s| has a bound that
training can move. The last layer begins near 0: an untrained flow changes its inputs little.

Reference: Dinh, Sohl-Dickstein and Bengio 2017, section 3.7 and appendix B. Row C9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.nets.layers import activation
from simulacra.nets.mlp import mlp

SMALL = 0.01  # factor of the initial weights of the last layer


class DenseScaleAndShift(nn.Module):
    """Equation (1) with a fully connected network, for observations of any shape.

    Args:
        shape: shape of one observation.
        hidden: sizes of the hidden layers.
        act: activation of the hidden layers.

    Example:
        >>> s, t = DenseScaleAndShift((3,), (8,))(torch.zeros(2, 3))
        >>> s.shape, t.shape
        (torch.Size([2, 3]), torch.Size([2, 3]))
    """

    def __init__(self, shape: Sequence[int], hidden: Sequence[int], act: str = "relu"):
        super().__init__()
        self.shape, d = tuple(shape), math.prod(shape)
        self.body = mlp([d, *hidden, 2 * d], act)
        self.gain = nn.Parameter(torch.ones(d))
        _begin_small(self.body[-1])

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Returns s and t, each of the shape of h.

        Args:
            h: observations with 0 at the entries that change, shape (B, *).
        """
        a, t = self.body(h.flatten(1)).chunk(2, 1)
        # (1)
        return (self.gain * a.tanh()).unflatten(1, self.shape), t.unflatten(1, self.shape)


class ConvScaleAndShift(nn.Module):
    """Equation (1) with convolutions, for images.

    Blocks of `squeeze` x `squeeze` pixels are laid into channels first, so that a network sees more of the
    image at the same depth.

    Args:
        shape: (C, H, W), whose sides are multiples of `squeeze`.
        channels: channels of the hidden layers.
        squeeze: side of the blocks.
        act: activation of the hidden layers.

    Example:
        >>> s, t = ConvScaleAndShift((1, 4, 6), (8,), squeeze=2)(torch.zeros(2, 1, 4, 6))
        >>> s.shape, t.shape
        (torch.Size([2, 1, 4, 6]), torch.Size([2, 1, 4, 6]))
    """

    def __init__(self, shape: Sequence[int], channels: Sequence[int], squeeze: int = 1, act: str = "relu"):
        super().__init__()
        self.squeeze, planes = squeeze, shape[0] * squeeze * squeeze
        layers: list[nn.Module] = []
        for a, b in zip([planes, *channels], channels):
            layers += [nn.Conv2d(a, b, 3, padding=1), activation(act)]
        self.body = nn.Sequential(*layers, nn.Conv2d([planes, *channels][-1], 2 * planes, 3, padding=1))
        self.gain = nn.Parameter(torch.ones(planes, 1, 1))
        _begin_small(self.body[-1])

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Returns s and t, each of the shape of h.

        Args:
            h: images with 0 at the entries that change, shape (B, C, H, W).
        """
        a, t = self.body(F.pixel_unshuffle(h, self.squeeze)).chunk(2, 1)
        # (1)
        s = self.gain * a.tanh()
        return F.pixel_shuffle(s, self.squeeze), F.pixel_shuffle(t, self.squeeze)


def _begin_small(last: nn.Module) -> None:
    """Scales the initial weights of a layer by `SMALL`, and begins its biases at 0."""
    assert isinstance(last, (nn.Linear, nn.Conv2d)) and last.bias is not None
    with torch.no_grad():
        last.weight.mul_(SMALL)
        last.bias.zero_()
