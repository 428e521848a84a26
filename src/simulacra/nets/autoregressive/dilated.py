"""A stack of dilated causal convolutions, for a whole series or one entry at a time.

    h_0,t = A_1 x_t-2 + A_2 x_t-1                                                (1)
    z_k = tanh(W_f * h_k + V_f' c) . sg(W_g * h_k + V_g' c)                      (2), (3)
    h_k+1 = h_k + R z_k                                                          (4)
    y = O_2 relu(O_1 relu(sum_k S z_k))                                          (5)

W * h is a convolution with two taps, at t - d and at t, with d = 1, 2, 4, ... repeated in each block.
Entries before the start are zero. Features are the last dimension, so that the same lines compute all
entries of a series or a single one.

A single step needs the features that layer k computed d entries ago. They are kept in an immutable queue, so
that several continuations can start from one state.

Reference: van den Oord et al., WaveNet: A Generative Model for Raw Audio, 2016, equations 2 and 3;
queues: Paine et al., Fast Wavenet Generation Algorithm, 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.nets.autoregressive.gated_stacks import gate

# from layer k and its features h to those d entries before, and the biases plus the condition's term
Look = Callable[[int, Tensor], tuple[Tensor, Tensor]]


class Queue(NamedTuple):
    """Features (B, channels) of a layer with dilation d; each is read d entries later.

    Args:
        before: features of the previous d entries.
        now: features of the entries since then, as a linked list, latest first: (features, (features, None)).
    """

    before: tuple[Tensor, ...]
    now: tuple[Tensor, Any] | None = None

    def joined(self, h: Tensor, t: int, d: int) -> Queue:
        """Returns the queue with the features of one more entry, in amortized O(1).

        Args:
            h: features of entry t, shape (B, channels).
            t: index of the entry.
            d: dilation.
        """
        link: tuple[Tensor, Any] | None = (h, self.now)
        if (t + 1) % d:
            return Queue(self.before, link)
        stretch = []
        while link:
            latest, link = link
            stretch.append(latest)
        return Queue(tuple(reversed(stretch)))


@dataclass(frozen=True)
class Matrices:
    """The matrices of the layers as separate tensors.

    Args:
        W: taps at t - d and t, each (2 channels, 2 channels).
        R: residual connections, each (channels, channels); the last layer has none.
    """

    W: tuple[Tensor, ...]
    R: tuple[Tensor, ...]


@dataclass(frozen=True)
class Column:
    """The immutable sampling state before entry t.

    Args:
        matrices: matrices of the layers.
        c: frames of the condition, shape (B, frames, condition), or None.
        hop: number of entries in a frame.
        shares: for each layer the biases plus the frame's term, (1, 2 channels) or (B, 2 channels).
        waiting: term of x_t-1 for entry t + 1, shape (B, channels).
        queues: queue of each layer.
        y: outputs of entry t, shape (B, outputs).
    """

    matrices: Matrices
    c: Tensor | None
    hop: int
    shares: tuple[Tensor, ...]
    waiting: Tensor
    queues: tuple[Queue, ...]
    y: Tensor


class DilatedStack(nn.Module):
    """Equations (1) to (5): outputs of entry t from the preceding entries.

    Args:
        codes: number of values of an entry, which has an embedding; 0 for real entries.
        outputs: number of outputs of an entry.
        blocks: number of blocks of layers, which all have the same dilations.
        layers: number of layers in a block, with dilations 1, 2, ..., 2^(layers - 1).
        channels: width of h and z.
        skip_channels: width of the summed skip connections.
        condition: size of a frame of the condition; 0 without one.

    Example:
        >>> DilatedStack(7, 3, blocks=1, layers=2, channels=4, skip_channels=5)(torch.tensor([[6, 0]])).shape
        torch.Size([1, 2, 3])
    """

    def __init__(
        self,
        codes: int,
        outputs: int,
        blocks: int,
        layers: int,
        channels: int,
        skip_channels: int,
        condition: int = 0,
    ):
        super().__init__()
        n, self.channels = blocks * layers, channels
        self.dilations = tuple(2**i for i in range(layers)) * blocks
        self.A = nn.Embedding(codes, 2 * channels) if codes else nn.Linear(1, 2 * channels)
        self.W = _matrices(n, 2 * channels, 2 * channels)
        self.b = nn.Parameter(torch.zeros(n, 1, 2 * channels))
        self.V = _matrices(n, condition, 2 * channels) if condition else None
        self.R = _matrices(n - 1, channels, channels)
        self.S = nn.Linear(n * channels, skip_channels)
        self.O = nn.Sequential(
            nn.ReLU(), nn.Linear(skip_channels, skip_channels), nn.ReLU(), nn.Linear(skip_channels, outputs)
        )

    @property
    def reach(self) -> int:
        """Number of preceding entries that the outputs of an entry depend on."""
        return 2 + sum(self.dilations)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes the outputs of all entries, shape (B, T, outputs).

        Args:
            x: codes (B, T), or numbers (B, T, 1).
            c: frames of equal duration, shape (B, frames, condition), or None.
        """
        far, near = self.A(x).chunk(2, -1)
        # (1)
        h = later(far, 2) + later(near, 1)
        B, T, _ = h.shape

        def look(k: int, h: Tensor) -> tuple[Tensor, Tensor]:
            share = self._shares(c, k)
            if c is not None:
                share = share.repeat_interleave(T // c.shape[1], 1).flatten(0, 1)
            return later(h.unflatten(0, (B, T)), self.dilations[k]).flatten(0, 1), share

        return self._through(h.flatten(0, 1), look, self._matrices()).unflatten(0, (B, T))

    def begin(self, n: int, T: int, c: Tensor | None = None) -> Column:
        """Returns the sampling state before the first entry.

        Args:
            n: number of rows.
            T: number of entries of the series.
            c: frames of the condition, shape (n, frames, condition), or None.
        """
        blank = self.W.new_zeros(n, self.channels)
        # a dilation longer than the series needs a queue of T only
        queues = tuple(Queue((blank,) * min(d, T)) for d in self.dilations)
        hop = T if c is None else T // c.shape[1]
        return self._column(Column(self._matrices(), c, hop, (), blank, queues, blank), 0, blank)

    def step(self, column: Column, t: int, x: Tensor) -> Column:
        """Returns the sampling state before entry t + 1.

        Args:
            column: the state before entry t.
            t: index of the entry.
            x: value of entry t: a code (B,) or a number (B, 1).
        """
        far, near = self.A(x).chunk(2, -1)
        # (1)
        return self._column(replace(column, waiting=far), t + 1, column.waiting + near)

    def _column(self, column: Column, t: int, h: Tensor) -> Column:
        """Returns the state of entry t from its features h, shape (B, channels)."""
        shares, queues, kept = column.shares, column.queues, []
        if t % column.hop == 0:
            frame = None if column.c is None else column.c[:, t // column.hop]
            shares = self._shares(frame, slice(None)).unbind(0)

        def look(k: int, h: Tensor) -> tuple[Tensor, Tensor]:
            kept.append(h)
            return queues[k].before[t % self.dilations[k]], shares[k]

        y = self._through(h, look, column.matrices)
        queues = tuple(q.joined(h, t, d) for q, h, d in zip(queues, kept, self.dilations))
        return replace(column, shares=shares, queues=queues, y=y)

    def _through(self, h: Tensor, look: Look, matrices: Matrices) -> Tensor:
        """Applies all layers to rows of features, from (N, channels) to (N, outputs)."""
        zs, last = [], len(matrices.R)
        for k, W in enumerate(matrices.W):
            past, share = look(k, h)
            # (2), (3)
            z = gate(torch.addmm(share, torch.cat([past, h], 1), W))
            zs.append(z)
            if k < last:
                # (4)
                h = torch.addmm(h, z, matrices.R[k])
        # (5)
        y: Tensor = self.O(self.S(torch.cat(zs, 1)))
        return y

    def _shares(self, c: Tensor | None, k: int | slice) -> Tensor:
        """Returns b + V' c of one layer, or of all layers with a leading dimension."""
        return self.b[k] if self.V is None or c is None else self.b[k] + c @ self.V[k]

    def _matrices(self) -> Matrices:
        return Matrices(self.W.unbind(0), self.R.unbind(0))


def later(h: Tensor, n: int) -> Tensor:
    """Returns h shifted n entries later, with zeros before.

    Args:
        h: features, shape (B, T, *).
        n: number of entries to shift by.

    Example:
        >>> later(torch.tensor([[[1.0], [2.0], [3.0]]]), 2).flatten().tolist()
        [0.0, 0.0, 1.0]
    """
    n = min(n, h.shape[1])
    return F.pad(h[:, : h.shape[1] - n], (0, 0, n, 0))


def _matrices(n: int, inputs: int, outputs: int) -> nn.Parameter:
    """Returns n matrices with the initialization of `nn.Linear`."""
    bound = 1 / math.sqrt(inputs)
    return nn.Parameter(torch.empty(n, inputs, outputs).uniform_(-bound, bound))
