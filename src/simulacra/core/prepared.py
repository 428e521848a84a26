"""Rows on their way into a model, in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from simulacra.core.precision import narrowed
from simulacra.core.random import Rng

if TYPE_CHECKING:
    from simulacra.core.words import Words


@dataclass(frozen=True)
class Rows:
    """Rows on their way into a model.

    Args:
        raw: as given, with placeholders where they miss, shape (B, *).
        y: in the model's space.
        log_det: log |det dy/dx| of the known entries, in nats, shape (B,).
        rng: noise keyed by the rows.
        known: True where x is observed, or None.
        c: conditions, or None.
    """

    raw: Tensor
    y: Tensor
    log_det: Tensor
    rng: Rng
    known: Tensor | None
    c: Tensor | None = None


def prepared(model: Words, x: Tensor, known: Tensor | None, rng: Rng, chunk: int) -> Iterator[Rows]:
    """Chunks of raw rows in the model's space, their noise keyed by the rows.

    Args:
        x: raw rows with placeholders where they miss, shape (B, *).
        known: True where x is observed, or None.
        chunk: rows that go through a network at once.
    """
    for i in range(0, len(x), chunk):
        rows = rng.on(range(i, min(i + chunk, len(x))))
        there = None if known is None else known[i : i + chunk]
        y, log_det = model.preprocessing.forward(x[i : i + chunk], rows, there)
        y = narrowed(y, model.dtype) if y.is_floating_point() else y
        yield Rows(x[i : i + chunk], y, log_det, rows, there)
