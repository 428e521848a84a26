"""Parts of the data that no sample falls into, where no truth with modes is known.

Training rows are divided into K cells by k-means. Of n samples a cell with the share p of training rows is
expected to get n p. It is lost where it gets fewer than a tenth of these, beyond chance over all cells,

    P(Binomial(n, p) <= samples in the cell) < ALPHA / K                                                  (1)

while held-out rows have at least half of the share p there.

Reference: Richardson and Weiss 2018, On GANs and GMMs (bins of k-means).
"""

from __future__ import annotations

from dataclasses import dataclass

import scipy  # whose stats are loaded when they are used: that takes a second
import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.rows import chosen, feature_blocks, features, samples_like, subset
from simulacra.evaluation.samples.nearest import nearest

CELLS, STEPS = 10, 20  # of k-means, and its steps
LEARNED = 5000  # training rows that are divided
FEWEST = 20  # training rows of a cell in the mean below which nothing is said
ALPHA = 0.001  # probability that a healthy model has a lost cell
FREQUENT, TENTH, HALF = (
    0.02,
    0.1,
    0.5,
)  # share of a cell that is judged; of what is expected of samples; of rows


@dataclass(frozen=True)
class Cells:
    """Cells of the data, and which of them are lost.

    Args:
        of: cells that are judged.
        lost: shares of the training rows of those that are lost, by equation (1), the largest first.
        samples: how many were drawn.
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
    """Cells of the training rows without samples.

    Args:
        drawn: n samples, where they are at hand.

    Returns:
        None where there are too few training rows.

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
    """Centres of k cells after 20 steps from rows at random, shape (k, d).

    Example:
        >>> x = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
        >>> k_means(x, 2).flatten().sort().values
        tensor([0.0500, 5.0500])
    """
    distinct = torch.unique(x, dim=0)
    centres = distinct[Rng(seed, "cells").permutation("rows", len(distinct))[:k]].clone()
    for _ in range(STEPS):
        which = nearest(x, centres)[1]
        sums = torch.zeros_like(centres).index_add_(0, which, x)
        counts = torch.bincount(which, minlength=len(centres)).to(x)
        filled = counts > 0
        centres[filled] = sums[filled] / counts[filled].unsqueeze(1)
    return centres


def _points(model: Model, split: Split, most: int, seed: int) -> Tensor:
    """At most so many rows in the feature space of the model."""
    return torch.cat(list(feature_blocks(model, split.select(chosen(split, most, seed)), seed)))


def _counts(x: Tensor, centres: Tensor) -> Tensor:
    return torch.bincount(nearest(x, centres)[1], minlength=len(centres)).double()
