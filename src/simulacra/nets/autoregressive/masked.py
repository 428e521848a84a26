"""Fully connected networks whose outputs see only what stands before them in an order.

Every unit has a degree: entry o(t) has degree t, t = 1..d, what is always known (the condition) has
degree 0, and a hidden unit has one of 0..d-1. A unit of degree m is joined to one of degree m' below it if

    m >= m'   where it is hidden                                               (1)
    m >  m'   where it is an output                                            (2)

Then a hidden unit of degree m depends on the first m entries alone, and what is said of entry o(t) on
the entries before it. Once m entries are known, so is every unit of degree m: a draw computes each
unit once.

Reference: Germain, Gregor, Murray and Larochelle 2015.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.numerics.precision import bounded
from simulacra.core.spaces.plain import Space
from simulacra.nets.layers import activation


class MaskedLinear(nn.Module):
    """A linear layer that is told in each pass which of its connections there are.

    Args:
        inputs: number of inputs.
        outputs: number of outputs.
        bias: whether it has a bias.

    Example:
        >>> layer = MaskedLinear(3, 2, bias=False)
        >>> layer(torch.ones(1, 3), torch.zeros(2, 3, dtype=torch.bool)).tolist()
        [[0.0, 0.0]]
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias)

    def forward(self, h: Tensor, edges: Tensor) -> Tensor:
        """(W * edges) h + b.

        Args:
            h: shape (B, inputs).
            edges: True where there is a connection, shape (outputs, inputs).
        """
        return F.linear(h, self.linear.weight * edges, self.linear.bias)


def lowest_degree(d: int, condition: Space | None) -> int:
    """The least degree that a hidden unit has a use for.

    Without a condition a unit of degree 0 is a constant; with a single entry there is no other.

    Example:
        >>> lowest_degree(5, None)
        1
    """
    return 0 if condition is not None else min(1, d - 1)


@dataclass(frozen=True)
class Plan:
    """A masked network with the units of each layer sorted by degree: what a unit sees is a prefix.

    Args:
        layers: weight (units, units below) and bias (units,) of each layer.
        direct: weight from the inputs to the outputs, or None.
        ends: for each layer below the outputs, how many units have degree t or less, t = 0..d.
    """

    layers: tuple[tuple[Tensor, Tensor], ...]
    direct: Tensor | None
    ends: tuple[list[int], ...]


@dataclass(frozen=True)
class Known:
    """The units that the first t entries determine.

    Args:
        plan: the network.
        t: number of entries drawn.
        units: for each layer below the outputs, those of degree t or less, shape (B, number).
    """

    plan: Plan
    t: int
    units: tuple[Tensor, ...]


class MaskedNet(nn.Module):
    """From x and a condition to P numbers for each entry, by equations (1) and (2).

    `begin`, `next` and `advance` say the same entry by entry. Together they multiply as often as one
    pass has connections, and copy the units known so far at each entry, as states are never changed.
    The d (layers + 1) small products are what a draw takes time for where the network is small.

    Args:
        space: what x is.
        condition: what the condition is; None: there is none.
        per_entry: P.
        order: numbers of the flattened entries in their order, shape (d,).
        hidden: degrees of each hidden layer, shape (masks, units): a row is one choice of masks.
        act: activation of the hidden units.
        direct: also join the inputs to the outputs, by (2).

    Raises:
        ValueError: if the activation is unknown.
    """

    inputs: Tensor
    outputs: Tensor

    def __init__(
        self,
        space: Space,
        condition: Space | None,
        per_entry: int,
        order: Tensor,
        hidden: Sequence[Tensor],
        act: str,
        direct: bool,
    ):
        super().__init__()
        self.space, self.condition, self.per_entry = space, condition, per_entry
        extra = math.prod(condition.features_shape) if condition else 0
        degree = torch.argsort(order) + 1
        # one-hot codes and further numbers of an entry stand in front of the entries
        entries = degree.repeat(math.prod(space.features_shape) // space.dims)
        always = torch.zeros(extra, dtype=degree.dtype)
        self.register_buffer("inputs", torch.cat([always, entries]), persistent=False)
        self.register_buffer("outputs", degree.repeat(per_entry), persistent=False)
        self.depth = len(hidden)
        for i, degrees in enumerate(hidden):
            self.register_buffer(f"hidden{i}", degrees)
        sizes = [len(self.inputs), *(m.shape[1] for m in hidden), len(self.outputs)]
        self.layers = nn.ModuleList(MaskedLinear(a, b) for a, b in pairwise(sizes))
        self.direct = MaskedLinear(sizes[0], sizes[-1], bias=False) if direct else None
        self.act = activation(act)

    def forward(self, x: Tensor, c: Tensor | None = None, choice: int = 0) -> Tensor:
        """The numbers of each entry given the entries before it, shape (B, P, *shape).

        Args:
            x: shape (B, *shape).
            c: conditions, or None.
            choice: which choice of masks.
        """
        f = bounded(self.space.features(x, self._weight.dtype)).reshape(x.shape[0], -1)
        first = torch.cat([self._always(x.shape[0], c), f], 1)
        *lower, last = self.layers
        h, below = first, self.inputs
        for layer, m in zip(lower, self._hidden(choice)):
            # (1)
            h, below = self.act(layer(h, m.unsqueeze(1) >= below)), m
        # (2)
        out = last(h, self.outputs.unsqueeze(1) > below)
        if self.direct is not None:
            out = out + self.direct(first, self.outputs.unsqueeze(1) > self.inputs)
        return out.unflatten(1, (self.per_entry, *self.space.shape))

    # ---- entry by entry

    def begin(self, n: int, c: Tensor | None = None, choice: int = 0) -> Known:
        """The state of n rows of which no entry is known."""
        plan, first = self._plan(choice), self._always(n, c)
        return self._known(plan, 0, first, (first.new_empty(n, 0),) * self.depth)

    def next(self, state: Known) -> Tensor:
        """The numbers of the entry that is next in the order, shape (B, P)."""
        own = slice(self.per_entry * state.t, self.per_entry * (state.t + 1))
        (weight, bias), seen = state.plan.layers[-1], state.units[-1]
        out = F.linear(seen, weight[own, : seen.shape[1]], bias[own])
        if state.plan.direct is not None:
            first = state.units[0]
            out = out + F.linear(first, state.plan.direct[own, : first.shape[1]])
        return out

    def advance(self, state: Known, value: Tensor) -> Known:
        """The state after the next entry took `value`, shape (B,)."""
        f = bounded(replace(self.space, shape=()).features(value, self._weight.dtype)).reshape(len(value), -1)
        first = torch.cat([state.units[0], f], 1)
        return self._known(state.plan, state.t + 1, first, state.units[1:])

    def _known(self, plan: Plan, t: int, first: Tensor, hidden: tuple[Tensor, ...]) -> Known:
        """The state in which units of degree t join those of lower degree."""
        units = [first]
        for (weight, bias), ends, old in zip(plan.layers, plan.ends[1:], hidden):
            new, below = slice(old.shape[1], ends[t]), units[-1]
            h = F.linear(below, weight[new, : below.shape[1]], bias[new])
            units.append(torch.cat([old, self.act(h)], 1))
        return Known(plan, t, tuple(units))

    def _plan(self, choice: int) -> Plan:
        degrees = [self.inputs, *self._hidden(choice), self.outputs]
        orders = [torch.argsort(m, stable=True) for m in degrees]
        steps = torch.arange(self.space.dims + 1, device=self.inputs.device)
        ends = [torch.searchsorted(m.sort().values, steps, right=True).tolist() for m in degrees[:-1]]
        linears = [cast(MaskedLinear, layer).linear for layer in self.layers]
        layers = [
            (layer.weight[rows][:, columns], layer.bias[rows])
            for layer, columns, rows in zip(linears, orders, orders[1:])
        ]
        direct = None if self.direct is None else self.direct.linear.weight[orders[-1]][:, orders[0]]
        return Plan(tuple(layers), direct, tuple(ends))

    def _hidden(self, choice: int) -> list[Tensor]:
        """Degrees of the units of each hidden layer."""
        return [cast(Tensor, getattr(self, f"hidden{i}"))[choice] for i in range(self.depth)]

    def _always(self, n: int, c: Tensor | None) -> Tensor:
        """What is known before the first entry: the features of the condition, shape (n, features)."""
        if self.condition is None or c is None:
            return self._weight.new_empty(n, 0)
        return self.condition.features(c, self._weight.dtype).reshape(n, -1)

    @property
    def _weight(self) -> Tensor:
        return cast(MaskedLinear, self.layers[0]).linear.weight
