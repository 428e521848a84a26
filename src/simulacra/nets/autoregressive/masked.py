"""Fully connected networks whose outputs depend only on preceding entries in an order.

Every unit has a degree: entry o(t) has degree t, t = 1..d; the condition, which is always known, has
degree 0; a hidden unit has one of 0..d-1. A unit of degree m is connected to one of degree m' below it if
    m >= m'   for a hidden unit                                                (1)
    m >  m'   for an output                                                    (2)

Then a hidden unit of degree m depends on the first m entries alone, and the outputs of entry o(t) on
the entries before it. Once m entries are known, so is every unit of degree m: sampling computes each
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
    """A linear layer whose mask is an argument of each pass.

    Args:
        inputs: number of inputs.
        outputs: number of outputs.
        bias: if True, there is a bias.

    Example:
        >>> layer = MaskedLinear(3, 2, bias=False)
        >>> layer(torch.ones(1, 3), torch.zeros(2, 3, dtype=torch.bool)).tolist()
        [[0.0, 0.0]]
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias)

    def forward(self, h: Tensor, edges: Tensor) -> Tensor:
        """Returns (W * edges) h + b, shape (B, outputs).

        Args:
            h: inputs, shape (B, inputs).
            edges: True where there is a connection, shape (outputs, inputs).
        """
        return F.linear(h, self.linear.weight * edges, self.linear.bias)


def lowest_degree(d: int, condition: Space | None) -> int:
    """Returns the lowest useful degree of a hidden unit.

    Without a condition a unit of degree 0 is constant; with a single entry there is no other degree.

    Args:
        d: number of entries.
        condition: space of the condition, or None.

    Example:
        >>> lowest_degree(5, None)
        1
    """
    return 0 if condition is not None else min(1, d - 1)


@dataclass(frozen=True)
class Plan:
    """The layers of a masked network with units sorted by degree, so that the inputs of a unit are a prefix.

    Args:
        layers: weight (units, units below) and bias (units,) of each layer.
        direct: weight from the inputs to the outputs, or None.
        ends: for each layer below the outputs, the number of units of degree t or less, for t = 0..d.
    """

    layers: tuple[tuple[Tensor, Tensor], ...]
    direct: Tensor | None
    ends: tuple[list[int], ...]


@dataclass(frozen=True)
class Known:
    """The sampling state: the units that the first t entries determine.

    Args:
        plan: the layers.
        t: number of entries drawn.
        units: for each layer below the outputs, its units of degree t or less, shape (B, number).
    """

    plan: Plan
    t: int
    units: tuple[Tensor, ...]


class MaskedNet(nn.Module):
    """Maps x and a condition to P outputs for each entry, with connections by (1) and (2).

    `begin`, `next` and `advance` compute the same entry by entry. Together they take as many multiplications
    as
    one pass, in d (layers + 1) small matrix products, and copy the known units at each entry, because states
    are
    immutable.

    `begin`, `next` and `advance` say the same entry by entry. Together they multiply as often as one
    pass has connections, and copy the units known so far at each entry, as states are never changed.
    The d (layers + 1) small products are what a draw takes time for where the network is small.

    Args:
        space: space of x.
        condition: space of the condition, or None.
        per_entry: number of outputs P of each entry.
        order: indices of the flattened entries in their order, shape (d,).
        hidden: degrees of each hidden layer, shape (masks, units); a row is one choice of masks.
        act: activation of the hidden units.
        direct: if True, inputs are also connected to outputs directly, by (2).

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
        # the features of an entry, such as one-hot codes, are a leading dimension of the entries
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
        """Returns the outputs of each entry given the preceding ones, shape (B, P, *shape).

        Args:
            x: observations, shape (B, *shape).
            c: conditions, or None.
            choice: index of the choice of masks.
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
        """Returns the sampling state of n rows without known entries.

        Args:
            n: number of rows.
            c: conditions, or None.
            choice: index of the choice of masks.
        """
        plan, first = self._plan(choice), self._always(n, c)
        return self._known(plan, 0, first, (first.new_empty(n, 0),) * self.depth)

    def next(self, state: Known) -> Tensor:
        """Returns the outputs of the next entry in the order, shape (B, P)."""
        own = slice(self.per_entry * state.t, self.per_entry * (state.t + 1))
        (weight, bias), seen = state.plan.layers[-1], state.units[-1]
        out = F.linear(seen, weight[own, : seen.shape[1]], bias[own])
        if state.plan.direct is not None:
            first = state.units[0]
            out = out + F.linear(first, state.plan.direct[own, : first.shape[1]])
        return out

    def advance(self, state: Known, value: Tensor) -> Known:
        """Returns the state after the next entry took `value`.

        Args:
            state: the state before the entry.
            value: value of the entry, shape (B,).
        """
        f = bounded(replace(self.space, shape=()).features(value, self._weight.dtype)).reshape(len(value), -1)
        first = torch.cat([state.units[0], f], 1)
        return self._known(state.plan, state.t + 1, first, state.units[1:])

    def _known(self, plan: Plan, t: int, first: Tensor, hidden: tuple[Tensor, ...]) -> Known:
        """Returns the state with the units of degree t added to those of lower degree."""
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
        """Returns the degrees of the units of each hidden layer."""
        return [cast(Tensor, getattr(self, f"hidden{i}"))[choice] for i in range(self.depth)]

    def _always(self, n: int, c: Tensor | None) -> Tensor:
        """Returns the condition's features, which are known before the first entry, shape (n, features)."""
        if self.condition is None or c is None:
            return self._weight.new_empty(n, 0)
        return self.condition.features(c, self._weight.dtype).reshape(n, -1)

    @property
    def _weight(self) -> Tensor:
        return cast(MaskedLinear, self.layers[0]).linear.weight
