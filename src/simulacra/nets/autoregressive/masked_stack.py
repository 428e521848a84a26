"""The network of the plain PixelCNN: masked convolutions in residual blocks, with a blind spot.

A masked k x k convolution extends k // 2 columns to the right one row above. In a stack of them the pixels
further to the right above stay outside the receptive field at any depth: a quarter of the surroundings of the
pixel (the blind spot).

Reference: van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, 2016, table 1
and figure 5 on the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.nets.autoregressive.causal import Above, Beside, Planes, planes
from simulacra.nets.autoregressive.raster import Head, RasterNet, Row, Taps, down


class ResidualBlock(nn.Module):
    """A masked convolution of half the width between two masked 1 x 1 convolutions, with a shortcut.

    Args:
        wide: colour of each plane outside the block.
        narrow: colour of each plane of the inner convolution.
        kernel: side of the inner convolution, odd.
    """

    def __init__(self, wide: Planes, narrow: Planes, kernel: int):
        super().__init__()
        self.down, self.up = Beside(wide, narrow, 1, "B"), Beside(narrow, wide, 1, "B")
        self.above = Above(len(narrow), len(narrow), kernel, bias=False)
        self.beside = Beside(narrow, narrow, kernel, "B")

    def inside(self, h: Tensor) -> Tensor:
        """Returns the input of the masked convolution, shape (..., narrow)."""
        return F.relu(self.down(F.relu(h)))

    def join(self, h: Tensor, seen: Tensor) -> Tensor:
        """Returns the output of the block, shape (..., wide).

        Args:
            h: input of the block, shape (..., wide).
            seen: output of the masked convolution, shape (..., narrow).
        """
        return h + self.up(F.relu(seen))


class MaskedStack(RasterNet):
    """The plain PixelCNN: a type A convolution, residual blocks of type B, and the head.

    Args:
        colours: channels of a pixel.
        inputs: input planes of each channel.
        outputs: output planes of each channel.
        layers: number of masked convolutions larger than 1 x 1, including the first.
        channels: width inside the residual blocks; it is twice as large outside.
        kernel: side of the blocks' convolutions.
        first_kernel: side of the first convolution.
    """

    blocks: Sequence[ResidualBlock]

    def __init__(
        self,
        colours: int,
        inputs: int,
        outputs: int,
        layers: int,
        channels: int,
        kernel: int,
        first_kernel: int,
    ):
        super().__init__()
        wide, narrow = planes(2 * channels, colours), planes(channels, colours)
        self.above = Above(colours * inputs, len(wide), first_kernel, bias=False)
        self.beside = Beside(planes(colours * inputs, colours), wide, first_kernel, "A")
        blocks = (ResidualBlock(wide, narrow, kernel) for _ in range(layers - 1))
        self.blocks = cast(Any, nn.ModuleList(blocks))
        self.head = Head(wide, planes(colours * outputs, colours))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Maps x (B, H, W, inputs) to outputs (B, H, W, outputs) of all pixels."""
        h = self.above(x) + self.beside.everywhere(x)
        for block in self.blocks:
            u = block.inside(h)
            h = block.join(h, block.above(u) + block.beside.everywhere(u))
        return self.head(h)

    def first_row(self, blank: Tensor, c: Tensor | None) -> Row:
        """Returns the state of the top row, with zeros above it."""
        return self._row([above.edge(blank) for above in self._convolutions()])

    def next_row(self, row: Row) -> Row:
        """Returns the state of the next row, with the inputs of each layer in the finished row."""
        return self._row([down(rows, row.features(i)) for i, rows in enumerate(row.above)])

    def _convolutions(self) -> list[Above]:
        return [self.above, *(block.above for block in self.blocks)]

    def _row(self, above: list[Tensor]) -> Row:
        terms = [conv.last(rows).unbind(1) for conv, rows in zip(self._convolutions(), above)]
        return Row(None, tuple(above), tuple(terms))

    def pixel(self, row: Row, x: Tensor) -> tuple[Taps, Tensor]:
        """Returns the taps of the next pixel x (B, inputs) and its output (B, outputs)."""
        at, taps = len(row.left), [x]
        h = row.terms[0][at] + self.beside(*row.columns(0, self.beside.reach, x))
        for i, block in enumerate(self.blocks, 1):
            u = block.inside(h)
            h = block.join(h, row.terms[i][at] + block.beside(*row.columns(i, block.beside.reach, u)))
            taps.append(u)
        return tuple(taps), self.head(h)
