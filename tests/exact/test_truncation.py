"""Truncation of a generator's noise: a normal distribution within bounds, by its inverse."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from simulacra.core.random.keyed import Rng

pytestmark = pytest.mark.fault("wider.b")


def gan(**more):
    return simulacra.GAN(simulacra.Real((2,)), latent=3, hidden=(5,), normalization="none", **more).eval()


@pytest.mark.parametrize("a", [0.3, 1.0, 4.0])
def test_the_distribution_function_of_the_noise_is_uniform(float64, a):
    """F(z) = (Phi(z) - Phi(-a)) / (Phi(a) - Phi(-a)) is the uniform number itself."""
    model, rng = gan().double(), Rng(1, "sample", rows=range(50))
    z, u = model.truncated(rng, a), rng.uniform("z truncated", 3, dtype=torch.float64)
    Phi = lambda t: 0.5 * torch.erfc(-t / math.sqrt(2))
    low, high = Phi(torch.tensor(-a)), Phi(torch.tensor(a))
    torch.testing.assert_close((Phi(z) - low) / (high - low), u, atol=1e-12, rtol=0)
    assert float(z.abs().max()) <= a


def test_rows_do_not_depend_on_their_number_and_nothing_changes_without():
    model = gan()
    whole = model.sample(50, seed=2, truncation=0.5)
    for n in (2, 3):
        assert torch.equal(model.sample(n, seed=2, truncation=0.5), whole[:n])
    assert torch.equal(model.sample(50, seed=2, truncation=None), model.sample(50, seed=2))
    assert not torch.equal(whole, model.sample(50, seed=2))


def test_other_priors_and_bounds_are_refused():
    with pytest.raises(ValueError, match=r"truncation is 0\.5.*normal prior.*is uniform"):
        gan(prior="uniform").sample(2, truncation=0.5)
    for wrong in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match=r"truncation is .*above 0"):
            gan().sample(2, truncation=wrong)
