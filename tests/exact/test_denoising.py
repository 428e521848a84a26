"""Denoising autoencoders: the regression of x on x~, and the gradient of the log-density (D6, D10)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.corruption.parse import parse
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.autoencoders import Autoencoder

N, D = 300, 4


def rows(n: int = N) -> torch.Tensor:
    rng = np.random.default_rng(2)
    return torch.tensor(rng.normal(size=(n, D)) @ rng.normal(size=(D, D)) + 0.5)


def rng_of(x: torch.Tensor, step: int = 0) -> Rng:
    return Rng(0, "loop", step, rows=range(len(x)))


def loss_of(model, x: torch.Tensor, step: int = 0) -> torch.Tensor:
    """The model's own objective on the rows and noise of a step, per row."""
    return sum(model.updates()[0].loss(model, Batch.of(x), rng_of(x, step)).loss.values())


def fitted(model, x: torch.Tensor) -> float:
    """The loss after descent with a line search, at fixed noise."""
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=400, history_size=40, tolerance_grad=1e-12,
        tolerance_change=1e-17, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        optimizer.zero_grad()
        loss = loss_of(model, x).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return float(loss_of(model, x).detach().mean())


@pytest.mark.system("D6")
@pytest.mark.parametrize("text", ["gaussian:0.8", "mask:0.3"])
def test_the_linear_one_is_the_regression_of_x_on_what_is_corrupted(float64, text):
    x, model = rows(), Autoencoder(Real((D,)), latent=D, hidden=(), corruption=text)
    loss = fitted(model, x)
    noisy = model.corruption.apply(x, rng_of(x), model.space)
    # equation (1) with the noise that the loss draws: least squares with a constant
    design = np.column_stack([noisy.numpy(), np.ones(N)])
    best, *_ = np.linalg.lstsq(design, x.numpy(), rcond=None)
    residual = ((x.numpy() - design @ best) ** 2).sum(1).mean()
    assert loss == pytest.approx(residual, rel=1e-7)
    fresh = 2 * torch.randn(5, D)
    expected = np.column_stack([fresh.numpy(), np.ones(5)]) @ best
    np.testing.assert_allclose(model.denoise(fresh).numpy(), expected, atol=1e-4)


@pytest.mark.system("D6")
@pytest.mark.parametrize(
    ("space", "text"), [(Binary((6,)), "salt:0.2"), (Levels((6,), 17), "gaussian:0.2"), (Real((6,)), "mask")]
)
def test_the_loss_compares_with_the_clean_rows(float64, space, text):
    x = torch.randint(0, 2, (50, 6)) * (1 if space.discrete else 1.0)
    model, plain = (Autoencoder(space, latent=3, hidden=(5,), corruption=t) for t in (text, "none"))
    noisy = parse(text).apply(x, rng_of(x), space)
    back = model.features(x) - model.features(model.reconstruct(noisy))
    torch.testing.assert_close(loss_of(model, x).detach(), back.square().sum(1))
    assert not torch.allclose(loss_of(model, x), loss_of(plain, x))
    # the noise of a row is that of its place, whatever the batch, and new at each step
    for n in (2, 3):
        torch.testing.assert_close(loss_of(model, x[:n]), loss_of(model, x)[:n])
    assert not torch.allclose(loss_of(model, x, 1), loss_of(model, x, 0))


@pytest.mark.system("D6")
def test_less_noise_is_removed_by_its_share(float64):
    x = rows(7)
    half = lambda text: Autoencoder(Real((D,)), latent=2, hidden=(5,), corruption=text)
    for text, level, share in (("gaussian:0.8", 0.4, 0.25), ("mask:0.4", 0.1, 0.25), ("mask:0.4", 0.9, 1.0)):
        model = half(text)
        whole = model.reconstruct(x)
        torch.testing.assert_close(model.denoise(x, level=level), x + share * (whole - x))
        torch.testing.assert_close(model.denoise(x, level=0.0), x)
        torch.testing.assert_close(model.denoise(x), whole)
    with pytest.raises(ValueError, match="level is -1, but it must be a finite number from 0: give"):
        half("mask").denoise(x, level=-1.0)


@pytest.mark.system("D6")
def test_without_corruption_it_does_not_denoise():
    for space, text, found in (
        (Real((3,)), "none", set()),
        (Real((3,)), "mask", {can.Denoises}),
        (Levels((3,), 5), "gaussian", {can.Denoises}),
        (Real((3,)), "gaussian", {can.Denoises, can.HasScore}),
    ):
        model = Autoencoder(space, latent=2, corruption=text)
        assert model.capabilities() & {can.Denoises, can.HasScore} == found
    with pytest.raises(ValueError, match="cannot do denoise"):
        Autoencoder(Real((3,)), latent=2).denoise([[0.0] * 3])


@pytest.mark.system("D10")
def test_the_optimum_of_a_gaussian_has_its_exact_gradient(float64):
    """E[x | x~] = m + S (S + s^2 I)^-1 (x~ - m), set as weights: (r - x~) / s^2 is the gradient."""
    s, m = 0.3, torch.tensor([1.0, -2.0, 0.5])
    a = torch.randn(3, 3)
    cov = a @ a.T + 0.1 * torch.eye(3)
    noisy = cov + s**2 * torch.eye(3)
    model = Autoencoder(Real((3,)), latent=3, hidden=(), corruption=f"gaussian:{s}")
    linear = lambda net: next(layer for layer in net.modules() if isinstance(layer, nn.Linear))
    inner, outer = linear(model.encoder), linear(model.decoder)
    w = cov @ noisy.inverse()
    with torch.no_grad():
        inner.weight.copy_(torch.eye(3)), inner.bias.zero_()
        outer.weight.copy_(w), outer.bias.copy_(m - w @ m)
    x = (3 * torch.randn(11, 3)).requires_grad_()
    torch.distributions.MultivariateNormal(m, noisy).log_prob(x).sum().backward()
    torch.testing.assert_close(model.slope(x.detach()), x.grad, rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match=r"noise is 0.2, but the model was trained with 0.3"):
        model.slope(x.detach(), noise=0.2)


MEANS, DEVIATION, NOISE = torch.tensor([-1.5, 1.5]), 0.5, 0.5


def gradient(x: torch.Tensor) -> torch.Tensor:
    """The gradient of log p_s of a mixture of two normal laws after noise of standard deviation s."""
    var = DEVIATION**2 + NOISE**2
    share = torch.softmax(-0.5 * (x - MEANS) ** 2 / var, 1)
    return (share * (MEANS - x) / var).sum(1, keepdim=True)


@pytest.mark.system("D10")
def test_a_trained_one_gives_the_gradient_of_a_mixture():
    """Within 5 percent of the norm over draws of p_s."""
    model = Autoencoder(
        Real((1,)), latent=8, hidden=(24,), activation="tanh", corruption=f"gaussian:{NOISE}", seed=1
    )
    steps, optimizer = 1200, torch.optim.Adam(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    draw = lambda n, seed: _mixture(n, torch.Generator().manual_seed(seed))
    x = draw(20_000, 0)
    for step in range(steps):
        batch = x[step * 512 % 19_000 :][:512]
        optimizer.zero_grad()
        loss_of(model, batch, step).mean().backward()
        optimizer.step()
        schedule.step()
    seen = draw(5000, 1) + NOISE * torch.randn(5000, 1, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        error = (model.slope(seen) - gradient(seen)).square().mean().sqrt()
    assert float(error / gradient(seen).square().mean().sqrt()) < 0.05


def _mixture(n: int, g: torch.Generator) -> torch.Tensor:
    which = torch.randint(0, 2, (n,), generator=g)
    return (MEANS[which] + DEVIATION * torch.randn(n, generator=g)).unsqueeze(1)


def test_the_gradient_of_the_toy_is_that_of_its_density(float64):
    """The oracle itself: its gradient is that of the density, by finite differences."""
    var = DEVIATION**2 + NOISE**2
    log_p = lambda x: torch.logsumexp(-0.5 * (x - MEANS) ** 2 / var, 1) - 0.5 * math.log(2 * math.pi * var)
    x, h = torch.linspace(-3, 3, 9).unsqueeze(1), 1e-6
    numeric = (log_p(x + h) - log_p(x - h)) / (2 * h)
    torch.testing.assert_close(gradient(x)[:, 0], numeric, rtol=1e-6, atol=1e-8)
