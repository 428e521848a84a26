"""The visible layer p(x|u) of a belief net: independent entries of any space, or ordered binary ones.

A space's own distribution makes the entries independent given u. On a binary space the visible layer may be a
layer of `models.beliefs.stacks.layers`, whose entries read those before them: the probability of some entries
alone then has no closed form.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from simulacra.core.distributions.elementary import Distribution
from simulacra.core.distributions.heads import likelihood_head, mean_image
from simulacra.core.distributions.marginals import marginals
from simulacra.core.model import Model
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source
from simulacra.models.beliefs.stacks.conditional import Given, Shift
from simulacra.models.beliefs.stacks.layers import LAYERS, Kind

ROWS = 2000  # training rows from which the biases start


class Visible(nn.Module, ABC):
    """The distribution p(x|u) of observations given a context."""

    @abstractmethod
    def log_prob(self, x: Tensor, u: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(x|u) in nats, shape (B, k).

        Args:
            x: observations, shape (B, *).
            u: contexts, shape (B, k, n).
            known: True for entries whose terms are summed, shape (B, *); None: all.
        """

    @abstractmethod
    def draw(self, u: Tensor, rng: Rng, name: str = "x") -> Tensor:
        """Draws x ~ p(x|u), shape (B, k, *).

        Args:
            u: contexts, shape (B, k, n).
            rng: source of random numbers, with B rows.
            name: name of the draw, part of its key.
        """

    @abstractmethod
    def completed(self, x: Tensor, known: Tensor, u: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """Draws the missing entries; returns x, shape (B, k, *), and log p of the known ones, shape (B, k).

        The second is the sum of the terms of the known entries, each given the entries before it.

        Args:
            x: observations, shape (B, *).
            known: True where known, shape (B, *).
            u: contexts, shape (B, k, n).
            rng: source of random numbers, with B rows.
        """

    @abstractmethod
    def mean(self, u: Tensor) -> Tensor:
        """Returns E[x|u], shape (B, *); for classes, the most likely one.

        Args:
            u: contexts, shape (B, n).
        """

    @abstractmethod
    def start(self, model: Model, source: Source, rng: Rng) -> None:
        """Sets the biases so that the entries start at the marginals of the data.

        Args:
            model: the model of this layer.
            source: the training split.
            rng: random numbers of the preprocessing.
        """


class IndependentEntries(Visible):
    """Independent entries given u: parameters b + U u of the space's distribution.

    Args:
        space: space of one observation.
        context: number of the context's entries.
        likelihood: name of the distribution; `auto`: the default of the space.

    Raises:
        ValueError: if the distribution does not fit the space.
    """

    def __init__(self, space: Space, context: int, likelihood: str = "auto"):
        super().__init__()
        self.space = space
        self.head = likelihood_head(space, likelihood)
        self.shift = Shift(context, math.prod(self.head.output))

    def given(self, u: Tensor) -> Distribution:
        """Returns p(x|u).

        Args:
            u: contexts, shape (B, *, n).
        """
        return self.head.build(self.shift(u).unflatten(-1, self.head.output))

    def log_prob(self, x: Tensor, u: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(x|u) in nats, shape (B, k)."""
        return self.given(u).log_prob(x.unsqueeze(1), None if known is None else known.unsqueeze(1))

    def draw(self, u: Tensor, rng: Rng, name: str = "x") -> Tensor:
        """Draws x ~ p(x|u), shape (B, k, *)."""
        return self.given(u).sample(rng, name)

    def completed(self, x: Tensor, known: Tensor, u: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """Draws the missing entries; returns x (B, k, *) and log p of the known ones (B, k)."""
        p = self.given(u)
        drawn, there = p.sample(rng, "x"), known.unsqueeze(1)
        # an integer dtype cannot hold real draws
        wide = x.dtype if self.space.discrete else torch.promote_types(x.dtype, drawn.dtype)
        log_p = p.log_prob(x.unsqueeze(1), there)
        return torch.where(there, x.unsqueeze(1).to(wide), drawn.to(wide)), log_p

    def mean(self, u: Tensor) -> Tensor:
        """Returns E[x|u], shape (B, *)."""
        return mean_image(self.given(u), self.space)

    def start(self, model: Model, source: Source, rng: Rng) -> None:
        """Sets the biases of columns of a table and of binary entries; others are not changed."""
        b = self.shift.b
        assert b is not None
        if isinstance(self.space, Table):
            b.copy_(torch.cat([p.flatten() for p in marginals(model, source, rng)]))
        elif self.head.name == "bernoulli":
            b.copy_(log_odds(model, source, rng))


class OrderedEntries(Visible):
    """Binary entries, each given u and the entries before it.

    Args:
        space: a binary space.
        context: number of the context's entries.
        kind: `darn` or `nade`.
    """

    def __init__(self, space: Space, context: int, kind: Kind):
        super().__init__()
        self.space = space
        self.layer = LAYERS[kind](context, space.dims)

    def _flat(self, x: Tensor) -> Tensor:
        """Returns x as units of a layer, shape (B, 1, d)."""
        return x.unsqueeze(1).flatten(1).unsqueeze(1)

    def _shaped(self, h: Tensor) -> Tensor:
        """Returns units (*, d) in the shape of observations."""
        return h.reshape(*h.shape[:-1], *self.space.shape)

    def log_prob(self, x: Tensor, u: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(x|u) in nats, shape (B, k); the marginal of known entries has no closed form."""
        assert known is None, "the model removed the capability TakesMissing"
        return self.layer.log_prob(self._flat(x).to(u.dtype), u)

    def draw(self, u: Tensor, rng: Rng, name: str = "x") -> Tensor:
        """Draws x ~ p(x|u), shape (B, k, *)."""
        return self._shaped(self.layer.draw(u, rng, name, u.shape[1]))

    def completed(self, x: Tensor, known: Tensor, u: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """Draws the missing entries; returns x (B, k, *) and the terms of the known ones (B, k)."""
        p, there = self.layer.given(u), self._flat(known)
        drawn = p.sample(rng, "x", u.shape[1], Given(self._flat(x).to(u.dtype), there))
        return self._shaped(drawn).to(x.dtype), p.log_prob(drawn, there)

    def mean(self, u: Tensor) -> Tensor:
        """Returns the mean of x with the entries before each replaced by their means, shape (B, *)."""
        return self._shaped(self.layer.given(u.unsqueeze(1)).means.squeeze(1))

    def start(self, model: Model, source: Source, rng: Rng) -> None:
        """Sets the biases to the log-odds of the entries' means."""
        self.layer.bias.copy_(log_odds(model, source, rng))


def log_odds(model: Model, source: Source, rng: Rng) -> Tensor:
    """Returns the log-odds of the mean of each entry over the first training rows, float64, shape (d,).

    Args:
        model: the model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    return torch.logit(moments.mean(model, source, rng, limit=ROWS).clamp(1e-3, 1 - 1e-3))
