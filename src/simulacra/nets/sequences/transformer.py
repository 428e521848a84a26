"""Layers of attention over the entries of a series, each of which sees all others.

    h_t = P_t + A x_t + C f                                                      (1)
    a_t = sum_s softmax_s(q_t . k_s / sqrt(m)) v_s,   (q, k, v) = W n(h)         (2)
    h <- h + O [a^1, ..., a^H]                                                   (3)
    h <- h + V gelu(U n(h))                                                      (4)
    y_t = Y n(h_t)                                                               (5)

x are the entries, f features of a condition, n the layer norm, and (2) runs for each of H heads of m numbers.
Layers repeat (2) to (4). Keys have no bias, as a bias would not change (2).

Reference: Vaswani et al., Attention Is All You Need, 2017, equation 1 (2); Radford et al., Language Models
are Unsupervised Multitask Learners, 2019 (layer norms first, positions that are learned); Devlin et al. 2019
(entries that see all others).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, build_with

# from queries, keys and values (*, heads, m) to a of equation (2), (*, heads, m)
Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
EXPANSION = 4  # hidden units of (4) for each feature
SPREAD = 0.02  # standard deviation of initial weights


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


class SeriesTransformer(nn.Module):
    """Equations (1) to (5): outputs of each entry from all entries.

    Args:
        codes: number of values of an entry, which has an embedding; 0 for numbers.
        outputs: number of outputs of an entry.
        T: number of entries of a series.
        layers: number of layers.
        heads: number of heads, which divides the width.
        width: number of features of h.
        condition: number of features of the condition; 0 without one.

    Example:
        >>> net = SeriesTransformer(7, 3, T=2, layers=1, heads=2, width=4)
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
        h = self.P[: x.shape[1]] + self.entered(x)
        share = self.share(f)
        h = h if share is None else h + share.unsqueeze(1)
        for block in self.blocks:
            h = block(h, self.attend)
        return self.outputs(h)

    def entered(self, x: Tensor) -> Tensor:
        """Returns the term of equation (1) that holds the entries, shape (B, T, width).

        Args:
            x: codes (B, T), or numbers (B, T, 1).
        """
        a: Tensor = self.A(x)
        return a

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Computes equation (2) for all entries, shape (B, T, heads, m), without a (T, T) matrix in memory.

        Args:
            q: queries, shape (B, T, heads, m).
            k: keys, shape of q.
            v: values, shape of q.
        """
        return attention(q, k, v)

    def outputs(self, h: Tensor) -> Tensor:
        """Returns equation (5), shape (*, outputs).

        Args:
            h: features after the last layer, shape (*, width).
        """
        # (5)
        y: Tensor = self.Y(self.n(h))
        return y

    def share(self, f: Tensor | None) -> Tensor | None:
        """Returns the term C f of equation (1), shape (B, width); None without a condition.

        Args:
            f: features of the condition, shape (B, condition), or None.
        """
        return None if self.C is None or f is None else self.C(f)

    def in_parts(self, x: Tensor, f: Tensor | None, most: int) -> Tensor:
        """Computes the outputs of all entries, shape (B, T, outputs); in parts if no gradient is needed.

        Args:
            x: codes (B, T), or numbers (B, T, 1).
            f: features of the condition, shape (B, condition), or None.
            most: hidden features of (4) that are computed at once.
        """
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self(x, f)
        rows = slices(len(x), most // (EXPANSION * x.shape[1] * self.P.shape[1]))
        return torch.cat([self(x[at], part(f, at)) for at in rows])


def attention(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
    """Computes equation (2) for all entries, shape (B, T, heads, m), without a (T, T) matrix in memory.

    Args:
        q: queries, shape (B, T, heads, m).
        k: keys, shape of q.
        v: values, shape of q.
        causal: True if entries see no later ones.
    """
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    # (2)
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2)


def slices(n: int, most: int) -> list[slice]:
    """Returns slices of up to `most` of n rows; one empty slice for no rows.

    Example:
        >>> slices(5, 2)
        [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, most)
    return [slice(i, i + step) for i in range(0, max(1, n), step)]


def part(c: Tensor | None, at: slice) -> Tensor | None:
    """Returns rows of a tensor, or None."""
    return None if c is None else c[at]


def check_sizes(layers: int, heads: int, width: int, of: str = "") -> None:
    """Raises ValueError if a size is below 1, or the heads do not divide the width.

    Args:
        layers: number of layers.
        heads: number of heads.
        width: number of features.
        of: prefix of the names of these options, such as `prior_`.
    """
    for name, value in {f"{of}layers": layers, f"{of}heads": heads, f"{of}width": width}.items():
        if value < 1:
            one = build_with(**{name: 1})
            raise Refusal(f"{name} is {value}, but a transformer has at least one: take {one}.", one)
    if width % heads:
        wider = build_with(**{f"{of}width": -(-width // heads) * heads})
        raise Refusal(f"{of}width is {width}, which {heads} heads do not share evenly: take {wider}.", wider)
