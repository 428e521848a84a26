"""One hidden layer for the conditionals of all entries, with shared weights.

    h_t = f(rho_t (c + sum_(s<t) x_s W_s)),   y_t = b_t + V_t h_t

Reference: Larochelle and Murray 2011; Uria, Murray and Larochelle 2013 for rho.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from simulacra.nets.autoregressive.recursion import Activation, shared_recursion


class SharedWeights(nn.Module):
    """Computes P outputs for each of D entries from the preceding entries in an order.

    The t-th rows of W, V, b and rho belong to the t-th entry of the order.

    Args:
        entries: number of entries D.
        inputs: number of features E of an entry.
        hidden: number of hidden units H.
        outputs: number of outputs P of an entry.
        f: activation of the hidden units: `sigmoid` or `relu`.
        rescaled: if True, rho is learned; otherwise it is 1.

    Example:
        >>> net = SharedWeights(entries=4, inputs=1, hidden=3, outputs=2)
        >>> net(torch.zeros(5, 1, 4), order=torch.arange(4)).shape
        torch.Size([5, 2, 4])
    """

    def __init__(
        self,
        entries: int,
        inputs: int,
        hidden: int,
        outputs: int,
        f: Activation = "sigmoid",
        rescaled: bool = False,
    ):
        super().__init__()
        self.f = f
        self.W = nn.Parameter(_uniform(entries, inputs, hidden, fan=entries))
        self.c = nn.Parameter(torch.zeros(hidden))
        self.V = nn.Parameter(_uniform(entries, outputs, hidden, fan=hidden))
        self.b = nn.Parameter(torch.zeros(entries, outputs))
        self.rho = nn.Parameter(torch.ones(entries)) if rescaled else None

    def forward(self, x: Tensor, order: Tensor, first: Tensor | None = None) -> Tensor:
        """Computes the outputs of all entries, shape (B, P, D).

        Args:
            x: features of the entries, shape (B, E, D).
            order: indices of the entries in their order, shape (D,).
            first: state before the first entry, shape (B, H); None: c.
        """
        ordered = x.transpose(1, 2)[:, order]
        a = self.c if first is None else first
        y = shared_recursion(ordered, self.W, a, self.V, self.rho, self.f) + self.b
        return y[:, order.argsort()].transpose(1, 2)

    def start(self, n: int) -> Tensor:
        """Returns the state of n rows before the first entry: c, shape (n, H)."""
        return self.c.expand(n, -1)

    def read(self, state: Tensor, t: int) -> Tensor:
        """Computes y_t from the state before the t-th entry, shape (B, P).

        Args:
            state: the sum c + sum_(s<t) x_s W_s, shape (B, H).
            t: position in the order.
        """
        z = state if self.rho is None else self.rho[t] * state
        h = z.sigmoid() if self.f == "sigmoid" else z.relu()
        return self.b[t] + h @ self.V[t].T

    def add(self, state: Tensor, t: int, x: Tensor) -> Tensor:
        """Returns the state after the t-th entry, shape (B, H).

        Args:
            state: the state before the entry, shape (B, H).
            t: position in the order.
            x: features of the entry, shape (B, E).
        """
        return state + x @ self.W[t]


def _uniform(*shape: int, fan: int) -> Tensor:
    """Returns uniform weights between -1 / sqrt(fan) and 1 / sqrt(fan)."""
    return torch.empty(shape).uniform_(-1, 1) / math.sqrt(fan)
