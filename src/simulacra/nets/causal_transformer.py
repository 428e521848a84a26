"""A causal transformer, for a whole series or one entry at a time.

    h_t = P_t + A x_(t-1) + C f,   without A x at t = 0                          (1)
    a_t = sum_(s <= t) softmax_s(q_t . k_s / sqrt(m)) v_s,   (q, k, v) = W n(h)  (2)
    h <- h + O [a^1, ..., a^H]                                                   (3)
    h <- h + V gelu(U n(h))                                                      (4)
    y_t = Y n(h_t)                                                               (5)

x are the entries, f features of a condition, n the layer norm, and (2) runs for each of H heads of m numbers.
Layers repeat (2) to (4). Outputs of entry t depend on the entries before it alone. Keys have no bias, which
(2) would not see.

A single step needs the keys and values of the entries before. They stand in memory that is allocated once for
the whole series. States that follow one another share it, so a step writes one entry and copies nothing; a
second continuation of a state works on a copy, so that states never change.

Reference: Vaswani et al., Attention Is All You Need, 2017, equation 1 (2); Radford et al., Language Models
are Unsupervised Multitask Learners, 2019 (layer norms first, positions that are learned).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.nets.autoregressive.dilated import later

# from queries, keys and values (*, heads, m) to a of equation (2), (*, heads, m)
Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
EXPANSION = 4  # hidden units of (4) for each feature
SPREAD = 0.02  # standard deviation of initial weights


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


class Block(nn.Module):
    """One layer: equations (2) to (4).

    Args:
        width: number of features of h.
        heads: number of heads H, which divides the width.
        depth: number of layers of the network.
    """

    def __init__(self, width: int, heads: int, depth: int):
        super().__init__()
        self.heads = heads
        self.n_1, self.n_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.W = nn.Linear(width, 3 * width, bias=False)
        self.O = nn.Linear(width, width)
        self.U, self.V = nn.Linear(width, EXPANSION * width), nn.Linear(EXPANSION * width, width)
        for layer in (self.W, self.U):
            nn.init.normal_(layer.weight, std=SPREAD)
        # h is a sum of 2 depth terms
        for layer in (self.O, self.V):
            nn.init.normal_(layer.weight, std=SPREAD / math.sqrt(2 * depth))

    def forward(self, h: Tensor, attend: Attention) -> Tensor:
        """Computes h after this layer, shape (*, width).

        Args:
            h: features, shape (*, width).
            attend: equation (2) from queries, keys and values of the entries at hand.
        """
        q, k, v = self.W(self.n_1(h)).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        # (2), (3)
        h = h + self.O(attend(q, k, v).flatten(-2))
        # (4)
        out: Tensor = h + self.V(F.gelu(self.U(self.n_2(h))))
        return out


class CausalTransformer(nn.Module):
    """Equations (1) to (5): outputs of each entry from the preceding entries.

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

    def __init__(
        self, codes: int, outputs: int, T: int, layers: int, heads: int, width: int, condition: int = 0
    ):
        super().__init__()
        self.A = nn.Embedding(codes, width) if codes else nn.Linear(1, width)
        self.P = nn.Parameter(SPREAD * torch.randn(T, width))
        self.C = nn.Linear(condition, width, bias=False) if condition else None
        self.blocks = nn.ModuleList(Block(width, heads, layers) for _ in range(layers))
        self.n, self.Y = nn.LayerNorm(width), nn.Linear(width, outputs)
        for layer in (self.A, self.Y):
            nn.init.normal_(layer.weight, std=SPREAD)

    def forward(self, x: Tensor, f: Tensor | None = None) -> Tensor:
        """Computes the outputs of all entries, shape (B, T, outputs).

        Args:
            x: codes (B, T), or numbers (B, T, 1).
            f: features of the condition, shape (B, condition), or None.
        """
        # (1)
        h = self.P[: x.shape[1]] + later(self.A(x), 1)
        share = self._share(f)
        h = h if share is None else h + share.unsqueeze(1)
        for block in self.blocks:
            h = block(h, _all_entries)
        return self._outputs(h)

    def begin(self, n: int, f: Tensor | None = None) -> Context:
        """Returns the sampling state before the first entry.

        Args:
            n: number of rows.
            f: features of the condition, shape (n, condition), or None.
        """
        share, (T, width) = self._share(f), self.P.shape
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
        return Context(memory, share, self._outputs(h))

    def _outputs(self, h: Tensor) -> Tensor:
        # (5)
        y: Tensor = self.Y(self.n(h))
        return y

    def _share(self, f: Tensor | None) -> Tensor | None:
        return None if self.C is None or f is None else self.C(f)


def _all_entries(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Computes equation (2) for all entries of series, shape (B, T, heads, m), without (T, T) numbers."""
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    # (2)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


def _one_entry(room: Tensor, t: int) -> Attention:
    """Returns equation (2) for entry t, which writes its keys and values into the memory of a layer."""

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        room[0, :, :, t], room[1, :, :, t] = k, v
        keys, values = room[:, :, :, : t + 1].unbind(0)
        # (2)
        return F.scaled_dot_product_attention(q.unsqueeze(2), keys, values).squeeze(2)

    return attend


def check_sizes(layers: int, heads: int, width: int, of: str = "") -> None:
    """Raises ValueError if a size is below 1, or the heads do not divide the width.

    Args:
        layers: number of layers.
        heads: number of heads.
        width: number of features.
        of: what the names of these options begin with, such as `prior_`.
    """
    for name, value in {f"{of}layers": layers, f"{of}heads": heads, f"{of}width": width}.items():
        if value < 1:
            one = build_with(**{name: 1})
            raise Refusal(f"{name} is {value}, but a transformer has at least one: take {one}.", one)
    if width % heads:
        wider = build_with(**{f"{of}width": -(-width // heads) * heads})
        raise Refusal(f"{of}width is {width}, which {heads} heads do not share evenly: take {wider}.", wider)
