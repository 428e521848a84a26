"""Completions of models with a Gaussian posterior, by importance resampling of codes.

    p(x_missing | x_known) = sum_j w_j p(x_missing | z_j) / sum_j w_j,    w_j = p(x_known, z_j) / q(z_j)  (1)

The codes of the first round have q(z|x_known); those of each further round have q(z|x_known, x_missing) with
what the rounds before have drawn (population Monte Carlo), since an encoder that never saw gaps proposes
codes far from the posterior.

Reference: Mattei and Frellsen 2019, equation 12; Cappe et al. 2004.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Categorical
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import ENTRIES

if TYPE_CHECKING:
    from simulacra.models.variational.latent import LatentVariableModel


class Rounds(NamedTuple):
    """Numbers of proposed codes.

    Args:
        codes: codes of a row in each round.
        rounds: number of rounds.
    """

    codes: int
    rounds: int


def resampled(
    model: LatentVariableModel, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, rounds: Rounds
) -> Tensor:
    """Returns x with the missing entries drawn given one code, chosen by its weight (1), shape (B, *).

    Args:
        model: the model.
        x: observations, shape (B, *); missing entries may have any value.
        known: True where known, shape (B, *).
        rng: source of random numbers.
        c: conditions, shape (B, *), or None.
        rounds: numbers of codes.
    """
    x, size = model.space.filled(x, known), max(1, ENTRIES // (model.space.dims * rounds.codes))
    found = []
    for start in range(0, len(x), size):
        i = slice(start, start + size)
        now, given = rng.on(rng.rows[i]), None if c is None else c[i]
        z, log_w = _proposed(model, x[i], known[i], now, given, rounds)
        found.append(_filled_by(model, z, log_w, x[i], known[i], now, given))
    return torch.cat(found)


def weighted(
    model: LatentVariableModel, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, rounds: Rounds
) -> tuple[Tensor, Tensor]:
    """Returns one completion for each proposed code and the log-weights (1), shapes (B, n, *) and (B, n).

    Args:
        model: the model.
        x: observations, shape (B, *); missing entries may have any value.
        known: True where known, shape (B, *).
        rng: source of random numbers.
        c: conditions, shape (B, *), or None.
        rounds: numbers of codes, n in all.
    """
    x = model.space.filled(x, known)
    z, log_w = _proposed(model, x, known, rng, c, rounds)
    drawn = model.likelihoods(z, c).sample(rng.at("every"))
    return _put(model, x.unsqueeze(1), known.unsqueeze(1), drawn), log_w


def _proposed(
    model: LatentVariableModel, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, rounds: Rounds
) -> tuple[Tensor, Tensor]:
    """Returns the codes of all rounds, shape (B, n, latent), and their log-weights (1), shape (B, n)."""
    z: list[Tensor] = []
    log_w: list[Tensor] = []
    filled, seen = x, cast(Tensor | None, known)
    for t in range(rounds.rounds):
        if t:
            now = rng.at("filled", t - 1)
            filled = _filled_by(model, torch.cat(z, 1), torch.cat(log_w, 1), x, known, now, c)
            seen = None
        drawn = model.codes(filled, c, rng.at("round", t) if t else rng, rounds.codes, seen)
        z.append(drawn.z)
        # a draw that is too large for the encoder has no weight
        weights = model.weights_of(x, c, drawn, known)
        log_w.append(weights.nan_to_num(nan=-math.inf, posinf=math.inf, neginf=-math.inf))
    return torch.cat(z, 1), torch.cat(log_w, 1)


def _filled_by(
    model: LatentVariableModel,
    z: Tensor,
    log_w: Tensor,
    x: Tensor,
    known: Tensor,
    rng: Rng,
    c: Tensor | None,
) -> Tensor:
    """Returns x with missing entries drawn given one code of z (B, n, latent), chosen by its weight."""
    chosen = Categorical(log_w, 0).sample(rng, "which")
    draws = model.likelihood(z[torch.arange(len(x), device=x.device), chosen], c).sample(rng)
    return _put(model, x, known, draws)


def _put(model: LatentVariableModel, x: Tensor, known: Tensor, draws: Tensor) -> Tensor:
    """Returns x where known, draws elsewhere; an integer dtype cannot hold real draws."""
    wide = x.dtype if model.space.discrete else torch.promote_types(x.dtype, draws.dtype)
    return torch.where(known, x.to(wide), draws.to(wide))
