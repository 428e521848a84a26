"""The first stage of games of captions: the joint embedding of pictures and captions.

The vectors of captions are learned before the game, by telling which caption belongs to which picture, and
stay as they are in the game, as in both papers. Both players then see the same, fixed vectors: a mean of two
of them lies between the captions' meanings, and no player can make the other's task easier by moving them.
At the start of the game they are standardized on training captions.

Reference: Reed, Akata, Lee and Schiele 2016. Rows G16, G17.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.numerics.exchange import all_rows
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.core.spaces.tokens import Tokens
from simulacra.core.updates import Epochs, Source, Stage, Update
from simulacra.nets.captions.matching import every_captions, ranking_loss, same_captions

RATE = 1e-3  # learning rate of the joint embedding
SCALED = 2000  # most training captions on which vectors are standardized


def check_captioned(space: Space, condition: Space | None, name: str) -> Tokens:
    """Returns the space of the captions, after checking that x are pictures and c are texts.

    Args:
        space: space of one observation.
        condition: space of the condition, or None.
        name: name of the model, for messages.

    Raises:
        ValueError: if x is no picture with gradients, or c is no text.
    """
    playable(space, name)
    if not space.image:
        raise ValueError(f"{name} draws pictures, but the space is {space}: take another model.")
    if not isinstance(condition, Tokens) or not condition.shape:
        given = load_with(condition="captions:captions.csv")
        raise Refusal(
            f"{name} draws pictures from their captions, but the condition is {condition or 'none'}: load a "
            f"folder of pictures with {given}, a table of the columns file and caption.",
            given,
        )
    return condition


def matching_stage(epochs: float) -> Stage:
    """Returns the stage that learns the joint embedding, before the game.

    Args:
        epochs: its length.
    """
    update = Update(
        "matching", ("matching.",), matching_loss, coupled=True, exchanges=True, optimizer=Adam(lr=RATE)
    )
    return Stage("matching", [update], Epochs(epochs))


def standardize_vectors(model: Any, source: Source, rng: Rng) -> None:
    """Standardizes the vectors of captions, at the start of the game.

    Args:
        model: a game of captions.
        source: the training split.
        rng: chooses the captions.
    """
    rows = rng.permutation("standardized", len(source))[:SCALED]
    batch = source.batch(rows, rng.on(range(len(rows)))).to(model.device)
    assert batch.c is not None
    model.matching.fit_scale(batch.c)


def has_begun(model: Any) -> bool:
    """Returns True once the game has begun, which standardizes the vectors of captions.

    Args:
        model: a game of captions.
    """
    return bool(model.matching.shift.any())


def matching_loss(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes the hinge loss of both searches, shape (B,), with the share of captions found as `found`.

    Args:
        model: a game of captions.
        batch: pictures and their captions.
        rng: not used.
    """
    assert batch.c is not None
    v, t = model.matching.of_pictures(model.features(batch.x)), model.matching.of_captions(batch.c)
    return Terms({"ranking": ranking_loss(v, t, batch.c)}, {"found": found(v, t, batch.c)})


@torch.no_grad()
def found(v: Tensor, t: Tensor, c: Tensor) -> Tensor:
    """Returns 1 where no other caption of the batch at hand fits a picture as well as its own, shape (B,).

    Args:
        v: vectors of pictures, shape (B, size).
        t: vectors of their captions, shape (B, size).
        c: the captions, shape (B, T).
    """
    scores, wrong = v @ t.T, ~same_captions(c, c)
    best = scores.masked_fill(~wrong, -torch.inf).amax(1)
    return (scores.diagonal() > best).to(v.dtype)


def rolled(batch: Batch, t: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
    """Returns the rows of a batch shifted by a random number of places, and True where captions differ.

    The shift is the same on all processes, whose rows are rolled together, and never 0 for two rows or more.

    Args:
        batch: the captions, with the places of these rows in the global batch.
        t: values of these rows, shape (B, *), such as vectors of captions.
        rng: draws the shift.

    Returns:
        t of the shifted rows, shape (B, *), and True where a row's own caption is another one, shape (B,).
    """
    assert batch.c is not None
    every_c = every_captions(batch.c)
    n = len(every_c)
    shift = 1 + int(rng.permutation("mismatch", n - 1)[0]) if n > 1 else 0
    at = (torch.tensor(list(batch.rows), device=t.device) + shift) % n
    return all_rows(t.detach())[at], (every_c[at] != batch.c.long()).any(1)
