"""Noise in a code: its information by closed forms, by quadrature and by draws, falling with sigma."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy
import torch

from simulacra.core.distributions.elementary import Gaussian
from simulacra.evaluation.latents.channel import (
    code_information,
    gaussian_information,
    reconstruction,
    squared_error,
)
from simulacra.evaluation.latents.codes import decompose

pytestmark = pytest.mark.system("I3")
SIGMAS = (0.05, 0.2, 0.7, 1.0, 2.5, 8.0)


def covariance(d: int = 3) -> torch.Tensor:
    """Correlated codes of different spreads."""
    W = torch.randn(d, d, generator=torch.Generator().manual_seed(11), dtype=torch.float64)
    return W @ W.T


def test_gaussian_information_is_a_difference_of_entropies():
    S = covariance()
    for sigma in SIGMAS:
        noisy = scipy.stats.multivariate_normal(cov=S.numpy() + sigma**2 * np.eye(3)).entropy()
        noise = 3 * scipy.stats.norm(scale=sigma).entropy()
        assert float(gaussian_information(S, sigma)) == pytest.approx(noisy - noise, rel=1e-12)


def test_information_of_both_falls_with_sigma():
    codes, S = torch.tensor([-2.0, -0.3, 0.1, 1.7]), covariance()
    gaussian = [float(gaussian_information(S, sigma)) for sigma in SIGMAS]
    listed = [float(code_information(codes, sigma)) for sigma in SIGMAS]
    for found in (gaussian, listed):
        assert all(a > b + 1e-3 for a, b in itertools.pairwise(found)), found
    # no noise: every code is told apart; much noise: nothing is left of them
    assert math.exp(float(code_information(codes, 0.005))) == pytest.approx(4, abs=1e-12)
    assert float(code_information(codes, 1e4)) == pytest.approx(0, abs=1e-7)


def test_two_codes_are_the_binary_input_channel():
    # I = log 2 - E log(1 + exp(-2 (a^2 + a s e) / s^2)), by adaptive quadrature
    for a, sigma in ((1.0, 0.4), (1.0, 1.0), (0.3, 2.0)):
        lost = lambda e, r=a / sigma: scipy.stats.norm.pdf(e) * np.logaddexp(0, -2 * r * (r + e))
        expected = math.log(2) - scipy.integrate.quad(lost, -12, 12, epsabs=1e-13, limit=300)[0]
        found = code_information(torch.tensor([-a, a], dtype=torch.float64), sigma)
        assert float(found) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("sigma", [0.15, 0.5, 1.3])
def test_squared_error_is_the_slope_of_the_information(sigma):
    # (4): two quadratures of different functions, one differentiated
    generator = torch.Generator().manual_seed(5)
    codes = torch.randn(5, 2, generator=generator, dtype=torch.float64)
    weights = torch.tensor([0.1, 0.3, 0.2, 0.15, 0.25], dtype=torch.float64)
    ratio = sigma**-2
    at = lambda r: float(code_information(codes, r**-0.5, weights))
    step = 1e-4 * ratio
    slope = (at(ratio + step) - at(ratio - step)) / (2 * step)
    assert slope == pytest.approx(float(squared_error(codes, sigma, weights)) / 2, rel=1e-6)


def test_gaussian_codes_meet_the_rate_distortion_bound():
    # u^ = S / (S + s^2) z leaves S s^2 / (S + s^2), and I is the rate 1/2 log(S / error) of that error
    for sigma in SIGMAS:
        error = 1.7 * sigma**2 / (1.7 + sigma**2)
        rate = 0.5 * math.log(1.7 / error)
        assert float(gaussian_information(torch.tensor([[1.7]]).double(), sigma)) == pytest.approx(rate)


def test_many_codes_of_a_gaussian_come_near_its_information():
    # 301 quantiles of N(0, 1) carry what the Gaussian carries, while noise is wider than their distance
    codes = torch.from_numpy(scipy.stats.norm.ppf((np.arange(301) + 0.5) / 301))
    for sigma in (0.3, 1.0):
        expected = float(gaussian_information(codes.var(correction=0).view(1, 1), sigma))
        assert float(code_information(codes, sigma)) == pytest.approx(expected, abs=2e-3)


def test_information_of_posteriors_by_draws_agrees():
    codes = torch.tensor([[-1.0, 0.2], [0.4, 1.1], [0.5, -0.9]], dtype=torch.float64)
    sigma = 0.6
    rows = codes.repeat(200, 1)
    found = decompose(Gaussian(rows, torch.full_like(rows, math.log(sigma)), 1), samples=8, seed=3)
    # 600 rows with three codes: what a row says beyond its code is nothing
    assert abs(found.information - float(code_information(codes, sigma))) < 4 * found.information_error
    assert found.information_error < 0.03


def test_overlapping_codes_are_reconstructed_as_one():
    codes = torch.tensor([-1.0, 1.0, 5.0], dtype=torch.float64)
    sharp, blurred = (reconstruction(codes, codes, sigma).flatten() for sigma in (0.1, 3.0))
    assert torch.allclose(sharp, codes, atol=1e-12)
    assert float(blurred[1] - blurred[0]) < 0.5 * float(codes[1] - codes[0])
    # by hand, at the middle of two equally likely codes: the nearer ones weigh alike
    middle = reconstruction(torch.tensor([0.0]), codes[:2], 0.8, torch.tensor([0.25, 0.75]))
    assert middle.item() == pytest.approx(0.5, abs=1e-12)


def test_codes_of_three_entries_are_refused():
    with pytest.raises(ValueError, match="codes have 3 entries, but the quadrature is for 1 or 2"):
        code_information(torch.zeros(4, 3), 1.0)
