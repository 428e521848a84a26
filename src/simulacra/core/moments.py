"""Mean and covariance of the features of a data set, in one pass of float64 sums."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.random import Rng
from simulacra.core.training import Source

CHUNK = 4096


def mean(model: Model, source: Source, rng: Rng, limit: int | None = None) -> Tensor:
    """Mean of the flattened features (of the first `limit` rows) in float64, shape (d,).

    Missing entries count with the placeholder that stands there.
    """
    n = min(len(source), limit or len(source))
    total = torch.zeros((), dtype=torch.float64, device=model.device)
    for f in _features(model, source, rng, n):
        total = total + f.sum(0)
    return total / n


def _features(model: Model, source: Source, rng: Rng, n: int) -> Iterator[Tensor]:
    """Chunks of flattened features of the first n rows in float64; noise is keyed by row."""
    for i in range(0, n, CHUNK):
        rows = rng.on(range(i, min(i + CHUNK, n)))
        batch = source.batch(torch.arange(rows.rows.start, rows.rows.stop), rows)
        yield model.space.features(batch.x, torch.float64).flatten(1)


def covariance(model: Model, source: Source, rng: Rng) -> tuple[Tensor, Tensor, int]:
    """Mean (d,), covariance (d, d) with divisor n, and n, of the flattened features.

    Sums are taken about the mean of the first chunk, so that large offsets cost no precision.
    """
    n, shift = len(source), None
    for f in _features(model, source, rng, n):
        if shift is None:
            shift = f.mean(0)
            total, square = torch.zeros_like(shift), torch.zeros(len(shift), len(shift), dtype=f.dtype)
            square = square.to(f.device)
        f = f - shift
        total += f.sum(0)
        square += f.T @ f
    assert shift is not None, "an empty training split"
    offset = total / n
    return shift + offset, square / n - torch.outer(offset, offset), n
