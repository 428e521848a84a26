"""Hamiltonian Monte Carlo and the Metropolis-adjusted Langevin algorithm, as one kernel.

For an energy U of u, with p(u) proportional to exp(-U(u)), momenta v ~ N(0, I) are added:

    H(u, v) = U(u) + |v|^2 / 2                                                                      (1)
    v <- v - (e/2) s dU(u),   u <- u + e s v,   v <- v - (e/2) s dU(u)                              (2)
    accept the end (u', v') with probability min(1, exp(H(u, v) - H(u', v')))                       (3)

(2) is a leapfrog step of size e, with a scale s for each entry. It is reversible and preserves volume, so
that (3) leaves p invariant, whatever the number of steps. One step of (2) is the Langevin proposal

    u' = u - (e^2/2) s^2 dU(u) + e s v                                                              (4)

and (3) is then its Metropolis-Hastings probability. Entries of scale 0 do not move, and the kernel leaves the
distribution of the others given them invariant.

The size of each move is drawn, independently of u and of the other rows:

    log e ~ uniform between log(e_max / 10) and log e_max                                           (5)

A mixture of kernels that leave p invariant leaves p invariant. A narrow region then is left by small moves
and a wide one is crossed by large moves, without a size that must be tuned.

Reference: Duane et al. 1987; Roberts and Tweedie 1996 (Langevin); Neal 2011, equations 5.18 to 5.20.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng

Energy = Callable[[Tensor], Tensor]  # u (B, *) -> U in nats, (B,)
Slope = Callable[[Tensor], Tensor]  # u (B, *) -> dU/du, (B, *)
RANGE = 10.0  # largest over smallest size of a move in (5)


@dataclass(frozen=True)
class Move:
    """The result of one move of each row.

    Args:
        state: the next u, shape (B, *).
        acceptance: probability (3) of the proposal, shape (B,).
    """

    state: Tensor
    acceptance: Tensor


def slope_of(energy: Energy) -> Slope:
    """Returns the gradient of an energy by automatic differentiation.

    Args:
        energy: U of (1); rows do not depend on each other.

    Example:
        >>> slope_of(lambda u: u.square().sum(1) / 2)(torch.tensor([[1.0, 3.0]])).tolist()
        [[1.0, 3.0]]
    """

    def slope(u: Tensor) -> Tensor:
        with torch.enable_grad():
            # the derivative at a shift of 0: tracing for export follows a tensor made here, not an input
            shift = torch.zeros_like(u).requires_grad_()
            (found,) = torch.autograd.grad(energy(u.detach() + shift).sum(), shift)
        return found

    return slope


def leapfrog(
    u: Tensor, v: Tensor, slope: Slope, size: Tensor | float, steps: int, scale: Tensor | float = 1.0
) -> tuple[Tensor, Tensor]:
    """Returns position and momentum after leapfrog steps (2), each of shape (B, *).

    Args:
        u: positions, shape (B, *).
        v: momenta, shape (B, *).
        slope: gradient of the energy.
        size: e of each step, broadcast to u.
        steps: number of steps, at least 1.
        scale: s of each entry, broadcast to u; default 1.

    Example:
        >>> u, v = leapfrog(torch.ones(1, 1), torch.zeros(1, 1), lambda u: u, 0.1, 10)
        >>> round(u.item(), 2), round(v.item(), 2)  # cos 1 and -sin 1, up to an error of order size^2
        (0.54, -0.84)
    """
    # (2)
    v = v - size / 2 * scale * slope(u)
    for t in range(steps):
        u = u + size * scale * v
        v = v - (size if t < steps - 1 else size / 2) * scale * slope(u)
    return u, v


def move(
    u: Tensor, energy: Energy, rng: Rng, size: float, steps: int = 1, scale: Tensor | float = 1.0
) -> Move:
    """Makes one move of each row by equations (1) to (3) and (5).

    Args:
        u: positions, shape (B, *).
        energy: U of (1), in nats.
        rng: source of random numbers, with one row for each position.
        size: e_max of (5).
        steps: leapfrog steps; 1 (the default) is the Langevin proposal (4).
        scale: s of each entry, broadcast to u; default 1.

    Example:
        >>> u = move(torch.zeros(2, 3), lambda u: u.square().sum(1) / 2, Rng(0, rows=range(2)), 0.5)
        >>> u.state.shape, bool((u.acceptance > 0.9).all())
        (torch.Size([2, 3]), True)
    """
    each, wide = u.shape[1:], (-1, *[1] * (u.dim() - 1))
    v = rng.normal("momentum", *each, dtype=u.dtype).reshape(u.shape)
    # (5)
    e = size * (-math.log(RANGE) * rng.uniform("size", 1, dtype=u.dtype).reshape(wide)).exp()
    u_new, v_new = leapfrog(u, v, slope_of(energy), e, steps, scale)
    with torch.no_grad():
        gain = energy(u) - energy(u_new) + (v.square() - v_new.square()).flatten(1).sum(1) / 2
    # (3); a proposal whose energy is no number is never accepted
    acceptance = gain.exp().clamp_max(1.0).nan_to_num(0.0)
    accepted = rng.uniform("accept", 1, dtype=u.dtype).reshape(-1) < acceptance
    return Move(torch.where(accepted.reshape(wide), u_new, u), acceptance)
