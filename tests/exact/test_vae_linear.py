"""The linear-Gaussian VAE: its best bound is the likelihood of probabilistic PCA."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import importance_bound
from simulacra.core.spaces.plain import Real
from simulacra.models.variational import VAE

D, Q, N = 5, 2, 300


def problem() -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """Data, and the maximum-likelihood PPCA of them by eigenvalues."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, D)) @ (rng.normal(size=(D, D)) * [1.5, 1.0, 0.6, 0.5, 0.5]).T + rng.normal(size=D)
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    s2, top = values[: D - Q].mean(), values[D - Q :]
    w = vectors[:, D - Q :] * np.sqrt(top - s2)
    c = w @ w.T + s2 * np.eye(D)
    r = x - x.mean(0)
    quadratic = np.einsum("ni,ij,nj->n", r, np.linalg.inv(c), r)
    log_p = -0.5 * (D * math.log(2 * math.pi) + np.linalg.slogdet(c)[1] + quadratic)
    return torch.tensor(x), {"w": w, "m": x.mean(0), "s2": s2, "top": top, "log_p": log_p}


def linear(network: nn.Module) -> nn.Linear:
    return next(m for m in network.modules() if isinstance(m, nn.Linear))


def analytic_optimum(model: VAE, truth: dict) -> None:
    """Decoder W z + m; encoder mu = M^-1 W'(x - m), sigma^2 = s^2 diag M^-1, where M = diag(top)."""
    decoder, encoder = linear(model.decoder), linear(model.encoder)
    gain = truth["w"].T / truth["top"][:, None]
    with torch.no_grad():
        decoder.weight.copy_(torch.tensor(truth["w"]))
        decoder.bias.copy_(torch.tensor(truth["m"]))
        encoder.weight.copy_(torch.tensor(np.vstack([gain, np.zeros((Q, D))])))
        log_sigma = 0.5 * np.log(truth["s2"] / truth["top"])
        encoder.bias.copy_(torch.tensor(np.concatenate([-gain @ truth["m"], log_sigma])))


def build(truth: dict) -> VAE:
    return VAE(Real((D,)), latent=Q, hidden=(), likelihood="gaussian", scale=math.sqrt(truth["s2"]))


@pytest.mark.system("E1", "E9")
def test_at_the_optimum_every_weight_is_the_likelihood(float64):
    x, truth = problem()
    model = build(truth)
    analytic_optimum(model, truth)
    log_w = model.log_weights(x, None, Rng(3, rows=range(N)), 7).detach().numpy()
    np.testing.assert_allclose(log_w, np.repeat(truth["log_p"][:, None], 7, 1), atol=1e-10)
    bound = importance_bound(model, x, None, 30, Rng(1, rows=range(N)))
    np.testing.assert_allclose(bound.bound.numpy(), truth["log_p"], atol=1e-10)
    np.testing.assert_allclose(bound.effective.numpy(), 30, rtol=1e-10)
    # the analytic form has noise in its reconstruction only
    draws = torch.stack([model.elbo(x, None, Rng(s, rows=range(N))).detach() for s in range(60)])
    error = draws.std(0) / math.sqrt(60)
    assert ((draws.mean(0) - torch.tensor(truth["log_p"])).abs() < 5 * error).all()
    assert abs(draws.mean() - truth["log_p"].mean()) < 4 * draws.std() / math.sqrt(draws.numel())


@torch.no_grad()
def exact_elbo(model: VAE, x: torch.Tensor, s2: float) -> float:
    """E_q log p(x|z) - KL in closed form for a linear decoder, from the networks' numbers."""
    mu, log_sigma = model.encoder(x).chunk(2, 1)
    w, m = linear(model.decoder).weight, linear(model.decoder).bias
    spread = (log_sigma.mul(2).exp() * w.square().sum(0)).sum(1)
    error = (x - mu @ w.T - m).square().sum(1) + spread
    kl = 0.5 * (mu**2 + log_sigma.mul(2).exp() - 1 - 2 * log_sigma).sum(1)
    return (-0.5 * error / s2 - D / 2 * math.log(2 * math.pi * s2) - kl).mean().item()


@pytest.mark.system("E1")
def test_training_reaches_the_likelihood_of_ppca(float64):
    x, truth = problem()
    model, best = build(truth), truth["log_p"].mean()
    update, steps = model.updates()[0], 2500
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.03 * (1 + math.cos(math.pi * step / steps)) / 2
        optimizer.zero_grad()
        rng = Rng(0, "loop", step, rows=range(N))
        sum(t.mean() for t in update.loss(model, Batch.of(x), rng).loss.values()).backward()
        optimizer.step()
    reached = exact_elbo(model, x, truth["s2"])
    assert reached <= best + 1e-10
    assert best - reached < 1e-3
