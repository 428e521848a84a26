"""Losses of a game of captions: the discriminator sees three kinds of pairs, each counted exactly.

    D:  l_x(s(x, c)) + 1/2 [ l_G(s(x, c~)) + l_G(s(G(z, c), c)) ]                                  (1)
    G:  l(s(G(z, c), c)) + w l(s(G(z', c^), c^)),    c^ = b c + (1 - b) c~                         (2)

c~ is the caption of another row of the batch. Rows whose c~ is equal to their c by accident are left out of
that mean: a picture and its own caption would count as mismatched. The second part of (2) is GAN-INT, in the
vectors of captions: no picture belongs to c^, and G needs none. w = 0 is GAN-CLS.

Reference: Reed, Akata, Yan, Logeswaran, Schiele and Lee 2016, algorithm 1 and section 4.3. Rows G16, G17.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.numerics.exchange import row_mean
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.captions.joint import rolled
from simulacra.models.adversarial.game.objectives import by_row, share_right


def discriminator_loss(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes (1), per example, with the shares of correct decisions as `accuracy` and `mismatched_right`.

    Args:
        model: a game of captions.
        batch: pictures and their captions.
        rng: noise z and the shift of the captions.
    """
    goal, e, real = model.objective, model.given(batch.c), model.seen(batch.x)
    with torch.no_grad():
        fake = model.generate(model.prior(rng), e)
    other, differs = rolled(batch, e, rng)
    of_real, of_other, of_fake = (model.judge(h, c).score for h, c in ((real, e), (real, other), (fake, e)))
    weight = shares(differs, real.dtype)
    terms = Terms(
        {
            "real": by_row(goal.real(of_real)),
            "mismatched": weight * by_row(goal.fake(of_other)) / 2,
            "fake": by_row(goal.fake(of_fake)) / 2,
        }
    )
    terms.log["accuracy"] = share_right(goal, of_real, of_fake)
    terms.log["mismatched_right"] = weight * share_right(goal, of_real, of_other)
    return terms


def generator_loss(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes (2), per example, and the model's further terms.

    Args:
        model: a game of captions.
        batch: rows, of which the captions are used.
        rng: noise z and z', and the shift of the captions.
    """
    goal, e = model.objective, model.given(batch.c)
    fake = model.generate(model.prior(rng), e)
    terms = Terms({"loss": by_row(goal.generator(model.judge(fake, e).score))})
    if model.interpolated:
        other, _ = rolled(batch, e, rng)
        # c^ of (2)
        between = torch.lerp(other, e, model.beta)
        score = model.judge(model.generate(model.prior(rng, "z between"), between), between).score
        terms.loss["between"] = model.interpolated * by_row(goal.generator(score))
    terms.loss |= model.also(batch, fake, rng)
    return terms


def shares(kept: Tensor, dtype: torch.dtype) -> Tensor:
    """Returns weights of mean 1 over the batch of all processes, equal for kept rows and 0 for the others.

    Args:
        kept: True for the rows that count, shape (B,).
        dtype: floating-point type of the weights.

    Example:
        >>> shares(torch.tensor([True, False, True, True]), torch.float64).tolist()
        [1.3333333333333333, 0.0, 1.3333333333333333, 1.3333333333333333]
    """
    weight = kept.to(dtype)
    return weight / row_mean(weight).clamp_min(torch.finfo(dtype).tiny)
