"""Gamma noise and what is made of it: implicit gradients, scipy's laws, rows that keep their draws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import torch
from placed_laws import N, drawn_from, rows_do_not_depend_on_the_batch, within_errors

from simulacra.core.densities.gamma import Beta, Dirichlet, Gamma, chi_squared
from simulacra.core.densities.gamma_noise import LARGE, log_standard_gamma, slope
from simulacra.core.export.noise import Recorded
from simulacra.core.random.keyed import Rng

ALPHAS = (0.05, 0.6, 1.0, 3.7, 60.0, 900.0)
many = lambda *values, rows=N: torch.tensor([values]).expand(rows, -1)


# ---- the gradient at a fixed quantile


@pytest.mark.system("C5")
@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_slope_is_that_of_the_quantile(float64, alpha):
    """Central differences of F^-1(q; a) in a, of fourth order."""
    q, h = np.array([1e-4, 0.02, 0.3, 0.5, 0.8, 0.99, 1 - 1e-4]), 1e-3 * alpha
    at = lambda a: np.log(scipy.special.gammaincinv(a, q))
    due = (8 * (at(alpha + h) - at(alpha - h)) - at(alpha + 2 * h) + at(alpha - 2 * h)) / (12 * h)
    found = slope(torch.full((7,), alpha), torch.from_numpy(at(alpha)))
    np.testing.assert_allclose(found.numpy(), due, rtol=2e-8)


@pytest.mark.system("C5")
@pytest.mark.parametrize("alpha", [*ALPHAS, 0.99 * LARGE, 1.01 * LARGE, 1e7])
def test_slopes_integrate_to_the_gradients_of_the_moments(float64, alpha):
    """E dz/da = dE[z]/da = 1 and E 2 z dz/da = d(a + a^2)/da = 1 + 2 a, by quadrature over the quantiles."""
    nodes, weights = np.polynomial.legendre.leggauss(300)
    # more nodes at both ends, where z and log z grow
    q, stretch = scipy.special.ndtr(6 * nodes), 6 * scipy.stats.norm.pdf(6 * nodes)
    z = torch.from_numpy(scipy.special.gammaincinv(alpha, q)).clamp_min(1e-300)
    by_a = z * slope(torch.full_like(z, alpha), z.log()) * torch.from_numpy(weights * stretch)
    assert float(by_a.sum()) == pytest.approx(1, rel=1e-6)
    assert float((2 * z * by_a).sum()) == pytest.approx(1 + 2 * alpha, rel=1e-6)


@pytest.mark.system("C5")
@pytest.mark.parametrize("alpha", [0.4, 1.0, 2.5])
def test_the_mean_of_draws_has_slope_one(float64, alpha):
    a = many(alpha).clone().requires_grad_()
    z = log_standard_gamma(a, Rng(1, alpha, rows=range(N)), "z").exp()
    (by_a,) = torch.autograd.grad(z.sum(), a)
    within_errors(by_a, 1.0, 0.05)
    within_errors(z.detach(), alpha, 0.05)


# ---- the laws

LAWS = {
    "gamma 0.3": (
        lambda n: Gamma(many(0.3, rows=n), many(2.0, rows=n), 1),
        scipy.stats.gamma(0.3, scale=0.5),
    ),
    "gamma 1": (lambda n: Gamma(many(1.0, rows=n), many(2.0, rows=n), 1), scipy.stats.gamma(1, scale=0.5)),
    "gamma 40": (lambda n: Gamma(many(40.0, rows=n), many(0.1, rows=n), 1), scipy.stats.gamma(40, scale=10)),
    "chi-squared": (lambda n: chi_squared(many(3.0, rows=n), 1), scipy.stats.chi2(3)),
    "beta": (lambda n: Beta(many(0.5, rows=n), many(2.0, rows=n), 1), scipy.stats.beta(0.5, 2)),
}
NAMED = pytest.mark.parametrize("name", LAWS)


@NAMED
@pytest.mark.system("C5")
def test_draws_follow_the_law(float64, name):
    law = LAWS[name][1]
    x = LAWS[name][0](N).sample(Rng(2, name, rows=range(N)))
    drawn_from(x, law.cdf, lambda v: law.cdf(1.2 * v))


@NAMED
@pytest.mark.system("C5")
def test_the_density_is_scipys(float64, name):
    p, law = LAWS[name][0](1), LAWS[name][1]
    x = torch.from_numpy(law.ppf([1e-6, 0.1, 0.5, 0.9, 1 - 1e-6])).unsqueeze(1)
    np.testing.assert_allclose(p.log_prob(x).numpy(), law.logpdf(x[:, 0].numpy()), rtol=1e-10)
    assert p.mean.item() == pytest.approx(law.mean(), rel=1e-12)
    assert p.log_prob(torch.tensor([[-0.1]])).item() == -np.inf
    whole = scipy.integrate.quad(lambda v: p.log_prob(torch.tensor([[v]])).exp().item(), 0, law.ppf(0.5))[0]
    assert whole == pytest.approx(0.5, abs=1e-6)


A = (0.3, 2.0, 0.7, 4.0)


@pytest.mark.system("C5")
def test_the_dirichlet_density_is_scipys_and_a_chain_of_betas(float64):
    p = Dirichlet(torch.tensor([A]))
    x = p.sample(Rng(0, rows=range(5)))
    torch.testing.assert_close(x.sum(1), torch.ones(5), rtol=0, atol=1e-14)
    due = [scipy.stats.dirichlet.logpdf(row / row.sum(), A) for row in x.numpy()]
    np.testing.assert_allclose(p.log_prob(x).numpy(), due, rtol=1e-10)
    terms = p.entries(x)
    torch.testing.assert_close(terms.sum(1), p.log_prob(x), rtol=1e-10, atol=0)
    assert bool((terms[:, -1] == 0).all())
    first = scipy.stats.beta(A[0], sum(A[1:]))
    np.testing.assert_allclose(terms[:, 0].numpy(), first.logpdf(x[:, 0].numpy()), rtol=1e-10)
    assert p.log_prob(torch.tensor([[0.5, 0.5, 0.5, 0.5]])).item() == -np.inf


@pytest.mark.system("C5")
def test_known_shares_have_the_marginal_density(float64):
    p, x = Dirichlet(torch.tensor([A])), torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    of = lambda *known: p.log_prob(x, torch.tensor([known])).item()
    one = scipy.stats.beta(A[1], sum(A) - A[1]).logpdf(0.2)
    two = scipy.stats.dirichlet.logpdf([0.1, 0.3, 0.6], [A[0], A[2], A[1] + A[3]])
    assert of(False, True, False, False) == pytest.approx(one, rel=1e-12)
    assert of(True, False, True, False) == pytest.approx(two, rel=1e-12)
    assert of(True, True, False, True) == pytest.approx(of(True, True, True, True), rel=1e-12)
    assert of(False, False, False, False) == pytest.approx(0, abs=1e-12)


@pytest.mark.system("C5")
def test_dirichlet_means_and_their_gradients(float64):
    """E x_k = a_k / A, so dE[x_k]/da_j = (1(j = k) A - a_k) / A^2; one share is a beta."""
    a = many(*A).clone().requires_grad_()
    x = Dirichlet(a).sample(Rng(3, rows=range(N)))
    total = sum(A)
    for k in range(4):
        within_errors(x[:, k].detach(), A[k] / total, 0.05)
        (by_a,) = torch.autograd.grad(x[:, k].sum(), a, retain_graph=True)
        for j in range(4):
            within_errors(by_a[:, j], ((j == k) * total - A[k]) / total**2, 0.2)
    drawn_from(x[:, 1], scipy.stats.beta(A[1], total - A[1]).cdf)


@pytest.mark.system("C5")
def test_a_beta_mean_has_the_gradients_of_its_closed_form(float64):
    """E x = a / (a + b): b / (a + b)^2 and -a / (a + b)^2."""
    a, b = many(1.5).clone().requires_grad_(), many(0.5).clone().requires_grad_()
    x = Beta(a, b, 1).sample(Rng(4, rows=range(N)))
    by_a, by_b = torch.autograd.grad(x.sum(), [a, b])
    within_errors(by_a, 0.5 / 4, 0.05)
    within_errors(by_b, -1.5 / 4, 0.05)


# ---- keyed draws


@pytest.mark.system("C5")
def test_a_row_is_the_same_in_every_batch_though_rounds_reject(float64):
    """Parameters differ between rows, some entries are rejected in the first rounds, some are boosted."""
    alphas = torch.linspace(0.3, 5, 150).reshape(50, 3)

    def draw(rng):
        return log_standard_gamma(alphas[rng.rows.start : rng.rows.stop], rng, "z")

    rows_do_not_depend_on_the_batch(draw)
    asked = Recorded()
    draw(Rng(3, "rows", rows=range(50), source=asked))
    assert len(asked.tensors) >= 5  # two rounds and the boost: something was rejected
    content = Rng(0).by_content(torch.arange(50.0).unsqueeze(1))
    whole = log_standard_gamma(alphas, content, "z")
    few = Rng(0).by_content(torch.arange(3.0).unsqueeze(1))
    assert bool((log_standard_gamma(alphas[:3], few, "z") == whole[:3]).all())


@pytest.mark.system("C5")
def test_small_parameters_are_drawn_in_single_precision():
    """z itself underflows; its logarithm, shares and gradients do not."""
    a = torch.full((50, 3), 1e-3, requires_grad=True)
    log_z = log_standard_gamma(a, Rng(0, rows=range(50)), "z")
    assert log_z.dtype == torch.float32 and bool(log_z.isfinite().all()) and float(log_z.min()) < -200
    x = Dirichlet(a).sample(Rng(0, rows=range(50)))
    assert bool(x.isfinite().all()) and bool((x > 0).all())
    assert bool(torch.autograd.grad((x * torch.arange(3.0)).sum(), a)[0].isfinite().all())
    b = Beta(a, a, 1).sample(Rng(0, rows=range(50)))
    assert bool(((b > 0) & (b < 1)).all())
    assert bool(Gamma(a, torch.ones_like(a), 1).sample(Rng(0, rows=range(50))).gt(0).all())


@pytest.mark.parametrize("alpha", [0.0, -2.0, float("nan"), float("inf")])
def test_parameters_without_a_distribution_are_refused(alpha):
    with pytest.raises(ValueError, match="positive and finite: take softplus"):
        Gamma(torch.tensor([[1.0, alpha]]), torch.ones(1, 2), 1).sample(Rng(0))
