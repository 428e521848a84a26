"""Losses of the game between two domains, per example of each domain's stream.

Equations (1) to (3) are those of `cycle_gan`. The streams A and B bring rows of either domain; a term of the
rows of A has as many values as the stream A.

Reference: Zhu, Park, Isola and Efros 2017. Rows G24, G29.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Weight, weight_rows
from simulacra.models.adversarial.game.objectives import by_row

DOMAINS = ("A", "B")


def players_loss(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss (1) of both discriminators.

    Args:
        model: a `CycleGAN`.
        batch: its further streams are A and B.
        rng: not used.
    """
    goal, terms = model.objective, {}
    for k, other in ((0, 1), (1, 0)):
        real = model.seen(batch.extra[DOMAINS[k]].x)
        with torch.no_grad():
            fake = model.led(model.seen(batch.extra[DOMAINS[other]].x), k)
        # (1)
        terms[f"real {DOMAINS[k]}"] = by_row(goal.real(model.judged(real, k)))
        terms[f"fake {DOMAINS[k]}"] = by_row(goal.fake(model.judged(fake, k)))
    return Terms(terms)


def translators_loss(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss of F and G: the game (2), the cycle and the identity of (3).

    Args:
        model: a `CycleGAN`.
        batch: its further streams are A and B.
        rng: not used.
    """
    terms: dict[str, Tensor] = {}
    for k, other in ((0, 1), (1, 0)):
        own = model.seen(batch.extra[DOMAINS[k]].x)
        fake = model.led(own, other)
        # (2)
        fooled = by_row(model.objective.generator(model.judged(fake, other)))
        terms[f"game {DOMAINS[k]}"] = model.adversarial * fooled
        # (3)
        if model.cycle:
            terms[f"cycle {DOMAINS[k]}"] = model.cycle * distance(model.led(fake, k), own)
        if model.identity:
            terms[f"identity {DOMAINS[k]}"] = model.identity * distance(model.led(own, k), own)
    return Terms(terms)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Returns the mean of |a - b| over the entries of each row, as in (3), shape (B,).

    Args:
        a: rows, shape (B, *).
        b: rows, shape of a.

    Example:
        >>> distance(torch.tensor([[1.0, 3.0]]), torch.zeros(1, 2)).tolist()
        [2.0]
    """
    return (a - b).abs().flatten(1).mean(1)


def of_players() -> Mapping[str, Weight]:
    """Returns the weights of the terms of `players_loss`: a fake of B is a row of A."""
    a, b = (weight_rows(name) for name in DOMAINS)
    return {"real A": a, "fake A": b, "real B": b, "fake B": a}


def of_translators() -> Mapping[str, Weight]:
    """Returns the weights of the terms of `translators_loss`: each is of the rows of its domain."""
    return {f"{term} {name}": weight_rows(name) for term in ("game", "cycle", "identity") for name in DOMAINS}
