"""Completion by a diffusion: clamping, a heuristic, and resampling, which reduces its error.

    x_t = q(x_t | x_0) where x_0 is known, as drawn elsewhere                                          (1)
    x_t-1 ~ p(. | x_t)                                                                                 (2)
    x_t ~ q(. | x_t-1),   and (1) and (2) again, n times in all                                        (3)

Clamping, n = 1, does not draw from p(x_unknown | x_known): the unknown entries of x_t-1 were drawn beside
known entries of x_t whose noise is redrawn in the next step, so the two never agree. By (3) they come to
terms, at n times the cost. For many steps and draws the law tends to the conditional one.

Reference: Lugmayr et al. 2022, algorithm 1 (RePaint). Row H20.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng


def check_resamples(n: int) -> int:
    """Returns the number of draws of each step of a completion.

    Args:
        n: the number.

    Raises:
        ValueError: if it is below 1.
    """
    if n < 1:
        some = build_with(resamples=10)
        raise Refusal(f"resamples is {n}, but a completion draws each step at least once: take {some}.", some)
    return n


def filled(model: Any, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None) -> Tensor:
    """Returns x with missing entries drawn by equations (1) to (3), shape (B, *).

    Args:
        model: a diffusion.
        x: observations, shape (B, *); missing entries may have any value.
        known: True where known, shape (B, *).
        rng: source of random numbers.
        c: conditions, shape (B, *), or None.
    """
    kernel, x = model.kernel, model.space.filled(x, known)
    where = known.unsqueeze(1).flatten(1)
    x0, state = kernel.coordinates(x, model.dtype), model.start_chain(rng, c)
    total = kernel.T * model.resamples
    for i in each(range(total), "chains", "sweep"):
        t = kernel.T - i // model.resamples
        at, before = (kernel.level(x0.new_full((len(x0), 1), n)) for n in (t, t - 1))
        if i % model.resamples:
            # (3)
            e = kernel.noise(rng.at(i), "again", x0.dtype)
            h, left = kernel.noised_from(state[:, :-2], before, at, e), state[:, -2:-1] + 1
            state = torch.cat([h, left, state[:, -1:]], 1)
        # (1)
        seen = kernel.noised(x0, at, kernel.noise(rng.at(i), "known", x0.dtype))
        state = torch.cat([torch.where(where, seen, state[:, :-2]), state[:, -2:]], 1)
        # (2)
        state = model.step(state, rng.at(i), c)
    drawn = model.shown(state)
    wide = x.dtype if model.space.discrete else torch.promote_types(x.dtype, drawn.dtype)
    return torch.where(known, x.to(wide), drawn.to(wide))
