"""Networks whose output at a pixel depends on the pixels before it, whole or pixel by pixel.

`forward` computes all pixels at once. To draw, `pixel` computes one from a `Row`: what the rows above
give to every pixel of the row is computed once when the row begins (`next_row`), and of the row itself
only the features of a few pixels on the left are looked at. The cost of a pixel so does not depend on
how many there are. Both ways pass through the same layers.

Reference: van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, 2016.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.nets.autoregressive.causal import Beside, Planes

Taps = tuple[Tensor, ...]  # at one pixel the features that each layer looks at, each (B, planes)


@dataclass(frozen=True)
class Row:
    """State that is kept while a row is drawn; nothing in it is ever written to.

    Args:
        c: the condition, shape (B, *), or None.
        above: for each layer the rows that it looks back on, shape (B, reach, W, planes).
        terms: for each layer what they give to the pixels of this row, W of shape (B, planes).
        left: for each pixel drawn in this row what the layers look at.
    """

    c: Tensor | None
    above: tuple[Tensor, ...]
    terms: tuple[Taps, ...]
    left: tuple[Taps, ...] = ()

    def columns(self, layer: int, n: int, here: Tensor) -> Taps:
        """What `layer` looks at: its features n pixels to the left, ..., and here."""
        return (*(taps[layer] for taps in self.left[-n:]), here)

    def features(self, layer: int) -> Tensor:
        """What `layer` looks at along the finished row, shape (B, 1, W, planes)."""
        return torch.stack([taps[layer] for taps in self.left], 1).unsqueeze(1)


class RasterNet(nn.Module, ABC):
    """Abstract: see the top of the file."""

    @abstractmethod
    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Maps x (B, H, W, inputs) to outputs (B, H, W, outputs) of all pixels."""

    @abstractmethod
    def first_row(self, blank: Tensor, c: Tensor | None) -> Row:
        """The top row, for a blank row of shape (B, 1, W, inputs)."""

    @abstractmethod
    def next_row(self, row: Row) -> Row:
        """The row below a finished one."""

    @abstractmethod
    def pixel(self, row: Row, x: Tensor) -> tuple[Taps, Tensor]:
        """Returns the taps of the next pixel x (B, inputs) and its output (B, outputs)."""


class Head(nn.Module):
    """ReLU, masked 1 x 1, ReLU, masked 1 x 1: the last layers of both papers."""

    def __init__(self, inputs: Planes, outputs: Planes):
        super().__init__()
        self.inner, self.outer = Beside(inputs, inputs, 1, "B"), Beside(inputs, outputs, 1, "B")

    def forward(self, h: Tensor) -> Tensor:
        """From (..., inputs) to (..., outputs)."""
        return self.outer(F.relu(self.inner(F.relu(h))))


def down(rows: Tensor, new: Tensor) -> Tensor:
    """The rows with the oldest left out and a new one below."""
    return torch.cat([rows[:, 1:], new], 1)


def drawn(row: Row, taps: Taps, x: Tensor) -> Row:
    """The row after its next pixel took the value x, shape (B, inputs)."""
    return replace(row, left=(*row.left, (x, *taps[1:])))
