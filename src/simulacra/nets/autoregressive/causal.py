"""Causal convolutions over the pixels before a pixel: row by row, and R, then G, then B within a pixel.

A masked k x k convolution is split into two parts, so that sampling can cache the first: `Above` covers the
rows above the pixel, which are known when a row begins; `Beside` covers the pixels on its left and, masked by
colour, the pixel itself. Their sum is the masked convolution of the paper. Features are the last dimension,
(B, H, W, planes), so that single pixels (B, planes) use the same code.

Every plane belongs to a colour. At the pixel itself the inputs of a plane of colour i are
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
    """Returns the colours of n planes, divided as evenly as possible, shape (n,).

    Args:
        n: number of planes.
        colours: number of colours.

    Example:
        >>> planes(8, 3).tolist()
        [0, 0, 0, 1, 1, 1, 2, 2]
    """
    return torch.arange(n) * colours // n


class Above(nn.Module):
    """Convolution over `kernel // 2` rows above each pixel and `kernel` columns around it.

    Args:
        inputs: input planes.
        outputs: output planes.
        kernel: width of the kernel, odd.
        own: if True, the pixel's own row is covered too, for inputs that depend on the rows above only.
        bias: if True, there is a bias.
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
        """Returns the zero rows above the top row, shape (B, reach, W, inputs).

        Args:
            row: any tensor of the batch size and width, shape (B, 1, W, *).
        """
        return row.new_zeros(row.shape[0], self.reach, row.shape[2], self.conv.in_channels)

    def last(self, rows: Tensor) -> Tensor:
        """Computes one row of outputs (B, W, outputs) from the rows (B, reach + own, W, inputs)."""
        return self.conv(rows.movedim(3, 1)).squeeze(2).movedim(1, 2)


class Beside(nn.Module):
    """Masked convolution over `kernel // 2` pixels on the left and the pixel itself; 1 x 1 for `kernel` 1.

    Args:
        inputs: colour of each input plane.
        outputs: colour of each output plane.
        kernel: width of the full kernel, odd.
        kind: mask at the pixel itself: `A` or `B` as above.
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
        """Computes outputs (..., outputs) at a pixel.

        Args:
            columns: features of the last pixels of the row from left to right, each (..., inputs), with the
                pixel
                itself last; pixels beyond the edge are left out.
        """
        seen = torch.cat(columns, -1) if len(columns) > 1 else columns[0]
        return F.linear(seen, (self.weight * self.mask)[:, -seen.shape[-1] :], self.bias)

    def everywhere(self, x: Tensor) -> Tensor:
        """Maps x (B, H, W, inputs) to outputs (B, H, W, outputs) of all pixels."""
        return self(*left(x, self.reach))


def left(x: Tensor, n: int) -> Sequence[Tensor]:
    """Returns x shifted to the right by n, ..., 1, 0 pixels, with zeros beyond the edge.

    Args:
        x: features, shape (B, H, W, *).
        n: largest shift.
    """
    padded = F.pad(x, (0, 0, n, 0))
    return [padded[:, :, i : i + x.shape[2]] for i in range(n + 1)]
