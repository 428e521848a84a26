"""Approximate Bayesian computation against the conjugate posterior, and corrected moments."""

from __future__ import annotations

import math

import pytest
import torch

from simulacra.core.random.keyed import Rng
from simulacra.models.moments.rejection import Posterior, approximate_posterior, with_moments

ROWS, D = 39, 3
DEVIATION = 1 / math.sqrt(ROWS + 1)  # of theta given the mean of 39 rows of N(theta, 1), theta ~ N(0, 1)
OBSERVED = torch.tensor([0.4, -0.7, 0.1], dtype=torch.float64)


def prior(rng: Rng):
    return rng.normal("theta", D, dtype=torch.float64)


def means(theta, rng: Rng):
    """The mean of 39 rows of N(theta, 1), drawn as the one number that it is."""
    return theta + rng.normal("mean", D, dtype=torch.float64) / math.sqrt(ROWS)


@pytest.mark.system("H22")
def test_the_adjusted_posterior_is_the_conjugate_one():
    plain, adjusted = (
        approximate_posterior(OBSERVED, prior, means, adjust=adjust) for adjust in (False, True)
    )
    due = OBSERVED * ROWS / (ROWS + 1)
    assert float((adjusted.mean - due).abs().max()) < 0.03  # five errors of 1,000 draws of this deviation
    assert float((adjusted.deviation / DEVIATION - 1).abs().max()) < 0.1
    # at the same share rejection alone is too wide
    assert float(plain.deviation.min()) > 1.25 * DEVIATION
    assert len(plain.theta) == 1000 and plain.epsilon == adjusted.epsilon


@pytest.mark.system("H22")
def test_rejection_tends_to_the_posterior_as_fewer_are_kept():
    widths = [
        float(approximate_posterior(OBSERVED, prior, means, share=share, adjust=False).deviation.mean())
        for share in (0.3, 0.03, 0.003)
    ]
    assert widths[0] > widths[1] > widths[2] > 0.95 * DEVIATION
    assert widths[2] < 1.25 * DEVIATION


@pytest.mark.system("H22")
def test_corrected_samples_have_the_moments(float64):
    x = torch.randn(20, 3).exp()
    m, root = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([[2.0, 0, 0], [1, 0.5, 0], [-1, 0.3, 0.1]])
    found = with_moments(x, m, root @ root.T)
    torch.testing.assert_close(found.mean(0), m, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.cov(found.T, correction=0), root @ root.T, rtol=0, atol=1e-12)
    # third moments stay those of the samples: they are no Gaussian ones
    assert float((found - m).pow(3).mean(0).abs().max()) > 0.1
    with pytest.raises(ValueError, match=r"20 samples lie in fewer than 2 dimensions"):
        with_moments(torch.zeros(20, 2), m[:2], torch.eye(2))


def test_draws_follow_the_weights_in_any_batch():
    found = Posterior(torch.tensor([[0.0], [1.0]]), torch.tensor([0.25, 0.75]), 1.0)
    whole = found.draw(Rng(0, "draws", rows=range(2000)))
    assert abs(float(whole.mean()) - 0.75) < 0.05
    for n in (2, 3, 50):
        assert bool((found.draw(Rng(0, "draws", rows=range(n))) == whole[:n]).all())


def test_wrong_calls_are_told():
    with pytest.raises(ValueError, match=r"share is 2, but it is the part"):
        approximate_posterior(OBSERVED, prior, means, share=2)
    with pytest.raises(ValueError, match=r"0.01 of 100 simulations are 1, but .* takes 6 or more: n=601"):
        approximate_posterior(OBSERVED, prior, means, n=100)
    with pytest.raises(ValueError, match=r"simulate returned shape \(100, 2\), .* shape \(100, 3\)"):
        approximate_posterior(OBSERVED, prior, lambda theta, rng: theta[:, :2], n=100, share=0.5)
    with pytest.raises(ValueError, match=r"prior returned numbers that are not finite"):
        approximate_posterior(OBSERVED, lambda rng: prior(rng) / 0, means, n=100, share=0.5)
