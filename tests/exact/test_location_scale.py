"""Location-scale distributions: scipy's densities, draws of the law, gradients of expectations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from placed_laws import N, drawn_from, rows_do_not_depend_on_the_batch, within_errors

from simulacra.core.densities.location_scale import Laplace, Logistic, StudentT
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.random.keyed import Rng

NU = 9.0
LAWS = {
    "normal": (Gaussian, scipy.stats.norm, 1.0),
    "laplace": (Laplace, scipy.stats.laplace, 2.0),
    "logistic": (Logistic, scipy.stats.logistic, math.pi**2 / 3),
    "student-t": (
        lambda m, s, events: StudentT(m, s, events, torch.full((1, 1), NU)),
        scipy.stats.t(NU),
        NU / (NU - 2),
    ),
}
ALL = pytest.mark.parametrize("name", LAWS)
M, S = -0.7, 1.9


def made(name: str, rows: int = 1):
    """The law with location M and scale S in `rows` rows, and leaves for their gradients."""
    m = torch.full((rows, 1), M, requires_grad=True)
    log_s = torch.full((rows, 1), math.log(S), requires_grad=True)
    return LAWS[name][0](m, log_s, 1), m, log_s


@ALL
@pytest.mark.system("C3")
def test_the_density_is_scipys_and_integrates_to_one(float64, name):
    p, _, _ = made(name)
    law = LAWS[name][1]
    x = np.array([-1e3, -40.0, -3.3, M, 0.0, 5.5, 600.0])
    found = p.log_prob(torch.from_numpy(x).unsqueeze(1)).detach().numpy()
    np.testing.assert_allclose(found, law.logpdf((x - M) / S) - math.log(S), rtol=1e-11)
    mass = lambda v: p.log_prob(torch.tensor([[v]])).exp().item()
    whole, _ = scipy.integrate.quad(mass, -np.inf, np.inf, epsabs=1e-9)
    assert whole == pytest.approx(1, abs=1e-6)


@ALL
@pytest.mark.system("C3")
def test_draws_follow_the_law(float64, name):
    law = LAWS[name][1]
    x = made(name, N)[0].sample(Rng(1, name, rows=range(N)))
    drawn_from(x, lambda v: law.cdf((v - M) / S), lambda v: law.cdf((v - M) / (1.2 * S)))


@ALL
@pytest.mark.system("C3")
def test_gradients_of_the_second_moment_are_those_of_its_closed_form(float64, name):
    """E x^2 = m^2 + v s^2, so its gradients are 2 m in m and 2 v s^2 in log s."""
    p, m, log_s = made(name, N)
    x = p.sample(Rng(2, name, rows=range(N)))
    by_m, by_s = torch.autograd.grad(x.square().sum(), [m, log_s])
    within_errors(by_m, 2 * M, 0.05)
    within_errors(by_s, 2 * LAWS[name][2] * S**2, 0.05)


@pytest.mark.system("C3")
def test_the_degrees_of_freedom_have_a_gradient(float64):
    """E e^2 = nu / (nu - 2), so its gradient is -2 / (nu - 2)^2."""
    nu = torch.full((N, 1), NU, requires_grad=True)
    zero = torch.zeros(N, 1)
    x = StudentT(zero, zero, 1, nu).sample(Rng(0, "nu", rows=range(N)))
    (by_nu,) = torch.autograd.grad(x.square().sum(), nu)
    within_errors(by_nu, -2 / (NU - 2) ** 2, 0.1)


@ALL
@pytest.mark.system("C3")
def test_a_row_is_the_same_in_every_batch(name):
    def draw(rng):
        n = len(rng.rows)
        return LAWS[name][0](torch.zeros(n, 3), torch.zeros(n, 3), 1).sample(rng)

    rows_do_not_depend_on_the_batch(draw)


@pytest.mark.system("C3")
def test_means_exist_from_one_degree_of_freedom_on():
    loc, nu = torch.full((1, 3), 0.5), torch.tensor([[0.5, 1.0, 1.5]])
    assert StudentT(loc, torch.zeros(1, 3), 1, nu).mean.isnan().tolist() == [[True, True, False]]
    with pytest.raises(ValueError, match=r"-0.5.*positive.*softplus"):
        StudentT(loc, loc, 1, -torch.ones(1, 3)).sample(Rng(0))
