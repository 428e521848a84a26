"""Maximum mean discrepancy between samples and held-out rows, for models without a likelihood.

    MMD^2(p, q) = E k(x, x') + E k(y, y') - 2 E k(x, y),   k a sum of Gaussian kernels

with bandwidths around the median distance. The MMD between training and held-out rows of the same number is
the value of a perfect model; permutations of the pooled rows give the distribution by chance.

Reference: Gretton et al., A kernel two-sample test, 2012.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.distributions.divergences import mmd2
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood.held_out import fits
from simulacra.evaluation.rows import features, samples_like

DISTINCT = 0.01  # significance level of a difference between samples and data
PERMUTATIONS = 200  # of samples and rows
FACTORS = (0.5, 1.0, 2.0)  # bandwidths in units of the median distance


@dataclass
class SampleScore(Record):
    """MMD^2 of samples and of training rows to the same held-out rows.

    Args:
        mmd2: MMD^2 of the samples; it is unbiased and may be slightly negative.
        reference: MMD^2 of as many training rows, the value of a perfect model.
        chance: p-value: share of permutations of samples and rows with at least this MMD^2.
        samples: number of samples and of rows.
        bandwidths: bandwidths of the kernels.
        features: name of the features.
        to_training: p-value for as many training rows instead of held-out rows, as held-out rows may have
            another distribution; None if `chance` is at least 0.01.
    """

    mmd2: float
    reference: float
    chance: float
    samples: int
    bandwidths: tuple[float, ...]
    features: str = "the data themselves"
    to_training: float | None = None

    @property
    def differs(self) -> bool:
        """True if samples differ significantly from held-out rows and from training rows."""
        return max(self.chance, self.to_training or 0.0) < DISTINCT

    @property
    def smallest_chance(self) -> float:
        """The smallest p-value of n samples: 2 of the C(2n, n) ways to part the rows have the same MMD^2."""
        return max(1 / (1 + PERMUTATIONS), 2 / math.comb(2 * self.samples, self.samples))


def mmd(model: Model, data: Dataset, split: str = "test", n: int = 1000, seed: int = 0) -> SampleScore:
    """Returns the MMD^2 between n samples and n rows of `split`, in the model's feature space.

    Args:
        model: model to sample from.
        data: data set.
        split: `train`, `valid` or `test`.
        n: number of samples and rows, at most the number of rows.
        seed: seed of the samples, the choice of rows and the permutations.

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
    held_out = _random_features(model, data[split], n, seed)
    bandwidths = median_bandwidths(held_out)
    samples = features(model, samples_like(model, data[split], n, seed), seed=seed).double()
    score = float(mmd2(samples, held_out, bandwidths))
    learned = _random_features(model, data.train, n, seed + 1)
    reference = float(mmd2(learned, held_out, bandwidths))
    chance = permutation_chance(samples, held_out, bandwidths, seed=seed)
    beside = permutation_chance(samples, learned, bandwidths, seed=seed) if chance < DISTINCT else None
    return SampleScore(score, reference, chance, n, bandwidths, to_training=beside)


def _random_features(model: Model, split: Split, n: int, seed: int) -> Tensor:
    chosen = Rng(seed, "mmd").permutation("rows", len(split))[:n]
    return features(model, split.rows(chosen).x, seed=seed).double()


def permutation_chance(
    x: Tensor, y: Tensor, bandwidths: Sequence[float], permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """Returns the p-value of the MMD^2 between x and y under random permutations of the pooled rows.

    With s = +1 for rows of x and -1 for rows of y, equal in number, MMD^2 is s' K s up to constants.

    Args:
        x: shape (n, d).
        y: shape (n, d).
        bandwidths: bandwidths of the kernels.
        permutations: number of permutations.
        seed: seed of the permutations.

    Raises:
        ValueError: if x and y differ in number.

    Example:
        >>> x = torch.linspace(0, 1, 20).unsqueeze(1)
        >>> permutation_chance(x, x + 5, (1.0,)) < 0.01, permutation_chance(x, x + 0.01, (1.0,)) > 0.5
        (True, True)
    """
    if len(x) != len(y):
        raise ValueError(f"the permutation test needs equal numbers, but got {len(x)} and {len(y)}.")
    pooled = torch.cat([x, y])
    squared = torch.cdist(pooled, pooled, compute_mode="donot_use_mm_for_euclid_dist").square()
    kernel = torch.stack([torch.exp(-squared / (2 * s * s)) for s in bandwidths]).sum(0)
    sign = torch.cat([torch.ones(len(x)), -torch.ones(len(y))]).to(kernel)
    rng = Rng(seed, "permutations")
    signs = torch.stack([sign[rng.permutation(f"signs-{i}", len(sign))] for i in range(permutations)])
    found = ((signs @ kernel) * signs).sum(1)
    return float((1 + (found >= sign @ kernel @ sign).sum()) / (1 + permutations))


def median_bandwidths(x: Tensor, factors: tuple[float, ...] = FACTORS) -> tuple[float, ...]:
    """Returns the median distance between rows, times each factor.

    Args:
        x: shape (n, d).
        factors: bandwidths in units of the median distance.

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
