"""Codes of data with their labels, and the accuracy of their nearest neighbours.

Reference: Kingma and Welling 2013 for plots of codes. Row E20.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng, some_of
from simulacra.data.dataset import Split
from simulacra.exploration.latent.manifold import principal_plane


@dataclass
class Embedding:
    """Codes of some rows on the CPU.

    Args:
        codes: shape (N, latent).
        labels: class numbers, shape (N,), or None.
    """

    codes: Tensor
    labels: Tensor | None

    @property
    def flat(self) -> Tensor:
        """The codes, or their two principal components where they are larger: shape (N, <= 2)."""
        if self.codes.shape[1] <= 2:
            return self.codes
        plane = principal_plane(self.codes)
        return plane.coordinates(self.codes) * plane.scale


def embed(model: Model, split: Split, limit: int | None = 2000, seed: int = 0) -> Embedding:
    """Codes and labels of random rows.

    Args:
        model: that encodes.
        split: rows of a data set.
        limit: largest number of rows, chosen at random; None: all rows.
        seed: of the choice, and of codes that are sampled.

    Raises:
        ValueError: if the model does not encode, or needs a condition that the rows lack.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("digits")
        >>> found = embed(simulacra.PCA(data.space, latent=2), data.test, limit=10)
        >>> found.codes.shape, found.labels.shape
        (torch.Size([10, 2]), torch.Size([10]))
    """
    chosen = some_of(len(split), len(split) if limit is None else limit, Rng(seed, "embedding"))
    rows = split.rows(chosen)
    c = rows.c if model.supports(can.TakesCondition) else None
    labels = None if split.labels is None else split.labels[chosen].cpu()
    return Embedding(model.encode(rows.x, c, seed, rows.known).cpu(), labels)


def knn_accuracy(codes: Tensor, labels: Tensor, k: int = 5) -> float:
    """Accuracy of a k-nearest-neighbour classifier on codes; each row is left out of its own neighbours.

    Args:
        codes: shape (N, latent).
        labels: class numbers, shape (N,).
        k: number of neighbours that vote; ties go to the lowest class number.

    Returns:
        The share of correct rows, from 0 to 1.

    Raises:
        ValueError: if there are no labels, or fewer than k + 1 rows.

    Example:
        >>> import torch
        >>> codes = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
        >>> knn_accuracy(codes, torch.tensor([0, 0, 1, 1]), k=1)
        1.0
    """
    from sklearn.neighbors import NearestNeighbors

    if labels is None or len(labels) != len(codes):
        given = 0 if labels is None else len(labels)
        raise ValueError(f"labels has {given} entries, but there are {len(codes)} codes: give one for each.")
    if not 1 <= k < len(codes):
        raise ValueError(f"k is {k}, but {len(codes)} codes have 1 to {len(codes) - 1} neighbours.")
    points, classes = codes.numpy(), labels.numpy()
    # without queries, scikit-learn leaves each row out of its own neighbours
    neighbours = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    names, numbers = np.unique(classes, return_inverse=True)
    votes = np.zeros((len(points), len(names)))
    np.add.at(votes, (np.arange(len(points))[:, None], numbers[neighbours]), 1)
    return float((votes.argmax(1) == numbers).mean())
