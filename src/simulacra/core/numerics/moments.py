"""Mean and covariance of the features of a data set, by one pass of float64 sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.numerics.precision import precise_device
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Source

CHUNK = 4096
FLOOR = 1e-6  # smallest deviation of a feature, relative to the largest one


def mean(model: Model, source: Source, rng: Rng, limit: int | None = None) -> Tensor:
    """Returns the mean of the known flattened features, float64, shape (d,).

    Args:
        model: model whose space gives the features.
        source: training split.
        rng: generator of random preprocessing.
        limit: number of rows used, from the first; None: all.
    """
    n = min(len(source), limit or len(source))
    total, count = torch.zeros(2, dtype=torch.float64, device=precise_device(model.device)).unbind()
    for f, known in known_features(model, source, rng, n):
        total = total + torch.where(known, f, torch.zeros_like(f)).sum(0)
        count = count + known.sum(0)
    return total / count.clamp_min(1)


def mean_and_variance(model: Model, source: Source, rng: Rng) -> tuple[Tensor, Tensor]:
    """Returns mean and variance of each known flattened feature, float64, both of shape (d,).

    The variance has the number of known values as its divisor; sums are taken about the mean.

    Args:
        model: model whose space gives the features.
        source: training split.
        rng: generator of random preprocessing.
    """
    middle, n = mean(model, source, rng), len(source)
    squares, count = torch.zeros_like(middle), torch.zeros_like(middle)
    for f, known in known_features(model, source, rng, n):
        squares += torch.where(known, (f - middle) ** 2, torch.zeros_like(f)).sum(0)
        count += known.sum(0)
    return middle, squares / count.clamp_min(1)


def location_and_deviation(model: Model, source: Source, rng: Rng) -> tuple[Tensor, Tensor]:
    """Returns mean and deviation of each known flattened feature, float64, both of shape (d,).

    A feature that never changes gets a millionth of the largest deviation, so that a density has a bound.

    Args:
        model: model whose space gives the features.
        source: training split.
        rng: generator of random preprocessing.
    """
    m, variance = mean_and_variance(model, source, rng)
    s = variance.sqrt()
    s = torch.where(s > 0, s, torch.ones_like(s)) if float(s.max()) == 0 else s.clamp_min(FLOOR * s.max())
    return m, s


def known_features(model: Model, source: Source, rng: Rng, n: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields chunks of flattened features of the first n rows, and a mask of the known ones.

    Args:
        model: model whose space gives the features.
        source: training split.
        rng: generator of random preprocessing.
        n: number of rows.

    Returns:
        pairs of float64 features and a boolean mask, both of shape (B, d).
    """
    for i in range(0, n, CHUNK):
        rows = range(i, min(i + CHUNK, n))
        batch = source.batch(torch.arange(rows.start, rows.stop), rng.on(rows))
        batch = batch.to(precise_device(batch.x.device))
        f = model.space.features(batch.x, torch.float64).flatten(1)
        known = None if batch.known is None else model.space.features_known(batch.known).flatten(1)
        yield f, torch.ones_like(f, dtype=torch.bool) if known is None else known


def has_gaps(source: Source, rng: Rng) -> bool:
    """Returns True if the source has a mask of missing entries.

    Args:
        source: training split, of which the first row is read.
        rng: generator of random preprocessing.
    """
    return source.batch(torch.arange(1), rng.on(range(1))).known is not None


def known_rows(model: Model, source: Source, rng: Rng) -> Callable[[], Iterator[tuple[Tensor, Tensor]]]:
    """Returns a function that iterates over all chunks of `known_features` anew at each call.

    Args:
        model: model whose space gives the features.
        source: training split.
        rng: generator of random preprocessing.
    """
    return lambda: known_features(model, source, rng, len(source))


def covariance(model: Model, source: Source, rng: Rng) -> tuple[Tensor, Tensor, int]:
    """Returns the mean (d,) and the covariance (d, d) of the flattened features, and the number of rows n.

    The covariance has divisor n. Sums are taken about the mean of the first chunk, so that large offsets
    cost no precision.

    Args:
        model: model whose space gives the features.
        source: training split.
        rng: generator of random preprocessing.
    """
    n, shift = len(source), None
    for f, _ in known_features(model, source, rng, n):
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
