"""Mean and covariance of the features of a data set, in one pass of float64 sums."""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.random import Rng
from simulacra.core.training import Source

CHUNK = 4096


def covariance(model: Model, source: Source, rng: Rng) -> tuple[Tensor, Tensor, int]:
    """Mean (d,), covariance (d, d) with divisor n, and n, of the flattened features.

    Sums are taken about the mean of the first chunk, so that large offsets cost no precision.
    """
    n, shift = len(source), None
    for i in range(0, n, CHUNK):
        rows = rng.on(range(i, min(i + CHUNK, n)))
        batch = source.batch(torch.arange(rows.rows.start, rows.rows.stop), rows)
        f = model.space.features(batch.x, torch.float64).flatten(1)
        if shift is None:
            shift = f.mean(0)
            total, square = torch.zeros_like(shift), torch.zeros(len(shift), len(shift), dtype=f.dtype)
            square = square.to(f.device)
        f = f - shift
        total += f.sum(0)
        square += f.T @ f
    assert shift is not None, "an empty training split"
    mean = total / n
    return shift + mean, square / n - torch.outer(mean, mean), n
