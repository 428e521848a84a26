"""A fully connected network whose inputs and outputs can be computed entry by entry.

    a = c + sum_i W_i u_i + C f                                                  (1)
    h = phi(... W^2 phi(a) + c^2 ...)                                            (2)
    o_i = b_i + V_i h                                                            (3)

u_i are the features of entry i, f those of a condition, o_i the outputs of entry i. Since (1) is a sum, one
more input entry costs O(H); each layer of (2) costs O(H^2), and one output entry of (3) O(H).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from simulacra.nets.layers import activation
from simulacra.nets.mlp import mlp


class EntrywiseMLP(nn.Module):
    """The network of equations (1) to (3).

    Args:
        entries: number of entries d.
        features: number of features of an entry.
        hidden: sizes of the hidden layers, at least one.
        numbers: number of outputs of an entry.
        condition: number of features of the condition; 0 without one.
        act: activation of the hidden layers.

    Example:
        >>> EntrywiseMLP(5, 2, (7,), 1)(torch.zeros(3, 5, 2)).shape
        torch.Size([3, 1, 5])
    """

    def __init__(
        self,
        entries: int,
        features: int,
        hidden: Sequence[int],
        numbers: int,
        condition: int = 0,
        act: str = "relu",
    ):
        super().__init__()
        first, last = hidden[0], hidden[-1]
        self.W = _uniform(entries * features + condition, entries, features, first)
        self.C = _uniform(entries * features + condition, condition, first) if condition else None
        self.c = nn.Parameter(torch.zeros(first))
        self.phi = activation(act)
        self.between = mlp(hidden, act)
        self.V = _uniform(last, entries, numbers, last)
        self.b = nn.Parameter(torch.zeros(entries, numbers))

    def forward(self, u: Tensor, f: Tensor | None = None) -> Tensor:
        """Computes the outputs of all entries.

        Args:
            u: features of the entries, shape (B, d, features).
            f: features of the condition, shape (B, condition), or None.

        Returns:
            Outputs, shape (B, numbers, d).
        """
        # (3)
        o = self.hidden(self.first(u, f)) @ self.V.flatten(0, 1).T
        return (o.unflatten(1, self.b.shape) + self.b).transpose(1, 2)

    def first(self, u: Tensor, f: Tensor | None = None) -> Tensor:
        """Computes a of (1) from the features of all entries, shape (B, H).

        Args:
            u: features of the entries, shape (B, d, features).
            f: features of the condition, shape (B, condition), or None.
        """
        # (1)
        return self.start(len(u), f) + u.flatten(1) @ self.W.flatten(0, 1)

    def start(self, n: int, f: Tensor | None = None) -> Tensor:
        """Computes a of (1) without entries, shape (n, H).

        Args:
            n: number of rows.
            f: features of the condition, shape (n, condition), or None.
        """
        if self.C is None or f is None:
            return self.c.expand(n, -1)
        return self.c + f @ self.C

    def add(self, a: Tensor, i: Tensor, u: Tensor) -> Tensor:
        """Returns a of (1) with one more entry.

        Args:
            a: a of the entries so far, shape (B, H).
            i: index of the entry, shape (B,), or (1,) for all rows.
            u: features of the entry, shape (B, features).
        """
        # (1)
        return a + torch.einsum("bf,bfh->bh", u, self.W[i])

    def hidden(self, a: Tensor) -> Tensor:
        """Computes h of (2) from a, shape (B, H)."""
        # (2)
        h = self.phi(a)
        return self.phi(self.between(h)) if len(self.between) else h

    def read(self, a: Tensor, i: Tensor) -> Tensor:
        """Computes the outputs of entry i alone, shape (B, numbers).

        Args:
            a: a of (1), shape (B, H).
            i: index of the entry, shape (B,), or (1,) for all rows.
        """
        # (3)
        return torch.einsum("bh,bph->bp", self.hidden(a), self.V[i]) + self.b[i]


def _uniform(fan_in: int, *shape: int) -> nn.Parameter:
    """Returns weights with the initialization of `nn.Linear`."""
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
