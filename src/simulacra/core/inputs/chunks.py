"""Raw rows preprocessed for a model, in chunks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from simulacra.core.numerics.precision import narrowed
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.tokens import Tokens

if TYPE_CHECKING:
    from simulacra.core.methods.rows import RawRows


NUMBERS = 2**23  # most logits of tokens that go through a network at once (32 MB in fp32)


def rows_within(space: Space, chunk: int) -> int:
    """Returns the number of rows that go through a network at once; fewer where tokens have many classes.

    Args:
        space: space of the rows.
        chunk: number of rows otherwise.

    Example:
        >>> rows_within(Tokens((40,), 10_000), 1024)
        20
    """
    if not isinstance(space, Tokens):
        return chunk
    return max(1, min(chunk, NUMBERS // math.prod(space.features_shape)))


@dataclass(frozen=True)
class Rows:
    """A chunk of preprocessed rows.

    Args:
        raw: raw rows, with placeholders at missing entries, shape (B, *).
        y: rows in the model's space, shape (B, *).
        log_det: log |det dy/dx| of the known entries, in nats, shape (B,).
        rng: generator for these rows.
        known: True where x is observed, shape of y; None: everywhere.
        c: condition of each row, or None.
    """

    raw: Tensor
    y: Tensor
    log_det: Tensor
    rng: Rng
    known: Tensor | None
    c: Tensor | None = None


def prepared(
    model: RawRows, x: Tensor, known: Tensor | None, rng: Rng, chunk: int, c: Tensor | None = None
) -> Iterator[Rows]:
    """Yields chunks of raw rows, preprocessed to the model's space.

    Args:
        model: model with the preprocessing.
        x: raw rows with placeholders at missing entries, shape (B, *).
        known: True where x is observed, shape of x; None: everywhere.
        rng: generator for all rows, by content or by place.
        chunk: number of rows of a chunk, at most.
        c: condition of each row, or None.
    """
    chunk = rows_within(model.space, chunk)
    for i in range(0, len(x), chunk):
        at = slice(i, i + chunk)
        keyed, there = rng.on(rng.rows[at]), None if known is None else known[at]
        y, log_det = model.preprocessing.forward(x[at], keyed, there)
        y = narrowed(y, model.dtype) if y.is_floating_point() else y
        there = None if there is None else there.view(y.shape)
        yield Rows(x[at], y, log_det, keyed, there, None if c is None else c[at])
