"""Rows on their way into a model, in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from simulacra.core.numerics.precision import narrowed
from simulacra.core.random.keyed import Rng

if TYPE_CHECKING:
    from simulacra.core.interface import Interface


@dataclass(frozen=True)
class Rows:
    """Rows on their way into a model.

    Args:
        raw: as given, with placeholders where they miss, shape (B, *).
        y: in the model's space.
        log_det: log |det dy/dx| of the known entries, in nats, shape (B,).
        rng: noise of the rows.
        known: True where x is observed, or None.
        c: conditions, or None.
    """

    raw: Tensor
    y: Tensor
    log_det: Tensor
    rng: Rng
    known: Tensor | None
    c: Tensor | None = None


def prepared(
    model: Interface, x: Tensor, known: Tensor | None, rng: Rng, chunk: int, c: Tensor | None = None
) -> Iterator[Rows]:
    """Chunks of raw rows in the model's space.

    Args:
        x: raw rows with placeholders where they miss, shape (B, *).
        known: True where x is observed, or None.
        rng: noise of all rows, by content or by place.
        chunk: rows that go through a network at once.
        c: conditions, or None.
    """
    for i in range(0, len(x), chunk):
        at = slice(i, i + chunk)
        keyed, there = rng.on(rng.rows[at]), None if known is None else known[at]
        y, log_det = model.preprocessing.forward(x[at], keyed, there)
        y = narrowed(y, model.dtype) if y.is_floating_point() else y
        yield Rows(x[at], y, log_det, keyed, there, None if c is None else c[at])
