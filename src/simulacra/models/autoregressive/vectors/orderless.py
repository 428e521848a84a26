"""The shared base of order-agnostic models: one network for the conditionals of all orders.

It gives p(x_i | x_S) for every entry i and every set S of known entries, and so a density for each
order o of the entries. The ensemble is the mean over some orders:

    p(x|o) = prod_t p(x_o(t) | x_o(<t))                                          (1)
    p(x) = (1/k) sum_o p(x|o)                                                    (2)

Training draws, for each row, an order o and a position t uniformly. One pass of the network with x_o(<t)
known then gives an unbiased estimate of the mean of -log p(x|o) over all d! orders:

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

from simulacra.core.capabilities.ancestral import Adjusted, ancestral
from simulacra.core.capabilities.general import (
    Completes,
    HasDensity,
    Samples,
    TakesCondition,
)
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.model import Model
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source
from simulacra.models.autoregressive.heads import check_any_order, entry_heads
from simulacra.models.autoregressive.vectors.in_orders import InOrders
from simulacra.nets.autoregressive.entrywise import EntrywiseMLP


class EnsembleKeywords(TypedDict, total=False):
    """The options of `Orderless`; a test compares the two."""

    likelihood: str
    mixtures: int
    ensemble: int
    order_seed: int


class Orderless(Model, Samples, HasDensity, Completes, TakesCondition):
    """Abstract base with equations (1) to (3); subclasses provide the conditionals.

    Args:
        space: space of one observation; all entries have the same kind of distribution.
        condition: space of the condition c of p(x | c); None for p(x).
        likelihood: distribution of an entry; `auto` takes the default of the space.
        mixtures: number of components of a mixture likelihood.
        ensemble: number k of orders whose densities are averaged; scores cost k times as much.
        order_seed: seed of these orders.

    Raises:
        ValueError: if the likelihood does not fit the space, or the ensemble is empty.
    """

    drawing = filling = Adjusted
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
        check_any_order(type(self).__name__, space)
        if ensemble < 1:
            raise ValueError(f"ensemble is {ensemble}, but a density needs at least one order.")
        self.entry_space = replace(space, shape=())
        self.entry_features = math.prod(space.features_shape) // space.dims
        self.register_buffer("orders", torch.empty(ensemble, space.dims, dtype=torch.long))
        # on the meta device, which only has shapes, there is nothing to draw
        if not self.orders.is_meta:
            drawn = Rng(order_seed, "orders", rows=range(ensemble)).uniform(
                "order", space.dims, dtype=torch.float64
            )
            self.orders.copy_(drawn.argsort(1))

    # ---- conditionals, provided by subclasses

    @abstractmethod
    def given(self, x: Tensor, known: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the distribution parameters of each entry given the known ones, shape (B, P, *shape).

        Args:
            x: observations, shape (B, *shape); missing entries may have any value.
            known: True where known, shape (B, *shape).
            c: conditions, or None.
        """

    @abstractmethod
    def begin(self, n: int, c: Tensor | None = None) -> Any:
        """Returns the sampling state of n rows without known entries.

        Args:
            n: number of rows.
            c: conditions, or None.
        """

    @abstractmethod
    def numbers_of(self, state: Any, i: Tensor) -> Tensor:
        """Returns the distribution parameters of entry i, shape (B, P).

        Args:
            state: sampling state of B rows.
            i: index of the entry in each row, shape (B,), or (1,) for all rows.
        """

    @abstractmethod
    def put(self, state: Any, i: Tensor, value: Tensor) -> Any:
        """Returns the state with entry i added to the known ones.

        Args:
            state: sampling state of B rows.
            i: index of the entry in each row, shape (B,), or (1,) for all rows.
            value: value of the entry, shape (B,).
        """

    # ---- scores and samples

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes log p(x) of the ensemble (2) in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        return self.log_densities(x, c).logsumexp(1) - math.log(len(self.orders))

    def log_densities(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes log p(x|o) of each order of the ensemble (1) in nats, shape (B, k).

        Args:
            x: observations, shape (B, *shape).
            c: conditions, or None.
        """
        flat = x.reshape(len(x), -1)
        return torch.stack([InOrders(self, o).log_density(flat[:, o[0]], c) for o in self.orders.split(1)], 1)

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples x ~ p(x) of (2): each row in a random order of the ensemble, shape (B, *).

        Args:
            rng: source of random numbers, which has the number of rows.
            c: condition, or None.
            how: options of drawing; None: the model's own.
            watch: called after each entry with the number of entries drawn, their total, x so far and True
                for the entries that are drawn; None: never.
        """
        orders = self._orders_for(rng)

        def placed(t: int, d: int, x: Tensor, known: Tensor) -> None:
            assert watch is not None
            watch(t, d, self._placed(x, orders), self._placed(known, orders))

        drawn = InOrders(self, orders).draw(rng, c, how, None if watch is None else placed)
        return self._placed(drawn, orders)

    def fill(
        self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None, how: Sampling | None = None
    ) -> Tensor:
        """Returns x with missing entries drawn given the known ones, exactly for any mask.

        Each row takes a random order of the ensemble, moves its known entries to the front, and draws the
        others
        by (1). The conditionals are those of the network, not of the mean (2).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
            how: options of drawing; None: the model's own.
        """
        n, d = len(x), self.space.dims
        orders = known_first(self._orders_for(rng), known.reshape(n, d))
        x, known = (v.reshape(n, d).gather(1, orders) for v in (x, known))
        return self._placed(ancestral(InOrders(self, orders), rng, c, x, known, how=how), orders)

    def features_by_entry(self, x: Tensor) -> Tensor:
        """Returns the network's inputs for each entry, shape (B, d, features)."""
        return by_entry(self.features(x), self.space.dims)

    def features_of_value(self, value: Tensor) -> Tensor:
        """Returns the network's inputs for values (B,) of one entry, shape (B, features)."""
        return self.entry_space.features(value, self.dtype).reshape(len(value), self.entry_features)

    def condition_features(self, c: Tensor | None) -> Tensor | None:
        """Returns the network's inputs for the condition, shape (B, features), or None."""
        if self.condition is None or c is None:
            return None
        return self.condition.vectors(c, self.dtype)

    def network(self, marks: int, hidden: tuple[int, ...], activation: str) -> EntrywiseMLP:
        """Builds the network of the conditionals.

        Args:
            marks: number of further inputs of each entry, besides its features.
            hidden: sizes of the hidden layers.
            activation: activation of the hidden layers.

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
        """Returns a random order of the ensemble for each row, shape (B, d)."""
        k = len(self.orders)
        return self.orders[(rng.uniform("order") * k).long().clamp_max(k - 1)]

    def _placed(self, drawn: Tensor, orders: Tensor) -> Tensor:
        """Returns the drawn entries (B, d) at their positions, in the shape of x."""
        return torch.empty_like(drawn).scatter(1, orders, drawn).reshape(len(drawn), *self.space.shape)


def by_entry(features: Tensor, d: int) -> Tensor:
    """Reshapes features to (B, d, features).

    Args:
        features: features of all entries, shape (B, *shape) or (B, features, *shape).
        d: number of entries.
    """
    return features.reshape(len(features), -1, d).transpose(1, 2)


def known_first(orders: Tensor, known: Tensor) -> Tensor:
    """Returns the orders with the known entries moved to the front, otherwise unchanged.

    Args:
        orders: indices of the entries in sampling order, shape (B, d).
        known: True where known, shape (B, d).

    Example:
        >>> known_first(torch.tensor([[2, 0, 1]]), torch.tensor([[False, True, False]])).tolist()
        [[1, 2, 0]]
    """
    missing = (~known.gather(1, orders)).to(torch.uint8)
    return orders.gather(1, missing.argsort(dim=1, stable=True))


def random_known(model: Orderless, rng: Rng) -> Tensor:
    """Draws a mask of the entries x_o(<t) for a random order o and position t of each row, shape (B, *shape).

    Args:
        model: an orderless model.
        rng: source of random numbers, which has the number of rows.
    """
    d = model.space.dims
    place = rng.uniform("order", d).argsort(1)
    before = (rng.uniform("place") * d).long().clamp_max(d - 1)
    return (place < before.unsqueeze(1)).reshape(-1, *model.space.shape)


def orderless_loss(model: Orderless, numbers: Tensor, x: Tensor, known: Tensor) -> Tensor:
    """Computes L of (3) in nats, shape (B,).

    Args:
        model: an orderless model.
        numbers: distribution parameters of the entries given the known ones, shape (B, P, *shape).
        x: observations, shape (B, *shape).
        known: True where known, shape (B, *shape).
    """
    missing = ~known
    weight = model.space.dims / missing.reshape(len(x), -1).sum(1)
    # (3)
    return -weight * model.head.build(numbers).log_prob(x, missing)


def bias_from_data(model: Orderless, source: Source, rng: Rng) -> None:
    """Initializes the output biases at the log-odds of each entry's mean if the likelihood is Bernoulli.

    Args:
        model: the model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    if model.head.name == "bernoulli":
        p = moments.mean(model, source, rng).clamp(1e-3, 1 - 1e-3)
        model.net.b.copy_(torch.logit(p).unsqueeze(1))
