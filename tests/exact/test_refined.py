"""Refined inference against the closed form of linear-Gaussian models: the best q, its bound and the gap."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

import simulacra
from contract.cases import named, real
from contract.harness import trained
from simulacra.core.inputs.chunks import Rows
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.evaluation.likelihood.refined import bounds, refined, refined_rows
from simulacra.models.variational import VAE

pytestmark = pytest.mark.system("E8")
D, S = 4, 0.7


def linear(network: nn.Module) -> nn.Linear:
    """The only layer of a network."""
    return next(m for m in network.modules() if isinstance(m, nn.Linear))


def model_of(w: np.ndarray, seed: int = 0) -> VAE:
    """x = W z + m + s e with an encoder that is off: random means and deviations."""
    made = VAE(Real((D,)), latent=w.shape[1], hidden=(), likelihood="gaussian", scale=S, seed=seed).double()
    rng = np.random.default_rng(3)
    with torch.no_grad():
        linear(made.decoder).weight.copy_(torch.tensor(w))
        linear(made.decoder).bias.copy_(torch.linspace(-1, 1, D))
        linear(made.encoder).weight.copy_(torch.tensor(0.3 * rng.normal(size=(2 * w.shape[1], D))))
        linear(made.encoder).bias.copy_(torch.tensor(0.5 * rng.normal(size=2 * w.shape[1])))
    return made.eval()


def rows_of(x: torch.Tensor, seed: int = 0) -> Rows:
    """Rows with noise keyed by their places."""
    return Rows(x, x, torch.zeros(len(x)), Rng(seed, rows=range(len(x))), None)


def truth(w: np.ndarray, x: np.ndarray, q_mean: np.ndarray, q_scale: np.ndarray) -> dict[str, np.ndarray]:
    """log p(x), the KL of the best diagonal q and that of the given q to the posterior N(mu, P^-1)."""
    precision = np.eye(w.shape[1]) + w.T @ w / S**2
    r = x - np.linspace(-1, 1, D)
    mu = r @ w @ np.linalg.inv(precision) / S**2
    c = w @ w.T + S**2 * np.eye(D)
    quadratic = np.einsum("ni,ij,nj->n", r, np.linalg.inv(c), r)
    log_p = -0.5 * (D * math.log(2 * math.pi) + np.linalg.slogdet(c)[1] + quadratic)

    def kl(m: np.ndarray, s: np.ndarray) -> np.ndarray:
        """KL(N(m, diag s^2) || N(mu, P^-1))."""
        spread = (s**2 * np.diag(precision)).sum(-1) + np.einsum("ni,ij,nj->n", m - mu, precision, m - mu)
        return 0.5 * (spread - w.shape[1] - np.linalg.slogdet(precision)[1] - 2 * np.log(s).sum(-1))

    best = kl(mu, np.broadcast_to(np.diag(precision) ** -0.5, mu.shape))
    return {"log_p": log_p, "best": best, "given": kl(q_mean, q_scale)}


ORTHOGONAL = np.array([[1.0, 0.0], [0.5, 0.0], [0.0, -0.8], [0.0, 0.3]])
MIXED = np.array([[1.0, 0.4, 0.0], [0.5, 0.9, -0.3], [0.2, -0.8, 1.0], [-0.6, 0.3, 0.5]])


@pytest.mark.parametrize("w", [ORTHOGONAL, MIXED], ids=["exact", "mean-field"])
def test_the_refined_bound_is_that_of_the_best_q(float64, w):
    """With orthogonal columns the posterior is diagonal: the bound is log p(x). Else a KL remains."""
    model, x = model_of(w), Rng(1, rows=range(6)).normal("x", D, dtype=torch.float64) * 1.5
    with torch.no_grad():
        q = model.posterior(x)
    told = truth(w, x.numpy(), q.loc.numpy(), np.exp(q.log_scale.numpy()))
    assert (told["given"] > 0.2).all(), "the encoder is off"
    draws = 4000
    found = bounds(model, rows_of(x), draws=draws)
    exact = w is ORTHOGONAL
    assert (told["best"] < 1e-9).all() == exact
    # at the exact posterior log p(x, z) - log q(z) is constant: no noise remains
    noise = 1e-4 if exact else 0.08
    np.testing.assert_allclose(found.refined.numpy(), told["log_p"] - told["best"], rtol=0, atol=noise)
    # the gap is a difference of KLs in closed form
    gap = (found.refined - found.amortized).numpy()
    np.testing.assert_allclose(gap, told["given"] - told["best"], rtol=0.1, atol=0.1)
    assert (gap > 0).all()


def test_an_encoder_that_is_exact_has_no_gap(float64):
    model = model_of(ORTHOGONAL)
    precision = np.diag(np.eye(2) + ORTHOGONAL.T @ ORTHOGONAL / S**2)
    gain = ORTHOGONAL.T / precision[:, None] / S**2
    with torch.no_grad():
        linear(model.encoder).weight.copy_(torch.tensor(np.vstack([gain, np.zeros((2, D))])))
        bias = np.concatenate([-gain @ np.linspace(-1, 1, D), -0.5 * np.log(precision)])
        linear(model.encoder).bias.copy_(torch.tensor(bias))
    x = Rng(1, rows=range(5)).normal("x", D, dtype=torch.float64)
    found = bounds(model, rows_of(x))
    torch.testing.assert_close(found.refined, found.amortized, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n", [2, 3])
def test_the_refinement_of_a_row_does_not_depend_on_the_batch(float64, n):
    model, x = model_of(MIXED), Rng(1, rows=range(50)).normal("x", D, dtype=torch.float64)
    whole, some = (bounds(model, rows_of(x[:m]), steps=20, draws=5) for m in (50, n))
    torch.testing.assert_close(some.refined, whole.refined[:n], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(some.amortized, whole.amortized[:n], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["vae", "vae/fields", "vae/conditional", "iwae"])
def test_a_trained_model_has_a_gap_and_keeps_its_weights(name):
    case = named(name)
    model, data = trained(case), case.data()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = refined(model, data.test, limit=12, steps=60, draws=200)
    assert found.gap > -3 * found.gap_error and found.refined == pytest.approx(found.amortized + found.gap)
    assert found.rows == min(12, len(data.test)) and found == refined(
        model, data.test, limit=12, steps=60, draws=200
    )
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert [line for line, _ in refined_rows(found)] == ["refined ELBO", "amortization gap"]


def test_evaluate_measures_it_only_when_asked():
    case = named("vae/real")
    model, data = trained(case), case.data()
    plain = simulacra.evaluate(model, data, k=2, limit=10)
    asked = simulacra.evaluate(model, data, k=2, limit=10, refine=True)
    assert plain.refined is None and asked.refined is not None
    assert plain.likelihood.mean == asked.likelihood.mean
    assert "amortization gap" in asked.table() and asked.refined.rows == 10


def test_a_model_without_a_posterior_says_why_not():
    data = real(2)
    model = simulacra.PPCA(data.space, latent=1)
    model.preprocessing = data.preprocessing
    with pytest.raises(ValueError, match="PPCA has no Gaussian posterior"):
        refined(model, data.test)
    report = simulacra.evaluate(model, data, limit=10, refine=True)
    assert "not measured: PPCA has no Gaussian posterior" in report.table()
