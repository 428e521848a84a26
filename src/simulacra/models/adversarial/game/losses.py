"""Losses of the discriminator and the generator, per example, and the hooks before and after their updates.

Equation (1) is that of `two_player`. Where the discriminator scores patches, the objective is applied to each
and averaged over the patches of a row.

Reference: Goodfellow et al. 2014; Salimans et al. 2016; Gulrajani et al. 2017; Mescheder et al. 2018. Rows
F1, F3, F15, F17, F18, G11.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.numerics.exchange import row_mean
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.objectives import Objective, by_row, share_right
from simulacra.models.adversarial.game.stabilizers import (
    clip_weights,
    gradient_penalty,
    squared_slope,
    turned,
)


def discriminator_loss(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes the discriminator's loss: the first part of (1) plus class loss and enabled penalties.

    Args:
        model: a `Game`.
        batch: rows of data in the model's space.
        rng: noise z, instance noise, label flips and interpolation points.

    Returns:
        Terms of shape (B,) in nats, with the share of correct decisions logged as `accuracy`.
    """
    c = model.given(batch.c)
    with torch.no_grad():
        fake = model.generate(model.prior(rng), c)
    real = model.seen(batch.x)
    noised = [model.blurred(h, rng, name) for h, name in ((real, "on real"), (fake, "on fake"))]
    (of_real, r1), (of_fake, r2) = (
        _with_slope(model, h, c, gamma)
        for h, gamma in zip(noised, (model.stabilizers.r1, model.stabilizers.r2))
    )
    terms = Terms(_scored(model, of_real.score, of_fake.score, rng) | _named(r1=r1, r2=r2))
    if model.names_class:
        terms.loss["labels"] = _labels(of_real, batch.c)
    if model.stabilizers.gradient_penalty:
        e = rng.uniform("between", 1, dtype=real.dtype)
        penalty = gradient_penalty(lambda h: by_row(model.judge(h, c).score), noised[0], noised[1], e)
        terms.loss["penalty"] = model.stabilizers.gradient_penalty * penalty
    _remembered(model, "D", terms, len(batch))
    terms.log["accuracy"] = share_right(model.objective, of_real.score, of_fake.score)
    return terms


def generator_loss(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes the generator's loss: the second part of (1) with its weight, and the model's further terms.

    Args:
        model: a `Game`.
        batch: rows of data; only feature matching, conditions and further terms use them.
        rng: noise z and instance noise.
    """
    c = model.given(batch.c)
    fake = model.generate(model.prior(rng), c)
    terms = _adversarial(model, batch, fake, c, rng) if model.adversarial else Terms({})
    terms.loss |= model.also(batch, fake, rng)
    _remembered(model, "G", terms, len(batch))
    return terms


def _adversarial(model: Any, batch: Batch, fake: Tensor, c: Tensor | None, rng: Rng) -> Terms:
    """Returns the generator's terms from D's verdict: its loss or feature matching, and the class loss."""
    verdict = model.judge(model.blurred(fake, rng, "on fake"), c)
    if model.stabilizers.feature_matching:
        with torch.no_grad():
            features = model.judge(model.blurred(model.seen(batch.x), rng, "on real"), c).features
        # |E f(x) - E f(G(z))|^2
        terms = Terms({"features": (row_mean(features) - row_mean(verdict.features)).square().sum()})
    else:
        terms = Terms({"loss": by_row(model.objective.fooled(verdict.score, _paired(model, batch, c, rng)))})
    if model.adversarial != 1:
        terms.loss = {name: model.adversarial * term for name, term in terms.loss.items()}
    if model.names_class:
        terms.loss["labels"] = _labels(verdict, batch.c)
    return terms


def _paired(model: Any, batch: Batch, c: Tensor | None, rng: Rng) -> Tensor | None:
    """Returns the scores of the rows of data, constants of the generator's loss of pairs, or None."""
    if not model.objective.pairs:
        return None
    with torch.no_grad():
        return model.judge(model.blurred(model.seen(batch.x), rng, "on real"), c).score


def _with_slope(model: Any, h: Tensor, c: Tensor | None, gamma: float) -> tuple[Verdict, Tensor | None]:
    """Returns D's verdict and gamma/2 |grad_h s(h)|^2 of the same pass, or None with gamma 0."""
    if not gamma:
        return model.judge(h, c), None
    with torch.enable_grad():
        h = h.detach().requires_grad_()
        verdict = model.judge(h, c)
        return verdict, gamma / 2 * squared_slope(by_row(verdict.score), h)


def _named(**terms: Tensor | None) -> dict[str, Tensor]:
    return {name: term for name, term in terms.items() if term is not None}


def _scored(model: Any, real: Tensor, fake: Tensor, rng: Rng) -> dict[str, Tensor]:
    goal: Objective = model.objective
    if goal.pairs:
        return {"pairs": by_row(_of_pairs(model, real - fake, rng))}
    if not model.stabilizers.flips:
        return {"real": by_row(goal.real(real)), "fake": by_row(goal.fake(fake))}
    turn = lambda name: rng.uniform(name, dtype=real.dtype) < model.stabilizers.flips
    return {
        "real": by_row(turned(goal.real, goal.fake, real, turn("flip real"))),
        "fake": by_row(turned(goal.fake, goal.real, fake, turn("flip fake"))),
    }


def _of_pairs(model: Any, difference: Tensor, rng: Rng) -> Tensor:
    goal: Objective = model.objective
    if not model.stabilizers.flips:
        return goal.real(difference)
    turn = rng.uniform("flip real", dtype=difference.dtype) < model.stabilizers.flips
    return turned(goal.real, goal.fake, difference, turn)


def _labels(verdict: Verdict, c: Tensor | None) -> Tensor:
    """Returns -log p(c | x) in nats, shape (B,)."""
    assert verdict.labels is not None and c is not None
    return F.cross_entropy(verdict.labels, c.long(), reduction="none")


def _remembered(model: Any, player: str, terms: Terms, n: int) -> None:
    if model.stabilizers.historical_averaging:
        distance = model.history[player].distance(getattr(model, player))
        terms.loss["history"] = (model.stabilizers.historical_averaging * distance).expand(n)


# ---- hooks before and after an update


def remember_D(model: Any, batch: Batch, rng: Rng) -> None:
    """Adds D's current weights to their running mean, for historical averaging."""
    _remember(model, "D")


def remember_G(model: Any, batch: Batch, rng: Rng) -> None:
    """Adds G's current weights to their running mean, for historical averaging."""
    _remember(model, "G")


def _remember(model: Any, player: str) -> None:
    if model.stabilizers.historical_averaging:
        model.history[player].add(getattr(model, player))


def settle(model: Any, terms: Any, progress: float) -> None:
    """Runs after each update of D: clips its weights and decays the instance noise linearly.

    Args:
        model: a `Game`.
        terms: logged means of the update; not used.
        progress: share of the stage that is done, from 0 to 1.
    """
    if model.stabilizers.clip:
        clip_weights(model.D, model.stabilizers.clip)
    if model.stabilizers.noise:
        model.noise.fill_(model.stabilizers.noise * (1 - progress))
