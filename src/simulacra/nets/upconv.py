"""Up-convolutions: an image of one to three dimensions from the parameters that describe it.

    un-pooling:       u(h)_{2i} = h_i,   0 elsewhere                                                  (1)
    up-convolution:   h' = f(conv_5(u(h))),   or with a transposed convolution of kernel 4            (2)
    parameters:       s_j = f(W f(W c_j)),   h = f(W f(W (s_1, ..., s_n)))                            (3)
    with a kernel w:  conv_w(u(h)) = the transposed convolution of h, of stride 2, with w turned      (4)

Each column c_j of the condition has a stream of two layers of its own, and two joint layers follow (3). The
result is a map of the lowest resolution, which each up-convolution doubles. (1) puts a value into the first
corner of its block of two, so that maximum pooling undoes it where no value is negative. Odd sides are cut.
Three of four entries of u(h) are 0, or seven of eight: by (4) nothing is computed for them.

Reference: Dosovitskiy, Springenberg and Brox, Learning to Generate Chairs with Convolutional Neural Networks,
2015, section 3. Rows H4, H5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.nets.conv import sizes_along
from simulacra.nets.layers import activation
from simulacra.nets.strides import padding
from simulacra.nets.unet import CONVOLUTIONS

Upsampling = Literal["unpool", "transposed"]
TRANSPOSED: tuple[type[nn.ConvTranspose1d] | type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d], ...] = (
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
DOUBLED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
KERNEL = 5  # of the convolution after an un-pooling
DOUBLING = 4  # kernel of a transposed convolution of stride 2
ACT = "leaky-relu-0.2"


def unpooled(h: Tensor) -> Tensor:
    """Returns maps of twice the sides by equation (1), shape (B, C, *2 sides).

    Args:
        h: maps, shape (B, C, *sides).

    Example:
        >>> unpooled(torch.tensor([[[3.0, 5.0]]])).tolist()
        [[[3.0, 0.0, 5.0, 0.0]]]
    """
    for dim in range(2, h.dim()):
        # (1) along one side
        h = torch.stack([h, torch.zeros_like(h)], dim + 1).flatten(dim, dim + 1)
    return h


class UpConvolution(nn.Module):
    """Equation (2) without f, cut to the sides of the result.

    Args:
        n_in: channels of h.
        n_out: channels of the result.
        sides: sides of the result: twice those of h, or one less.
        kind: `unpool`, or `transposed` for a transposed convolution.
    """

    def __init__(self, n_in: int, n_out: int, sides: Sequence[int], kind: Upsampling):
        super().__init__()
        self.sides, self.unpools = tuple(sides), kind == "unpool"
        kinds, kernel = (CONVOLUTIONS, KERNEL) if self.unpools else (TRANSPOSED, DOUBLING)
        self.conv = kinds[len(sides) - 1](n_in, n_out, kernel)

    def forward(self, h: Tensor) -> Tensor:
        """Returns maps (B, n_out, *sides) for maps h (B, n_in, *)."""
        dims, w = len(self.sides), self.conv.weight
        same, extra = padding("same", DOUBLING, 2), 0
        if self.unpools:
            # (4)
            w, same, extra = w.flip(*range(2, 2 + dims)).transpose(0, 1), padding("half", KERNEL), 1
        up = DOUBLED[dims - 1](h, w, self.conv.bias, stride=2, padding=same, output_padding=extra)
        return up[(slice(None), slice(None), *(slice(0, n) for n in self.sides))]


class UpConvolutional(nn.Module):
    """Maps the columns of a condition, a list of (B, n_j), to outputs (B, *out_shape) by (2) and (3).

    Args:
        sizes: n_j, the number of features of each column.
        out_shape: (P, C, *sides), with P parameters for each entry of an image of one to three sides.
        hidden: units of a column's layers, and of the joint layers.
        channels: channels after each halving of the side, as in an encoder, which are used in reverse.
        kind: `unpool` or `transposed`.

    Example:
        >>> net = UpConvolutional([3, 2], (1, 1, 7, 6), (5, 8), (4, 3), "unpool")
        >>> net([torch.zeros(2, 3), torch.zeros(2, 2)]).shape
        torch.Size([2, 1, 1, 7, 6])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        out_shape: Sequence[int],
        hidden: tuple[int, int],
        channels: Sequence[int],
        kind: Upsampling,
    ):
        super().__init__()
        self.out_shape = tuple(out_shape)
        front, sides = math.prod(out_shape[:2]), out_shape[2:]
        # sides at each resolution, the lowest first
        ladder = list(zip(*(reversed(sizes_along(side, len(channels))) for side in sides)))
        self.start = (channels[-1], *ladder[0])
        own, joint = hidden
        self.streams = nn.ModuleList([_two_layers(n, own) for n in sizes])
        self.stem = nn.Sequential(
            *_two_layers(own * len(sizes), joint), nn.Linear(joint, math.prod(self.start)), activation(ACT)
        )
        layers: list[nn.Module] = []
        for (a, b), to in zip(pairwise([*reversed(channels), front]), ladder[1:]):
            layers += [UpConvolution(a, b, to, kind), activation(ACT)]
        self.body = nn.Sequential(*layers[:-1])

    def forward(self, columns: Sequence[Tensor]) -> Tensor:
        """Returns outputs (B, *out_shape) for the features of each column, (B, n_j)."""
        # (3)
        s = [stream(c) for stream, c in zip(self.streams, columns, strict=True)]
        h = self.stem(torch.cat(s, 1)).unflatten(1, self.start)
        # (2)
        return self.body(h).unflatten(1, self.out_shape[:2])


def _two_layers(n_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, width), activation(ACT), nn.Linear(width, width), activation(ACT))
