"""The Gaussian-Bernoulli machine against its mixture of 2^m Gaussians and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy
import torch
from machines import numbers, randomise
from oracles import states
from scipy.special import expit, logsumexp

import simulacra
from simulacra.api import fit
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann import GaussianRBM


def machine(d: int, m: int, scale: float, **options) -> GaussianRBM:
    """Random weights, biases and, where it is centred, offsets."""
    model = GaussianRBM(Real((d,)), hidden=m, scale=scale, **options)
    randomise(model)
    if model.learning.centred:
        model.mu.copy_(torch.randn(d))
        model.lam.copy_(torch.rand(m))
    return model


def energies(model: GaussianRBM, v: np.ndarray, scale: float) -> np.ndarray:
    """-E(v, h) of the equation for each v (n, d) and all h: |v - b|^2 without |b|^2, with offsets."""
    t, h = numbers(model), states(model.shapes["h"][0])
    x, y = v - t["mu"], h - t["lam"]
    pull = (x @ t["b"])[:, None] + x @ t["W"] @ y.T
    return (pull - (v**2).sum(1)[:, None] / 2) / scale**2 + y @ t["c"]


def mixture(model: GaussianRBM, v: np.ndarray, scale: float) -> np.ndarray:
    """log p(v) as a mixture: P(h) prop. to exp(-E(0, h)) times the integral over v."""
    t, h = numbers(model), states(model.shapes["h"][0])
    centre = t["b"] + (h - t["lam"]) @ t["W"].T  # E[v | h]
    at_zero = energies(model, np.zeros((1, len(t["b"]))), scale)[0]
    log_p = at_zero + (centre**2).sum(1) / (2 * scale**2)
    log_p = log_p - logsumexp(log_p)
    return logsumexp(log_p + scipy.stats.norm(centre, scale).logpdf(v[:, None]).sum(-1), axis=1)


@pytest.mark.system("A6")
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(("d", "m", "scale"), [(1, 1, 1.0), (3, 5, 0.6), (7, 2, 2.0)])
def test_the_density_is_a_mixture_of_gaussians(float64, d, m, scale, centred):
    model = machine(d, m, scale, centred=centred)
    v = 2 * np.random.default_rng(1).normal(size=(13, d))
    estimate = model.log_prob(torch.tensor(v))
    assert estimate.kind == "exact"
    np.testing.assert_allclose(estimate.values, mixture(model, v, scale), atol=1e-8)
    free = -logsumexp(energies(model, v, scale), axis=1)
    np.testing.assert_allclose(model.free_energy(torch.tensor(v)).detach(), free, atol=1e-9)


@pytest.mark.system("A6")
@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_the_density_integrates_to_one(float64, scale):
    model = machine(1, 6, scale)
    v = np.linspace(-30, 30, 60001)
    log_p = model.log_prob(torch.tensor(v).unsqueeze(1)).values.numpy()
    assert np.exp(log_p).sum() * (v[1] - v[0]) == pytest.approx(1, abs=1e-9)
    # and so does exp(-F), to Z
    free = model.free_energy(torch.tensor(v).unsqueeze(1)).detach().numpy()
    assert model.log_z().item() == pytest.approx(logsumexp(-free) + math.log(v[1] - v[0]), abs=1e-9)


@pytest.mark.system("A6")
def test_conditionals_are_those_of_the_joint(float64):
    scale, model = 0.8, machine(2, 3, 0.8)
    t, h, v = numbers(model), states(3), np.random.default_rng(4).normal(size=(5, 2))
    score = energies(model, v, scale)
    of_h = np.exp(score - logsumexp(score, axis=1, keepdims=True)) @ h
    found = model.hidden_given_visible(torch.tensor(v)).detach()
    np.testing.assert_allclose(found, of_h, atol=1e-12)
    np.testing.assert_allclose(found, expit(t["c"] + v @ t["W"] / scale**2), atol=1e-12)
    # E[v | h] by quadrature over each entry
    grid = np.linspace(-12, 12, 4001)
    for i, row in enumerate(h):
        mean = model.visible_given_hidden(torch.tensor(row).unsqueeze(0))[0].detach()
        np.testing.assert_allclose(mean, t["b"] + t["W"] @ row, atol=1e-12)
        line = np.zeros((len(grid), 2))
        line[:, 1] = grid
        law = np.exp(energies(model, line, scale)[:, i])
        assert law @ grid / law.sum() == pytest.approx(mean[1].item(), abs=1e-9)
        assert law @ (grid - mean[1].item()) ** 2 / law.sum() == pytest.approx(scale**2, abs=1e-9)


@pytest.mark.system("A6", "A30")
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_chains_reach_the_moments_of_the_mixture(float64, scale):
    n, model = 6000, machine(2, 3, scale, burn_in=60)
    with torch.no_grad():
        model.W.mul_(scale)  # components that overlap, so that chains mix
    x = model.draw(Rng(9, rows=range(n))).detach().numpy()
    grid = np.linspace(-9, 9, 181)
    v = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 2)
    p = np.exp(mixture(model, v, scale))
    p /= p.sum()
    for moment in (lambda s: s, lambda s: s**2, lambda s: s[:, :1] * s[:, 1:]):
        truth = p @ moment(v)
        error = moment(x).std(0) / math.sqrt(n)
        assert (abs(moment(x).mean(0) - truth) < 4 * error).all()


@pytest.mark.system("A6")
@pytest.mark.parametrize("centred", [False, True])
def test_the_gradient_of_the_density_is_the_finite_difference(float64, centred):
    scale, model = 0.7, machine(3, 2, 0.7, estimator="exact", centred=centred)
    v = np.random.default_rng(6).normal(size=(4, 3))
    model.log_density(torch.tensor(v)).mean().backward()
    step = 1e-5
    for name in ("W", "b", "c"):
        p = getattr(model, name)
        flat = p.data.view(-1)
        for i in range(len(flat)):
            kept, ends = flat[i].item(), []
            for moved in (kept + step, kept - step):
                flat[i] = moved
                ends.append(mixture(model, v, scale).mean())
            flat[i] = kept
            assert p.grad.view(-1)[i].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)


@pytest.mark.parametrize(
    "options",
    [
        {"estimator": "tempering", "temperatures": 4},
        {"estimator": "cd"},
        {"estimator": "exact", "centred": True},
    ],
)
def test_two_clusters_are_found(tmp_path, options):
    """Points about (-2, 1) and (2, -1): better than one Gaussian of the same moments."""
    rng = np.random.default_rng(3)
    x = rng.choice([-1, 1], (400, 1)) * np.array([2.0, -1.0]) + 0.5 * rng.normal(size=(400, 2))
    data = from_tensors(torch.tensor(x, dtype=torch.float32), Real((2,)), valid=0.0, test=0.2)
    torch.manual_seed(5)
    model = GaussianRBM(data.space, hidden=2, scale=0.5, lr=0.03, **options)
    # components of a narrow machine lie far apart at first: a larger start finds them
    with torch.no_grad():
        model.W.mul_(30)
    run = fit(model, data, out=tmp_path / "run", epochs=25, batch_size=40, progress=False)
    held = data.test.x.double()
    single = scipy.stats.multivariate_normal(x.mean(0), np.cov(x.T)).logpdf(held.numpy()).mean()
    assert run.model.log_prob(held.float()).mean > single
    assert run.model.sample(6, seed=1).shape == (6, 2)
    again = simulacra.load(tmp_path / "run", kind=GaussianRBM)
    assert torch.equal(again.log_prob(held.float()).values, run.model.log_prob(held.float()).values)


def test_many_hidden_units_leave_an_energy_alone():
    model = GaussianRBM(Real((3,)), hidden=25)
    assert can.HasDensity not in model.capabilities() and can.HasAnnealingPath in model.capabilities()
    with pytest.raises(ValueError, match=r"2\^25"):
        model.log_z()
