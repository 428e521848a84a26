"""Convolutions over the pixels that come before a pixel: row by row, within a pixel R, then G, then B.

A masked k x k convolution is split where a sampler wants to split it: `Above` sees the rows above the
pixel, which are known at once when a row begins; `Beside` sees the pixels on its left and, masked by
colour, the pixel itself. Their sum is the masked convolution of the paper. Features stand last,
(B, H, W, planes), so that one pixel (B, planes) passes through the same code.

Every plane belongs to a colour. At the pixel itself a plane of colour i sees

    type A: the planes of colours before i;     type B: those of colour i too.

Reference: van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, 2016, section 3.4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Planes = Tensor  # the colour of each plane, shape (planes,)


def planes(n: int, colours: int) -> Planes:
    """The colours of n planes, shared out as evenly as they go.

    Example:
        >>> planes(8, 3).tolist()
        [0, 0, 0, 1, 1, 1, 2, 2]
    """
    return torch.arange(n) * colours // n


class Above(nn.Module):
    """Convolution over `kernel // 2` rows above each pixel and `kernel` columns around it.

    Args:
        own: whether the pixel's own row is seen too, where its features know the rows above only.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, own: bool = False, bias: bool = True):
        super().__init__()
        self.reach, self.own = kernel // 2, own
        self.conv = nn.Conv2d(inputs, outputs, (self.reach + own, kernel), padding=(0, self.reach), bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (B, H, W, inputs) to outputs (B, H, W, outputs) of all pixels."""
        rows = F.pad(x.movedim(3, 1), (0, 0, self.reach, 0 if self.own else -1))
        return self.conv(rows).movedim(1, 3)

    def edge(self, row: Tensor) -> Tensor:
        """Zeros for the rows that it looks back on from the top row: (B, reach, W, inputs).

        Args:
            row: of the batch and width wanted, shape (B, 1, W, *).
        """
        return row.new_zeros(row.shape[0], self.reach, row.shape[2], self.conv.in_channels)

    def last(self, rows: Tensor) -> Tensor:
        """The one row that just these rows, (B, reach + own, W, inputs), give: (B, W, outputs)."""
        return self.conv(rows.movedim(3, 1)).squeeze(2).movedim(1, 2)


class Beside(nn.Module):
    """Convolution over `kernel // 2` pixels on the left and the masked pixel; 1 x 1 for `kernel` 1.

    Args:
        inputs: the colour of each input plane.
        outputs: the colour of each output plane.
        kind: what an output sees of the pixel itself: `A` or `B` as above.
    """

    mask: Tensor

    def __init__(self, inputs: Planes, outputs: Planes, kernel: int, kind: Literal["A", "B"]):
        super().__init__()
        self.reach = kernel // 2
        n = len(inputs) * (self.reach + 1)
        self.weight = nn.Parameter(torch.empty(len(outputs), n).uniform_(-1, 1) / math.sqrt(n))
        self.bias = nn.Parameter(torch.empty(len(outputs)).uniform_(-1, 1) / math.sqrt(n))
        target = outputs.unsqueeze(1)
        mask = torch.ones(len(outputs), n)
        mask[:, n - len(inputs) :] = (inputs < target if kind == "A" else inputs <= target).to(mask)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, *columns: Tensor) -> Tensor:
        """From the features of the last pixels of a row, each (..., inputs), to (..., outputs).

        Args:
            columns: from left to right, the pixel itself last; beyond the edge there are none.
        """
        seen = torch.cat(columns, -1) if len(columns) > 1 else columns[0]
        return F.linear(seen, (self.weight * self.mask)[:, -seen.shape[-1] :], self.bias)

    def everywhere(self, x: Tensor) -> Tensor:
        """All pixels at once, from (B, H, W, inputs) to (B, H, W, outputs)."""
        return self(*left(x, self.reach))


def left(x: Tensor, n: int) -> Sequence[Tensor]:
    """x of the pixels n, ..., 1, 0 to the left of each, zero beyond the edge; x of shape (B, H, W, *)."""
    padded = F.pad(x, (0, 0, n, 0))
    return [padded[:, :, i : i + x.shape[2]] for i in range(n + 1)]
