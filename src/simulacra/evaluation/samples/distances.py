"""Distances between two sets of feature rows: Frechet distance and kernel distance; and the inception score.

    Frechet     |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^1/2),    the W_2^2 of two Gaussians         (1)
    kernel      MMD^2 with k(x, y) = (x'y / d + 1)^3, unbiased                                   (2)
    inception   exp E_x KL(p(y|x) || p(y)),    p(y) = E_x p(y|x)                                 (3)

With S1 = L L', the eigenvalues of S1 S2 are those of the symmetric matrix L' S2 L, so that no matrix square
root is needed. All sums are in float64.

Reference: Heusel et al. 2017 (1); Binkowski et al. 2018 (2); Salimans et al. 2016 (3). Row G15.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng

BLOCK = 128  # columns of a block of the covariance; blocks above the diagonal are not computed
SUBSETS = 10  # number of disjoint parts of the rows from which a standard error is computed
SIZE = 1000  # largest number of rows of a part, as the kernel distance needs its square in memory


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of feature rows.

    Args:
        mean: shape (d,), float64.
        covariance: shape (d, d), with divisor N - 1.
        rows: N.
    """

    mean: Tensor
    covariance: Tensor
    rows: int


@dataclass(frozen=True)
class Measured:
    """A value with its standard error.

    Args:
        value: mean over disjoint parts of the rows.
        error: its standard error; NaN for a single part.
    """

    value: float
    error: float


def moments(features: Tensor) -> Moments:
    """Returns mean and covariance of feature rows of shape (N, d).

    Raises:
        ValueError: if there are no more rows than features.

    Example:
        >>> found = moments(torch.tensor([[0.0], [2.0]]))
        >>> found.mean.item(), found.covariance.item()
        (1.0, 2.0)
    """
    check_enough(*features.shape)
    mean = features.mean(0, dtype=torch.float64)
    covariance = _gram(features.double() - mean) / (len(features) - 1)
    return Moments(mean, covariance, len(features))


def check_enough(rows: int, features: int) -> None:
    """Raises ValueError unless there are enough rows for a covariance of full rank.

    Args:
        rows: number of rows.
        features: number of features.
    """
    if rows <= features:
        raise ValueError(
            f"a Frechet distance of {features} features needs at least {features + 1} rows on each side, "
            f"but one side has {rows}: draw more samples, or use an extractor with fewer features."
        )


def _gram(x: Tensor) -> Tensor:
    """Returns x'x; blocks above the diagonal are copied by symmetry."""
    d = x.shape[1]
    lower = x.new_zeros(d, d)
    for i in range(0, d, BLOCK):
        stop = min(i + BLOCK, d)
        lower[i:stop, :stop] = x[:, i:stop].T @ x[:, :stop]
    return lower.tril() + lower.tril(-1).T


def frechet_distance(x: Tensor, y: Tensor) -> float:
    """Returns equation (1) for two sets of feature rows.

    Args:
        x: shape (N, d).
        y: shape (M, d).

    Raises:
        ValueError: if one side has no more rows than features.

    Example:
        >>> x = torch.linspace(-1, 1, 50).unsqueeze(1)
        >>> round(frechet_distance(x, x + 3), 4)
        9.0
    """
    return frechet_of_moments(moments(x), moments(y))


def frechet_of_moments(a: Moments, b: Moments) -> float:
    """Returns equation (1) for two Gaussians, at least 0.

    Args:
        a: moments of one side.
        b: moments of the other.

    Example:
        >>> eye = torch.eye(2, dtype=torch.float64)
        >>> frechet_of_moments(Moments(eye[0], eye, 9), Moments(eye[0], 4 * eye, 9))
        2.0
    """
    root = _root(a.covariance)
    values = torch.linalg.eigvalsh(root.T @ b.covariance @ root)
    cross = values.clamp(min=0).sqrt().sum()
    # (1)
    distance = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace() - 2 * cross
    return max(0.0, float(distance))


def _root(covariance: Tensor) -> Tensor:
    """Returns L with L L' = S."""
    found, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return found
    # singular: some feature is constant, such as a dead unit
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt()


def kernel_distance(x: Tensor, y: Tensor, subsets: int = SUBSETS, seed: int = 0) -> Measured:
    """Returns equation (2) with its standard error, as the mean over disjoint subsets of the rows.

    Args:
        x: shape (N, d).
        y: shape (M, d).
        subsets: number of random subsets; more if a subset would have over 1,000 rows.
        seed: seed of the subsets.

    Raises:
        ValueError: if a subset has fewer than two rows.

    Example:
        >>> x = torch.linspace(-1, 1, 200).unsqueeze(1)
        >>> near, far = kernel_distance(x, x), kernel_distance(x, x + 1)
        >>> abs(near.value) < 2 * near.error, far.value > 9 * far.error
        (True, True)
    """
    parts = max(subsets, -(-max(len(x), len(y)) // SIZE))
    if min(len(x), len(y)) < 2 * parts:
        raise ValueError(
            f"a kernel distance over {parts} subsets needs at least {2 * parts} rows on each side, "
            f"but got {len(x)} and {len(y)}."
        )
    rng = Rng(seed, "kernel distance")
    pairs = zip(
        x[rng.permutation("x", len(x))].double().tensor_split(parts),
        y[rng.permutation("y", len(y))].double().tensor_split(parts),
    )
    return over_parts(torch.stack([_cubic_mmd2(a, b) for a, b in pairs]))


def _cubic_mmd2(x: Tensor, y: Tensor) -> Tensor:
    """Returns the unbiased MMD^2 with the kernel of (2)."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a: Tensor) -> Tensor:
        k, n = kernel(a, a), len(a)
        return (k.sum() - k.diagonal().sum()) / (n * (n - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def over_parts(values: Tensor) -> Measured:
    """Returns mean and standard error of the values of disjoint parts, shape (parts,)."""
    n = len(values)
    return Measured(float(values.mean()), float(values.std() / math.sqrt(n)) if n > 1 else math.nan)


def frechet_error(x: Tensor, b: Moments) -> float:
    """Returns the standard error of equation (1) over draws of the rows x, by the influence of each row.

        F changes by 2 (m1 - m2)'(x - m1) + (x - m1)'(I - A)(x - m1) - Tr((I - A) S1),    A S1 A = S2   (4)

    A is the linear map from one Gaussian to the other. The standard error is the standard deviation of (4)
    over the root of the number of rows.

    Args:
        x: rows, shape (N, d).
        b: moments of the other side, taken as exact.

    Example:
        >>> x = torch.tensor([[-1.0], [1.0]]).repeat(50, 1)
        >>> round(frechet_error(x, moments(x + 3)), 1)  # F = m^2, its derivative 2 m = 6, of a mean 1 / 10
        0.6

    Reference: Rippl, Munk and Sturm 2016.
    """
    a = moments(x)
    values, vectors = torch.linalg.eigh(a.covariance)
    # directions without variance do not contribute
    kept = values > values[-1] * len(values) * torch.finfo(torch.float64).eps
    root, inverse = vectors[:, kept] * values[kept].sqrt(), vectors[:, kept] / values[kept].sqrt()
    inner, axes = torch.linalg.eigh(root.T @ b.covariance @ root)
    A = inverse @ (axes * inner.clamp(min=0).sqrt()) @ axes.T @ inverse.T
    centred = x.double() - a.mean
    # (4), whose mean over the rows is 0
    influence = 2 * centred @ (a.mean - b.mean) + (centred.square() - centred * (centred @ A)).sum(1)
    return float(influence.std() / math.sqrt(len(x)))


def inception_score(probabilities: Tensor, splits: int = SUBSETS, seed: int = 0) -> Measured:
    """Returns equation (3), from 1 to the number of classes, with its standard error.

    Args:
        probabilities: p(y|x) of samples, shape (N, K); each row sums to 1.
        splits: number of random disjoint parts of the rows; the score is the mean over them.
        seed: seed of the parts.

    Raises:
        ValueError: if there are fewer rows than splits.

    Example:
        >>> round(inception_score(torch.eye(5), splits=1).value, 6)
        5.0
    """
    n = len(probabilities)
    if n < splits:
        raise ValueError(f"an inception score over {splits} splits needs as many rows, but got {n}.")
    p = probabilities[Rng(seed, "inception score").permutation("rows", n)].double()
    return over_parts(torch.stack([_inception(part) for part in p.tensor_split(splits)]))


def _inception(p: Tensor) -> Tensor:
    entropy = lambda q: -torch.special.xlogy(q, q).sum(-1)
    # E KL(p(y|x) || p(y)) = H(y) - H(y|x)
    return (entropy(p.mean(0)) - entropy(p).mean()).exp()
