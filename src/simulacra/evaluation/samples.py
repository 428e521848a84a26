"""How far samples are from held-out rows where there is no likelihood.

    MMD^2(p, q) = E k(x, x') + E k(y, y') - 2 E k(x, y),   k a sum of Gaussian kernels

with bandwidths around the median distance. The distance between training and held-out rows of the
same number says how small it can be.

Reference: Gretton et al., A kernel two-sample test, 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulacra.core.divergences import mmd2
from simulacra.core.model import Model
from simulacra.core.random import Rng
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood import fits
from simulacra.evaluation.rows import features, samples_like

FACTORS = (0.5, 1.0, 2.0)  # bandwidths in units of the median distance


@dataclass
class SampleScore:
    """MMD^2 of samples and of training rows to the same held-out rows.

    Args:
        mmd2: of the samples; may be slightly negative, since it is unbiased.
        reference: of as many training rows: what a perfect model gets.
        samples: number of samples and of rows.
        bandwidths: of the kernels.
    """

    mmd2: float
    reference: float
    samples: int
    bandwidths: tuple[float, ...]

    def summary(self) -> dict[str, Any]:
        """The numbers as JSON."""
        return {**vars(self), "features": "the data themselves"}


def mmd(model: Model, data: Dataset, split: str = "test", n: int = 1000, seed: int = 0) -> SampleScore:
    """MMD^2 between n samples and n rows of `split`, in the model's feature space.

    Args:
        n: at most the number of rows.

    Raises:
        ValueError: if the model does not sample, or there are fewer than two rows.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> score = mmd(simulacra.PPCA(data.space, latent=1), data, n=200)
        >>> score.mmd2 > score.reference
        True
    """
    fits(model, data)
    n = min(n, len(data[split]), len(data.train))
    if n < 2:
        raise ValueError(f"{data.name} has {n} rows to compare with: an MMD needs at least two.")
    held_out = _some(model, data[split], n, seed)
    bandwidths = median_bandwidths(held_out)
    samples = features(model, samples_like(model, data[split], n, seed), seed=seed).double()
    score = float(mmd2(samples, held_out, bandwidths))
    reference = float(mmd2(_some(model, data.train, n, seed + 1), held_out, bandwidths))
    return SampleScore(score, reference, n, bandwidths)


def _some(model: Model, split: Split, n: int, seed: int) -> Tensor:
    chosen = Rng(seed, "mmd").permutation("rows", len(split))[:n]
    return features(model, split.rows(chosen).x, seed=seed).double()


def median_bandwidths(x: Tensor, factors: tuple[float, ...] = FACTORS) -> tuple[float, ...]:
    """The median distance between rows of x, shape (n, d), times each factor.

    Raises:
        ValueError: if all rows are equal.

    Example:
        >>> median_bandwidths(torch.tensor([[0.0], [1.0], [3.0]]))
        (1.0, 2.0, 4.0)
    """
    distances = torch.pdist(x)
    positive = distances[distances > 0]
    if not len(positive):
        raise ValueError("all rows are equal, so a kernel has no bandwidth.")
    median = float(positive.median())
    return tuple(factor * median for factor in factors)
