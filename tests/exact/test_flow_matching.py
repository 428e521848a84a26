"""Flow matching against the closed forms of Gaussian data. Row H21."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Levels, Real
from simulacra.models.diffusion.flow_matching import FlowMatching, squared_error
from simulacra.models.diffusion.integration import Integration

MU = torch.tensor([0.4, -0.7, 0.2], dtype=torch.float64)
L = torch.tensor([[0.9, 0, 0], [0.5, 0.6, 0], [-0.3, 0.2, 1.3]], dtype=torch.float64)
S = L @ L.T


class Optimum(nn.Module):
    """The network with which v is the optimum for data of N(MU, S), a linear function of h.

    v(h, t) = MU + (t S - (1 - t) I) (t^2 S + (1 - t)^2 I)^-1 (h - t MU)
    """

    def forward(self, h, u, c=None):
        t, eye = u.unsqueeze(-1), torch.eye(3)
        gain = (t * S - (1 - t) * eye) @ torch.linalg.inv(t**2 * S + (1 - t) ** 2 * eye)
        v = MU + (gain @ (h - u * MU).unsqueeze(-1)).squeeze(-1)
        return (v - (2 * u - 1) / ((1 - u) ** 2 + u**2) * h).unsqueeze(1)


class Shifted(nn.Module):
    """Another network and 0.5."""

    def __init__(self, right):
        super().__init__()
        self.right = right

    def forward(self, h, u, c=None):
        return self.right(h, u, c) + 0.5


def gaussian() -> FlowMatching:
    model = FlowMatching(Real((3,)), hidden=(3,)).double()
    model.net = Optimum()
    model.register_parameter("one", nn.Parameter(torch.zeros(1)))  # carries the type
    return model


def test_the_velocity_is_the_conditional_mean(float64):
    """E[h_1 - e | h_t] by regression on 60,000 draws, at three times."""
    n, model = 60_000, gaussian()
    e, h1 = torch.randn(n, 3), MU + torch.randn(n, 3) @ L.T
    for t in (0.2, 0.5, 0.9):
        h = (1 - t) * e + t * h1
        with_one = torch.cat([h, torch.ones(n, 1)], 1)
        fitted = with_one @ torch.linalg.lstsq(with_one, h1 - e).solution
        found = model.velocity(h, torch.full((n, 1), t), None)
        assert float((found - fitted).square().mean()) < 1e-4


def test_an_untrained_model_is_right_for_data_of_unit_variance(float64):
    model, x = FlowMatching(Real((2,)), hidden=(5,)).double(), torch.randn(7, 2)
    due = -0.5 * x.square().sum(1) - math.log(2 * math.pi)
    torch.testing.assert_close(model.estimated_density(x, None, Rng(0)).value, due, rtol=0, atol=1e-5)


@pytest.mark.system("H21")
def test_the_likelihood_is_that_of_the_gaussian(float64):
    model, x = gaussian(), 2 * torch.randn(9, 3)
    model.location.copy_(torch.tensor([1.0, 2.0, 3.0]))
    model.deviation.copy_(torch.tensor([0.5, 2.0, 1.5]))
    law = torch.distributions.MultivariateNormal(MU, S)
    due = law.log_prob((x - model.location) / model.deviation) - model.deviation.log().sum()
    found = model.estimated_density(x, None, Rng(0))
    error = (found.value - due).abs()
    assert float(error.max()) < 1e-3 and bool((error <= found.off.abs() + 1e-9).all())
    said = model.log_prob(x)
    assert said.kind == "stochastic" and "ODE, 32 steps of rk4, exact trace, within" in said.method


@pytest.mark.system("H21")
@pytest.mark.parametrize(("sampler", "order"), [("euler", 1), ("heun", 2)])
def test_the_error_of_a_draw_falls_by_the_order_of_its_method(float64, sampler, order):
    model = gaussian()
    drawn = lambda n: model.draw(Rng(0, rows=range(5)), how=Integration(n, sampler, 1.0))
    fine = drawn(512)
    errors = [float((drawn(n) - fine).norm()) for n in (16, 32)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)


@pytest.mark.system("H21")
def test_draws_have_the_law_of_the_data(float64):
    n = 20_000
    x = gaussian().draw(Rng(0, rows=range(n)), how=Integration(20, "heun", 1.0))
    assert float((x.mean(0) - MU).abs().max()) < 5 * float(S.diagonal().max()) ** 0.5 / n**0.5
    assert float((torch.cov(x.T) - S).abs().max()) < 0.06


def test_the_loss_is_least_at_the_optimum(float64):
    """Its excess is the squared distance of the velocities, whatever the noise of the targets."""
    model = gaussian()
    x = MU + torch.randn(4000, 3) @ L.T
    batch, rng = Batch.of(x), Rng(0, rows=range(4000))
    least = squared_error(model, batch, rng).loss["error"]
    right = model.net
    model.net = Shifted(right)
    assert float((squared_error(model, batch, rng).loss["error"] - least).mean()) == pytest.approx(
        0.75, abs=0.1
    )


def test_rows_and_steps_are_chosen_when_samples_are_drawn():
    model = FlowMatching(Real((3,)), hidden=(5,), steps=7)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.5)
    whole = model.sample(50, seed=1)
    for n in (2, 3):
        torch.testing.assert_close(model.sample(n, seed=1), whole[:n])
    assert model.looks() == 7 and torch.equal(model.sample(50, seed=1, steps=7, sampler="heun"), whole)
    assert not torch.equal(model.sample(50, seed=1, sampler="euler"), whole)
    assert not torch.equal(model.sample(50, seed=1, steps=3), whole)


def test_guidance_moves_between_the_two_velocities():
    model = FlowMatching(Real((2,)), Categorical((), 3), hidden=(5,))
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.5)
    h, t, c = torch.randn(4, 2), torch.rand(4, 1), torch.tensor([0, 1, 2, 0])
    free, own = model.velocity(h, t, None), model.velocity(h, t, c)
    assert torch.equal(model.guided(h, t, c, 1.0), own) and not torch.allclose(free, own)
    torch.testing.assert_close(model.guided(h, t, c, 0.0), free)
    torch.testing.assert_close(model.guided(h, t, c, 3.0), free + 3 * (own - free))
    # a row whose condition is dropped is one without
    assert torch.equal(model.velocity(h, t, c, torch.zeros(4, 1, dtype=torch.bool)), free)
    with pytest.raises(ValueError, match="has no condition: give a guidance of 1"):
        FlowMatching(Real((2,))).sample(2, guidance=2.0)


def test_what_flow_matching_refuses():
    with pytest.raises(Refusal, match=r"moves real numbers, .* dequantize='uniform'"):
        FlowMatching(Levels((1, 4, 4), 16))
    with pytest.raises(Refusal, match="at least one: take steps=50"):
        FlowMatching(Real((2,)), steps=0)
    with pytest.raises(Refusal, match="take drop=0"):
        FlowMatching(Real((2,)), drop=1.0)
    with pytest.raises(ValueError, match="it must be 'euler', 'midpoint' or 'heun'"):
        FlowMatching(Real((2,))).sample(2, sampler="ddim")
    with pytest.raises(ValueError, match="give 1 or more"):
        FlowMatching(Real((2,))).sample(2, steps=0)
