"""Continuous flows: noise that follows a differential equation to the data, and the density at its end.

    h(0) ~ N(0, I),   dh / dt = v(h, t),   x = h(1)                                                    (1)
    log p(x) = log N(h(0); 0, I) - int_0^1 tr(dv / dh) dt,   h solved backward from x                  (2)

The trace takes d gradients a step. Beyond `LARGEST` entries it is estimated by one draw of signs a row, the
same in all steps: the estimate (2) is then right on average. Either way it is an estimate: the solver has an
error, which half as many steps show.

Reference: Chen et al. 2018; Grathwohl et al. 2019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulacra.core.capabilities.estimates import DensityEstimate
from simulacra.core.densities.bijections import Bijection
from simulacra.core.numerics.odes import Solver, Velocity, solve, with_trace
from simulacra.core.random.keyed import Rng

LARGEST = 64  # most entries of which the trace is computed by one gradient each


@dataclass
class Continuous(Bijection):
    """The map of equation (1) from h(0) to h(1).

    Args:
        v: right-hand side, of (B, d) and times (B, 1).
        steps: number of steps.
        solver: method of the steps.
        signs: entries -1 and 1, shape (B, d), that estimate the trace; None: it is computed.

    Example:
        >>> grows = Continuous(lambda h, t: h, 50)
        >>> x = grows.forward(torch.ones(1, 2))
        >>> z, log_det = grows.undone(x)
        >>> [round(v, 4) for v in (*x[0].tolist(), *z[0].tolist(), log_det.item())]  # e, e, and log e^2
        [2.7183, 2.7183, 1.0, 1.0, 2.0]
    """

    v: Velocity
    steps: int
    solver: Solver = "rk4"
    signs: Tensor | None = None

    def forward(self, z: Tensor) -> Tensor:
        """Returns h(1) for h(0) = z, shape (B, d)."""
        return solve(self.v, z, 0.0, 1.0, self.steps, self.solver)

    def inverse(self, x: Tensor) -> Tensor:
        """Returns h(0) for h(1) = x, shape (B, d)."""
        return solve(self.v, x, 1.0, 0.0, self.steps, self.solver)

    def log_det(self, z: Tensor) -> Tensor:
        """Returns the integral of the trace along the way from z, shape (B,)."""
        return self._integrated(z, 0.0, 1.0)[1]

    def undone(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns h(0) and the integral of the trace along the way."""
        z, total = self._integrated(x, 1.0, 0.0)
        return z, -total

    def _integrated(self, h: Tensor, start: float, end: float) -> tuple[Tensor, Tensor]:
        state = torch.cat([h, torch.zeros_like(h[:, :1])], 1)
        state = solve(with_trace(self.v, self.signs), state, start, end, self.steps, self.solver)
        return state[:, :-1], state[:, -1]


def log_density(flow: Continuous, x: Tensor) -> Tensor:
    """Returns log p(x) by equation (2), in nats, shape (B,).

    Args:
        flow: the map.
        x: vectors, shape (B, d).
    """
    z, log_det = flow.undone(x)
    # (2)
    return -0.5 * (z.square().sum(1) + z.shape[1] * math.log(2 * math.pi)) - log_det


def estimate(flow: Continuous, x: Tensor, rng: Rng) -> DensityEstimate:
    """Returns log p(x) by equation (2), and its change when half of the steps are taken.

    Args:
        flow: the map.
        x: vectors, shape (B, d).
        rng: source of the signs where there are more than `LARGEST` entries.
    """
    exact = x.shape[1] <= LARGEST
    if not exact:
        flow = replace(flow, signs=drawn_signs(rng, x.shape[1], x.dtype))
    value = log_density(flow, x)
    coarse = log_density(replace(flow, steps=max(1, flow.steps // 2)), x)
    trace = "exact trace" if exact else "trace by one draw of signs a row"
    method = f"ODE, {flow.steps} steps of {flow.solver}, {trace}"
    return DensityEstimate(value, (value - coarse).detach(), method)


def drawn_signs(rng: Rng, d: int, dtype: torch.dtype) -> Tensor:
    """Returns signs with equal chances, one draw for all steps, shape (B, d).

    Args:
        rng: source of random numbers.
        d: number of entries.
        dtype: floating-point type.
    """
    u = rng.uniform("signs", d, dtype=dtype)
    return torch.where(u < 0.5, -torch.ones_like(u), torch.ones_like(u))
