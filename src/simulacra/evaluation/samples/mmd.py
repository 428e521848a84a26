"""How far samples are from held-out rows where there is no likelihood.

    MMD^2(p, q) = E k(x, x') + E k(y, y') - 2 E k(x, y),   k a sum of Gaussian kernels

with bandwidths around the median distance. The distance between training and held-out rows of the
same number says how small it can be; permuting the pooled rows, how large it gets by chance.

Reference: Gretton et al., A kernel two-sample test, 2012.
"""

from __future__ import annotations

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

DISTINCT = 0.01  # probability of an MMD by chance below which samples differ from the data
FACTORS = (0.5, 1.0, 2.0)  # bandwidths in units of the median distance


@dataclass
class SampleScore(Record):
    """MMD^2 of samples and of training rows to the same held-out rows.

    Args:
        mmd2: of the samples; may be slightly negative, since it is unbiased.
        reference: of as many training rows: what a perfect model gets.
        chance: share of permutations of samples and rows with at least this distance.
        samples: number of samples and of rows.
        bandwidths: of the kernels.
        to_training: the chance against as many training rows, where that against held-out rows is below 1 %:
            held-out rows may lie elsewhere than what the model has learned. None elsewhere.
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
        """Returns True if samples can be told from held-out rows, and from training rows."""
        return max(self.chance, self.to_training or 0.0) < DISTINCT


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
    learned = _some(model, data.train, n, seed + 1)
    reference = float(mmd2(learned, held_out, bandwidths))
    chance = permutation_chance(samples, held_out, bandwidths, seed=seed)
    beside = permutation_chance(samples, learned, bandwidths, seed=seed) if chance < DISTINCT else None
    return SampleScore(score, reference, chance, n, bandwidths, to_training=beside)


def _some(model: Model, split: Split, n: int, seed: int) -> Tensor:
    chosen = Rng(seed, "mmd").permutation("rows", len(split))[:n]
    return features(model, split.rows(chosen).x, seed=seed).double()


def permutation_chance(
    x: Tensor, y: Tensor, bandwidths: Sequence[float], permutations: int = 200, seed: int = 0
) -> float:
    """Probability of so large an MMD^2 between x and y if they were one set divided at random.

    With s = +1 for rows of x and -1 for rows of y, equal in number, MMD^2 is s' K s up to constants.

    Args:
        x: shape (n, d).
        y: as x.

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
