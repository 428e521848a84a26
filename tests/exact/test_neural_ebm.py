"""Energies by networks: each objective is checked against a closed form, log Z against quadrature."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.likelihood.annealing import bracket
from simulacra.models.chains import NeuralEBM
from simulacra.models.chains.energy_objectives import noise_contrastive, score_matching, with_chains


class Quadratic(nn.Module):
    """f(u) = a |u|^2 / 2 - b'u, so that p(u) is a Gaussian of precision 1 + a."""

    def __init__(self, d: int, a: float, b: float):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(a)), nn.Parameter(torch.full((d,), b))

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Returns f, shape (B, 1)."""
        return (self.a * u.square() / 2 - self.b * u).sum(1, keepdim=True)


def quadratic(d: int = 1, a: float = 0.7, b: float = 0.4, **options) -> NeuralEBM:
    """A Gaussian as an energy."""
    return NeuralEBM(Real((d,)), network=Quadratic(d, a, b), **options)


def parameters(model: NeuralEBM) -> list[torch.Tensor]:
    """The parameters a and b of `Quadratic`."""
    return list(model.f.parameters())


@pytest.mark.system("D10")
def test_score_matching_has_the_gradient_of_the_fisher_divergence_to_the_smoothed_density(float64):
    """Data N(mu, t^2); smoothed by s it is N(mu, v), v = t^2 + s^2, whose score is linear like the model's.

    F = E |score_model - score_smoothed|^2 / 2 = ((1/v - 1 - a)^2 v + (b - (1 + a) mu)^2) / 2, times s^2.
    The expectation of the loss is a mean over Gauss-Hermite nodes of x and e in place of draws.
    """
    mu, t, s = 0.3, 0.8, 0.5
    model = quadratic(sigma=s)
    x, e, w = nodes(mu, t)
    loss = score_matching(model, Batch.of(x), Rng(0, rows=range(len(x)), source=lambda *_: e))
    found = torch.autograd.grad((w * loss.loss["score"]).sum(), parameters(model))
    a, b = (p.detach().clone().requires_grad_() for p in parameters(model))
    v = t**2 + s**2
    fisher = s**2 * ((1 / v - 1 - a) ** 2 * v + (b - (1 + a) * mu) ** 2).sum() / 2
    for mine, told in zip(found, torch.autograd.grad(fisher, [a, b])):
        torch.testing.assert_close(mine, told, rtol=1e-10, atol=1e-10)


def nodes(mu: float, t: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gauss-Hermite nodes of x ~ N(mu, t^2) and e ~ N(0, 1), and their weights."""
    z, w = map(torch.tensor, map(list, __import__("numpy").polynomial.hermite_e.hermegauss(12)))
    w = w / w.sum()
    x, e = torch.meshgrid(mu + t * z, z, indexing="ij")
    return x.reshape(-1, 1), e.reshape(-1, 1), torch.outer(w, w).flatten()


@pytest.mark.parametrize("k", [1, 4])
def test_noise_contrastive_estimation_is_stationary_at_the_density_of_the_data_and_its_log_z(float64, k):
    """Data N(m, 1 / (1 + a)): at f of `quadratic` and c = log Z the expected gradient is 0, elsewhere not.

    log Z = log E_q exp(-f) = b^2 / (2 (1 + a)) - log(1 + a) / 2 for each entry.
    """
    a, b = 0.7, 0.4
    model = quadratic(1, a, b, objective="noise-contrastive", noise_draws=k)
    log_z = b**2 / (2 * (1 + a)) - math.log(1 + a) / 2
    grid = torch.linspace(-9, 9, 2001).unsqueeze(1)
    p, q = (torch.softmax(-U, 0) for U in (model.potential(grid).detach(), grid.square().sum(1) / 2))

    def slopes(c: float) -> torch.Tensor:
        model.log_z.data.fill_(c)
        noise = grid.unsqueeze(1).expand(-1, k, -1)
        rng = Rng(0, rows=range(len(grid)), source=lambda *_: noise)
        terms = noise_contrastive(model, Batch.of(grid), rng).loss
        whole = (p * terms["data"]).sum() + (q * terms["noise"]).sum()
        return torch.stack([g.sum() for g in torch.autograd.grad(whole, [*parameters(model), model.log_z])])

    assert float(slopes(log_z).abs().max()) < 1e-10
    assert float(slopes(log_z + 0.5).abs().max()) > 0.01


def test_the_gradient_of_the_likelihood_by_chains_is_that_of_log_p(float64):
    """Chains on a grid with the weights of the model replace draws: then -d log p(x) is exact."""
    model, x = quadratic(1, objective="langevin", chains=7), torch.tensor([[0.3], [-1.1], [0.9]])
    log_p = -(1 + 0.7) / 2 * (x - 0.4 / 1.7) ** 2 + 0.5 * math.log(1.7 / (2 * math.pi))
    log_z = 0.4**2 / (2 * 1.7) - math.log(1.7) / 2
    torch.testing.assert_close(-model.free_energy(x) - log_z, log_p.squeeze(1), rtol=0, atol=1e-12)
    # nodes of the model's own law
    z, _, w = nodes(0.4 / 1.7, 1.7**-0.5)
    model.chains = z
    terms = with_chains(model, Batch.of(x), Rng(0, rows=range(3))).loss
    found = torch.autograd.grad(terms["data"].mean() + (w * terms["chains"]).sum(), parameters(model))
    a, b = (p.detach().clone().requires_grad_() for p in parameters(model))
    nll = ((1 + a) / 2 * (x - b / (1 + a)) ** 2 - (1 + a).log() / 2).mean()
    for mine, told in zip(found, torch.autograd.grad(nll, [a, b])):
        torch.testing.assert_close(mine, told, rtol=1e-10, atol=1e-10)


@pytest.mark.system("A7")
@pytest.mark.parametrize("leapfrog", [1, 4], ids=["langevin", "hamiltonian"])
def test_annealing_brackets_log_z_of_a_network_by_quadrature(float64, leapfrog):
    model = NeuralEBM(Real((2,)), hidden=(6,), leapfrog=leapfrog, step_size=0.7)
    model.f[2].weight.data.mul_(5.0)
    model.location.copy_(torch.tensor([3.0, -2.0]))
    model.deviation.copy_(torch.tensor([0.5, 4.0]))
    axes = [m + s * torch.linspace(-9, 9, 301) for m, s in ((3.0, 0.5), (-2.0, 4.0))]
    x = torch.cartesian_prod(*axes)
    cell = math.log(float((axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])))
    told = float((-model.free_energy(x).detach()).logsumexp(0)) + cell
    assert abs(told) > 0.1
    found = bracket(model, 40, chains=100, sweeps=40)
    for side in (found.forward, found.reverse):
        assert side.effective > 50
        assert abs(side.log_z - told) < 4 * side.error + 0.005


def test_completions_have_the_conditional_of_a_gaussian(float64):
    """Entries of `Coupled` are correlated: given x_2, x_1 has a known mean and variance."""

    class Coupled(nn.Module):
        def forward(self, u):
            return (0.8 * u[:, :1] - 0.6) * u[:, 1:]

    model = NeuralEBM(Real((2,)), network=Coupled(), burn_in=40, leapfrog=3, step_size=1.0)
    model.location.copy_(torch.tensor([10.0, 0.0]))
    model.deviation.copy_(torch.tensor([2.0, 1.0]))
    n, rng = 800, Rng(0, rows=range(800))
    x = torch.tensor([[0.0, 1.5]]).repeat(n, 1)
    with torch.no_grad():
        drawn = model.fill(x, torch.tensor([[False, True]]).expand(n, -1), rng)
    # U(u_1 | u_2) = u_1^2 / 2 + 0.8 u_1 u_2
    assert bool((drawn[:, 1] == 1.5).all())
    assert abs(float(drawn[:, 0].mean()) - (10 - 2 * 1.2)) < 4 * 2 / math.sqrt(n)
    assert abs(float(drawn[:, 0].var()) - 4) < 4 * 4 * math.sqrt(2 / n)


def test_a_scale_of_the_data_shifts_the_log_density_by_its_logarithm(float64):
    rows = Rng(0, rows=range(40)).normal("x", 2)
    models = []
    for factor in (1.0, 100.0):
        data = from_tensors(rows * factor + 5, Real((2,)), "scaled")
        run = simulacra.fit(NeuralEBM(data.space, hidden=(5,)), data, epochs=2, progress=False)
        models.append(run.model.double())
    a, b = (m.free_energy(rows[:9] * factor + 5) for m, factor in zip(models, (1.0, 100.0)))
    torch.testing.assert_close(b - a, torch.full((9,), 2 * math.log(100.0)), rtol=0, atol=1e-4)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_a_sample_does_not_depend_on_the_batch(float64, n):
    model = NeuralEBM(Real((3,)), hidden=(5,), burn_in=9)
    torch.testing.assert_close(model.sample(n, seed=1), model.sample(50, seed=1)[:n], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"objective": "score"}, "did you mean 'score-matching'"),
        ({"hidden": (3,), "sigma": 0.0}, "sigma is 0.0"),
        ({"activation": "relu"}, "use activation='silu'"),
        ({"step_size": 0.0}, "step_size is 0.0, but it must be above 0"),
        ({"hidden": ()}, "without hidden layers is linear"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_sentence(options, said):
    with pytest.raises(ValueError, match=said):
        NeuralEBM(Real((2,)), **options)


def test_levels_are_to_be_dequantized():
    with pytest.raises(ValueError, match="load the data with dequantize='uniform'"):
        NeuralEBM(Levels((2,), 4))


def test_drawing_takes_its_options(float64):
    model = NeuralEBM(Real((2,)), hidden=(5,), burn_in=9)
    own, other = model.sample(5, seed=0), model.sample(5, seed=0, step_size=0.01)
    assert not torch.equal(own, other)
    torch.testing.assert_close(own, model.sample(5, seed=0, burn_in=9, step_size=0.5, leapfrog=5))
    with pytest.raises(ValueError, match="leapfrog is 0"):
        model.sample(2, leapfrog=0)
