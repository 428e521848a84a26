"""An order-agnostic model in given orders, one for each row, as a model that draws entry by entry.

    p(x|o) = prod_t p(x_o(t) | x_o(<t))                                          (1)

Reference: Uria, Murray and Larochelle, A Deep and Tractable Density Estimator, 2014. Row H12.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from simulacra.core.capabilities.ancestral import ancestral
from simulacra.core.capabilities.general import HasConditionals
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.random.keyed import Rng

if TYPE_CHECKING:
    from simulacra.models.autoregressive.vectors.orderless import Orderless


class InOrders(HasConditionals):
    """An orderless model in given orders, p(x|o) of (1), with entries indexed by their position in the order.

    Args:
        model: the model with the conditionals.
        orders: indices of the entries in sampling order, shape (B, d), or (1, d) for all rows.
    """

    def __init__(self, model: Orderless, orders: Tensor):
        self.model, self.orders = model, orders
        self.dtype, self.device = model.dtype, model.device
        self.space = replace(model.space, shape=(model.space.dims,))
        self.entry_head = model.entry_head

    @property
    def order(self) -> Tensor:
        """The positions 0, 1, ..., d - 1."""
        return torch.arange(self.space.dims)

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the distribution parameters at each position given the preceding ones, shape (B, P, d).

        Args:
            x: entries by position, shape (B, d).
            c: conditions, shape (B, *), or None.
        """
        state, numbers = self.begin(len(x), c), []
        for t, value in enumerate(x.unbind(1)):
            numbers.append(self.next_parameters(state, t))
            state = self.advance(state, t, value)
        return torch.stack(numbers, 2)

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes log p(x|o) in nats, shape (B,).

        Args:
            x: entries by position, shape (B, d).
            c: conditions, shape (B, *), or None.
        """
        numbers = self.parameters_of(x, c).transpose(1, 2).flatten(0, 1)
        # (1)
        return self.entry_head.build(numbers).log_prob(x.flatten()).view(x.shape).sum(1)

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples x ~ p(x|o) by position, shape (B, d).

        Args:
            rng: source of random numbers, which has the number of rows.
            c: conditions, shape (B, *), or None.
            how: options of drawing; None: the model's own.
            watch: called after each entry; None: never.
        """
        return ancestral(self, rng, c, watch=watch, how=how)

    def begin(self, n: int, c: Tensor | None = None) -> Any:
        """Returns the model's sampling state without known entries.

        Args:
            n: number of rows.
            c: conditions, shape (n, *), or None.
        """
        return self.model.begin(n, c)

    def next_parameters(self, state: Any, t: int) -> Tensor:
        """Returns the distribution parameters at position t, shape (B, P).

        Args:
            state: state before the entry.
            t: position, from 0.
        """
        return self.model.numbers_of(state, self.orders[:, t])

    def advance(self, state: Any, t: int, value: Tensor) -> Any:
        """Returns the state after position t took `value`.

        Args:
            state: state before the entry.
            t: position, from 0.
            value: values of the entry, shape (B,).
        """
        return self.model.put(state, self.orders[:, t], value)
