"""The Gaussian with full covariance: scipy's density, marginals, conditionals, its fit, its floor."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from placed_laws import N, rows_do_not_depend_on_the_batch, within_errors

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import reconstructs
from simulacra.core.densities.multivariate import MultivariateGaussian
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.flows.gaussian import GaussianModel, cholesky, solve

M = [0.5, -1.0, 2.0, 30.0]
L = [[1.0, 0, 0, 0], [0.5, 0.8, 0, 0], [-0.3, 0.6, 1.5, 0], [2.0, -1.0, 1.2, 0.1]]
MASKS = [[1, 1, 1, 1], [1, 0, 0, 1], [0, 0, 1, 0], [0, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 1]]


def law() -> MultivariateGaussian:
    return MultivariateGaussian(torch.tensor([M]), torch.tensor(L))


def moments():
    return np.array(M), np.array(L) @ np.array(L).T


class Rows:
    """Rows as a source of training."""

    def __init__(self, x, known=None):
        self.x, self.known = x, known

    def __len__(self):
        return len(self.x)

    def batch(self, rows, rng):
        return Batch(self.x[rows], known=None if self.known is None else self.known[rows], rows=rng.rows)


def fitted(x, known=None, space=None, **options) -> GaussianModel:
    model = GaussianModel(space or Real((x.shape[1],)), **options)
    with torch.no_grad():
        solve(model, Rows(x, known), Rng(0))
    return model


@pytest.mark.system("C7")
def test_the_density_is_that_of_the_covariance(float64):
    m, S = moments()
    x = torch.from_numpy(scipy.stats.multivariate_normal(m, S).rvs(5, random_state=0))
    due = scipy.stats.multivariate_normal(m, S).logpdf(x.numpy())
    np.testing.assert_allclose(law().log_prob(x).numpy(), due, rtol=1e-10)
    # the terms are the conditionals of the chain rule
    head = [scipy.stats.multivariate_normal(m[:k], S[:k, :k]).logpdf(x.numpy()[:, :k]) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(law().entries(x).cumsum(1).numpy(), np.stack(head, 1), rtol=1e-9)
    # rows with factors of their own
    each = MultivariateGaussian(torch.tensor([M, M]), torch.stack([torch.tensor(L), 2 * torch.tensor(L)]))
    wide = scipy.stats.multivariate_normal(m, 4 * S).logpdf(x[1].numpy())
    np.testing.assert_allclose(each.log_prob(x[:2]).numpy(), [due[0], wide], rtol=1e-10)


@pytest.mark.system("C7")
def test_draws_have_the_mean_and_the_covariance(float64):
    """Each product of two centred entries averages to its covariance; m and L have their gradients."""
    _, S = moments()
    p = MultivariateGaussian(torch.tensor([M]).expand(N, -1), torch.tensor(L, requires_grad=True))
    x = p.sample(Rng(1, rows=range(N)))
    r = (x - torch.tensor(M)).detach()
    for i in range(4):
        for j in range(i + 1):
            within_errors(r[:, i] * r[:, j], S[i, j], 0.2)
    # E |x - m|^2 = tr L L', whose gradient in L is 2 L
    (by_L,) = torch.autograd.grad((x - torch.tensor(M)).square().sum() / N, p.L)
    torch.testing.assert_close(by_L.tril(), 2 * torch.tensor(L), rtol=0, atol=0.15)
    draw = lambda rng: law().sample(rng)
    whole = draw(Rng(3, rows=range(50)))
    for n in (2, 3):
        torch.testing.assert_close(draw(Rng(3, rows=range(n))), whole[:n], rtol=0, atol=1e-13)
    rows_do_not_depend_on_the_batch(lambda rng: rng.normal("x", 4))


@pytest.mark.system("C7")
def test_marginals_and_conditionals_are_those_of_the_blocks_of_the_covariance(float64):
    m, S = moments()
    known = torch.tensor(MASKS, dtype=torch.bool)
    x = torch.tensor([M]) + torch.randn(6, 4)
    log_p, z = law().log_prob(x, known), torch.randn(6, 4)
    mean, drawn = law().completed(x, known, torch.zeros(6, 4)), law().completed(x, known, z)
    hidden = torch.where(known, x, torch.full_like(x, 1e6))
    torch.testing.assert_close(law().log_prob(hidden, known), log_p, rtol=0, atol=0)
    for i, keep in enumerate(known.numpy()):
        o, u, row = np.flatnonzero(keep), np.flatnonzero(~keep), x[i].numpy()
        due = scipy.stats.multivariate_normal(m[o], S[np.ix_(o, o)]).logpdf(row[o]) if len(o) else 0.0
        assert float(log_p[i]) == pytest.approx(due, rel=1e-9, abs=1e-12)
        gain = S[np.ix_(u, o)] @ np.linalg.inv(S[np.ix_(o, o)])
        np.testing.assert_allclose(mean[i].numpy()[u], m[u] + gain @ (row - m)[o], rtol=1e-8)
        np.testing.assert_array_equal(drawn[i].numpy()[o], row[o])
        # x_u - E x_u = C z_u with C C' = S_uu - gain S_ou
        C = np.linalg.cholesky(S[np.ix_(u, u)] - gain @ S[np.ix_(o, u)]) if len(u) else np.zeros((0, 0))
        np.testing.assert_allclose((drawn - mean)[i].numpy()[u], C @ z[i].numpy()[u], rtol=1e-6, atol=1e-9)


@pytest.mark.system("C7")
def test_the_fit_is_the_mean_and_the_covariance(float64):
    x = law().sample(Rng(2, rows=range(150)))
    model = fitted(x)
    S = np.cov(x.numpy(), rowvar=False, bias=True)
    np.testing.assert_allclose((model.L @ model.L.T).numpy(), S, rtol=1e-10)
    np.testing.assert_allclose(model.location.numpy(), x.mean(0).numpy(), rtol=1e-12)
    due = scipy.stats.multivariate_normal(x.mean(0).numpy(), S).logpdf(x.numpy())
    np.testing.assert_allclose(model.log_density(x).numpy(), due, rtol=1e-8)
    # of N(m, S), z has mean 0 and covariance I in the training rows, and both ways lead back
    z = model.infer(x)
    torch.testing.assert_close(z.T @ z / 150, torch.eye(4), rtol=0, atol=1e-9)
    torch.testing.assert_close(model.emit(z), x, rtol=0, atol=1e-8)
    assert not reconstructs(model)
    table = fitted(x, space=Table(a=Real(), b=Real((3,))))
    torch.testing.assert_close(table.L, model.L, rtol=0, atol=0)


@pytest.mark.system("C7")
def test_with_gaps_the_fit_is_a_stationary_point_of_the_observed_likelihood(float64, monkeypatch):
    """The gradient of the density of what is observed vanishes in m and L; units differ by 1e6."""
    monkeypatch.setattr("simulacra.models.flows.gaussian.TOLERANCE", 1e-12)
    units = torch.tensor([1.0, 1e3, 1e-3, 1.0])
    x = law().sample(Rng(3, rows=range(120))) * units
    known = Rng(4, rows=range(120)).uniform("gaps", 4) > 0.3
    model = fitted(torch.where(known, x, torch.zeros_like(x)), known, iterations=5000)
    m, factor = model.location.clone().requires_grad_(), model.L.clone().requires_grad_()
    value = MultivariateGaussian(m.unsqueeze(0), factor).log_prob(x, known).mean()
    by_m, by_L = torch.autograd.grad(value, [m, factor])
    scale = (model.L @ model.L.T).diagonal().sqrt()
    assert float((by_m * scale).abs().max()) < 1e-6
    assert float((by_L.tril() * scale.unsqueeze(1)).abs().max()) < 1e-5
    # better than what the rows without gaps, or the observed moments alone, give
    whole = fitted(x[known.all(1)])
    assert float(value) > float(whole.law.log_prob(x, known).mean())
    mean_of = model.infer(x, known=known)
    filled = model.law.completed(x, known, torch.zeros_like(x))
    torch.testing.assert_close(mean_of, model.infer(filled), rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match="entry 2 of x has no observed value"):
        fitted(x, known & (torch.arange(4) != 1))


@pytest.mark.system("C7")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_singular_covariances_have_a_floor_and_a_finite_density(dtype):
    """Two equal columns, a sum of two, a constant, and a unit of 1e-6: finite, exact where it is regular."""
    free = Rng(5, rows=range(90)).normal("x", 3, dtype=torch.float64)
    x = torch.stack([free[:, 0], free[:, 0], free[:, 1], 1e-6 * free[:, 2], free[:, 0] + free[:, 1]], 1)
    x = torch.cat([x, torch.full((90, 1), 7.0)], 1).to(dtype)
    model = GaussianModel(Real((6,))).to(dtype)
    with torch.no_grad():
        solve(model, Rows(x), Rng(0))
    assert bool(model.L.isfinite().all()) and bool((model.L.diagonal() > 0).all())
    assert bool(model.log_density(x).isfinite().all())
    # the regular columns are those of a model of their own
    known = torch.tensor([False, False, True, True, False, False]).expand(90, -1)
    alone = fitted(x[:, 2:4].double(), space=Real((2,))).to(dtype)
    error = 1e-4 if dtype == torch.float32 else 1e-6
    torch.testing.assert_close(
        model.log_density(x, known=known), alone.log_density(x[:, 2:4]), rtol=error, atol=error
    )
    filled = model.fill(x, torch.tensor([False] + [True] * 5).expand(90, -1), Rng(0, rows=range(90)))
    torch.testing.assert_close(filled[:, 0], x[:, 1], rtol=0, atol=1e-4)


@pytest.mark.system("C7")
def test_the_unit_of_a_column_changes_nothing_but_its_scale(float64):
    S = torch.tensor(L) @ torch.tensor(L).T
    units = torch.tensor([1e9, 1.0, 1e-9, 3.0])
    torch.testing.assert_close(
        cholesky(units.unsqueeze(1) * S * units, units),
        units.unsqueeze(1) * cholesky(S, units),
        rtol=1e-9,
        atol=0,
    )
    assert bool((cholesky(torch.zeros(3, 3), torch.ones(3)).diagonal() == 1e-6).all())


@pytest.mark.system("C7")
def test_completions_are_draws_of_the_conditional(float64):
    """Mean and variance of the fourth entry given two others, over rows that know the same."""
    m, S = moments()
    model = GaussianModel(Real((4,))).double()
    model.location.copy_(torch.tensor(M))
    model.L.copy_(torch.tensor(L))
    x, known = torch.tensor([[0.0, 1.0, 0.0, 0.0]]).expand(N, -1), torch.tensor([[True, True, False, False]])
    drawn = model.fill(x, known.expand(N, -1), Rng(6, rows=range(N)))
    gain = S[2:, :2] @ np.linalg.inv(S[:2, :2])
    mean = m[2:] + gain @ (np.array([0.0, 1.0]) - m[:2])
    C = S[2:, 2:] - gain @ S[:2, 2:]
    for k in (0, 1):
        within_errors(drawn[:, 2 + k], mean[k], 0.05)
        within_errors((drawn[:, 2 + k] - mean[k]).square(), C[k, k], 0.05)
    assert bool((drawn[:, :2] == x[:, :2]).all())
    few = model.fill(x[:3], known.expand(3, -1), Rng(6, rows=range(3)))
    torch.testing.assert_close(few, drawn[:3], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (Levels((2,), 4), "dequantize='uniform'"),
        (Binary((3,)), "take an RBM"),
        (Table(a=Real(), b=Categorical((), 2, ("x", "y"))), "column b is a class"),
    ],
)
def test_spaces_without_a_density_are_refused(space, words):
    with pytest.raises(ValueError, match=f"continuous density.*{words}"):
        simulacra.GaussianModel(space)
    with pytest.raises(ValueError, match="at least one step"):
        simulacra.GaussianModel(Real((2,)), iterations=0)
    assert math.isfinite(simulacra.GaussianModel(Real((1,))).log_prob(torch.zeros(1, 1)).mean)
