"""Weights among the units of one layer: unit t reads the units before it.

    a_t = sum_(s<t) A_ts h_s                                                     (1)

Reference: Gregor, Danihelka, Mnih, Blundell and Wierstra 2014, equation 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Preceding(nn.Module):
    """Equation (1): a strictly lower triangular matrix A.

    Args:
        units: number of units.

    Example:
        >>> layer = Preceding(3)
        >>> _ = nn.init.ones_(layer.A)
        >>> layer(torch.ones(1, 3)).tolist()
        [[0.0, 1.0, 2.0]]
    """

    before: Tensor

    def __init__(self, units: int):
        super().__init__()
        self.A = nn.Parameter(torch.empty(units, units).uniform_(-1, 1) / math.sqrt(units))
        mask = torch.ones(units, units, dtype=torch.bool).tril(-1)
        self.register_buffer("before", mask, persistent=False)

    def forward(self, h: Tensor) -> Tensor:
        """Returns a of all units, shape (*, units).

        Args:
            h: values of all units, shape (*, units).
        """
        # (1)
        return F.linear(h, self.A * self.before)

    def add(self, a: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the sums (1) of all units with unit t added, shape (*, units).

        Args:
            a: sums over the units before t, shape (*, units).
            t: position of the unit.
            value: its value, shape (*,).
        """
        return a + value.unsqueeze(-1) * (self.A[:, t] * self.before[:, t])


State = TypeVar("State")


def drawn_in_order(
    u: Tensor,
    state: State,
    logit: Callable[[State, int], Tensor],
    advance: Callable[[State, int, Tensor], State],
    given: Callable[[int, Tensor], Tensor] | None = None,
) -> Tensor:
    """Draws binary units one after another, shape of u.

    Args:
        u: uniform numbers, shape (*, units).
        state: state before the first unit.
        logit: function (state, t) to the logit of unit t, shape (*,).
        advance: function (state, t, value) to the state after unit t took `value`, shape (*,).
        given: function (t, value) that replaces a drawn value by a given one; None: all are drawn.

    Example:
        >>> u = torch.tensor([[0.3, 0.3]])
        >>> logit = lambda state, t: torch.full((1,), 9.0 * state)
        >>> drawn_in_order(u, 1, logit, lambda state, t, value: -state).tolist()
        [[1.0, 0.0]]
    """
    h = []
    for t in range(u.shape[-1]):
        value = (u[..., t] < logit(state, t).sigmoid()).to(u.dtype)
        h.append(value if given is None else given(t, value))
        state = advance(state, t, h[-1])
    return torch.stack(h, -1)
