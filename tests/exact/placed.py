"""Scores whose noise is that of the rows' places: the same for rows in other units, another for each copy."""

from __future__ import annotations

from torch import Tensor

from simulacra.core.interface import evaluating
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import Score, score


def by_place(model, x: Tensor, k: int = 20, seed: int = 0, known: Tensor | None = None) -> Score:
    """The score of raw rows, with placeholders where they miss."""
    rng = Rng(seed, "score", rows=range(len(x)))
    with evaluating(model):
        y, log_det = model.preprocessing.forward(x, rng, known)
        return score(model, y, None, log_det, k, rng, known=known)
