"""Gradient noise that falls with the steps, and kicks parameters out of narrow minima.

    g <- g + n,   n ~ N(0, s_t^2),   s_t^2 = eta / (1 + t)^0.55                                       (1)

t is the number of finished steps of the stage. The noise comes after clipping, so that its variance is that
of (1) whatever the norm of the gradient. It is keyed by step, update and name of the parameter, and not by
rows: all processes add the same numbers to the gradient that they share, and a resumed run adds those of an
uninterrupted one.

Reference: Neelakantan et al., Adding Gradient Noise Improves Learning for Very Deep Networks, 2015. Row I1;
Kirkpatrick, Gelatt and Vecchi 1983 (annealing). Row I2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from simulacra.core.random.keyed import Rng

GAMMA = 0.55


def variance(eta: float, t: int) -> float:
    """Returns s_t^2 of equation (1).

    Args:
        eta: variance at t = 0, such as 0.01, 0.3 or 1.
        t: number of finished steps of the stage.

    Example:
        >>> variance(0.3, 0), round(variance(0.3, 99), 6)
        (0.3, 0.02383)
    """
    return eta / (1 + t) ** GAMMA


@torch.no_grad()
def add_noise(named: Iterable[tuple[str, nn.Parameter]], eta: float, t: int, rng: Rng) -> None:
    """Adds the noise of equation (1) to the gradients.

    Args:
        named: parameters with their names; those without a gradient are left alone.
        eta: variance at t = 0.
        t: number of finished steps of the stage.
        rng: generator of the update's step.
    """
    deviation = math.sqrt(variance(eta, t))
    shared = rng.on(range(1))  # no row of the batch: every process draws the same
    for name, p in named:
        if p.grad is not None:
            noise = shared.at("gradient noise", name).normal("noise", *p.shape, dtype=p.grad.dtype)
            # (1)
            p.grad.add_(noise[0].to(p.grad.device), alpha=deviation)
