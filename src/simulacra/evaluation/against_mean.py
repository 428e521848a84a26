"""Do reconstructions beat the mean of the training rows, which needs no code?

    d_i = |x_i - decode(encode(x_i))|^2 - |x_i - mean|^2                                                 (1)

of held-out rows x_i: above 0 in the mean, the code is worse than none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.reconstruction import reconstructed
from simulacra.evaluation.rows import chosen, count

ROWS, LEARNED = 500, 2000  # rows that are reconstructed, and training rows whose mean is taken


@dataclass(frozen=True)
class AgainstMean:
    """Squared errors of rows, in the features of the raw space.

    Args:
        model: of reconstructions, in the mean over rows.
        mean: of the mean of training rows.
        error: standard error of the difference, equation (1).
        rows: how many.
    """

    model: float
    mean: float
    error: float
    rows: int


def against_mean(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> AgainstMean:
    """Equation (1) on at most 500 rows of `split`.

    Raises:
        ValueError: if the model does not encode and decode.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = against_mean(simulacra.PCA(data.space, latent=2), data)
        >>> found.model <= found.mean
        True
    """
    n = min(ROWS, count(data[split], limit))
    mean, ours, theirs = mean_features(data, seed), [], []
    for pair in reconstructed(model, data, split, seed, n):
        x, back, known = (part.flatten(1) for part in (pair.x, pair.back, pair.known))
        ours.append((known * (x - back).square()).sum(1))
        theirs.append((known * (x - mean).square()).sum(1))
    of_model, of_mean = torch.cat(ours), torch.cat(theirs)
    error = float((of_model - of_mean).std() / math.sqrt(n)) if n > 1 else math.nan
    return AgainstMean(float(of_model.mean()), float(of_mean.mean()), error, n)


def mean_features(data: Dataset, seed: int = 0) -> Tensor:
    """The mean of the known features of at most 2,000 training rows, float64, shape (features,)."""
    raw = data.preprocessing.raw
    rows = data.train.rows(chosen(data.train, LEARNED, seed))
    x = raw.measured(rows.x.cpu(), torch.float64).flatten(1)
    if rows.known is None:
        return x.mean(0)
    known = raw.features_known(rows.known.cpu()).to(x.dtype).flatten(1)
    return (known * x).sum(0) / known.sum(0).clamp_min(1)
