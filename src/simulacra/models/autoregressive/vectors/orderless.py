"""Shared by models without an order of their own: one network for the conditionals of all orders.

It gives p(x_i | x_S) for every entry i and every set S of known entries, and so a density by each
order o of the entries. Of some orders the mean is taken, the ensemble:

    p(x|o) = prod_t p(x_o(t) | x_o(<t))                                          (1)
    p(x) = (1/k) sum_o p(x|o)                                                    (2)

Training draws, for each row, an order o and a place t, all equally likely. The one pass of the network
that knows x_o(<t) then gives an unbiased estimate of the mean of -log p(x|o) over all d! orders:

    L(x) = -d/(d - t + 1) sum_(s >= t) log p(x_o(s) | x_o(<t))                   (3)

Reference: Uria, Murray and Larochelle, A Deep and Tractable Density Estimator, 2014 (equations 4 to 8).
Rows H12, H19.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any, TypedDict

import torch
from torch import Tensor

from simulacra.core.capabilities.ancestral import Watch, ancestral
from simulacra.core.capabilities.general import (
    Completes,
    HasConditionals,
    HasDensity,
    Samples,
    TakesCondition,
)
from simulacra.core.model import Model
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source
from simulacra.models.autoregressive.heads import entry_heads
from simulacra.nets.autoregressive.entrywise import EntrywiseMLP


class EnsembleKeywords(TypedDict, total=False):
    """The options of `Orderless`; a test compares the two."""

    likelihood: str
    mixtures: int
    ensemble: int
    order_seed: int


class Orderless(Model, Samples, HasDensity, Completes, TakesCondition):
    """Abstract: equations (1) to (3); subclasses give the conditionals.

    Args:
        space: what one observation is; its entries share one kind of distribution.
        condition: what the condition is; None for p(x).
        likelihood: distribution of an entry; `auto` takes the space's first.
        mixtures: components of a mixture.
        ensemble: number k of orders whose densities are averaged; a score costs k times as much.
        order_seed: which orders these are.

    Raises:
        ValueError: if the observation does not fit the space, or the ensemble is empty.
    """

    entry_by_entry = True
    orders: Tensor
    net: EntrywiseMLP

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        likelihood: str = "auto",
        mixtures: int = 5,
        ensemble: int = 1,
        order_seed: int = 0,
    ):
        super().__init__(space, condition)
        heads = entry_heads(type(self).__name__, space, likelihood, mixtures)
        self.head, self.entry_head = heads.whole, heads.entry
        if ensemble < 1:
            raise ValueError(f"ensemble is {ensemble}, but a density needs at least one order.")
        self.entry_space = replace(space, shape=())
        self.entry_features = math.prod(space.features_shape) // space.dims
        self.register_buffer("orders", torch.empty(ensemble, space.dims, dtype=torch.long))
        # a model without storage, whose shapes alone are asked for, has no numbers either
        if not self.orders.is_meta:
            drawn = Rng(order_seed, "orders", rows=range(ensemble)).uniform(
                "order", space.dims, dtype=torch.float64
            )
            self.orders.copy_(drawn.argsort(1))

    # ---- what a model gives

    @abstractmethod
    def given(self, x: Tensor, known: Tensor, c: Tensor | None = None) -> Tensor:
        """The numbers of each entry's distribution given the known entries, shape (B, P, *shape)."""

    @abstractmethod
    def begin(self, n: int, c: Tensor | None = None) -> Any:
        """The state of n rows of which no entry is known."""

    @abstractmethod
    def numbers_of(self, state: Any, i: Tensor) -> Tensor:
        """The numbers of the distribution of entry i, shape (B,), or (1,) for all rows: (B, P)."""

    @abstractmethod
    def put(self, state: Any, i: Tensor, value: Tensor) -> Any:
        """The state in which entry i is also known; value of shape (B,)."""

    # ---- what follows

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """log p(x) of the ensemble (2) in nats, shape (B,)."""
        return self.log_densities(x, c).logsumexp(1) - math.log(len(self.orders))

    def log_densities(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """log p(x|o) of each order of the ensemble (1) in nats, shape (B, k)."""
        flat = x.reshape(len(x), -1)
        return torch.stack([InOrders(self, o).log_density(flat[:, o[0]], c) for o in self.orders.split(1)], 1)

    def draw(self, rng: Rng, c: Tensor | None = None, watch: Watch | None = None) -> Tensor:
        """Each row in an order of its own out of the ensemble, so x ~ p(x) of (2), shape (B, *)."""
        orders = self._orders_for(rng)
        placed = None if watch is None else lambda t, d, x: watch(t, d, self._placed(x, orders))
        return self._placed(InOrders(self, orders).draw(rng, c, placed), orders)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x with its missing entries drawn given the known ones, exactly and for any mask:

        each row takes an order out of the ensemble, moves its known entries to the front, and draws
        the others by (1). The network's own conditionals are asked, not those of the mean (2).
        """
        n, d = len(x), self.space.dims
        orders = known_first(self._orders_for(rng), known.reshape(n, d))
        x, known = (v.reshape(n, d).gather(1, orders) for v in (x, known))
        return self._placed(ancestral(InOrders(self, orders), rng, c, x, known), orders)

    def features_by_entry(self, x: Tensor) -> Tensor:
        """The inputs of the network for each entry, shape (B, d, features)."""
        return by_entry(self.features(x), self.space.dims)

    def features_of_value(self, value: Tensor) -> Tensor:
        """The same of one entry's values, (B,): shape (B, features)."""
        return self.entry_space.features(value, self.dtype).reshape(len(value), self.entry_features)

    def condition_features(self, c: Tensor | None) -> Tensor | None:
        """The inputs of the network for the condition, shape (B, features), or None."""
        if self.condition is None or c is None:
            return None
        return self.condition.features(c, self.dtype).flatten(1)

    def network(self, marks: int, hidden: tuple[int, ...], activation: str) -> EntrywiseMLP:
        """A network that sees each entry's features and so many further numbers of it.

        Raises:
            ValueError: if there is no hidden layer.
        """
        if not hidden:
            raise ValueError(f"hidden is empty, but {type(self).__name__} needs at least one hidden layer.")
        seen, size = self.entry_features + marks, 0
        if self.condition is not None:
            size = math.prod(self.condition.features_shape)
        return EntrywiseMLP(self.space.dims, seen, hidden, self.head.output[0], size, activation)

    def _orders_for(self, rng: Rng) -> Tensor:
        """An order out of the ensemble for each row, shape (B, d)."""
        k = len(self.orders)
        return self.orders[(rng.uniform("order") * k).long().clamp_max(k - 1)]

    def _placed(self, drawn: Tensor, orders: Tensor) -> Tensor:
        """The drawn entries at their places, in the shape of x."""
        return torch.empty_like(drawn).scatter(1, orders, drawn).reshape(len(drawn), *self.space.shape)


class InOrders(HasConditionals):
    """p(x|o) of (1): an orderless model in given orders, entries numbered by their place in them.

    Args:
        model: gives the conditionals.
        orders: numbers of the entries in the order of drawing, shape (B, d), or (1, d) for all rows.
    """

    def __init__(self, model: Orderless, orders: Tensor):
        self.model, self.orders = model, orders
        self.dtype, self.device = model.dtype, model.device
        self.space = replace(model.space, shape=(model.space.dims,))
        self.entry_head = model.entry_head

    @property
    def order(self) -> Tensor:
        """0, 1, ..., d - 1: place by place."""
        return torch.arange(self.space.dims)

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The numbers of the distribution at each place given the places before, (B, P, d)."""
        state, numbers = self.begin(len(x), c), []
        for t, value in enumerate(x.unbind(1)):
            numbers.append(self.next_parameters(state, t))
            state = self.advance(state, t, value)
        return torch.stack(numbers, 2)

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """log p(x|o) in nats, x by place, shape (B, d): shape (B,)."""
        numbers = self.parameters_of(x, c).transpose(1, 2).flatten(0, 1)
        # (1)
        return self.entry_head.build(numbers).log_prob(x.flatten()).view(x.shape).sum(1)

    def draw(self, rng: Rng, c: Tensor | None = None, watch: Watch | None = None) -> Tensor:
        """x ~ p(x|o) by place, shape (B, d)."""
        return ancestral(self, rng, c, watch=watch)

    def begin(self, n: int, c: Tensor | None = None) -> Any:
        """The model's state of n rows of which no entry is known."""
        return self.model.begin(n, c)

    def next_parameters(self, state: Any, t: int) -> Tensor:
        """The numbers of the distribution at place t, shape (B, P)."""
        return self.model.numbers_of(state, self.orders[:, t])

    def advance(self, state: Any, t: int, value: Tensor) -> Any:
        """The state after place t took `value`, shape (B,)."""
        return self.model.put(state, self.orders[:, t], value)


def by_entry(features: Tensor, d: int) -> Tensor:
    """Features of all entries, in front of the entries or none, as (B, d, features)."""
    return features.reshape(len(features), -1, d).transpose(1, 2)


def known_first(orders: Tensor, known: Tensor) -> Tensor:
    """The orders with the known entries moved to the front, otherwise as they were.

    Args:
        orders: shape (B, d).
        known: shape (B, d).

    Example:
        >>> known_first(torch.tensor([[2, 0, 1]]), torch.tensor([[False, True, False]])).tolist()
        [[1, 2, 0]]
    """
    missing = (~known.gather(1, orders)).to(torch.uint8)
    return orders.gather(1, missing.argsort(dim=1, stable=True))


def random_known(model: Orderless, rng: Rng) -> Tensor:
    """The entries x_o(<t) of a random order o up to a random place t, each row its own: (B, *shape)."""
    d = model.space.dims
    place = rng.uniform("order", d).argsort(1)
    before = (rng.uniform("place") * d).long().clamp_max(d - 1)
    return (place < before.unsqueeze(1)).reshape(-1, *model.space.shape)


def orderless_loss(model: Orderless, numbers: Tensor, x: Tensor, known: Tensor) -> Tensor:
    """L of (3) from the numbers of the entries given the known ones, in nats, shape (B,)."""
    missing = ~known
    weight = model.space.dims / missing.reshape(len(x), -1).sum(1)
    # (3)
    return -weight * model.head.build(numbers).log_prob(x, missing)


def bias_from_data(model: Orderless, source: Source, rng: Rng) -> None:
    """Output biases at the log-odds of each entry's mean, so that training learns what is left."""
    if model.head.name == "bernoulli":
        p = moments.mean(model, source, rng).clamp(1e-3, 1 - 1e-3)
        model.net.b.copy_(torch.logit(p).unsqueeze(1))
