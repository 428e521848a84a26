"""H11: RNADE against quadrature, the closed form of its gradients, and the loop over the entries."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
import torch

from simulacra.core.batch import Batch
from simulacra.core.capabilities.ancestral import ancestral, ancestral_slow
from simulacra.core.densities.location_scale import Laplace
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.autoregressive.vectors.rnade import RNADE

pytestmark = pytest.mark.system("H11")

KINDS = pytest.mark.parametrize("component", ["gaussian", "laplace"])


def wild(model, scale=0.6):
    """The model with parameters of order one."""
    for p in model.parameters():
        p.data = p.data + scale * torch.randn_like(p)
    return model


@KINDS
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_density_integrates_to_one(float64, component, order):
    torch.manual_seed(2)
    model = wild(RNADE(Real((2,)), hidden=5, mixtures=2, component=component, order=order))
    # nodes dense about the peaks: x = sinh u, dx = cosh u du
    u = torch.linspace(-5, 5, 1201)
    x = torch.cartesian_prod(u.sinh(), u.sinh())
    weight = torch.cartesian_prod(u.cosh(), u.cosh()).prod(1) * (u[1] - u[0]) ** 2
    with torch.no_grad():
        mass = torch.cat([model.log_density(part) for part in x.split(200_000)]).exp() @ weight
    assert abs(mass - 1) < (1e-8 if component == "gaussian" else 2e-4)


def conditional(model, component, x, t):
    """log p(x_o(t) | x_o(<t)) from equations (2) and (3), row by row, with scipy."""
    net, K = model.net, model.mixtures
    W, c, V, b = (p.detach().numpy() for p in (net.W[:, 0], net.c, net.V, net.b))
    rho = 1.0 if net.rho is None else net.rho[t].item()
    order = model.order.numpy()
    z = rho * (c + x[:, order[:t]] @ W[:t])
    h = np.maximum(z, 0) if net.f == "relu" else 1 / (1 + np.exp(-z))
    numbers = b[t] + h @ V[t].T
    alpha = np.exp(numbers[:, :K])
    alpha /= alpha.sum(1, keepdims=True)
    law = scipy.stats.norm if component == "gaussian" else scipy.stats.laplace
    density = law.pdf(x[:, [order[t]]], numbers[:, K : 2 * K], np.exp(numbers[:, 2 * K :]))
    return np.log((alpha * density).sum(1))


@KINDS
@pytest.mark.parametrize("activation, rescaled", [("relu", True), ("sigmoid", True), ("relu", False)])
def test_log_p_is_that_of_the_equations(float64, component, activation, rescaled):
    order = (6, 2, 9, 0, 5, 1, 8, 3, 7, 4)
    model = wild(RNADE(Real((2, 5)), 5, 3, component, activation, rescaled, order=order), 0.3)
    x = torch.randn(7, 10)
    due = sum(conditional(model, component, x.numpy(), t) for t in range(10))
    np.testing.assert_allclose(model.log_density(x.view(7, 2, 5)).detach(), due, rtol=1e-12)


def gradients(model, x):
    """The gradients of the training loss, by parameter."""
    batch = Batch(x, rows=range(len(x)))
    model.zero_grad()
    model.updates()[0].loss(model, batch, Rng(0, rows=batch.rows)).loss["nll"].sum().backward()
    return {name: p.grad.clone() for name, p in model.net.named_parameters()}


@KINDS
def test_the_pseudo_gradient_is_sigma_times_the_true_one(float64, component):
    K, x = 3, torch.randn(1, 6)
    model = wild(RNADE(Real((6,)), hidden=4, mixtures=K, component=component), 0.5)
    model.scaled_gradient = False
    true = gradients(model, x)
    model.scaled_gradient = True
    pseudo = gradients(model, x)
    # of one row, the gradients of b are those of the numbers of equation (3)
    numbers = model.parameters_of(x)[0].T.detach()
    sigma = numbers[:, 2 * K :].exp()
    torch.testing.assert_close(pseudo["b"][:, K : 2 * K], sigma * true["b"][:, K : 2 * K])
    torch.testing.assert_close(pseudo["b"][:, :K], true["b"][:, :K])
    torch.testing.assert_close(pseudo["b"][:, 2 * K :], true["b"][:, 2 * K :])
    sigma_V = sigma.unsqueeze(2) * true["V"][:, K : 2 * K]
    torch.testing.assert_close(pseudo["V"][:, K : 2 * K], sigma_V)
    assert not torch.allclose(pseudo["W"], true["W"])


def test_the_gradient_of_the_means_in_closed_form(float64):
    K, x = 3, torch.randn(1, 6)
    model = wild(RNADE(Real((6,)), hidden=4, mixtures=K), 0.5)
    logits, mu, log_sigma = model.parameters_of(x)[0].T.detach().split(K, 1)
    u = (x.T - mu) / log_sigma.exp()
    responsibility = (logits.log_softmax(1) - log_sigma - u**2 / 2).softmax(1)
    # Uria et al. 2013, equation 9: sigma times pi (mu - x) / sigma^2
    torch.testing.assert_close(gradients(model, x)["b"][:, K : 2 * K], -responsibility * u)


def test_the_loss_is_not_changed_by_the_pseudo_gradient(float64):
    model, x = wild(RNADE(Real((5,)), hidden=4, mixtures=2)), torch.randn(6, 5)
    loss = model.updates()[0].loss(model, Batch(x, rows=range(6)), Rng(0, rows=range(6))).loss["nll"]
    assert torch.equal(loss, -model.log_density(x))
    # and the density keeps its true gradient
    assert torch.autograd.gradcheck(model.log_density, x.requires_grad_())


def test_the_jacobian_is_strictly_causal_in_the_order(float64):
    order = [3, 0, 8, 5, 1, 2, 7, 4, 6]
    model = wild(RNADE(Real((9,)), hidden=30, mixtures=2, activation="sigmoid", order=tuple(order)))
    jacobian = torch.autograd.functional.jacobian(model.parameters_of, torch.randn(1, 9))[0, :, :, 0]
    for numbers in jacobian[:, order][:, :, order]:
        assert (numbers.triu() == 0).all()
        assert (numbers.tril(-1) != 0).sum() == 36


@KINDS
def test_drawing_entry_by_entry_is_drawing_from_the_whole(float64, component):
    model = wild(
        RNADE(Real((2, 3)), hidden=6, mixtures=3, component=component, order=(4, 1, 0, 5, 3, 2)), 0.3
    )
    rng = Rng(7, rows=range(50))
    torch.testing.assert_close(ancestral(model, rng), ancestral_slow(model, rng), rtol=1e-10, atol=1e-10)


@KINDS
@torch.no_grad()
def test_draws_follow_the_conditionals_that_are_scored(float64, component):
    model = wild(RNADE(Real((3,)), hidden=4, mixtures=2, component=component, order=(1, 2, 0)), 0.4)
    x = model.draw(Rng(3, rows=range(3000)))
    logits, mu, log_sigma = model.parameters_of(x).split(2, 1)
    law = scipy.stats.norm if component == "gaussian" else scipy.stats.laplace
    below = (logits.softmax(1).numpy() * law.cdf(x.unsqueeze(1), mu, log_sigma.exp())).sum(1)
    # the distribution function at a draw is uniform, and independent from entry to entry
    for i in range(3):
        assert scipy.stats.kstest(below[:, i], "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(below.T) - np.eye(3)).max() < 4 / np.sqrt(3000)


def test_completions_keep_what_is_known(float64):
    model = wild(RNADE(Real((4,)), hidden=4, mixtures=2, order=(2, 0, 3, 1)), 0.3)
    known, x = torch.tensor([True, False, True, False]).expand(9, 4), torch.randn(9, 4)
    filled = model.fill(x, known, Rng(2, rows=range(9)))
    assert torch.equal(filled[known], x[known])
    assert torch.isfinite(filled).all() and (filled != x)[~known].all()


def test_the_laplacian(float64):
    m, s = torch.randn(1, 3), torch.rand(1, 3) + 0.5
    p = Laplace(m, s.log(), 1)
    x = torch.randn(5, 3)
    np.testing.assert_allclose(p.entries(x), scipy.stats.laplace.logpdf(x, m, s), rtol=1e-12)
    wide = Laplace(m.expand(4000, 3), s.log(), 1)
    draws = wide.sample(Rng(1, rows=range(4000)))
    for i in range(3):
        assert (
            scipy.stats.kstest(draws[:, i], scipy.stats.laplace(m[0, i].item(), s[0, i].item()).cdf).pvalue
            > 1e-3
        )
    assert torch.equal(wide.mean, wide.loc)


def test_the_components_begin_spread_over_the_data(float64):
    x = torch.randn(500, 3) * torch.tensor([1.0, 10.0, 0.1]) + torch.tensor([0.0, -50.0, 3.0])
    data = from_tensors(x, Real((3,)), valid=0.0, test=0.1)
    model = RNADE(data.space, hidden=4, mixtures=5, order=(1, 2, 0))
    with torch.no_grad():
        model.stage(0, []).start(model, data.train, Rng(0))
    seen = data.train.all().x.double()
    mean, scale = seen.mean(0)[[1, 2, 0]], seen.std(0, correction=0)[[1, 2, 0]]
    mu, log_sigma = model.net.b[:, 5:10], model.net.b[:, 10:]
    torch.testing.assert_close(mu.mean(1), mean)
    torch.testing.assert_close(log_sigma, scale.log()[:, None].expand(3, 5))
    furthest = scipy.stats.norm.ppf(0.9)
    torch.testing.assert_close(mu[:, 4], mean + furthest * scale)


def test_it_learns_what_two_entries_share(float64):
    g = torch.randn(400, 2)
    x = torch.stack([g[:, 0], 0.9 * g[:, 0] + 0.2 * g[:, 1]], 1)
    model = RNADE(Real((2,)), hidden=8, mixtures=2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        loss = model.updates()[0].loss(model, Batch(x, rows=range(400)), Rng(0, rows=range(400)))
        loss.loss["nll"].mean().backward()
        optimizer.step()
    truth = scipy.stats.multivariate_normal(np.zeros(2), [[1, 0.9], [0.9, 0.85]])
    apart = scipy.stats.norm(0, 1).logpdf(x[:, 0]) + scipy.stats.norm(0, np.sqrt(0.85)).logpdf(x[:, 1])
    ours, best = model.log_density(x).mean().item(), truth.logpdf(x.numpy()).mean()
    assert apart.mean() + 1.0 < ours < best + 0.05
    assert ours > best - 0.15


@pytest.mark.parametrize(
    "space, options, message",
    [
        (Binary((3,)), {}, "RNADE needs real entries"),
        (Levels((3,), 4), {}, "dequantize='uniform'"),
        (Real((3,)), {"hidden": 0}, "hidden is 0"),
        (Real((3,)), {"mixtures": 0}, "mixtures is 0"),
        (Real((3,)), {"component": "cauchy"}, "'gaussian' or 'laplace'"),
        (Real((3,)), {"activation": "tanh"}, "'sigmoid' or 'relu'"),
        (Real((3,)), {"order": (0, 1, 1)}, "no permutation"),
    ],
)
def test_what_cannot_be_is_refused(space, options, message):
    with pytest.raises(ValueError, match=message):
        RNADE(space, **options)
