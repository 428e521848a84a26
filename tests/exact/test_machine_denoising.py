"""Denoising by machines: mean field in the posterior of the clean units, beside sums over all states (D8)."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.noise import GaussianNoise, SaltAndPepper
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann import DBM, RBM, GaussianRBM
from simulacra.models.boltzmann.deep.layered import entropy
from simulacra.models.boltzmann.machine.denoising import noise_in


def states(n: int) -> torch.Tensor:
    """All values of n binary units, shape (2^n, n)."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)))


def coupled(model, size: float):
    """The machine with weights of a deviation of `size`, and biases of 0.5."""
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_((0.5 if name[0] in "bc" else size) * torch.randn(p.shape, generator=g, dtype=p.dtype))
    return model


def sums(model) -> torch.Tensor:
    """log of the sum of exp(-E) over the hidden layers, for all states of v, in nats."""
    sizes = {name: shape[0] for name, shape in model.shapes.items() if name != "v"}
    H = states(sum(sizes.values()))
    hidden = dict(zip(sizes, H.split(list(sizes.values()), 1)))
    with torch.no_grad():
        each = [-model.energy({"v": v.expand(len(H), -1), **hidden}) for v in states(model.space.dims)]
    return torch.stack(each).logsumexp(1)


def law(model) -> torch.Tensor:
    """log p(v) of all states of v, in nats."""
    return sums(model).log_softmax(0)


def channel(V: torch.Tensor, p: float) -> torch.Tensor:
    """log C(x~ | v) of salt and pepper, a row for each v and a column for each x~."""
    same = V @ V.T + (1 - V) @ (1 - V).T
    return same * math.log(1 - p / 2) + (V.shape[1] - same) * math.log(p / 2)


MACHINES = {
    "rbm": lambda size: coupled(RBM(Binary((4,)), hidden=3), size),
    "dbm": lambda size: coupled(DBM(Binary((4,)), hidden=(3, 2), centred=False), size),
}


@pytest.mark.system("D8")
@pytest.mark.parametrize("name", MACHINES)
def test_without_weights_it_is_the_expectation_of_the_clean_row(float64, name):
    V, model = states(4), MACHINES[name](0.0)
    log_joint = law(model).unsqueeze(1) + channel(V, 0.3)
    exact = log_joint.softmax(0).T @ V  # E[v | x~], a row for each x~
    torch.testing.assert_close(model.clean(V, Rng(0), None, 0.3).detach(), exact, rtol=0, atol=1e-12)


@pytest.mark.system("D8")
@pytest.mark.parametrize("name", MACHINES)
def test_its_squared_error_is_near_the_least_and_below_that_of_the_noise(float64, name):
    """Expected squared errors under p(v) C(x~ | v), by sums over all v and x~."""
    V, model, p = states(4), MACHINES[name](0.7), 0.4
    log_joint = law(model).unsqueeze(1) + channel(V, p)
    exact, joint = log_joint.softmax(0).T @ V, log_joint.exp()
    found = model.clean(V, Rng(0), None, p).detach()
    error = lambda r: float((joint * (V.unsqueeze(1) - r).square().sum(2)).sum())
    assert not torch.allclose(found, exact, atol=1e-3)  # the posterior does not factorize
    assert error(exact) <= error(found) < 1.05 * error(exact)
    assert error(found) < 0.8 * error(V)


@pytest.mark.system("D8")
@pytest.mark.parametrize("name", MACHINES)
def test_its_means_are_a_maximum_of_the_bound(float64, name):
    """Equation (4): stationary, below log of the sum over all states, and never lowered by an update."""
    V, model, p = states(4), MACHINES[name](1.0), 0.4
    noise = noise_in(model.units["v"], V, p)
    const = channel(V, p).diagonal() - (noise.field * V).sum(1)  # log C at v = x~, less n'v

    def bound(q):
        given = (noise.field * q["v"]).sum(1) + const
        return given - model.energy(q) + torch.stack([entropy(mean) for mean in q.values()]).sum(0)

    with torch.no_grad():
        climbing = torch.stack([bound(model.denoising_means(V, noise, updates=t)) for t in (1, 2, 3, 5, 9)])
        q = model.denoising_means(V, noise, updates=400)
    assert bool((climbing.diff(dim=0) > -1e-12).all())
    q = {name: mean.requires_grad_() for name, mean in q.items()}
    slopes = torch.autograd.grad(bound(q).sum(), list(q.values()))
    assert max(float(slope.abs().max()) for slope in slopes) < 1e-8
    evidence = (sums(model).unsqueeze(1) + channel(V, p)).logsumexp(0)
    assert bool((bound(q) < evidence).all())


@pytest.mark.system("D8")
def test_a_gaussian_machine_is_near_the_expectation_of_its_mixture(float64):
    """p(v | x~) is a mixture over 2^3 states of h, each Gaussian: E[v | x~] is a sum."""
    s, scale = 0.6, 0.8
    model = coupled(GaussianRBM(Real((4,)), hidden=3, scale=scale), 0.5)
    H, x = states(3), 2 * torch.randn(9, 4, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        m = model.visible_given_hidden(H)
        # log P(h) up to a constant: c'h + (|b + Wh|^2 - |b|^2) / 2 scale^2
        prior = H @ model.c + (m.square().sum(1) - model.b.square().sum()) / (2 * scale**2)
        away = (x.unsqueeze(1) - m).square().sum(2)
        share = (prior - away / (2 * (scale**2 + s**2))).softmax(1)
        gain = scale**2 / (scale**2 + s**2)
        exact = (share.unsqueeze(2) * (m + gain * (x.unsqueeze(1) - m))).sum(1)
        found = model.clean(x, Rng(0), None, s)
        free = coupled(GaussianRBM(Real((4,)), hidden=3, scale=scale), 0.0)
        alone = free.clean(x, Rng(0), None, s)
    torch.testing.assert_close(alone, free.b + gain * (x - free.b), rtol=0, atol=1e-12)
    assert float((found - exact).norm() / (x - exact).norm()) < 0.15


@pytest.mark.system("D8")
def test_no_noise_changes_nothing_and_all_noise_leaves_the_prior(float64):
    V, model = states(4), MACHINES["rbm"](0.7)
    assert torch.equal(model.clean(V, Rng(0), None, 0.0), V)
    torch.testing.assert_close(model.clean(V, Rng(0), None, 1e-6).detach(), V, rtol=0, atol=1e-4)
    noisy = [noise_in(model.units["v"], v, 1 - 1e-12) for v in (V[:1], V[-1:])]
    with torch.no_grad():
        one, other = (model.denoising_means(V[:1], noise, updates=400)["v"] for noise in noisy)
    torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    for level in (1.0, -0.1):
        with pytest.raises(ValueError, match=r"that of 'salt' is a share of entries between 0 and 1, or 0"):
            model.denoise(V.numpy(), level=level)
    with pytest.raises(ValueError, match=r"that of 'gaussian' is a finite standard deviation above 0, or 0"):
        GaussianRBM(Real((2,)), hidden=3).denoise([[0.0, 1.0]], level=-1.0)


def bars() -> torch.Tensor:
    """500 pictures of 5 x 5 pixels whose columns are on with probability 0.4."""
    on = torch.rand(500, 1, 1, 5, generator=torch.Generator().manual_seed(0)) < 0.4
    return on.float().expand(500, 1, 5, 5).contiguous()


LEARNT = {"lr": 0.3, "estimator": "cd"}
DENOISERS = {
    "rbm": lambda space: RBM(space, hidden=10, centred=True, **LEARNT),
    "dbm": lambda space: DBM(space, hidden=(10, 5), gibbs_steps=1, mean_field_steps=3, **LEARNT),
    "gaussian-rbm": lambda space: GaussianRBM(space, hidden=10, scale=0.5, lr=0.03, estimator="cd"),
    "autoencoder": lambda space: simulacra.Autoencoder(
        space, latent=10, hidden=(30,), net="mlp", error="cross-entropy", corruption="salt:0.2"
    ),
}


@pytest.mark.system("D8")
@pytest.mark.parametrize("name", DENOISERS)
def test_bars_are_more_than_three_decibels_cleaner(name):
    """PSNR of the answers less that of the noisy pictures, over pictures that training did not see."""
    real = name == "gaussian-rbm"
    x = 2 * bars() - 1 if real else bars()
    data = from_tensors(x, (Real if real else Binary)((1, 5, 5)), "bars", valid=0, test=0.2)
    noise: Corruption = GaussianNoise(0.5) if real else SaltAndPepper(0.2)
    model = simulacra.fit(
        DENOISERS[name](data.space), data, epochs=20, batch_size=20, progress=False, doctor=False
    ).model
    assert model.supports(can.Denoises)
    truth = data.test.x.float()
    noisy = noise.apply(truth, Rng(5, rows=range(len(truth))), model.space)
    with torch.no_grad():
        found = model.clean(noisy, Rng(0, rows=range(len(truth))), None, noise.level)
    gain = 10 * math.log10(float((noisy - truth).square().mean() / (found - truth).square().mean()))
    assert gain > 3


@pytest.mark.parametrize("n", [2, 3, 50])
def test_an_answer_does_not_depend_on_the_batch(n):
    model = coupled(RBM(Binary((6,)), hidden=5), 1.0)
    x = torch.randint(0, 2, (50, 6), generator=torch.Generator().manual_seed(3))
    assert torch.equal(model.denoise(x[:n]), model.denoise(x)[:n])
