"""Completion by pseudo-Gibbs steps: codes and missing entries are drawn in turn.

    z ~ q(z | x_known, x_missing),   x_missing ~ p(x_missing | z)                                       (1)

An encoder learns one problem, z given a whole x: given a part of x it says nothing reliable, and a
completion needs further inference. Were q the posterior, (1) would be a Gibbs sampler of
p(z, x_missing | x_known). As it is, the stationary law differs by the encoder's error, which importance
weights correct; in exchange a step costs one code a row, and no weight degenerates where x has many entries.

Reference: Rezende, Mohamed and Wierstra 2014, appendix F; Mattei and Frellsen 2018. Row E15.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng

STEPS = 100  # steps of the chain, which begins at q(z | x_known) with missing features of 0


def pseudo_gibbs(
    model: Any, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None, steps: int = STEPS
) -> Tensor:
    """Returns x with its missing entries drawn by the chain (1), shape (B, *).

    Args:
        model: a model with q(z|x) (`posterior`) and p(x|z) (`likelihood`).
        x: observations, shape (B, *); missing entries may have any value.
        known: True where known, shape (B, *).
        rng: source of random numbers.
        c: conditions, shape (B, *), or None.
        steps: number of steps.
    """
    seen: Tensor | None = known
    x = model.space.filled(x, known)
    for t in range(steps):
        here = rng.at("gibbs", t)
        # (1)
        z = model.posterior(x, c, seen).sample(here, "z")
        drawn = model.likelihood(z, c).sample(here)
        # an integer dtype cannot hold real draws
        wide = x.dtype if model.space.discrete else torch.promote_types(x.dtype, drawn.dtype)
        x, seen = torch.where(known, x.to(wide), drawn.to(wide)), None
    return x
