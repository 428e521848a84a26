"""The network of the gated PixelCNN: a vertical stack for the rows above, a horizontal one for the row.

    y = tanh(W_f * x + V_f' c) . sg(W_g * x + V_g' c)                            (4)

The receptive field of the vertical stack is all columns of the rows above. The horizontal stack has the
pixels on the left as inputs, and the vertical stack through a 1 x 1 link, so that there is no blind spot.

Reference: van den Oord et al., Conditional Image Generation with PixelCNN Decoders, 2016, equations 2
and 4, figure 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.nets.autoregressive.causal import Above, Beside, Planes, planes
from simulacra.nets.autoregressive.raster import Head, RasterNet, Row, Taps, down


class GatedLayer(nn.Module):
    """One layer of the vertical and of the horizontal stack.

    Args:
        inputs: colour of each input plane.
        hidden: colour of each plane of both stacks.
        kernel: side of the convolution, odd.
        first: if True, the input is the image: the vertical stack then leaves out the pixel's own row, and
            the
            horizontal one has a type A mask and no shortcut.
        condition: number of features of the condition; 0 without one.
    """

    def __init__(self, inputs: Planes, hidden: Planes, kernel: int, first: bool, condition: int):
        super().__init__()
        n, self.first = len(hidden), first
        self.above = Above(len(inputs), 2 * n, kernel, own=not first)
        self.link = nn.Linear(2 * n, 2 * n, bias=False)
        self.beside = Beside(inputs, hidden.repeat(2), kernel, "A" if first else "B")
        self.out = Beside(hidden, hidden, 1, "B")
        self.condition = nn.Linear(condition, 4 * n, bias=False) if condition else None

    def vertical(self, seen: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Computes the vertical stack's features, and its term for the horizontal stack.

        Args:
            seen: output of `above`, shape (B, ..., 2 hidden).
            c: features of the condition, shape (B, condition), or None.
        """
        term = self.link(seen)
        if self.condition is not None and c is not None:
            # V'h of both stacks, the same for all pixels
            given = self.condition(c).view(c.shape[0], *[1] * (seen.dim() - 2), -1)
            up, across = given.chunk(2, -1)
            seen, term = seen + up, term + across
        return gate(seen), term

    def horizontal(self, h: Tensor, seen: Tensor) -> Tensor:
        """Computes the horizontal stack's features, in the shape of its previous ones.

        Args:
            h: features of the layer below, shape (..., hidden).
            seen: output of `beside` plus the term of the vertical stack, shape (..., 2 hidden).
        """
        new = self.out(gate(seen))
        return new if self.first else h + new


def gate(a: Tensor) -> Tensor:
    """Returns tanh(first half) * sg(second half) of the last dimension."""
    f, g = a.chunk(2, -1)
    # (4)
    return torch.tanh(f) * torch.sigmoid(g)


class GatedStacks(RasterNet):
    """The gated PixelCNN: a stack over the rows above feeds one over the pixels on the left.

    Args:
        colours: channels of a pixel.
        inputs: input planes of each channel.
        outputs: output planes of each channel.
        layers: number of gated layers, including the first.
        channels: width of each stack.
        kernel: side of the convolutions after the first.
        first_kernel: side of the first convolution.
        condition: number of features of the condition; 0 without one.
    """

    layers: Sequence[GatedLayer]

    def __init__(
        self,
        colours: int,
        inputs: int,
        outputs: int,
        layers: int,
        channels: int,
        kernel: int,
        first_kernel: int,
        condition: int = 0,
    ):
        super().__init__()
        hidden = planes(channels, colours)
        first = GatedLayer(planes(colours * inputs, colours), hidden, first_kernel, True, condition)
        later = (GatedLayer(hidden, hidden, kernel, False, condition) for _ in range(layers - 1))
        self.layers = cast(Any, nn.ModuleList([first, *later]))
        self.head = Head(hidden, planes(colours * outputs, colours))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Maps x (B, H, W, inputs) to outputs (B, H, W, outputs) of all pixels."""
        v = h = x
        for layer in self.layers:
            v, term = layer.vertical(layer.above(v), c)
            h = layer.horizontal(h, layer.beside.everywhere(h) + term)
        return self.head(h)

    def first_row(self, blank: Tensor, c: Tensor | None) -> Row:
        """Returns the state of the top row, with zeros above it."""
        return self._row([layer.above.edge(blank) for layer in self.layers], blank, c)

    def next_row(self, row: Row) -> Row:
        """Returns the state of the next row, from the image's row only, since h stays in its row."""
        return self._row(list(row.above), row.features(0), row.c)

    def _row(self, above: list[Tensor], x: Tensor, c: Tensor | None) -> Row:
        """Computes one row of the vertical stack, below the image's row x."""
        terms, v = [], x
        for i, layer in enumerate(self.layers):
            seen = above[i] = down(above[i], v) if layer.first else torch.cat([above[i], v], 1)
            v, term = layer.vertical(layer.above.last(seen), c)
            terms.append(term.unbind(1))
            above[i], v = seen[:, -layer.above.reach :], v.unsqueeze(1)
        return Row(c, tuple(above), tuple(terms))

    def pixel(self, row: Row, x: Tensor) -> tuple[Taps, Tensor]:
        """Returns the taps of the next pixel x (B, inputs) and its output (B, outputs)."""
        at, h, taps = len(row.left), x, []
        for i, layer in enumerate(self.layers):
            taps.append(h)
            seen = layer.beside(*row.columns(i, layer.beside.reach, h))
            h = layer.horizontal(h, seen + row.terms[i][at])
        return tuple(taps), self.head(h)
