"""Compares reconstructions with the mean of the training rows, which needs no code.

    d_i = |x_i - decode(encode(x_i))|^2 - |x_i - mean|^2                                                 (1)

for held-out rows x_i: if the mean of d_i is above 0, reconstructions are worse than the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset
from simulacra.evaluation.latents.reconstruction import reconstructed
from simulacra.evaluation.rows import chosen, count

ROWS, LEARNED = 500, 2000  # largest numbers of reconstructed rows and of training rows for the mean


@dataclass(frozen=True)
class AgainstMean:
    """Squared errors per row, in the features of the raw space.

    Args:
        model: error of reconstructions, averaged over rows.
        mean: error of the mean of training rows, averaged over rows.
        error: standard error of the difference, equation (1).
        rows: number of rows.
    """

    model: float
    mean: float
    error: float
    rows: int


def against_mean(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> AgainstMean | None:
    """Evaluates equation (1) on at most 500 rows of `split`.

    Args:
        model: model that encodes and decodes.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of all draws.
        limit: largest number of rows; None: 500.

    Returns:
        the errors; None if rows contain classes.

    Raises:
        ValueError: if the model does not encode and decode.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = against_mean(simulacra.PCA(data.space, latent=2), data)
        >>> found.model <= found.mean
        True
    """
    if not of_numbers(data.preprocessing.raw):
        return None
    n = min(ROWS, count(data[split], limit))
    mean, ours, theirs = mean_features(data, seed), [], []
    for pair in reconstructed(model, data, split, seed, n):
        x, back, known = (part.flatten(1) for part in (pair.x, pair.back, pair.known))
        ours.append((known * (x - back).square()).sum(1))
        theirs.append((known * (x - mean).square()).sum(1))
    of_model, of_mean = torch.cat(ours), torch.cat(theirs)
    error = float((of_model - of_mean).std() / math.sqrt(n)) if n > 1 else math.nan
    return AgainstMean(float(of_model.mean()), float(of_mean.mean()), error, n)


def of_numbers(space: Space) -> bool:
    """Returns True if all entries of the space are numbers; for classes, a mean has no meaning."""
    fields = [field for _, field in space.fields] if isinstance(space, Table) else [space]
    return not any(isinstance(field, (Categorical, Ordinal, Sequence)) for field in fields)


def mean_features(data: Dataset, seed: int = 0) -> Tensor:
    """Returns the features of the mean of at most 2,000 training rows, float64, shape (features,).

    The mean is taken over raw values, before features such as logarithms, because reconstructions are
    expected raw values.

    Args:
        data: data set.
        seed: seed of the choice of rows.
    """
    raw = data.preprocessing.raw
    rows = data.train.rows(chosen(data.train, LEARNED, seed))
    x = rows.x.cpu().double()
    known = torch.ones_like(x) if rows.known is None else rows.known.cpu().double()
    mean = (known * x.nan_to_num(0.0)).sum(0) / known.sum(0).clamp_min(1)
    return raw.measured(mean.unsqueeze(0), torch.float64).flatten()
