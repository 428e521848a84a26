"""log p(x) = L(x) + KL(q(z|x) || p(z|x)), by quadrature, for every observation and for own networks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from latents import SPACES, kl_to_posterior, log_p, observations, small_model
from oracles import Prescribed, normal_grid
from torch import nn

from simulacra.core.batch import Batch
from simulacra.core.spaces.plain import Levels, Real
from simulacra.models.variational import VAE


def over_noise(model, x: torch.Tensor, value, limit: float = 12.0) -> np.ndarray:
    """E over eps ~ N(0, 1) of `value(rows of one x, noise)` for each row, by quadrature."""
    eps, log_w = normal_grid(6001, limit)
    noise = Prescribed(torch.tensor(eps).unsqueeze(1))
    with torch.no_grad():
        rows = [value(x[i : i + 1].expand(len(eps), *x.shape[1:]), noise).numpy() for i in range(len(x))]
    return np.stack(rows) @ np.exp(log_w)


def losses(model):
    """The objective of training as a function of rows and noise, summed over its terms."""
    loss = model.updates()[0].loss
    return lambda rows, noise: -sum(loss(model, Batch.of(rows), noise).loss.values())


@pytest.mark.system("E2", "E1")
@pytest.mark.parametrize("name", SPACES)
def test_evidence_is_bound_plus_divergence_from_the_posterior(float64, name):
    model, x = small_model(name), observations(name)
    evidence, gap = log_p(model, name, x), kl_to_posterior(model, name, x)
    assert (gap > 1e-3).all()
    bound = over_noise(model, x, lambda rows, noise: model.elbo(rows, None, noise))
    np.testing.assert_allclose(bound + gap, evidence, rtol=0, atol=1e-8)
    # the weights: E log w is the bound, E w the evidence itself
    log_w = lambda rows, noise: model.log_weights(rows, None, Prescribed(noise.value.unsqueeze(1)), 1)[:, 0]
    np.testing.assert_allclose(over_noise(model, x, log_w), bound, rtol=0, atol=1e-8)
    w = over_noise(model, x, lambda rows, noise: log_w(rows, noise).exp(), limit=37.0)
    np.testing.assert_allclose(np.log(w), evidence, rtol=0, atol=1e-8)


@pytest.mark.system("E2")
@pytest.mark.parametrize("name", SPACES)
def test_the_loss_is_the_negative_bound_with_either_form_of_the_kl(float64, name):
    model, x = small_model(name), observations(name)
    bound = log_p(model, name, x) - kl_to_posterior(model, name, x)
    forms = {}
    for kl in ("analytic", "monte-carlo"):
        model.kl = kl
        forms[kl] = over_noise(model, x, losses(model))
        np.testing.assert_allclose(forms[kl], bound, rtol=0, atol=1e-8)
    np.testing.assert_allclose(forms["analytic"], forms["monte-carlo"], rtol=0, atol=1e-8)


@pytest.mark.system("E2")
def test_monte_carlo_kl_is_another_random_number_of_the_same_mean(float64):
    model, x = small_model("bernoulli"), observations("bernoulli")
    one = Prescribed(torch.full((3, 1), 1.3))
    terms = {}
    for model.kl in ("analytic", "monte-carlo"):
        terms[model.kl] = model.updates()[0].loss(model, Batch.of(x), one).loss["kl"].detach()
    q = model.posterior(x)
    m, s = q.loc.detach()[:, 0], q.log_scale.detach().exp()[:, 0]
    torch.testing.assert_close(terms["analytic"], 0.5 * (m**2 + s**2 - 1 - 2 * s.log()))
    # log q - log p at z = m + 1.3 s
    z = m + 1.3 * s
    torch.testing.assert_close(terms["monte-carlo"], 0.5 * z**2 - 0.5 * 1.3**2 - s.log())


@pytest.mark.system("E3")
@pytest.mark.parametrize("latent", [1, 3])
def test_posterior_heads(float64, latent):
    model = VAE(Real((4,)), latent=latent, hidden=(8,))
    x = torch.cat([torch.randn(5, 4), 1e2 * torch.randn(5, 4)])
    q = model.posterior(x)
    assert q.loc.shape == q.log_scale.shape == (10, latent)
    assert (q.log_scale.exp() > 0).all() and torch.isfinite(q.loc).all()
    torch.testing.assert_close(model.encode(x), q.loc.detach())
    # a draw is mu + sigma eps
    z = q.sample(Prescribed(torch.full((1, 1), -0.6)), "z")
    torch.testing.assert_close(z, q.loc - 0.6 * q.log_scale.exp())


@pytest.mark.system("E5")
@pytest.mark.parametrize("sigma", [0.3, math.sqrt(0.5), 2.0])
def test_fixed_variance_is_squared_error_plus_kl_up_to_a_constant(float64, sigma):
    d = 4
    model = VAE(Real((d,)), latent=2, hidden=(6,), scale=sigma)
    x, eps = torch.randn(9, d), torch.randn(9, 2)
    terms = model.updates()[0].loss(model, Batch.of(x), Prescribed(eps)).loss
    q = model.posterior(x)
    z = q.loc + q.log_scale.exp() * eps
    error = (x - model.decoder(z)[:, 0]).square().sum(1)
    constant = d / 2 * math.log(2 * math.pi * sigma**2)
    torch.testing.assert_close(terms["reconstruction"], error / (2 * sigma**2) + constant)
    kl = 0.5 * (q.loc**2 + (2 * q.log_scale).exp() - 1 - 2 * q.log_scale).sum(1)
    torch.testing.assert_close(terms["kl"], kl)
    if sigma == math.sqrt(0.5):  # the lecture's loss: squared error + KL
        loss = terms["reconstruction"] + terms["kl"] - d / 2 * math.log(math.pi)
        torch.testing.assert_close(loss, error + kl)


class Waves(nn.Module):
    """A graph of one's own: sums of sines, no layer of the library."""

    def __init__(self, *shape: int, inputs: int = 1):
        super().__init__()
        self.shape = shape
        n = math.prod(shape)
        self.frequency = nn.Parameter(torch.randn(inputs, n))
        self.phase = nn.Parameter(torch.randn(n))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        h = h.flatten(1) @ self.frequency + self.phase
        return (h.sin() + 0.3 * h.cos() * h.sin().exp()).view(-1, *self.shape)


@pytest.mark.system("E14", "E2")
@pytest.mark.parametrize("name", ["bernoulli", "gaussian", "logistic"])
def test_networks_of_ones_own_satisfy_the_identity(float64, name):
    d = SPACES[name].dims
    parameters = 1 if name == "bernoulli" else 2
    model = small_model(name, gain=1.0, encoder=Waves(2, inputs=d), decoder=Waves(parameters, d), hidden=None)
    x = observations(name)
    evidence, gap = log_p(model, name, x), kl_to_posterior(model, name, x)
    for value in (lambda rows, noise: model.elbo(rows, None, noise), losses(model)):
        np.testing.assert_allclose(over_noise(model, x, value) + gap, evidence, rtol=0, atol=1e-8)


@pytest.mark.system("E14")
def test_networks_that_do_not_fit_are_named(float64):
    cases = (
        ("decoder", {"decoder": Waves(1, 3)}),  # a Gaussian needs two numbers an entry
        ("decoder", {"decoder": Waves(2, 4)}),
        ("decoder", {"decoder": Waves(2, 3, inputs=2)}),
        ("encoder", {"encoder": Waves(3, inputs=3)}),
        ("encoder", {"encoder": Waves(2, inputs=5)}),
    )
    assert len(cases) == 5
    for what, networks in cases:
        with pytest.raises(ValueError, match=what):
            VAE(Real((3,)), latent=1, **networks)
    VAE(Real((3,)), latent=1, encoder=Waves(2, inputs=3), decoder=Waves(2, 3))
    with pytest.raises(ValueError, match="does not fit"):
        VAE(Levels((3,), 17), latent=1, likelihood="gaussian")
