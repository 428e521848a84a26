"""A causal transformer, for a whole series or one entry at a time.

    h_t = P_t + A x_(t-1) + C f,   without A x at t = 0                          (1)
    a_t = sum_(s <= t) softmax_s(q_t . k_s / sqrt(m)) v_s,   (q, k, v) = W n(h)  (2)

The layers are those of `nets.sequences.transformer`. Outputs of entry t depend on preceding entries alone.

A single step needs the keys and values of the entries before. They stand in memory that is allocated once for
the whole series. States that follow one another share it, so a step writes one entry and copies nothing; a
second continuation of a state works on a copy, so that states never change.

Reference: Vaswani et al., Attention Is All You Need, 2017, equation 1 (2); Radford et al., Language Models
are Unsupervised Multitask Learners, 2019 (layer norms first, positions that are learned).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from simulacra.nets.autoregressive.dilated import later
from simulacra.nets.sequences.transformer import Attention, Block, SeriesTransformer, attention


@dataclass
class Memory:
    """Keys and values of the entries so far, in room for the whole series.

    Args:
        layers: keys and values of each layer, shape (2, B, heads, T, m).
        written: number of entries that are written.
    """

    layers: tuple[Tensor, ...]
    written: int = 0

    def after(self, t: int) -> Memory:
        """Returns memory whose entries before t are these, and in which entry t may be written.

        Args:
            t: index of the entry.
        """
        # another continuation wrote entry t, or gradients need the memory as it is
        if self.written > t or torch.is_grad_enabled():
            return Memory(tuple(layer.clone() for layer in self.layers), t + 1)
        self.written = t + 1
        return self


@dataclass(frozen=True)
class Context:
    """The sampling state before entry t, which never changes.

    Args:
        memory: keys and values of entries 0 to t, and perhaps of later ones of another state.
        share: term C f of the condition, shape (B, width), or None.
        y: outputs of entry t, shape (B, outputs).
    """

    memory: Memory
    share: Tensor | None
    y: Tensor


class CausalTransformer(SeriesTransformer):
    """Equations (1) and (2): outputs of each entry from the preceding entries.

    Args:
        codes: number of values of an entry, which has an embedding; 0 for numbers.
        outputs: number of outputs of an entry.
        T: number of entries of a series.
        layers: number of layers.
        heads: number of heads, which divides the width.
        width: number of features of h.
        condition: number of features of the condition; 0 without one.

    Example:
        >>> net = CausalTransformer(7, 3, T=2, layers=1, heads=2, width=4)
        >>> net(torch.tensor([[6, 0]])).shape
        torch.Size([1, 2, 3])
    """

    def entered(self, x: Tensor) -> Tensor:
        """Returns the term of equation (1) that holds the entries before each, shape (B, T, width).

        Args:
            x: codes (B, T), or numbers (B, T, 1).
        """
        return later(super().entered(x), 1)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Computes equation (2), in which no entry sees later ones, shape (B, T, heads, m).

        Args:
            q: queries, shape (B, T, heads, m).
            k: keys, shape of q.
            v: values, shape of q.
        """
        return attention(q, k, v, causal=True)

    def begin(self, n: int, f: Tensor | None = None) -> Context:
        """Returns the sampling state before the first entry.

        Args:
            n: number of rows.
            f: features of the condition, shape (n, condition), or None.
        """
        share, (T, width) = self.share(f), self.P.shape
        heads = cast(Block, self.blocks[0]).heads
        h = self.P[0].repeat(n, 1) if share is None else self.P[0] + share
        rooms = tuple(h.new_empty(2, n, heads, T, width // heads) for _ in self.blocks)
        return self._context(Memory(rooms), share, 0, h)

    def step(self, context: Context, t: int, x: Tensor) -> Context:
        """Returns the sampling state before entry t + 1.

        Args:
            context: the state before entry t.
            t: index of the entry.
            x: value of entry t: a code (B,) or a number (B, 1).
        """
        # (1)
        h = self.P[t + 1] + self.A(x)
        share = context.share
        return self._context(context.memory, share, t + 1, h if share is None else h + share)

    def _context(self, memory: Memory, share: Tensor | None, t: int, h: Tensor) -> Context:
        """Returns the state of entry t from its features h, shape (B, width)."""
        memory = memory.after(t)
        for block, room in zip(self.blocks, memory.layers):
            h = block(h, _one_entry(room, t))
        return Context(memory, share, self.outputs(h))


def _one_entry(room: Tensor, t: int) -> Attention:
    """Returns equation (2) for entry t, which writes its keys and values into the memory of a layer."""

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        room[0, :, :, t], room[1, :, :, t] = k, v
        keys, values = room[:, :, :, : t + 1].unbind(0)
        # (2)
        return F.scaled_dot_product_attention(q.unsqueeze(2), keys, values).squeeze(2)

    return attend
