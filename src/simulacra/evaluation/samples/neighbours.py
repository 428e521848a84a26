"""Accuracy of a nearest-neighbour classifier that distinguishes samples from data.

For n samples and n rows in one set, it is the share whose nearest other point is of the same kind: 1/2 for
equal distributions, 1 if they are separate. It needs no training and serves as a reference for the accuracy
of a discriminator.

Reference: Lopez-Paz and Oquab 2017. Row F8.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import count, features, samples_like, subset

ROWS = 500


def told_apart(samples: Tensor, rows: Tensor) -> float:
    """Returns the leave-one-out accuracy of the nearest neighbour on both sets.

    Args:
        samples: shape (n, d).
        rows: shape (m, d).

    Example:
        >>> x = torch.arange(20.0).unsqueeze(1)
        >>> told_apart(x + 100, x)
        1.0
    """
    pooled = torch.cat([samples, rows]).double()
    # centre the rows: far from the origin, products lose small differences to rounding
    pooled = pooled - pooled.mean(0)
    distances = torch.cdist(pooled, pooled)
    # exclude the point itself
    nearest = distances.fill_diagonal_(torch.inf).argmin(1)
    kind = torch.arange(len(pooled)) < len(samples)
    return float((kind[nearest] == kind).double().mean())


def neighbour_accuracy(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> float:
    """Returns `told_apart` for samples and at most 500 rows of `split`, in the model's feature space.

    Args:
        model: model to sample from.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the samples and the choice of rows.
        limit: largest number of rows; None: 500.
    """
    n = min(ROWS, count(data[split], limit))
    held_out = subset(data[split], n, seed)
    rows = features(model, held_out.rows(torch.arange(len(held_out))).x, seed=seed)
    return told_apart(features(model, samples_like(model, held_out, n, seed), seed=seed), rows)
