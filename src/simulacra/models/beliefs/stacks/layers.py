"""Conditional layers p(h|u) of binary units: independent, DARN and NADE.

    SBN:   p(h_t = 1 | u) = sg(b_t + U_t u)                                                 (1)
    DARN:  p(h_t = 1 | h_<t, u) = sg(b_t + U_t u + sum_(s<t) A_ts h_s)                      (2)
    NADE:  p(h_t = 1 | h_<t, u) = sg(b_t + U_t u + V_t sg(c + C u + W_<t h_<t))             (3)

The context u shifts biases: b in (1) and (2), b and c in (3). A layer without a context is a prior. Every
tensor has a dimension of draws: contexts (B, k, n), units (B, k, m). A context with k = 1 serves many draws,
so that its products are computed once a row.

Reference: Neal 1992 (1); Gregor et al. 2014 (2); Larochelle and Murray 2011; Bornschein and Bengio 2015,
section 4 (3). Rows B1, B6, H15.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.distributions.elementary import Bernoulli
from simulacra.core.random.keyed import Rng
from simulacra.nets.autoregressive.shared_hidden import SharedWeights
from simulacra.nets.autoregressive.within import Preceding, drawn_in_order

Kind = Literal["sbn", "darn", "nade"]


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


# ---- independent units


class SBNLayer(Layer):
    """Independent units, equation (1).

    Args:
        context: number of the context's entries; 0 for a prior.
        units: number of units.

    Example:
        >>> SBNLayer(3, 2).draw(torch.zeros(4, 1, 3), Rng(0, rows=range(4)), "h", k=5).shape
        torch.Size([4, 5, 2])
    """

    def given(self, u: Tensor) -> Independent:
        """Returns p(h|u).

        Args:
            u: contexts, shape (B, k, n).
        """
        # (1)
        return Independent(self.shift(u))


@dataclass
class Independent(Conditional):
    """Independent units.

    Args:
        biases: b + U u, shape (B, k, m).
    """

    biases: Tensor

    def logits(self, h: Tensor) -> Tensor:
        """Returns b + U u."""
        return self.biases

    @torch.no_grad()
    def sample(self, rng: Rng, name: str, k: int = 1, given: Given | None = None) -> Tensor:
        """Draws the units, shape (B, k, m)."""
        h = Bernoulli(repeated(self.biases, k), 1).sample(rng, name)
        return h if given is None else torch.where(given.known, given.values, h)

    @property
    def means(self) -> Tensor:
        """Mean of each unit, shape (B, k, m)."""
        return self.biases.sigmoid()


# ---- units that read those before them


class DARNLayer(Layer):
    """Units with linear connections to the units before them, equation (2).

    Args:
        context: number of the context's entries; 0 for a prior.
        units: number of units.
    """

    def __init__(self, context: int, units: int):
        super().__init__(context, units)
        self.preceding = Preceding(units)

    def given(self, u: Tensor) -> DARNUnits:
        """Returns p(h|u).

        Args:
            u: contexts, shape (B, k, n).
        """
        return DARNUnits(self.preceding, self.shift(u))


class Ordered(Conditional):
    """Units that are drawn one after another, each given those before it."""

    biases: Tensor

    @abstractmethod
    def state(self, k: int) -> Tensor:
        """Returns the state before the first unit, shape (B, k, *).

        Args:
            k: draws for each row.
        """

    @abstractmethod
    def logit(self, state: Tensor, t: int) -> Tensor:
        """Returns the logit of unit t given the units before it, shape (B, k).

        Args:
            state: state before unit t.
            t: position of the unit.
        """

    @abstractmethod
    def advance(self, state: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the state after unit t took `value`.

        Args:
            state: state before unit t.
            t: position of the unit.
            value: shape (B, k).
        """

    @torch.no_grad()
    def sample(self, rng: Rng, name: str, k: int = 1, given: Given | None = None) -> Tensor:
        """Draws the units in their order, shape (B, k, m)."""
        u = rng.uniform(name, k, self.biases.shape[-1], dtype=self.biases.dtype)
        kept = None if given is None else given.at
        return drawn_in_order(u, self.state(k), self.logit, self.advance, kept)

    @property
    def means(self) -> Tensor:
        """Mean of each unit, with the units before it replaced by their means, shape (B, k, m)."""
        state, found = self.state(self.biases.shape[1]), []
        for t in range(self.biases.shape[-1]):
            found.append(self.logit(state, t).sigmoid())
            state = self.advance(state, t, found[-1])
        return torch.stack(found, -1)


@dataclass
class DARNUnits(Ordered):
    """Units with linear connections to the units before them; their state is the logits so far.

    Args:
        preceding: the connections.
        biases: b + U u, shape (B, k, m).
    """

    preceding: Preceding
    biases: Tensor

    def state(self, k: int) -> Tensor:
        """Returns b + U u, shape (B, k, m)."""
        return repeated(self.biases, k)

    def logit(self, state: Tensor, t: int) -> Tensor:
        """Returns the logit of unit t, shape (B, k)."""
        return state[..., t]

    def advance(self, state: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the logits with unit t added, shape (B, k, m)."""
        return self.preceding.add(state, t, value)

    def logits(self, h: Tensor) -> Tensor:
        """Returns the logits (2) of all units, shape (B, k, m)."""
        # (2)
        return self.biases + self.preceding(h)


class NADELayer(Layer):
    """Units that read the units before them through a hidden layer, equation (3).

    Args:
        context: number of the context's entries; 0 for a prior.
        units: number m of units, which is also the size of the hidden layer.
    """

    def __init__(self, context: int, units: int):
        super().__init__(context, units, bias=False)
        self.net = SharedWeights(units, 1, units, 1)
        self.first = Shift(context, units, bias=False)

    def given(self, u: Tensor) -> NADEUnits:
        """Returns p(h|u).

        Args:
            u: contexts, shape (B, k, n).
        """
        return NADEUnits(self.net, self.shift(u), self.net.c + self.first(u))

    @property
    def bias(self) -> Tensor:
        """The bias b of each unit, shape (m,)."""
        return self.net.b.squeeze(1)


@dataclass
class NADEUnits(Ordered):
    """Units that read the units before them through a hidden layer; their state is its argument.

    Args:
        net: shared weights W and V.
        biases: U u, shape (B, k, m).
        first: c + C u, shape (B, k, H).
    """

    net: SharedWeights
    biases: Tensor
    first: Tensor

    def state(self, k: int) -> Tensor:
        """Returns c + C u, shape (B, k, H)."""
        return repeated(self.first, k)

    def logit(self, state: Tensor, t: int) -> Tensor:
        """Returns the logit of unit t, shape (B, k)."""
        return self.biases[..., t] + self.net.read(state, t).squeeze(-1)

    def advance(self, state: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the argument of the hidden layer after unit t, shape (B, k, H)."""
        return self.net.add(state, t, value.unsqueeze(-1))

    def logits(self, h: Tensor) -> Tensor:
        """Returns the logits (3) of all units, shape (B, k, m)."""
        k = max(h.shape[1], self.first.shape[1])
        rows = repeated(h, k).flatten(0, 1).unsqueeze(1)
        order = torch.arange(h.shape[-1], device=h.device)
        # (3)
        y = self.net(rows, order, repeated(self.first, k).flatten(0, 1))
        return self.biases + y.squeeze(1).unflatten(0, (-1, k))


LAYERS: dict[Kind, type[Layer]] = {"sbn": SBNLayer, "darn": DARNLayer, "nade": NADELayer}
