"""Losses of diffusion models: one step t a row, drawn evenly or by importance.

    bound:    L_t / p_t,   t drawn from p,   L_t the term of step t of the bound                          (1)

(1) has the bound as its mean, whatever p. p is uniform, or that of `importance`, which trains reals and
levels better (the Swiss roll by 0.2 nats after 3,000 steps) and bits worse (the heartbeat by 0.03 bits after
2,000). The other loss, of the prediction alone, is that of `ddpm`.

Reference: Ho, Jain and Abbeel 2020; Nichol and Dhariwal 2021. Rows H20, H21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Loss, Update
from simulacra.models.diffusion.chain import DiffusionModel
from simulacra.models.diffusion.steps.spread import spread
from simulacra.nets.timed import TimedMLP


@dataclass(frozen=True)
class Drawn:
    """The step of each row of a batch, as a loss needs it.

    Args:
        x0: x_0 as the kernel sees it, shape (B, d).
        t: steps from 1 to T, in the type of x_0, shape (B, 1).
        weight: 1 / p_t, shape (B,).
        e: noise of x_t, shape (B, d).
        kept: True where the condition is given, shape (B, 1); None: everywhere.
    """

    x0: Tensor
    t: Tensor
    weight: Tensor
    e: Tensor
    kept: Tensor | None


def drawn_level(model: DiffusionModel, batch: Batch, rng: Rng) -> Drawn:
    """Draws the step of each row, by importance where the model has one.

    Args:
        model: the model.
        batch: rows.
        rng: source of random numbers.
    """
    x0, T = model.kernel.coordinates(batch.x, model.dtype), model.kernel.T
    u = spread(rng, x0.dtype) if model.stratified else rng.uniform("t", 1, dtype=x0.dtype)
    if model.importance is None:
        t, weight = 1 + (u * T).floor().clamp_max(T - 1), torch.full_like(u, T)
    else:
        t, weight = model.importance.draw(u)
    kept = None
    if model.condition is not None and model.drop:
        kept = rng.uniform("dropped", 1, dtype=x0.dtype) >= model.drop
    return Drawn(x0, t, weight[:, 0], model.kernel.noise(rng, "x_t", x0.dtype), kept)


def bound_loss(model: DiffusionModel, batch: Batch, rng: Rng) -> Terms:
    """Returns equation (1), in nats, shape (B,).

    Args:
        model: the model.
        batch: rows.
        rng: source of random numbers.
    """
    at = drawn_level(model, batch, rng)
    nats = model.nats(at.x0, at.t, batch.c, at.e, at.kept)
    stats = {} if model.importance is None else model.importance.counted(at.t, nats)
    # (1)
    return Terms({"bound": at.weight * nats}, stats=stats)


def follow(model: DiffusionModel, terms: Mapping[str, Tensor], progress: float) -> None:
    """Moves the probabilities of the steps, after an update.

    Args:
        model: the model.
        terms: sums over the rows of the batch, as `bound_loss` gives them.
        progress: not used.
    """
    assert model.importance is not None
    model.importance.follow(terms["rows"], terms["squares"])


def update(model: DiffusionModel, error: Loss | None = None) -> Update:
    """Returns the only update of a diffusion model.

    Args:
        model: the model.
        error: the loss in place of the bound; None: the bound.
    """
    rate = Adam(lr=3e-3 if isinstance(model.net, TimedMLP) else 1e-3)
    after = None if model.importance is None else follow
    return Update("diffusion", ("",), error or bound_loss, after=after, optimizer=rate)
