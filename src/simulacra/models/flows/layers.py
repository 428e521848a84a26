"""Layers of a flow on the maps of `zuko`: networks choose the map of each entry from other entries.

    autoregressive   z_i = f(x_i; phi_i(x_o(<i), c)),   o an order of the entries                      (1)
    coupling         z_k = x_k where kept,   z_j = f(x_j; phi_j(x_k, c))                               (2)
    log |det dz/dx| = sum_i log f'(x_i)                                                                (3)

From x to z both take one pass of the network. Back, (2) takes one and (1) as many as there are entries.

Reference: Papamakarios, Pavlakou and Murray 2017 (1); Dinh, Krueger and Bengio 2015 (2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.densities.bijections import Bijection
from simulacra.core.spaces.plain import Real, Space
from simulacra.models.flows.univariate import Univariate
from simulacra.nets.autoregressive.masked import MaskedNet, lowest_degree
from simulacra.nets.mlp import mlp

SMALL = 0.01  # factor of the initial weights of the last layer


@dataclass
class Layer(Bijection):
    """Equation (1) or (2) for given rows.

    Args:
        maps: from x, shape (B, d), to the maps of all entries, from x_i to z_i.
        kept: True for the entries that stay, shape (d,).
        passes: number of passes from z to x.
        order: entries in the order in which `maps` takes and gives them, shape (d,); None: as they stand.
        back: place of each entry in this order, shape (d,), or None.
    """

    maps: Callable[[Tensor], Any]
    kept: Tensor
    passes: int
    order: Tensor | None = None
    back: Tensor | None = None

    def inverse(self, x: Tensor) -> Tensor:
        """Returns z, shape (B, d)."""
        x = _taken(x, self.order)
        return _taken(torch.where(self.kept, x, self.maps(x)(x)), self.back)

    def undone(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns z and log |det dx/dz|, equation (3)."""
        x = _taken(x, self.order)
        z, slopes = self.maps(x).call_and_ladj(x)
        # (3)
        log_det = -torch.where(self.kept, torch.zeros_like(x), slopes).sum(1)
        return _taken(torch.where(self.kept, x, z), self.back), log_det

    def forward(self, z: Tensor) -> Tensor:
        """Returns x, shape (B, d)."""
        z = _taken(z, self.order)
        x = torch.where(self.kept, z, torch.zeros_like(z))
        for _ in range(self.passes):
            x = torch.where(self.kept, z, self.maps(x).inv(z))
        return _taken(x, self.back)

    def log_det(self, z: Tensor) -> Tensor:
        """Returns log |det dx/dz|, shape (B,)."""
        return self.undone(self.forward(z))[1]


def _taken(x: Tensor, places: Tensor | None) -> Tensor:
    """Returns the entries at `places`, shape (B, d); x unchanged if `places` is None."""
    return x if places is None else x[:, places]


class Autoregressive(nn.Module):
    """The network of equation (1).

    Args:
        d: number of entries.
        condition: space of the condition, or None.
        univariate: f.
        order: entries in their order, shape (d,).
        hidden: sizes of the hidden layers.
        act: activation of the hidden layers.
    """

    none_kept: Tensor
    order: Tensor
    back: Tensor

    def __init__(
        self,
        d: int,
        condition: Space | None,
        univariate: Univariate,
        order: Tensor,
        hidden: Sequence[int],
        act: str,
    ):
        super().__init__()
        self.univariate, self.d = univariate, d
        low = lowest_degree(d, condition)
        degrees = [(low + torch.arange(n) % max(1, d - low)).unsqueeze(0) for n in hidden]
        first = torch.arange(d)
        self.net = MaskedNet(Real((d,)), condition, univariate.size, first, degrees, act, direct=False)
        # files hold the orders, which are drawn
        self.register_buffer("order", order.to(first.device))
        self.register_buffer("back", torch.argsort(order).to(first.device))
        self.register_buffer("none_kept", torch.zeros(d, dtype=torch.bool), persistent=False)
        _begin_small(self.net.layers[-1].linear)  # type: ignore[arg-type]

    def at(self, c: Tensor | None) -> Layer:
        """Returns the layer under a condition.

        Args:
            c: conditions, shape (B, *), or None.
        """
        maps = lambda x: self.univariate.of(self.net(x, c))
        return Layer(maps, self.none_kept, self.d, self.order, self.back)


class Coupled(nn.Module):
    """The network of equation (2).

    Args:
        kept: True for the entries that stay, shape (d,).
        condition: space of the condition, or None.
        univariate: f.
        hidden: sizes of the hidden layers.
        act: activation of the hidden layers.
    """

    kept: Tensor

    def __init__(
        self, kept: Tensor, condition: Space | None, univariate: Univariate, hidden: Sequence[int], act: str
    ):
        super().__init__()
        self.univariate, self.condition, d = univariate, condition, len(kept)
        given = 0 if condition is None else math.prod(condition.features_shape)
        self.net = mlp([d + given, *hidden, univariate.size * d], act)
        self.register_buffer("kept", kept.to(torch.empty(0).device))
        _begin_small(self.net[-1])  # type: ignore[arg-type]

    def at(self, c: Tensor | None) -> Layer:
        """Returns the layer under a condition.

        Args:
            c: conditions, shape (B, *), or None.
        """

        def maps(x: Tensor) -> Any:
            seen = torch.where(self.kept, x, torch.zeros_like(x))
            if self.condition is not None and c is not None:
                seen = torch.cat([seen, self.condition.vectors(c, x.dtype)], 1)
            return self.univariate.of(self.net(seen).unflatten(1, (self.univariate.size, -1)))

        return Layer(maps, self.kept, 1)


def _begin_small(last: nn.Linear) -> None:
    """Lets a flow begin near maps that are the same for all rows."""
    with torch.no_grad():
        last.weight.mul_(SMALL)
        last.bias.mul_(SMALL)
