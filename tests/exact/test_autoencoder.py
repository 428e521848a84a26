"""Deterministic autoencoders: the linear one is PCA, and no decoder is a generator by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

from simulacra.core.batch import Batch
from simulacra.core.distributions.divergences import mmd2
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.autoencoders import Autoencoder
from simulacra.models.variational import VAE


def loss_of(model, x: torch.Tensor, step: int = 0) -> torch.Tensor:
    """The model's own objective: how a hand-written loop sees it."""
    update = model.updates()[0]
    rng = Rng(0, "loop", step, rows=range(len(x)))
    return sum(t.mean() for t in update.loss(model, Batch.of(x), rng).loss.values())


def lbfgs(model, x: torch.Tensor, iterations: int = 500) -> float:
    """The loss after descent with a line search."""
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=iterations, history_size=30, tolerance_grad=1e-12,
        tolerance_change=1e-16, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        optimizer.zero_grad()
        loss = loss_of(model, x)
        loss.backward()
        return loss

    optimizer.step(closure)
    return loss_of(model, x).item()


def data(n: int = 200, d: int = 6) -> torch.Tensor:
    rng = np.random.default_rng(1)
    mix = rng.normal(size=(d, d)) * np.array([2.0, 1.5, 1.0, 0.5, 0.4, 0.3])
    return torch.tensor(rng.normal(size=(n, d)) @ mix.T + 0.7)


@pytest.mark.system("D3")
@pytest.mark.parametrize("q", [1, 3])
def test_linear_autoencoder_spans_the_principal_subspace(float64, q):
    x = data()
    model = Autoencoder(Real((6,)), latent=q, hidden=())
    loss = lbfgs(model, x)
    _, s, vt = np.linalg.svd(x.numpy() - x.numpy().mean(0), full_matrices=False)
    assert loss == pytest.approx((s[q:] ** 2).sum() / len(x), rel=1e-6)
    linear = next(m for m in model.decoder.modules() if isinstance(m, torch.nn.Linear))
    angles = subspace_angles(linear.weight.detach().numpy(), vt[:q].T)
    assert angles.max() < 1e-3


@pytest.mark.system("D4")
def test_overcomplete_autoencoder_without_penalty_learns_the_identity(float64):
    model = Autoencoder(Real((6,)), latent=9, hidden=())
    assert lbfgs(model, 0.7 + torch.randn(200, 6)) < 1e-10
    fresh = 3 * torch.randn(20, 6)
    torch.testing.assert_close(model.reconstruct(fresh), fresh, atol=1e-4, rtol=0)


@pytest.mark.system("D4")
def test_sparsity_is_the_absolute_sum_of_the_code(float64):
    model = Autoencoder(Real((6,)), latent=9, hidden=(), sparsity=0.3)
    x = data()
    terms = model.updates()[0].loss(model, Batch.of(x), Rng(0, rows=range(len(x)))).loss
    code = model.encode(x).numpy()
    np.testing.assert_allclose(terms["sparsity"].detach().numpy(), 0.3 * abs(code).sum(1), rtol=1e-12)
    squared = ((x - model.decode(torch.tensor(code))) ** 2).sum(1)
    torch.testing.assert_close(terms["reconstruction"].detach(), squared)


def unit_columns(sparsity: float, x: torch.Tensor) -> float:
    """Error of an over-complete linear autoencoder whose decoder columns have norm 1.

    Without that norm f -> f / a, g -> a g buys any penalty off.
    """
    torch.manual_seed(0)
    model = Autoencoder(Real((6,)), latent=9, hidden=(), sparsity=sparsity)
    columns = next(m for m in model.decoder.modules() if isinstance(m, torch.nn.Linear)).weight
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(1500):
        optimizer.zero_grad()
        loss_of(model, x).backward()
        optimizer.step()
        with torch.no_grad():
            columns /= columns.norm(dim=0, keepdim=True)
    return (model.reconstruct(x) - x).square().sum(1).mean().item()


@pytest.mark.system("D4")
def test_with_sparsity_it_is_not_the_identity(float64):
    x = data()
    free, sparse = unit_columns(0.0, x), unit_columns(1.0, x)
    # the optimum over the scale of the code needs E <x - x^, x^ - bias> = lambda / 2 E |f|_1 > 0
    assert free < 1e-3 and sparse > 0.2


@pytest.mark.system("D4")
@pytest.mark.parametrize("space", [Binary((4,)), Levels((4,), 5)], ids=str)
def test_cross_entropy_is_that_of_the_features(float64, space):
    model = Autoencoder(space, latent=2, hidden=(3,), error="cross-entropy")
    x = torch.randint(0, 2 if isinstance(space, Binary) else 5, (7, 4))
    top = 1 if isinstance(space, Binary) else 4
    t, p = x.numpy() / top, model.reconstruct(x).numpy() / top
    expected = -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(1)
    ours = model.updates()[0].loss(model, Batch.of(x), Rng(0)).loss["reconstruction"]
    np.testing.assert_allclose(ours.detach().numpy(), expected, rtol=1e-9)


def ring(n: int, seed: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    angle = 2 * torch.pi * torch.rand(n, 1, generator=g)
    radius = 2 + 0.05 * torch.randn(n, 1, generator=g)
    return radius * torch.cat([angle.cos(), angle.sin()], 1)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.system("D16")
def test_an_autoencoders_decoder_is_not_a_generator():
    """Decoded draws of N(0, I) are nearer to the data where the prior was trained for."""
    gaps = []
    for seed in (1, 2, 3):
        x, held = ring(512, seed), ring(1000, 100 + seed)
        models = (
            Autoencoder(Real((2,)), latent=2, hidden=(32, 32), seed=seed),
            VAE(Real((2,)), latent=2, hidden=(32, 32), scale=0.1, seed=seed),
        )
        scores = []
        for model in models:
            optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
            for step in range(500):
                optimizer.zero_grad()
                loss_of(model, x, step).backward()
                optimizer.step()
            decoded = model.decode(torch.randn(1000, 2, generator=torch.Generator().manual_seed(seed)))
            scores.append(mmd2(decoded, held, (0.5, 1.0, 2.0)).item())
        # the autoencoder rebuilds the ring: what fails is the prior, not the fit
        assert (models[0].reconstruct(held) - held).square().sum(1).mean() < 0.05
        gaps.append(scores[0] - scores[1])
    assert min(gaps) > 0 and sum(gaps) / 3 > 0.02
