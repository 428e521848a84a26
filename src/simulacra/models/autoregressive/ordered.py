"""Shared by every model by the chain rule: exact scores, draws and completions in an order.

    log p(x) = sum_t log p(x_o(t) | x_o(<t))                                     (1)

A model gives the numbers of all conditionals at once (`parameters_of`), and what it remembers while
it draws (`begin`, `next_parameters`, `advance`).

Reference: Frey 1998; Bengio and Bengio 2000; Larochelle and Murray 2011. Rows C10, H6.
"""

from __future__ import annotations

from typing import TypedDict

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.ancestral import Watch, ancestral, complete
from simulacra.core.capabilities.general import Completes, HasConditionals, TakesCondition
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.models.autoregressive.heads import entry_heads


class OrderKeywords(TypedDict, total=False):
    """Options of `Ordered` for models with a default of their own for `mixtures`."""

    likelihood: str
    order: tuple[int, ...] | None


class EntryKeywords(OrderKeywords, total=False):
    """The options of `Ordered`; a test compares the two."""

    mixtures: int


class Ordered(Model, HasConditionals, Completes, TakesCondition):
    """Abstract: equation (1); subclasses give the conditionals.

    Args:
        space: what one observation is; its entries share one kind of distribution.
        condition: what the condition is; None for p(x).
        likelihood: distribution of an entry; `auto` takes the space's first.
        mixtures: components of a mixture.
        order: numbers of the flattened entries in the order of drawing; None: as they stand.

    Raises:
        ValueError: if the order is no permutation, or the observation does not fit the space.
    """

    entry_by_entry = True
    ordering: Tensor

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        likelihood: str = "auto",
        mixtures: int = 5,
        order: tuple[int, ...] | None = None,
    ):
        super().__init__(space, condition)
        heads = entry_heads(type(self).__name__, space, likelihood, mixtures)
        self.head, self.entry_head = heads.whole, heads.entry
        self.per_entry = self.head.output[0]
        self.register_buffer("ordering", _permutation(order, space.dims))

    @property
    def order(self) -> Tensor:
        """Numbers of the flattened entries in the order in which they are drawn, shape (d,)."""
        return self.ordering

    def updates(self) -> list[Update]:
        """One player: all parameters descend the negative log-likelihood."""
        return [Update("likelihood", ("",), negative_log_likelihood)]

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """log p(x) of equation (1) in nats, shape (B,)."""
        # (1)
        return self.head.build(self.parameters_of(x, c)).log_prob(x)

    def draw(self, rng: Rng, c: Tensor | None = None, watch: Watch | None = None) -> Tensor:
        """Entry by entry in the order, shape (B, *)."""
        return ancestral(self, rng, c, watch=watch)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x with its missing entries drawn given the known ones (`core.capabilities.ancestral.complete`)."""
        return complete(self, x, known, rng, c)


def _permutation(order: tuple[int, ...] | None, d: int) -> Tensor:
    """The order as a tensor.

    Raises:
        ValueError: if it is no permutation of 0..d-1.
    """
    if order is None:
        return torch.arange(d)
    if len(order) != d:
        raise ValueError(f"order has {len(order)} entries, but x has {d}: name each of 0 to {d - 1} once.")
    if sorted(order) != list(range(d)):
        raise ValueError(f"order must name each entry from 0 to {d - 1} once; it is no permutation.")
    return torch.tensor(order)


def negative_log_likelihood(model: Ordered, batch: Batch, rng: Rng) -> Terms:
    """-log p(x|c) of equation (1) in nats."""
    return Terms({"nll": -model.log_density(batch.x, batch.c)})
