"""Latent correlations of Gaussian variables that are observed through cells (polychoric correlation).

Column j shows f_j(z_j), a step function of z_j ~ N(0, 1): the expected score of its cell. With the
orthonormal Hermite polynomials h_n,

    c_jn = E f_j(z) h_n(z) = sum_k f_jk (h_(n-1)(a_k) phi(a_k) - h_(n-1)(b_k) phi(b_k)) / sqrt(n)      (1)
    Cov(f_i, f_j) = sum_n c_in c_jn rho_ij^n                                                           (2)

Equation (2) increases in rho (Price 1958), so an observed covariance determines rho as its root. For two
columns of two values each it is the tetrachoric correlation; for fine cells it is the correlation of the
scores. If a covariance lies within two standard errors of 0, only the first term of (2) is solved, which is
unbiased at rho = 0: for two rare classes that never occur together, the root of (2) is -1 whatever their rho.

Reference: Lancaster 1957; Olsson 1979 (polychoric correlation).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

TERMS = 24  # number of terms of the series (2)
MOST = 0.999  # largest |rho|
LEAST = 1e-4  # smallest eigenvalue of a correlation matrix; sampling errors may make one negative
TINY = 1e-12  # lower limit of a divisor, which is 0 for a constant column
HALVINGS = 40  # bisection steps for the root of (2)


def correlations(covariance: Tensor, coefficients: Tensor, error: Tensor | None = None) -> Tensor:
    """Solves equation (2) for each pair of columns, and returns a valid correlation matrix.

    Args:
        covariance: covariance of the columns' expected scores, shape (D, D).
        coefficients: c of equation (1), shape (D, TERMS).
        error: standard error of the covariance under independence, shape (D, D); None: it is exact.

    Returns:
        rho, float64, shape (D, D), positive definite.
    """
    low = torch.full_like(covariance, -MOST)
    high = -low
    for _ in range(HALVINGS):
        rho = (low + high) / 2
        above = _series(rho, coefficients) > covariance
        low, high = torch.where(above, low, rho), torch.where(above, rho, high)
    rho = (low + high) / 2
    if error is not None:
        first = torch.outer(coefficients[:, 0], coefficients[:, 0])
        linear = (covariance / first.clamp_min(TINY)).clamp(-MOST, MOST)
        rho = torch.where(covariance.abs() <= 2 * error, linear, rho)
    return nearest(rho.fill_diagonal_(1.0))


def _series(rho: Tensor, c: Tensor) -> Tensor:
    """Evaluates equation (2) by Horner's rule."""
    total = torch.zeros_like(rho)
    for n in reversed(range(c.shape[1])):
        total = rho * (torch.outer(c[:, n], c[:, n]) + total)
    return total


def coefficients(ends: Tensor, scores: Tensor) -> Tensor:
    """Computes the coefficients c of equation (1), float64, shape (TERMS,).

    Args:
        ends: ends of the cells, from -inf to inf, shape (K + 1,).
        scores: values f of the cells, shape (K,).

    Example:
        >>> ends = torch.tensor([-math.inf, 0.0, math.inf], dtype=torch.float64)
        >>> f = (2 / math.pi) ** 0.5
        >>> c = coefficients(ends, torch.tensor([-f, f], dtype=torch.float64))
        >>> round(float(c[0] / f**2), 6)  # E z f(z) = E f(z)^2
        1.0
    """
    inside = ends.isfinite()
    x = torch.where(inside, ends, torch.zeros_like(ends))
    density = torch.where(inside, torch.exp(-0.5 * x.square()) / math.sqrt(2 * math.pi), torch.zeros_like(x))
    before, h = torch.zeros_like(x), torch.ones_like(x)
    found = []
    for n in range(1, TERMS + 1):
        # (1)
        found.append((scores * -(h * density).diff()).sum() / math.sqrt(n))
        before, h = h, (x * h - math.sqrt(n - 1) * before) / math.sqrt(n)
    return torch.stack(found)


def nearest(matrix: Tensor) -> Tensor:
    """Returns a correlation matrix near a symmetric one: raises small eigenvalues, sets the diagonal to 1."""
    values, vectors = torch.linalg.eigh(matrix)
    raised = (vectors * values.clamp_min(LEAST)) @ vectors.T
    scale = raised.diagonal().rsqrt()
    return scale.unsqueeze(1) * raised * scale
