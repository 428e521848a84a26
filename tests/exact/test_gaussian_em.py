"""EM of the full covariance: the maximum by another EM and by its gradient, and cells missing at random."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mixed_rows import Rows

from simulacra.core.numerics import gaussian_em
from simulacra.core.numerics.gaussian_em import correlations_observed, pairwise, work
from simulacra.core.numerics.latent_correlation import LEAST
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.spaces.plain import Binary
from simulacra.models.autoencoders.factors import maximize
from simulacra.models.autoencoders.gaussian_copula import GaussianCopula, solve

R4 = np.array([[1, 0.8, -0.6, 0.1], [0.8, 1, -0.4, 0.3], [-0.6, -0.4, 1, 0], [0.1, 0.3, 0, 1]])


def normal(n: int, matrix: np.ndarray, seed: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).multivariate_normal(np.zeros(len(matrix)), matrix, n))


def gone(n: int, d: int, share: float, seed: int) -> torch.Tensor:
    """True at cells missing completely at random."""
    return torch.tensor(np.random.default_rng([9, seed]).random((n, d)) < share)


@pytest.mark.system("D2")
def test_without_gaps_they_are_the_correlations(float64):
    x = normal(200, R4, 0)
    due = torch.tensor(np.corrcoef(x.numpy().T))
    torch.testing.assert_close(correlations_observed(x, torch.ones_like(x, dtype=torch.bool)), due)


@pytest.mark.system("D2")
def test_the_maximum_is_that_of_the_em_of_factors(float64, monkeypatch):
    """Three factors and noise of four columns are a full covariance; rows of differing gaps and units."""
    monkeypatch.setattr(gaussian_em, "TOLERANCE", 1e-10)
    monkeypatch.setattr(gaussian_em, "STEPS", 3000)
    monkeypatch.setattr(gaussian_em, "NUMBERS", 60)  # many chunks
    x = normal(150, R4, 1) * torch.tensor([1.0, 20, 0.1, 3]) + torch.tensor([5.0, 0, 1, -40])
    known = ~gone(150, 4, 0.35, 1)
    scaled = x / torch.tensor([1.0, 20, 0.1, 3])
    other = lambda: iter([(scaled, known)])
    model, _ = maximize(other, 3, 5000)
    S = model.W @ model.W.T + model.variance * torch.eye(4)
    due = S / torch.outer(S.diagonal().sqrt(), S.diagonal().sqrt())
    found = correlations_observed(torch.where(known, x, torch.zeros_like(x)), known)
    torch.testing.assert_close(found, due, rtol=0, atol=1e-5)


@pytest.mark.system("D2")
def test_values_that_are_missing_at_random_given_what_is_shown_bias_nothing(float64):
    """The second and third columns are hidden where the first is large: rows of both say less than .8."""
    found, pairs = [], []
    for seed in range(8):
        x = normal(4000, R4, seed)
        known = torch.ones_like(x, dtype=torch.bool)
        known[:, 1:3] = x[:, :1] < 0.3
        x = torch.where(known, x, torch.zeros_like(x))
        found.append(correlations_observed(x, known).numpy())
        pairs.append(pairwise(x, known).numpy())
    error = np.std(found, 0, ddof=1) / 8**0.5
    assert (abs(np.mean(found, 0) - R4) < 4.5 * error + 1e-9).all() and error.max() < 0.02
    assert np.mean(pairs, 0)[0, 1] < 0.75


@pytest.mark.system("D2")
def test_columns_that_are_one_or_never_change_or_are_never_shown_stay_finite(float64):
    x = normal(60, R4, 3)
    x = torch.cat([x, x[:, :1], torch.full((60, 1), 2.5), torch.zeros(60, 1)], 1)
    known = ~gone(60, 7, 0.3, 3)
    known[:, 6] = False
    known[7] = False
    found = correlations_observed(x * known, known)
    assert found.isfinite().all() and found[0, 4] > 0.99
    torch.testing.assert_close(found.diagonal(), torch.ones(7))
    assert torch.linalg.eigvalsh(found).min() > 0.1 * LEAST and found[5, :5].abs().max() < 1e-9


def test_larger_tables_take_the_pairs(float64, monkeypatch):
    x, known = normal(50, R4, 4), ~gone(50, 4, 0.3, 4)
    assert work((~known).sum(1), 4) > 100
    monkeypatch.setattr(gaussian_em, "WORK", 100)
    torch.testing.assert_close(correlations_observed(x * known, known), pairwise(x * known, known))


@pytest.mark.system("D2")
def test_a_number_beside_classes_with_gaps(float64):
    """A grade of three and a yes or no seen through their cells, a third missing: within standard errors."""
    matrix, found = R4[:3, :3], []
    fine = tuple(torch.special.ndtri(torch.arange(1, 30, dtype=torch.float64) / 30).tolist())
    space = Table(a=Scores(edges=fine), b=Ordinal((), 3), c=Binary())
    for seed in range(8):
        x, known = normal(4000, matrix, seed), ~gone(4000, 3, 0.33, seed)
        x[:, 1] = torch.tensor(np.searchsorted([-0.5, 0.8], x[:, 1]))
        x[:, 2] = (x[:, 2] > 0.4).double()
        model = GaussianCopula(space)
        solve(model, Rows(x * known, known), Rng(0))
        found.append(model.R.clone().numpy())
    error = np.std(found, 0, ddof=1) / 8**0.5
    assert (abs(np.mean(found, 0) - matrix) < 4.5 * error + 2e-3).all() and error.max() < 0.02
