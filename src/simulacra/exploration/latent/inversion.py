"""Inversion: a search for the code of an observation, for models that decode but have no encoder.

    z = argmin_z E(z),   E(z) = 1/d sum_i k_i (f(G(z))_i - f(x)_i)^2 + w |z|^2               (1)

f are the features of the model's space, k_i is 1 where x_i is known and d is the number of these. With
w = s^2 / d, z is the maximum a posteriori code under noise of variance s^2 and the prior N(0, I). E has many
minima: Adam starts from several draws of the prior, and the code with the lowest E is kept.

Reference: Creswell and Bharath 2016; Lipton and Tripathi 2017. Row F27.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.inputs.chunks import Rows, prepared
from simulacra.core.inputs.convert import rows_of
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.optimizers import cosine
from simulacra.core.progress.estimates import estimated
from simulacra.core.progress.tasks import duration, each, stage
from simulacra.core.random.keyed import Rng

log = logging.getLogger("simulacra")
WEAK = 4e-3  # weight of the mean square of a code, for codes of sums and paths
AT_ONCE = 256  # codes in one batch of the decoder
RUNGS = (200, 150, 100, 75, 50)  # fewer steps, for searches that would take too long


@dataclass(frozen=True)
class Inversion:
    """Result of a search for codes.

    Args:
        codes: z of (1), shape (B, latent).
        errors: mean square of f(G(z)) - f(x) over known entries, shape (B,).
    """

    codes: Tensor
    errors: Tensor


def invert(
    model: Model,
    x: Any,
    condition: Any = None,
    steps: int = 300,
    starts: int = 4,
    seed: int = 0,
    known: Any = None,
    prior: float = 0.0,
    lr: float = 0.1,
    seconds: float | None = None,
) -> Inversion:
    """Codes whose decoded observations are nearest to x, by equation (1).

    Args:
        model: that decodes.
        x: raw observations, shape (B, *).
        condition: one for all, or one for each x, where the model takes one.
        steps: number of steps of Adam; the learning rate falls to 0 along half a cosine.
        starts: number of initial codes for each x.
        seed: same seed, same codes, independent of the other rows.
        known: True where x is known, shape of x or of one observation; None: everywhere.
        prior: w, weight of |z|^2.
        lr: learning rate of the first step.
        seconds: time limit; a search that would take longer makes fewer steps, but at least 50; None: no
            limit.

    Raises:
        ValueError: if the model does not decode, its output has no gradient, or a number is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.models.adversarial.gan import GAN
        >>> model = GAN(Real((3,)), latent=2)
        >>> invert(model, model.sample(5), steps=10).codes.shape
        torch.Size([5, 2])
    """
    if not model.supports(can.Decodes):
        raise can.MissingCapability(f"{type(model).__name__} does not decode, so observations have no codes.")
    for name, value in (("steps", steps), ("starts", starts)):
        if value < 1:
            raise ValueError(f"{name} is {value}, but a search needs at least 1.")
    if prior < 0:
        raise ValueError(f"prior is {prior}, but a weight of |z|^2 must not be negative.")
    raw, there = rows_of(model.preprocessing.raw, x, known, model.preprocessing.geometry)
    c = model._condition(condition, len(raw))
    raw, there = (
        model.preprocessing.held(raw, model.device),
        None if there is None else there.to(model.device),
    )
    rng = Rng(seed, "score", device=model.device).by_content(raw, there)

    def search(steps: int) -> Inversion:
        parts = []
        with evaluating(model), stage("codes", len(raw), "row") as progress:
            for rows in prepared(model, raw, there, rng, max(1, AT_ONCE // starts), c):
                progress.part = len(rows.raw)
                parts.append(_searched(model, rows, steps, starts, prior, lr))
                progress.advance(progress.part)
        codes, errors = zip(*parts)
        return Inversion(torch.cat(codes), torch.cat(errors))

    return search(steps if seconds is None else _affordable(steps, seconds, search))


def _affordable(steps: int, seconds: float, search: Callable[[int], object]) -> int:
    """The given number of steps, or the largest of `RUNGS` that fits into the time."""
    whole = estimated(lambda: search(steps))
    tries = [steps, *[n for n in RUNGS if n < steps]]
    found = next((n for n in tries if whole * n / steps <= seconds), tries[-1])
    if found < steps:
        left_out = (steps, duration(whole))
        log.info(
            "inversion: %d steps, about %s (%d would take %s)",
            found,
            duration(whole * found / steps),
            *left_out,
        )
    return found


def codes_of(
    model: Model,
    x: Any,
    condition: Any = None,
    seed: int = 0,
    known: Any = None,
    seconds: float | None = None,
) -> Tensor:
    """Codes of observations from the encoder of the model, or by inversion if it has none.

    Inversion uses a weak prior here, since codes near those of the prior give better sums and paths.

    Args:
        model: that encodes or decodes.
        x: raw observations, shape (B, *).
        condition: one for all, or one for each x, where the model takes one.
        seed: same seed, same codes.
        known: True where x is known, shape of x; None: everywhere.
        seconds: time limit of an inversion, as in `invert`.

    Returns:
        Codes of shape (B, latent).

    Raises:
        ValueError: if the model neither encodes nor decodes.
    """
    if model.supports(can.Encodes) or not model.supports(can.Decodes):
        return model.encode(x, condition, seed, known)
    prior = WEAK / can.able(model, can.Decodes).code_size
    return invert(model, x, condition, seed=seed, known=known, prior=prior, seconds=seconds).codes


def _searched(
    model: Model, rows: Rows, steps: int, starts: int, prior: float, lr: float
) -> tuple[Tensor, Tensor]:
    """Codes (B, latent) and errors (B,) of one batch of rows."""
    error = _error(model, rows, starts)
    rng = rows.rng.at("invert")
    z = torch.cat([_start(model, rng, f"start {k}") for k in range(starts)])
    z = descended(lambda z: error(z) + prior * z.square().sum(1), z, steps, lr)
    of_starts = (error(z) + prior * z.square().sum(1)).unflatten(0, (starts, -1))
    best = of_starts.nan_to_num(nan=math.inf).argmin(0)
    chosen = z.unflatten(0, (starts, -1))[best, torch.arange(len(best), device=z.device)]
    errors = of_starts.amin(0) - prior * chosen.square().sum(1)
    return chosen, errors


def _error(model: Model, rows: Rows, starts: int) -> Callable[[Tensor], Tensor]:
    """E of (1) without the prior, for several codes of each row: (starts B, latent) -> (starts B,)."""
    space = model.space
    again = lambda t: torch.cat([t] * starts)
    goal = again(model.features(rows.y).flatten(1))
    there = torch.ones_like(goal[:1])
    if rows.known is not None:
        there = again(space.features_known(rows.known).flatten(1).to(goal.dtype))
    c = None if rows.c is None else again(rows.c)

    def error(z: Tensor) -> Tensor:
        made = model.features(can.able(model, can.Decodes).emit(z, c)).flatten(1)
        if z.requires_grad and not made.requires_grad:
            raise ValueError(
                f"invert needs a gradient through the decoder, which observations of {space} do not have."
            )
        return (there * (made - goal).square()).sum(1) / there.sum(1).clamp_min(1)

    return error


def _start(model: Model, rng: Rng, name: str) -> Tensor:
    if model.supports(can.HasPrior):
        return can.able(model, can.HasPrior).prior(rng, name)
    return rng.normal(name, can.able(model, can.Decodes).code_size, dtype=model.dtype)


def descended(loss: Callable[[Tensor], Tensor], z: Tensor, steps: int, lr: float) -> Tensor:
    """Returns codes z after `steps` of Adam, each row independent of the others, shape (B, latent).

    Args:
        loss: of each code: (B, latent) -> (B,).
        z: the codes at first, shape (B, latent).
        steps: number of steps; the learning rate falls to 0 along half a cosine.
        lr: learning rate of the first step.
    """
    z = z.detach().clone().requires_grad_()
    adam = torch.optim.Adam([z], lr)
    for t in each(range(steps), "inversion"):
        adam.param_groups[0]["lr"] = lr * cosine(t / steps)
        with torch.enable_grad():
            total = loss(z).sum()
        # the model's own gradients stay as they are
        (z.grad,) = torch.autograd.grad(total, z)
        adam.step()
    return z.detach()
