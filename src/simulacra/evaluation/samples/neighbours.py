"""How easily samples are told from data: the classifier that asks the nearest neighbour.

Of n samples and n rows in one set, the share whose nearest other point is of their own kind: 1/2 where
both come from one law, 1 where they are apart. It needs no training, so it is a yardstick for a
discriminator.

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
    """The share of both that their nearest neighbours tell, for tensors of shape (n, d).

    Example:
        >>> x = torch.arange(20.0).unsqueeze(1)
        >>> told_apart(x + 100, x)
        1.0
    """
    pooled = torch.cat([samples, rows]).double()
    # products of what lies far from the origin would lose the distances
    pooled = pooled - pooled.mean(0)
    distances = torch.cdist(pooled, pooled)
    # a point is no neighbour of itself
    nearest = distances.fill_diagonal_(torch.inf).argmin(1)
    kind = torch.arange(len(pooled)) < len(samples)
    return float((kind[nearest] == kind).double().mean())


def neighbour_accuracy(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> float:
    """`told_apart` of samples and at most 500 rows of `split`, in the model's feature space."""
    n = min(ROWS, count(data[split], limit))
    held_out = subset(data[split], n, seed)
    rows = features(model, held_out.rows(torch.arange(len(held_out))).x, seed=seed)
    return told_apart(features(model, samples_like(model, held_out, n, seed), seed=seed), rows)
