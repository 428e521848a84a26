"""The shared base of autoregressive models: exact scores, sampling and completion in one order.

    log p(x) = sum_t log p(x_o(t) | x_o(<t))                                     (1)

A model provides the parameters of all conditionals at once (`parameters_of`), and a sampling state that
grows entry by entry (`begin`, `next_parameters`, `advance`).

Reference: Frey 1998; Bengio and Bengio 2000; Larochelle and Murray 2011. Rows C10, H6.
"""

from __future__ import annotations

from typing import TypedDict

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.ancestral import Adjusted, ancestral, complete
from simulacra.core.capabilities.general import Completes, HasConditionals, TakesCondition
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.core.updates import Update
from simulacra.models.autoregressive.heads import entry_heads
from simulacra.models.autoregressive.widths import in_own_widths


class OrderKeywords(TypedDict, total=False):
    """Options of `Ordered` for models with a default of their own for `mixtures`."""

    likelihood: str
    order: tuple[int, ...] | None


class EntryKeywords(OrderKeywords, total=False):
    """The options of `Ordered`; a test compares the two."""

    mixtures: int


class Ordered(Model, HasConditionals, Completes, TakesCondition):
    """Abstract base of models with equation (1); subclasses provide the conditionals.

    Args:
        space: space of one observation; all entries have the same kind of distribution.
        condition: space of the condition c of p(x | c); None for p(x).
        likelihood: distribution of an entry; `auto` takes the default of the space.
        mixtures: number of components of a mixture likelihood.
        order: indices of the flattened entries in sampling order; None is 0, 1, ..., d - 1.

    Raises:
        ValueError: if the order is no permutation, or the likelihood does not fit the space.
    """

    drawing = filling = Adjusted
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
        check_forward(type(self).__name__, space, order)
        self.register_buffer("ordering", _permutation(order, space.dims))

    @property
    def any_width(self) -> bool:
        """True if `parameters_of` also takes rows that are cut behind some of their entries."""
        return False

    @property
    def order(self) -> Tensor:
        """Indices of the flattened entries in sampling order, shape (d,)."""
        return self.ordering

    def updates(self) -> list[Update]:
        """Returns the only update: all parameters minimize the negative log-likelihood."""
        return [Update("likelihood", ("",), negative_log_likelihood)]

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes log p(x) by equation (1) in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        if self.any_width and isinstance(self.space, Tokens):
            return in_own_widths(self._log_density, self.space, x, c)
        return self._log_density(x, c)

    def _log_density(self, x: Tensor, c: Tensor | None) -> Tensor:
        # (1)
        return self.head.build(self.parameters_of(x, c)).log_prob(x)

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples x entry by entry in the order, shape (B, *).

        Args:
            rng: source of random numbers, which has the number of rows.
            c: condition, or None.
            how: options of drawing; None: the model's own.
            watch: called after each entry with the number of entries drawn, their total, x so far and True
                for the entries that are drawn; None: never.
        """
        return ancestral(self, rng, c, watch=watch, how=how)

    def fill(
        self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None, how: Sampling | None = None
    ) -> Tensor:
        """Returns x with missing entries drawn given the known ones, by `ancestral.complete`.

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
            how: options of drawing; None: the model's own.
        """
        return complete(self, x, known, rng, c, how)


def check_forward(owner: str, space: Space, order: tuple[int, ...] | None) -> None:
    """Raises ValueError if texts would be drawn in another order than from their first token to their end.

    Args:
        owner: name of the model, for the message.
        space: space of one observation.
        order: indices of the entries in sampling order; None: from the first to the last.
    """
    if isinstance(space, Tokens) and order is not None and list(order) != sorted(order):
        raise ValueError(
            f"{owner} draws texts from their first token to their end, which another order does not find: "
            "leave order= out."
        )


def _permutation(order: tuple[int, ...] | None, d: int) -> Tensor:
    """Returns the order as a tensor, shape (d,).

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
    """Computes -log p(x|c) by equation (1) in nats, shape (B,)."""
    return Terms({"nll": -model.log_density(batch.x, batch.c)})
