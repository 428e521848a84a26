"""The network of PixelRNN: recurrent layers over images, with an unbounded receptive field.

    [o, f, i, g] = K_ss * h_before + K_is * x                                    (3)
    c = sg(f) c_before + sg(i) tanh(g),   h = sg(o) tanh(c)

Row LSTM: `before` is the row above; K_ss covers three of its pixels, K_is the pixel and those on its left.
Diagonal BiLSTM: `before` are the pixel on the left and the one above; a second sweep from the right is
shifted down by one row and added. The receptive field is all preceding pixels, with one exception: the last
channel at the end of the row above is hidden from its own features by type A, and reaches only the first
convolution. To run a sweep in parallel the image is skewed: row r moves r pixels to the right, and each
diagonal becomes a column.

Reference: van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, 2016, sections
3.1 to 3.3, equation 3, table 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.nets.autoregressive.causal import Above, Beside, Planes, planes
from simulacra.nets.autoregressive.raster import Head, RasterNet, Row, Taps, down


def cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Computes an LSTM cell, equation (3); returns h and c, each (..., n).

    Args:
        gates: o, f, i, g in this order along the last dimension, shape (..., 4 n).
        c: previous cell state, shape (..., n).
    """
    o, f, i, g = gates.chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def skew(x: Tensor) -> Tensor:
    """Shifts row r of (B, H, W, n) by r pixels to the right: (B, H, W + H - 1, n), with zeros elsewhere.

    Example:
        >>> skew(torch.tensor([[1, 2], [3, 4]]).view(1, 2, 2, 1)).squeeze().tolist()
        [[1, 2, 0], [0, 3, 4]]
    """
    b, h, w, n = x.shape
    # pad each row to W + H, then read the memory in rows of W + H - 1: each row starts one pixel later
    return F.pad(x, (0, 0, 0, h)).flatten(1, 2)[:, : h * (w + h - 1)].view(b, h, w + h - 1, n)


def unskew(x: Tensor) -> Tensor:
    """Inverts `skew`, from (B, H, W + H - 1, n) to (B, H, W, n)."""
    b, h, wide, n = x.shape
    return F.pad(x.flatten(1, 2), (0, 0, 0, h)).view(b, h, wide + 1, n)[:, :, : wide - h + 1]


class Recurrence(nn.Module, ABC):
    """Abstract base of recurrent layers, from features u (B, H, W, wide) to h (B, H, W, n).

    A layer computes whole images or pixel by pixel. The tap of a pixel is u, h and c, concatenated to
    (B, wide + 2 n). A later pixel of the row uses the taps of the last `reach` pixels.
    """

    n: int
    reach: int

    @abstractmethod
    def forward(self, u: Tensor) -> Tensor:
        """Computes h of all pixels, shape (B, H, W, n)."""

    @abstractmethod
    def kept(self, above: Tensor, taps: Tensor) -> Tensor:
        """Returns the state of a finished row that the next row needs, shape (B, W, 2 n).

        Args:
            above: this state of the row above, shape (B, W, 2 n).
            taps: taps of the finished row, shape (B, W, wide + 2 n).
        """

    @abstractmethod
    def term(self, above: Tensor) -> Tensor:
        """Computes the term of the row above for each pixel, shape (B, W, 5 n), from its `kept` state."""

    @abstractmethod
    def pixel(self, left: Taps, u: Tensor, term: Tensor) -> tuple[Tensor, Tensor]:
        """Computes a pixel; returns its tap and its h, shape (B, n).

        Args:
            left: taps of the last `reach` pixels of the row.
            u: features of the pixel, shape (B, wide).
            term: term of the row above for the pixel, shape (B, 5 n).
        """


class RowLSTM(Recurrence):
    """Equation (3) from row to row.

    Args:
        wide: colour of each input plane.
        narrow: colour of each plane of the state.
        kernel: width of the convolutions, odd.
    """

    def __init__(self, wide: Planes, narrow: Planes, kernel: int):
        super().__init__()
        self.n, self.wide, self.reach = len(narrow), len(wide), kernel // 2
        self.input = Beside(wide, narrow.repeat(4), kernel, "B")
        self.state = nn.Conv1d(self.n, 4 * self.n, kernel, padding=kernel // 2, bias=False)

    def _from_above(self, h: Tensor) -> Tensor:
        return self.state(h.movedim(-1, 1)).movedim(1, -1)

    def forward(self, u: Tensor) -> Tensor:
        """Computes h of all pixels, row by row."""
        h = c = u.new_zeros(u.shape[0], u.shape[2], self.n)
        rows = []
        for seen in self.input.everywhere(u).unbind(1):
            # (3)
            h, c = cell(seen + self._from_above(h), c)
            rows.append(h)
        return torch.stack(rows, 1)

    def kept(self, above: Tensor, taps: Tensor) -> Tensor:
        """Returns h and c of the finished row."""
        return taps[..., self.wide :]

    def term(self, above: Tensor) -> Tensor:
        """Returns K_ss * h and c of the row above."""
        h, c = above.chunk(2, -1)
        return torch.cat([self._from_above(h), c], -1)

    def pixel(self, left: Taps, u: Tensor, term: Tensor) -> tuple[Tensor, Tensor]:
        """Computes a pixel; c comes from the row above, and the pixels on the left are inputs only."""
        inputs = (tap[:, : self.wide] for tap in left)
        h, c = cell(term[:, : -self.n] + self.input(*inputs, u), term[:, -self.n :])
        return torch.cat([u, h, c], -1), h


class Sweep(nn.Module):
    """Equation (3) from left to right; K_ss covers the pixel on the left and the one above.

    Args:
        wide: colour of each input plane.
        narrow: colour of each plane of the state.
    """

    def __init__(self, wide: Planes, narrow: Planes):
        super().__init__()
        n = len(narrow)
        self.input = Beside(wide, narrow.repeat(4), 1, "B")
        self.beside, self.above = (nn.Linear(n, 4 * n, bias=False) for _ in range(2))

    def forward(self, u: Tensor) -> Tensor:
        """Computes h of all pixels, diagonal by diagonal."""
        seen = skew(self.input(u))
        h = c = seen.new_zeros(*seen.shape[:2], seen.shape[3] // 4)
        diagonals = []
        for gates in seen.unbind(2):
            # (3)
            h, c = cell(gates + self.beside(h) + self.above(F.pad(h, (0, 0, 1, -1))), c)
            diagonals.append(h)
        return unskew(torch.stack(diagonals, 2))

    def row(self, u: Tensor, above: Tensor) -> Tensor:
        """Computes h of one row, shape (B, W, n).

        Args:
            u: features of the row, shape (B, W, wide).
            above: h of the row above, shape (B, W, n).
        """
        gates = self.input(u) + self.above(above)
        h = c = torch.zeros_like(above[:, 0])
        found = []
        for here in gates.unbind(1):
            h, c = cell(here + self.beside(h), c)
            found.append(h)
        return torch.stack(found, 1)


class DiagonalBiLSTM(Recurrence):
    """The sum of a sweep from the left, and one from the right that is shifted down by one row.

    Args:
        wide: colour of each input plane.
        narrow: colour of each plane of the state.
    """

    def __init__(self, wide: Planes, narrow: Planes):
        super().__init__()
        self.n, self.wide, self.reach = len(narrow), len(wide), 1
        self.left, self.right = Sweep(wide, narrow), Sweep(wide, narrow)

    def forward(self, u: Tensor) -> Tensor:
        """Computes h of all pixels, shape (B, H, W, n)."""
        return self.left(u) + F.pad(self.right(u.flip(2)).flip(2), (0, 0, 0, 0, 1, -1))

    def kept(self, above: Tensor, taps: Tensor) -> Tensor:
        """Returns h of the finished row by both sweeps; the right one needs the whole row."""
        u, h, _ = taps.split([self.wide, self.n, self.n], -1)
        right = self.right.row(u.flip(1), above[..., self.n :].flip(1)).flip(1)
        return torch.cat([h, right], -1)

    def term(self, above: Tensor) -> Tensor:
        """Returns K_ss of the left sweep's h in the row above, and the right sweep's h."""
        h, right = above.chunk(2, -1)
        return torch.cat([self.left.above(h), right], -1)

    def pixel(self, left: Taps, u: Tensor, term: Tensor) -> tuple[Tensor, Tensor]:
        """Computes a pixel; h and c come from the tap of the pixel on the left."""
        gates, right = term[:, : -self.n] + self.left.input(u), term[:, -self.n :]
        h, c = left[-1][:, self.wide :].chunk(2, -1) if left else (torch.zeros_like(right),) * 2
        h, c = cell(gates + self.left.beside(h), c)
        return torch.cat([u, h, c], -1), h + right


class RecurrentStack(RasterNet):
    """A type A convolution, recurrent layers with shortcuts, and the head.

    Args:
        colours: channels of a pixel.
        inputs: input planes of each channel.
        outputs: output planes of each channel.
        layers: number of recurrent layers.
        channels: size of h; the features between the layers are twice as wide.
        kernel: width of the Row LSTM's convolutions; None takes the Diagonal BiLSTM.
        first_kernel: side of the first convolution.
    """

    layers: Sequence[Recurrence]
    up: Sequence[Beside]

    def __init__(
        self,
        colours: int,
        inputs: int,
        outputs: int,
        layers: int,
        channels: int,
        kernel: int | None,
        first_kernel: int,
    ):
        super().__init__()
        wide, narrow = planes(2 * channels, colours), planes(channels, colours)
        self.above = Above(colours * inputs, len(wide), first_kernel, bias=False)
        self.beside = Beside(planes(colours * inputs, colours), wide, first_kernel, "A")
        layer = lambda: RowLSTM(wide, narrow, kernel) if kernel else DiagonalBiLSTM(wide, narrow)
        self.layers = cast(Any, nn.ModuleList(layer() for _ in range(layers)))
        self.up = cast(Any, nn.ModuleList(Beside(narrow, wide, 1, "B") for _ in range(layers)))
        self.head = Head(wide, planes(colours * outputs, colours))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Maps x (B, H, W, inputs) to outputs (B, H, W, outputs) of all pixels."""
        u = self.above(x) + self.beside.everywhere(x)
        for layer, up in zip(self.layers, self.up):
            u = u + up(layer(u))
        return self.head(u)

    def first_row(self, blank: Tensor, c: Tensor | None) -> Row:
        """Returns the state of the top row, with zeros above it."""
        states = [blank.new_zeros(blank.shape[0], blank.shape[2], 2 * layer.n) for layer in self.layers]
        return self._row([self.above.edge(blank), *states])

    def next_row(self, row: Row) -> Row:
        """Returns the state of the next row: the image's rows move up, and each layer keeps its state."""
        kept = [
            layer.kept(row.above[i], row.features(i).squeeze(1)) for i, layer in enumerate(self.layers, 1)
        ]
        return self._row([down(row.above[0], row.features(0)), *kept])

    def _row(self, above: list[Tensor]) -> Row:
        terms = [self.above.last(above[0]), *(a.term(kept) for a, kept in zip(self.layers, above[1:]))]
        return Row(None, tuple(above), tuple(term.unbind(1) for term in terms))

    def pixel(self, row: Row, x: Tensor) -> tuple[Taps, Tensor]:
        """Returns the taps of the next pixel x (B, inputs) and its output (B, outputs)."""
        at, taps = len(row.left), [x]
        u = row.terms[0][at] + self.beside(*row.columns(0, self.beside.reach, x))
        for i, (layer, up) in enumerate(zip(self.layers, self.up), 1):
            left = tuple(old[i] for old in row.left[-layer.reach :])
            tap, h = layer.pixel(left, u, row.terms[i][at])
            u = u + up(h)
            taps.append(tap)
        return tuple(taps), self.head(u)
