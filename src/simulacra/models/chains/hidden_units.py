"""Noisy and binary hidden units of a chain.

h = tanh(a + s e),  e ~ N(0, I)      or      h ~ Bernoulli(sigmoid(a))                          (1)
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from simulacra.core.gradients import straight_through
from simulacra.core.random.keyed import Rng

Units = Literal["tanh", "binary"]


def units_of(units: Units, a: Tensor, noise: float, rng: Rng, name: str = "h") -> Tensor:
    """Draws units by equation (1), shape (B, latent); the gradient passes binary draws straight through.

    Args:
        units: kind of the units.
        a: preactivations, shape (B, latent).
        noise: standard deviation s of `tanh` units.
        rng: generator of the draws.
        name: name of the draw; default `h`.

    Example:
        >>> import torch
        >>> units_of("binary", torch.full((1, 3), 99.0), 0.0, Rng(0)).tolist()
        [[1.0, 1.0, 1.0]]
    """
    # (1)
    if units == "binary":
        p = a.sigmoid()
        return straight_through(p, rng.bernoulli(name, p.detach()))
    return (a + noise * rng.normal(name, *a.shape[1:], dtype=a.dtype)).tanh() if noise else a.tanh()
