"""Conditional layers p(h|u) of binary units: a layer, its distribution at given contexts, its shifted biases.

The context u shifts biases, b + U u. A layer without a context is a prior. Every tensor has a dimension of
draws: contexts (B, k, n), units (B, k, m). A context with k = 1 serves many draws, so that its products are
computed once a row.

Row B1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.distributions.elementary import Bernoulli
from simulacra.core.random.keyed import Rng


@dataclass
class Given:
    """Values of some units that a draw keeps.

    Args:
        values: shape (B, 1, m).
        known: True where a unit has its value, shape (B, 1, m).
    """

    values: Tensor
    known: Tensor

    def at(self, t: int, value: Tensor) -> Tensor:
        """Returns the value of unit t where it is known, else `value`, shape (B, k)."""
        return torch.where(self.known[..., t], self.values[..., t], value)


class Conditional(ABC):
    """The distribution of a layer's units at given contexts."""

    @abstractmethod
    def logits(self, h: Tensor) -> Tensor:
        """Returns the logit of each unit given the units before it, broadcast to (B, k, m).

        Args:
            h: units, shape (B, k, m), or (B, 1, m) for all contexts of a row.
        """

    @abstractmethod
    def sample(self, rng: Rng, name: str, k: int = 1, given: Given | None = None) -> Tensor:
        """Draws the units, shape (B, k, m).

        Args:
            rng: source of random numbers, with a row for each row of the context.
            name: name of the draw, part of its key.
            k: draws for each row; the context has k or one.
            given: units that keep their values; None: all are drawn.
        """

    @property
    @abstractmethod
    def means(self) -> Tensor:
        """Mean of each unit, with the units before it replaced by their means, shape (B, k, m)."""

    def log_prob(self, h: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(h|u) in nats, shape (B, k).

        Args:
            h: units, shape (B, k, m).
            known: True for units whose terms are summed, shape (B, 1, m); None: all.
        """
        return Bernoulli(self.logits(h), 1).log_prob(h, known)


class Shift(nn.Module):
    """Biases that a context shifts: b + U u.

    Args:
        context: number n of the context's entries; 0 for none.
        units: number m of units.
        bias: if False, b is 0.
    """

    def __init__(self, context: int, units: int, bias: bool = True):
        super().__init__()
        self.units = units
        self.U = (
            nn.Parameter(torch.empty(units, context).uniform_(-1, 1) / math.sqrt(context))
            if context
            else None
        )
        self.b = nn.Parameter(torch.zeros(units)) if bias else None

    def forward(self, u: Tensor) -> Tensor:
        """Returns b + U u, shape (B, k, m).

        Args:
            u: contexts, shape (B, k, n).
        """
        if self.U is not None:
            return F.linear(u, self.U, self.b)
        b = u.new_zeros(self.units) if self.b is None else self.b
        return b.expand(*u.shape[:-1], -1)


class Layer(nn.Module, ABC):
    """A conditional layer of m binary units given a context of n numbers, which may be none.

    Args:
        context: number n of the context's entries; 0 for a prior.
        units: number m of units.
        bias: if False, the subclass has biases of its own.
    """

    def __init__(self, context: int, units: int, bias: bool = True):
        super().__init__()
        self.units = units
        self.shift = Shift(context, units, bias)

    @abstractmethod
    def given(self, u: Tensor) -> Conditional:
        """Returns p(h|u).

        Args:
            u: contexts, shape (B, k, n).
        """

    @property
    def bias(self) -> Tensor:
        """The bias b of each unit, shape (m,)."""
        assert self.shift.b is not None
        return self.shift.b

    def draw(self, u: Tensor, rng: Rng, name: str, k: int = 1) -> Tensor:
        """Draws h ~ p(h|u), shape (B, k, m).

        Args:
            u: contexts, shape (B, k, n) or (B, 1, n).
            rng: source of random numbers, with B rows.
            name: name of the draw, part of its key.
            k: draws for each row.
        """
        return self.given(u).sample(rng, name, k)

    def log_prob(self, h: Tensor, u: Tensor) -> Tensor:
        """Returns log p(h|u) in nats, shape (B, k).

        Args:
            h: units, shape (B, k, m).
            u: contexts, shape (B, k, n) or (B, 1, n).
        """
        return self.given(u).log_prob(h)


def repeated(t: Tensor, k: int) -> Tensor:
    """Returns t of shape (B, 1, m) or (B, k, m) as (B, k, m), without a copy."""
    return t.expand(-1, k, -1)
