"""The Gaussian diffusion against closed forms: its kernel, its reverse, its bound. Rows H20 and H21."""

from __future__ import annotations

import math

import pytest
import torch

from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.gaussian import GaussianKernel, Guess, back
from simulacra.models.diffusion.inversion import Diffusion
from simulacra.models.diffusion.schedules import schedule

pytestmark = [pytest.mark.usefixtures("float64")]
M, S = 0.7, 0.4


def column(*values):
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


def normal(x, m, v):
    return -0.5 * (x - m) ** 2 / v - 0.5 * math.log(2 * math.pi * v)


class Exact(Diffusion):
    """With the exact law of x_0 given x_t for data of N(M, S^2), entries independent."""

    def predicted(self, h, t, r, c, kept=None):
        v = t.log_kept.exp() * S**2 + t.variance
        return Guess(M + t.a * S**2 / v * (h - t.a * M), S**2 * t.variance / v)


@pytest.mark.system("H21")
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_the_posterior_is_that_of_bayes_for_any_two_steps(name):
    """Mean and variance of q(x_r | x_t, x_0) by quadrature of q(x_r | x_0) q(x_t | x_r)."""
    kernel = GaussianKernel(Real((1,)), 7, name)
    grid, x0, x_t = torch.linspace(-8, 8, 20001), 0.9, -0.3
    for t, r in ((2, 1), (7, 6), (6, 2)):
        A, A_r = (kernel.log_kept[i].exp().item() for i in (t, r))
        log_q = normal(grid, math.sqrt(A_r) * x0, 1 - A_r) + normal(
            x_t, math.sqrt(A / A_r) * grid, 1 - A / A_r
        )
        q = log_q.softmax(0)
        mean = (q * grid).sum()
        k, rest, V = back(kernel.level(column(t)), kernel.level(column(r)))
        assert (k * x0 + rest * x_t).item() == pytest.approx(mean.item(), abs=1e-8)
        assert V.item() == pytest.approx((q * (grid - mean) ** 2).sum().item(), abs=1e-8)


@pytest.mark.system("H21")
def test_schedules_erase_x_and_keep_their_digits():
    for name, T in (("linear", 1000), ("cosine", 1000), ("linear", 5), ("cosine", 5)):
        log_kept = schedule(name, T)
        assert log_kept[0] == 0 and bool((log_kept.diff() < 0).all()) and log_kept[-1].exp() < 1e-4
    # the limit of the published rates: their sum is an integral, within half of a rate
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    assert float((schedule("linear", 1000)[1:] + beta.cumsum(0)).abs().max()) < 0.01
    single = schedule("linear", 1000).float().diff().double()
    torch.testing.assert_close(single, schedule("linear", 1000).diff(), rtol=1e-3, atol=0)


@pytest.mark.system("H20")
def test_terms_are_divergences_of_gaussians():
    kernel = GaussianKernel(Real((1,)), 9, "cosine")
    x0, h, guess = column(0.9), column(-0.3), Guess(column(0.2), column(0.31))
    for t in (2, 5, 9):
        now, before = kernel.level(column(t)), kernel.level(column(t - 1))
        k, rest, V = (v.item() for v in back(now, before))
        m_q, m_p, W = k * 0.9 - rest * 0.3, k * 0.2 - rest * 0.3, V + k**2 * 0.31
        wanted = 0.5 * ((V + (m_q - m_p) ** 2) / W - 1 - math.log(V / W))
        found = kernel.nats(x0, h, now, before, guess)
        assert found.item() == pytest.approx(wanted, rel=1e-10)
    first = kernel.nats(x0, h, kernel.level(column(1)), kernel.level(column(0)), guess)
    assert first.item() == pytest.approx(-normal(0.9, 0.2, 0.31), rel=1e-10)
    A = kernel.log_kept[-1].exp().item()
    assert kernel.last(x0).item() == pytest.approx(0.5 * (A * 0.81 - A - math.log1p(-A)), abs=1e-12)


@pytest.mark.system("H20")
def test_independent_gaussians_are_reversed_exactly_with_any_number_of_steps():
    """With the law of x_0 given x_t, a step back takes the marginal of x_t to that of x_r."""
    kernel = GaussianKernel(Real((1,)), 9, "cosine")
    model = Exact(Real((1,)), T=9)
    for t, r in ((9, 8), (9, 1), (3, 0)):
        now, before = kernel.level(column(t)), kernel.level(column(r))
        move = lambda h, e, t=now, r=before: kernel.moved(h, t, r, model.predicted(h, t, r, None), e)
        zero, one = column(0.0), column(1.0)
        base, slope, noise = (
            move(zero, zero),
            move(one, zero) - move(zero, zero),
            move(zero, one) - move(zero, zero),
        )
        A, A_r = now.log_kept.exp().item(), before.log_kept.exp().item()
        mean = base + slope * math.sqrt(A) * M
        var = slope**2 * (A * S**2 + 1 - A) + noise**2
        assert mean.item() == pytest.approx(math.sqrt(A_r) * M, abs=1e-12)
        assert var.item() == pytest.approx(A_r * S**2 + 1 - A_r, abs=1e-12)


@pytest.mark.system("H20")
def test_the_bound_of_correlated_gaussians_tends_to_log_p():
    """A reverse of independent entries is inexact in a step, and exact in the limit of many."""
    C = torch.tensor([[1.0, 0.8], [0.8, 1.0]])

    class Correlated(Diffusion):
        def predicted(self, h, t, r, c, kept=None):
            A = t.log_kept[0].exp()
            gain = A.sqrt() * C @ torch.linalg.inv(A * C + (1 - A) * torch.eye(2))
            cov = C - A.sqrt() * gain @ C
            return Guess(h @ gain.T, cov.diagonal().expand(len(h), 2))

    n, gaps = 3000, []
    x = Rng(0, "x", rows=range(n)).normal("x", 2, dtype=torch.float64) @ torch.linalg.cholesky(C).T
    exact = torch.distributions.MultivariateNormal(torch.zeros(2), C).log_prob(x)
    for T in (8, 32, 128):
        model = Correlated(Real((2,)), T=T, schedule="cosine", hidden=(2,))
        gap = exact - model.elbo(x, None, Rng(1, "bound", rows=range(n)))
        gaps.append(gap.mean().item())
        error = gap.std().item() / math.sqrt(n)
        assert gaps[-1] > -4 * error
    assert gaps[0] > gaps[1] > gaps[2] and gaps[2] < 0.05


@pytest.mark.system("H21")
@pytest.mark.parametrize("variance", ["small", "large"])
def test_the_variance_of_a_step_is_the_published_one(variance):
    model = DDPM(Real((1,)), T=6, variance=variance, hidden=(2,))
    kernel = model.kernel
    for t in (2, 6):
        now, before = kernel.level(column(t)), kernel.level(column(t - 1))
        k, _, V = back(now, before)
        guess = model.predicted(column(0.3), now, before, None)
        b = 1 - (now.log_kept - before.log_kept).exp()
        wanted = V if variance == "small" else b
        torch.testing.assert_close(V + k.square() * guess.var, wanted, rtol=1e-10, atol=0)


@pytest.mark.system("H21")
@pytest.mark.parametrize("predicts", ["epsilon", "x", "v"])
def test_the_three_predictions_lead_to_the_same_x(predicts):
    model = DDPM(Real((2,)), T=6, predicts=predicts, hidden=(2,))
    x0, e = torch.tensor([[0.4, -1.2]]), torch.tensor([[0.3, 0.9]])
    t = model.kernel.level(column(4))
    h = model.kernel.noised(x0, t, e)
    torch.testing.assert_close(model.mean_of(model.target(x0, e, t), h, t), x0)


@pytest.mark.system("H21")
def test_the_masses_of_levels_sum_to_one():
    model = DDPM(Levels((1,), 5), T=6, hidden=(2,))
    kernel, h = model.kernel, column(*[0.17] * 5)
    now, before = (kernel.level(column(*[t] * 5)) for t in (1, 0))
    x0 = kernel.coordinates(torch.arange(5).unsqueeze(1), torch.float64)
    for guess in (model.predicted(h, now, before, None), Guess(h, torch.full_like(h, 0.3))):
        nats = kernel.nats(x0, h, now, before, guess).detach()
        assert (-nats).exp().sum().item() == pytest.approx(1, abs=1e-12)
    wide = Gaussian(torch.tensor(0.17), torch.tensor(0.5 * math.log(0.3)), 0)
    middle = torch.linspace(-0.25, 0.25, 2001)
    wanted = torch.trapezoid(wide.entries(middle).exp(), middle)
    assert (-nats[2]).exp().item() == pytest.approx(wanted.item(), abs=1e-8)


@pytest.mark.system("H20")
def test_the_loss_has_the_bound_as_its_mean():
    from simulacra.core.batch import Batch
    from simulacra.models.diffusion.steps.losses import bound_loss

    model, n = Exact(Real((1,)), T=5), 6000
    x = torch.full((n, 1), 0.9)
    losses = bound_loss(model, Batch.of(x), Rng(0, "loss", rows=range(n))).loss["bound"]
    bound = model.elbo(x, None, Rng(1, "bound", rows=range(n)))
    wanted = -bound.mean() - model.kernel.last(x[:1]).item()
    spread = math.hypot(losses.std().item(), bound.std().item()) / math.sqrt(n)
    assert losses.mean().item() == pytest.approx(wanted.item(), abs=5 * spread)
    rates = model.rates(x[:7], None, Rng(1, "bound", rows=range(7)))
    assert rates.shape == (7, 5) and len(model.part_names) == 5
