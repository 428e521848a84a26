"""A conditional RBM with its inputs held fixed: p(y, h|u) of each row, whose biases are computed once.

    b_u = b + A u,   c_u = c + B u                                                                    (1)
    F(y|u) = -b_u'y - sum_j softplus(c_u + W'y)_j                                                     (2)
    G(q) = E_q[-b_u'y - c_u'h - y'W h] - H(q),   q independent units with means (v, h)                 (3)

A chain of k sweeps, K candidates or n updates of mean field would compute (1) as many times over, which takes
longer than all else where inputs are images.

Reference: Mnih, Larochelle and Hinton 2011. Row A20.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.models.boltzmann.machine.units import Bernoulli

UNITS = Bernoulli()


@dataclass(frozen=True)
class GivenInput:
    """The machine of each row; differentiable.

    Args:
        b: b_u of (1), shape (B, d).
        c: c_u of (1), shape (B, hidden).
        W: weights, shape (d, hidden).
    """

    b: Tensor
    c: Tensor
    W: Tensor

    def free_energy(self, y: Tensor) -> Tensor:
        """Computes (2) in nats, shape (B,).

        Args:
            y: outputs, shape (B, d).
        """
        # (2)
        return -(y * self.b).sum(1) - UNITS.log_partition(self.on_hidden(y))

    def free_energies(self, y: Tensor) -> Tensor:
        """Computes (2) for several outputs of each input, in nats, shape (B, K).

        Args:
            y: outputs, shape (B, K, d).
        """
        n, k = y.shape[:2]
        fields = (y @ self.W + self.c.unsqueeze(1)).flatten(0, 1)
        # (2)
        return -(y @ self.b.unsqueeze(2)).squeeze(2) - UNITS.log_partition(fields).view(n, k)

    def on_hidden(self, y: Tensor) -> Tensor:
        """Returns c_u + W'y, shape (B, hidden)."""
        return torch.addmm(self.c, y, self.W)

    def on_outputs(self, h: Tensor) -> Tensor:
        """Returns b_u + W h, shape (B, d)."""
        return torch.addmm(self.b, h, self.W.T)

    def first(self, rng: Rng) -> Tensor:
        """Draws outputs given h = 0, shape (B, d)."""
        return UNITS.draw(self.b, rng, "v")

    def sweep(self, y: Tensor, rng: Rng) -> Tensor:
        """Returns outputs after one Gibbs sweep, shape (B, d).

        Args:
            y: outputs, shape (B, d).
            rng: source of random numbers.
        """
        return UNITS.draw(self.on_outputs(UNITS.draw(self.on_hidden(y), rng, "h")), rng, "v")

    def means(self, updates: int) -> tuple[Tensor, Tensor]:
        """Returns the means of y and of h at a local minimum of (3), from E[y | h = 0].

        Args:
            updates: number of updates of each layer.
        """
        v = UNITS.mean(self.b)
        h = UNITS.mean(self.on_hidden(v))
        for _ in range(updates):
            v = UNITS.mean(self.on_outputs(h))
            h = UNITS.mean(self.on_hidden(v))
        return v, h

    def mean_energy(self, v: Tensor, h: Tensor) -> Tensor:
        """Computes (3) in nats, shape (B,).

        Args:
            v: means of y, shape (B, d).
            h: means of h, shape (B, hidden).
        """
        entropy = sum((torch.special.entr(m) + torch.special.entr(1 - m)).sum(1) for m in (v, h))
        # (3)
        return -(v * self.b).sum(1) - (h * self.on_hidden(v)).sum(1) - entropy
