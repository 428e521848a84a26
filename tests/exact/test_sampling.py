"""Draws against the law they are drawn from, and means against exact expectations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy
import torch

from simulacra.core.distributions.elementary import (
    Bernoulli,
    Categorical,
    DiscretizedLogistic,
    Gaussian,
    Mixture,
)
from simulacra.core.random.keyed import Rng

N = 40_000


def row(*values: float) -> torch.Tensor:
    return torch.tensor([values])


def discrete(name: str, rows: int = 1):
    """A law over 0..7 (0/1 for Bernoulli) with parameters of `rows` equal rows."""
    many = lambda t: t.expand(rows, *t.shape[1:])
    if name == "bernoulli":
        return Bernoulli(many(row(-1.2)), 1)
    if name == "categorical":
        return Categorical(many(row(0.0, -1, 2, 1, -2, 0.5, 0.1, -0.7).unsqueeze(-1)), 1)
    if name == "logistic":
        return DiscretizedLogistic(many(row(0.35)), many(row(-1.5)), 8, 1)
    parts = DiscretizedLogistic(many(row(0.1, 0.8).unsqueeze(-1)), many(row(-3.0, -1.9).unsqueeze(-1)), 8, 1)
    return Mixture(many(row(0.4, -0.4).unsqueeze(-1)), parts, 1)


NAMES = ("bernoulli", "categorical", "logistic", "mixture")


def exact_probabilities(name: str) -> np.ndarray:
    levels = 2 if name == "bernoulli" else 8
    return discrete(name).log_prob(torch.arange(levels).unsqueeze(1)).exp().numpy()


@pytest.mark.system("E1")
@pytest.mark.parametrize("name", NAMES)
def test_frequencies_are_the_probabilities(float64, name):
    p = exact_probabilities(name)
    x = discrete(name, N).sample(Rng(11, rows=range(N)))
    assert x.shape == (N, 1)
    counts = np.bincount(x.long().flatten().numpy(), minlength=len(p))
    assert (N * p > 5).all()
    assert scipy.stats.chisquare(counts, N * p / p.sum()).pvalue > 1e-3
    np.testing.assert_array_less(abs(counts / N - p), 4 * np.sqrt(p * (1 - p) / N))


@pytest.mark.system("E1")
@pytest.mark.parametrize("name", NAMES)
def test_mean_is_the_exact_expectation(float64, name):
    p = exact_probabilities(name)
    expected = (p * np.arange(len(p))).sum()
    assert discrete(name).mean.item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.system("E1")
@pytest.mark.parametrize("levels", [2, 17, 256])
def test_mean_of_a_discretized_logistic_at_many_places(levels):
    loc = torch.tensor([[-3.0, 0.0, 0.2, 0.5, 0.99, 5.0]], dtype=torch.float64)
    for log_scale in (-7.0, -2.0, 1.0):
        p = DiscretizedLogistic(loc, torch.full_like(loc, log_scale), levels, 1)
        x = torch.arange(levels, dtype=torch.float64).unsqueeze(1).expand(levels, 6)
        expected = (p.entries(x).exp() * x).sum(0)
        torch.testing.assert_close(p.mean[0], expected, atol=1e-9, rtol=1e-10)


@pytest.mark.system("C1")
def test_gradients_through_a_random_operation(float64):
    mu, s, n = torch.tensor(0.7, requires_grad=True), torch.tensor(1.3, requires_grad=True), 100_000
    y = Gaussian(mu.expand(n, 1), s.log(), 1).sample(Rng(1, rows=range(n)))
    (y**2).mean().backward()
    z = (y.detach().numpy() - 0.7) / 1.3
    # d/dmu E y^2 = 2 mu, d/ds E y^2 = 2 s; per-draw terms 2 y and 2 y z
    for grad, terms, truth in ((mu.grad, 2 * (0.7 + 1.3 * z), 1.4), (s.grad, 2 * (0.7 + 1.3 * z) * z, 2.6)):
        assert abs(grad.item() - truth) < 4 * terms.std() / math.sqrt(n)
        assert grad.item() == pytest.approx(terms.mean(), rel=1e-9)


@pytest.mark.system("C2")
def test_reparameterised_noise_must_be_normal(float64):
    mu, s, n = -0.4, 0.6, 20_000
    q = Gaussian(torch.full((n, 1), mu), torch.tensor(math.log(s)), 1)
    z = q.sample(Rng(2, rows=range(n))).flatten().numpy()
    law = scipy.stats.norm(mu, s)
    assert scipy.stats.kstest(z, law.cdf).pvalue > 0.01
    assert scipy.stats.ks_2samp(z, law.rvs(n, random_state=np.random.default_rng(3))).pvalue > 0.01
    # uniform noise of the same mean and variance is another law
    eps = math.sqrt(3) * (2 * Rng(2, rows=range(n)).uniform("u", 1) - 1)
    assert scipy.stats.kstest(q.at(eps).flatten().numpy(), law.cdf).pvalue < 1e-6


@pytest.mark.system("C6")
def test_a_naive_sample_has_no_gradient_and_a_reparameterised_one_has(float64):
    mu = torch.full((6, 1), 0.2, requires_grad=True)
    log_s = torch.tensor(-0.3, requires_grad=True)
    naive = torch.distributions.Normal(mu, log_s.exp()).sample()
    assert not naive.requires_grad
    z = Gaussian(mu, log_s, 1).sample(Rng(4, rows=range(6)))
    d_mu, d_log_s = torch.autograd.grad(z.sum(), (mu, log_s))
    torch.testing.assert_close(d_mu, torch.ones_like(mu))
    # dz / d log s = s eps = z - mu
    assert d_log_s.item() == pytest.approx((z - mu).sum().item(), rel=1e-12)
    # a coin flip is a step function of its logit
    logit = torch.zeros(6, 1, requires_grad=True)
    assert not Bernoulli(logit, 1).sample(Rng(4, rows=range(6))).requires_grad
