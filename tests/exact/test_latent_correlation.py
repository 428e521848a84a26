"""Correlations behind cells: the Hermite series by double quadrature, tetrachoric roots, PSD matrices."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

from simulacra.core.numerics.latent_correlation import TERMS, coefficients, correlations, nearest
from simulacra.core.spaces.numeric import centres_of

CELLS = {
    "two": [0.0],
    "two uneven": [1.1],
    "three": [-0.9, 0.4],
    "many": [*norm.ppf(np.arange(1, 30) / 30)],
}


def cells_of(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    ends = torch.tensor([-math.inf, *CELLS[name], math.inf], dtype=torch.float64)
    return ends, centres_of(ends)


def covariance(a: str, b: str, rho: float) -> float:
    """Cov(f_i, f_j) by the rectangle probabilities of the bivariate normal distribution."""
    law = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    (ea, fa), (eb, fb) = cells_of(a), cells_of(b)
    clip = lambda e: e.clamp(-12, 12).numpy()
    cdf = np.array([[law.cdf([u, v]) for v in clip(eb)] for u in clip(ea)])
    masses = np.diff(np.diff(cdf, axis=0), axis=1)
    return float(fa.numpy() @ masses @ fb.numpy())


def series(a: str, b: str, rho: float) -> float:
    c, d = coefficients(*cells_of(a)), coefficients(*cells_of(b))
    return float(sum(c[n] * d[n] * rho ** (n + 1) for n in range(TERMS)))


@pytest.mark.system("D2")
@pytest.mark.parametrize("name", CELLS)
def test_coefficients_are_expectations_of_hermite_polynomials(name):
    ends, f = cells_of(name)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    clipped = ends.clamp(-13, 13).numpy()
    due = np.zeros(TERMS)
    for a, b, score in zip(clipped, clipped[1:], f.tolist(), strict=False):
        for left, right in pairwise(np.linspace(a, b, 21)):
            z = (left + right) / 2 + (right - left) / 2 * nodes
            w = weights * (right - left) / 2 * norm.pdf(z) * score
            for n in range(1, TERMS + 1):
                h = np.polynomial.hermite_e.hermeval(z, [0] * n + [1]) / math.sqrt(math.factorial(n))
                due[n - 1] += w @ h
    np.testing.assert_allclose(coefficients(ends, f), due, atol=1e-10)


@pytest.mark.system("D2")
@pytest.mark.parametrize(
    ("a", "b"), [("two", "two"), ("two uneven", "many"), ("three", "two"), ("many", "many")]
)
@pytest.mark.parametrize("rho", [-0.8, -0.3, 0.1, 0.6])
def test_the_series_is_the_covariance_of_what_is_seen(a, b, rho):
    assert series(a, b, rho) == pytest.approx(covariance(a, b, rho), abs=6e-4)


def test_two_halves_have_the_arcsine(float64):
    for rho in (0.2, 0.5, 0.75):
        due = 4 / math.pi**2 * math.asin(rho)
        assert series("two", "two", rho) == pytest.approx(due, abs=2e-4)


@pytest.mark.system("D2")
@pytest.mark.parametrize("rho", [-0.9, -0.5, 0.0, 0.3, 0.7, 0.9])
def test_the_root_of_an_exact_covariance_is_its_correlation(rho):
    for a, b in (("two", "two"), ("two uneven", "many"), ("three", "two uneven"), ("many", "many")):
        c = torch.stack([coefficients(*cells_of(name)) for name in (a, b)])
        found = covariance(a, b, rho)
        matrix = torch.tensor([[1.0, found], [found, 1.0]], dtype=torch.float64)
        assert correlations(matrix, c)[0, 1].item() == pytest.approx(rho, abs=4e-3)


@pytest.mark.system("D2")
def test_a_table_of_two_by_two_has_the_tetrachoric_correlation():
    rho, n, parts = 0.65, 4000, []
    ends, f = cells_of("two uneven")
    c = coefficients(ends, f).expand(2, -1)
    for seed in range(20):
        z = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
        # the cells of each sample are its own shares
        cut = torch.tensor(np.quantile(z, norm.cdf(1.1), axis=0))
        seen = f[(torch.tensor(z) >= cut).long()]
        parts.append(correlations(seen.T @ seen / n, c)[0, 1].item())
    error = np.std(parts, ddof=1) / 20**0.5
    assert abs(np.mean(parts) - rho) < 4 * error + 1e-3 and error < 0.01


def test_what_is_no_correlation_matrix_becomes_the_nearest_one(float64):
    torch.manual_seed(3)
    for d in (2, 3, 50):
        noise = torch.rand(d, d) * 2 - 1
        matrix = ((noise + noise.T) / 2).fill_diagonal_(1)
        found = nearest(matrix)
        torch.testing.assert_close(found, found.T)
        torch.testing.assert_close(found.diagonal(), torch.ones(d))
        assert torch.linalg.eigvalsh(found)[0] > 0 and found.abs().max() <= 1 + 1e-12
        assert torch.linalg.cholesky_ex(found.float().double())[1] == 0
        # a matrix that is one stays
        torch.testing.assert_close(nearest(found), found, atol=2e-4, rtol=0)


@pytest.mark.system("D2")
def test_columns_that_are_copies_of_each_other_still_have_a_factor(float64):
    c = torch.stack([coefficients(*cells_of(name)) for name in ("many", "many", "many", "two")])
    covariance = torch.full((4, 4), 1.0)
    covariance[:3, 3] = covariance[3, :3] = 0.6
    covariance[1, :] *= -1
    covariance[:, 1] *= -1
    found = correlations(covariance, c)
    assert torch.linalg.cholesky_ex(found)[1] == 0
    assert found[0, 2] > 0.99 and found[0, 1] < -0.99
    # a column that never changes is tied to none
    still = torch.stack([c[0], torch.zeros(TERMS)])
    nothing = correlations(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), still)
    assert torch.linalg.cholesky_ex(nothing)[1] == 0
