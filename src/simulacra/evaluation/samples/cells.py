"""Finds clusters of the data without samples, for data without known modes.

Training rows are divided into K cells by k-means. If a cell has a share p of the training rows, n p of n
samples are expected in it. A cell is lost if it has fewer than a tenth of these, significantly for K cells,

    P(Binomial(n, p) <= samples in the cell) < ALPHA / K                                                  (1)

while its share of held-out rows is at least p / 2.

Reference: Richardson and Weiss 2018, On GANs and GMMs (bins of k-means).
"""

from __future__ import annotations

from dataclasses import dataclass

import scipy  # loads scipy.stats on first use, because that takes a second
import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.rows import chosen, feature_blocks, features, samples_like, subset
from simulacra.evaluation.samples.nearest import nearest

CELLS, STEPS = 10, 20  # number of cells and of steps of k-means
LEARNED = 5000  # largest number of rows that are divided into cells
FEWEST = 20  # with fewer training rows per cell on average, there is no result
ALPHA = 0.001  # probability of a lost cell for a perfect model
# smallest share of a tested cell; fractions of the expected samples and held-out rows
FREQUENT, TENTH, HALF = 0.02, 0.1, 0.5


@dataclass(frozen=True)
class Cells:
    """Cells of the data, and the lost ones.

    Args:
        of: number of tested cells.
        lost: shares of training rows of the lost cells, by equation (1), the largest first.
        samples: number of samples.
    """

    of: int
    lost: tuple[float, ...]
    samples: int


def lost_cells(
    model: Model,
    data: Dataset,
    split: str = "test",
    n: int = 1000,
    seed: int = 0,
    limit: int | None = None,
    drawn: Tensor | None = None,
) -> Cells | None:
    """Finds cells of the training rows without samples.

    Args:
        model: model to sample from.
        data: data set.
        split: split of the held-out rows.
        n: number of samples.
        seed: seed of the choice of rows and of all draws.
        limit: largest number of held-out rows; None: 5,000.
        drawn: n samples, if they were drawn before.

    Returns:
        the cells; None if there are too few training rows or samples are not finite.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> lost_cells(simulacra.RNADE(data.space, hidden=3), data).of
        10
    """
    train = _points(model, data.train, LEARNED, seed)
    if len(train) < CELLS * FEWEST:
        return None
    centres = k_means(train, CELLS, seed)
    held_out = _points(model, subset(data[split], limit, seed), LEARNED, seed)
    raw = samples_like(model, data[split], n, seed) if drawn is None else drawn
    samples = features(model, raw, seed=seed)
    if not bool(samples.isfinite().all()):
        return None
    real, theirs, ours = (_counts(x, centres) for x in (train, held_out, samples))
    shares = real / real.sum()
    judged = shares >= FREQUENT
    chance = scipy.stats.binom(n, shares.numpy()).cdf(ours.numpy())
    lost = judged & (ours < TENTH * n * shares) & (torch.from_numpy(chance) < ALPHA / CELLS)
    lost &= theirs / theirs.sum() >= HALF * shares
    return Cells(int(judged.sum()), tuple(sorted(shares[lost].tolist(), reverse=True)), n)


def k_means(x: Tensor, k: int, seed: int = 0) -> Tensor:
    """Returns the centres of k cells after at most 20 steps of k-means, shape (k, d).

    Args:
        x: rows, shape (N, d).
        k: number of cells.
        seed: seed of the initial centres, which are random rows.

    Example:
        >>> x = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
        >>> k_means(x, 2).flatten().sort().values
        tensor([0.0500, 5.0500])
    """
    distinct = torch.unique(x, dim=0)
    centres = distinct[Rng(seed, "cells").permutation("rows", len(distinct))[:k]].clone()
    before = None
    for _ in range(STEPS):
        which = nearest(x, centres)[1]
        if before is not None and torch.equal(which, before):
            break  # no centre moves any more
        before = which
        sums = torch.zeros_like(centres).index_add_(0, which, x)
        counts = torch.bincount(which, minlength=len(centres)).to(x)
        filled = counts > 0
        centres[filled] = sums[filled] / counts[filled].unsqueeze(1)
    return centres


def _points(model: Model, split: Split, most: int, seed: int) -> Tensor:
    """Returns at most so many rows as points of the model's feature space."""
    return torch.cat(list(feature_blocks(model, split.select(chosen(split, most, seed)), seed)))


def _counts(x: Tensor, centres: Tensor) -> Tensor:
    return torch.bincount(nearest(x, centres)[1], minlength=len(centres)).double()
