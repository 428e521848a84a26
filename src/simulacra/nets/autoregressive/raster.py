"""Base of networks whose output at a pixel depends on the preceding pixels.

`forward` computes all pixels at once. Sampling computes one pixel at a time (`pixel`) from a `Row`. The terms
of the rows above are computed once for the whole row when it begins (`next_row`); within the row only the
features of a few pixels on the left are needed. So the cost of a pixel does not depend on the number of
pixels. Both ways use the same layers.

Reference: van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, 2016.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.nets.autoregressive.causal import Beside, Planes

Taps = tuple[Tensor, ...]  # inputs of each layer at one pixel, each (B, planes)


@dataclass(frozen=True)
class Row:
    """The immutable sampling state of a row.

    Args:
        c: features of the condition, shape (B, *), or None.
        above: for each layer its inputs in the rows above, shape (B, reach, W, planes).
        terms: for each layer the terms of the rows above for the W pixels of this row, each (B, planes).
        left: taps of each pixel drawn in this row.
    """

    c: Tensor | None
    above: tuple[Tensor, ...]
    terms: tuple[Taps, ...]
    left: tuple[Taps, ...] = ()

    def columns(self, layer: int, n: int, here: Tensor) -> Taps:
        """Returns the inputs of a layer at up to n pixels on the left and at the pixel itself.

        Args:
            layer: index of the layer.
            n: number of pixels on the left.
            here: input of the layer at the pixel, shape (B, planes).
        """
        return (*(taps[layer] for taps in self.left[-n:]), here)

    def features(self, layer: int) -> Tensor:
        """Returns the inputs of a layer along the finished row, shape (B, 1, W, planes)."""
        return torch.stack([taps[layer] for taps in self.left], 1).unsqueeze(1)


class RasterNet(nn.Module, ABC):
    """Abstract base of networks over images in raster scan; see the top of the file."""

    @abstractmethod
    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes the outputs of all pixels, shape (B, H, W, outputs).

        Args:
            x: features of the image, shape (B, H, W, inputs).
            c: features of the condition, shape (B, *), or None.
        """

    @abstractmethod
    def first_row(self, blank: Tensor, c: Tensor | None) -> Row:
        """Returns the sampling state of the top row.

        Args:
            blank: an empty row, shape (B, 1, W, inputs).
            c: features of the condition, shape (B, *), or None.
        """

    @abstractmethod
    def next_row(self, row: Row) -> Row:
        """Returns the sampling state of the row below a finished one."""

    @abstractmethod
    def pixel(self, row: Row, x: Tensor) -> tuple[Taps, Tensor]:
        """Computes the next pixel of a row.

        Args:
            row: the sampling state.
            x: features of the pixel, zero for channels not yet drawn, shape (B, inputs).

        Returns:
            The taps of the pixel, and its output, shape (B, outputs).
        """


class Head(nn.Module):
    """The last layers of both papers: ReLU, masked 1 x 1, ReLU, masked 1 x 1.

    Args:
        inputs: colour of each input plane.
        outputs: colour of each output plane.
    """

    def __init__(self, inputs: Planes, outputs: Planes):
        super().__init__()
        self.inner, self.outer = Beside(inputs, inputs, 1, "B"), Beside(inputs, outputs, 1, "B")

    def forward(self, h: Tensor) -> Tensor:
        """Maps features (..., inputs) to outputs (..., outputs)."""
        return self.outer(F.relu(self.inner(F.relu(h))))


def down(rows: Tensor, new: Tensor) -> Tensor:
    """Appends a new row below and drops the top one, shape (B, reach, W, planes).

    Args:
        rows: rows above, shape (B, reach, W, planes).
        new: the finished row, shape (B, 1, W, planes).
    """
    return torch.cat([rows[:, 1:], new], 1)


def drawn(row: Row, taps: Taps, x: Tensor) -> Row:
    """Returns the state of the row after its next pixel took a value.

    Args:
        row: the sampling state.
        taps: taps of the pixel.
        x: features of the pixel's value, shape (B, inputs).
    """
    return replace(row, left=(*row.left, (x, *taps[1:])))
