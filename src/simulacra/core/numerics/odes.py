"""Differential equations of rows, solved in steps of one size: dh / dt = v(h, t).

    euler       h' = h + s v(h, t)                                                                     (1)
    midpoint    h' = h + s v(h + s/2 v(h, t), t + s/2)                                                 (2)
    heun        h' = h + s/2 (v(h, t) + v(h + s v(h, t), t + s))                                       (3)
    rk4         h' = h + s/6 (k_1 + 2 k_2 + 2 k_3 + k_4), the classical method                         (4)
    log p(h(1)) = log p(h(0)) - int_0^1 tr(dv / dh) dt                                                 (5)
    tr(dv / dh) = E e' (dv / dh) e,   e of signs with equal chances                                    (6)

The error of a solution falls with the first, second, second and fourth power of the step. All rows take the
same steps, so that a row does not depend on the others; solvers that adapt their steps to a batch lack that.

Reference: Hairer, Norsett and Wanner 1993, chapter II.1; Chen et al. 2018 (5); Hutchinson 1990 (6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]  # (h, t), shapes (B, d) and (B, 1), to dh / dt, shape (B, d)
Solver = Literal["euler", "midpoint", "heun", "rk4"]


def euler(v: Velocity, h: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """Returns h after one step of equation (1), shape (B, d).

    Args:
        v: right-hand side.
        h: state, shape (B, d).
        t: time, shape (B, 1).
        s: size of the step, shape (B, 1).
    """
    # (1)
    return h + s * v(h, t)


def midpoint(v: Velocity, h: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """Returns h after one step of equation (2), shape (B, d).

    Args:
        v: right-hand side.
        h: state, shape (B, d).
        t: time, shape (B, 1).
        s: size of the step, shape (B, 1).
    """
    # (2)
    return h + s * v(h + s / 2 * v(h, t), t + s / 2)


def heun(v: Velocity, h: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """Returns h after one step of equation (3), shape (B, d).

    Args:
        v: right-hand side.
        h: state, shape (B, d).
        t: time, shape (B, 1).
        s: size of the step, shape (B, 1).
    """
    k = v(h, t)
    # (3)
    return h + s / 2 * (k + v(h + s * k, t + s))


def rk4(v: Velocity, h: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """Returns h after one step of equation (4), shape (B, d).

    Args:
        v: right-hand side.
        h: state, shape (B, d).
        t: time, shape (B, 1).
        s: size of the step, shape (B, 1).
    """
    a = v(h, t)
    b = v(h + s / 2 * a, t + s / 2)
    c = v(h + s / 2 * b, t + s / 2)
    # (4)
    return h + s / 6 * (a + 2 * b + 2 * c + v(h + s * c, t + s))


SOLVERS: dict[str, Callable[[Velocity, Tensor, Tensor, Tensor], Tensor]] = {
    "euler": euler,
    "midpoint": midpoint,
    "heun": heun,
    "rk4": rk4,
}


def solve(v: Velocity, h: Tensor, start: float, end: float, steps: int, solver: Solver) -> Tensor:
    """Returns the state at time `end`, shape (B, d).

    Args:
        v: right-hand side.
        h: state at time `start`, shape (B, d).
        start: first time.
        end: last time; before `start`, the equation is solved backward.
        steps: number of steps, all of one size.
        solver: name of the method.

    Example:
        >>> h = solve(lambda h, t: -h, torch.ones(1, 1), 0.0, 1.0, 100, "rk4")
        >>> round(h.item(), 5)  # 1 / e
        0.36788
    """
    step, one = SOLVERS[solver], torch.ones_like(h[:, :1])
    for i in range(steps):
        h = step(v, h, (start + (end - start) * i / steps) * one, (end - start) / steps * one)
    return h


def with_trace(v: Velocity, signs: Tensor | None = None) -> Velocity:
    """Returns the right-hand side of the state (h, a) with da / dt = tr(dv / dh) of equation (5).

    Args:
        v: right-hand side of h.
        signs: entries -1 and 1, shape (B, d), of the estimate (6); None: the exact trace, by d gradients.

    Example:
        >>> both = with_trace(lambda h, t: h * h)
        >>> both(torch.tensor([[1.0, 2.0, 0.0]]), torch.zeros(1, 1)).tolist()  # 2 h_1 + 2 h_2
        [[1.0, 4.0, 6.0]]
    """

    def both(state: Tensor, t: Tensor) -> Tensor:
        keep = torch.is_grad_enabled()
        with torch.enable_grad():
            h = state[:, :-1] if keep else state[:, :-1].detach()
            h = h if h.requires_grad else h.requires_grad_()
            k = v(h, t)
            trace = _exact_trace(k, h, keep) if signs is None else _estimated_trace(k, h, signs, keep)
        return torch.cat([k, trace], 1) if keep else torch.cat([k, trace], 1).detach()

    return both


def _exact_trace(k: Tensor, h: Tensor, keep: bool) -> Tensor:
    """Returns tr(dk / dh), shape (B, 1)."""
    parts = []
    for i in range(h.shape[1]):
        (slope,) = torch.autograd.grad(k[:, i].sum(), h, retain_graph=True, create_graph=keep)
        parts.append(slope[:, i])
    return torch.stack(parts, 1).sum(1, keepdim=True)


def _estimated_trace(k: Tensor, h: Tensor, signs: Tensor, keep: bool) -> Tensor:
    """Returns equation (6) with one draw, shape (B, 1)."""
    (product,) = torch.autograd.grad(k, h, signs, retain_graph=keep, create_graph=keep)
    # (6)
    return (product * signs).sum(1, keepdim=True)
