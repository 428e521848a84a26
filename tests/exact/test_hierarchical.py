"""Two layers of codes: evidence, bound and gap by quadrature over both, and by hand for more."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy
import torch
from oracles import chi_square, log_normal, normal_grid, states
from scipy.special import logsumexp

from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.variational import IWAE, HierarchicalVAE

D = 3
X = torch.tensor([[0, 1, 1], [1, 0, 1], [0, 0, 0]])


def small(k: int = 1, gain: float = 0.8, latents: tuple[int, ...] = (1, 1), **options) -> HierarchicalVAE:
    """A model whose weights are large enough that no layer is idle.

    Its q is wider than its posterior, so that the weights have a variance.
    """
    torch.manual_seed(8)
    space = options.pop("space", Binary((D,)))
    model = HierarchicalVAE(space, latents=latents, k=k, hidden=(5,), between=(4,), seed=7, **options)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p)).mul_(gain)
        for shift, networks in ((0.3, [model.encoder.body, *model.up]), (-0.6, model.down)):
            for network in networks:
                scales = network[-1].bias.chunk(2)[1]
                scales += shift
    return model


class Nodes:
    """A generator that gives each layer the noise of the test."""

    def __init__(self, *noise: torch.Tensor):
        self.noise = {f"z{i}": eps for i, eps in enumerate(noise, 1)}
        self.noise["z"] = noise[0]
        self.rows = range(len(noise[0]))

    def normal(self, name, *shape, rows=None, dtype=None):
        return self.noise[name].view(-1, *shape)

    def bernoulli(self, name, p, rows=None):
        return p


@torch.no_grad()
def gaussian(network, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation that a network gives for codes (n, latent)."""
    mean, log_scale = np.split(network(torch.tensor(z)).numpy(), 2, axis=1)
    return mean, np.exp(log_scale)


@torch.no_grad()
def log_likelihood(model, x: torch.Tensor, z: np.ndarray) -> np.ndarray:
    """log p(x|z_1) of bits, shape (len(z), B)."""
    logits = model.decoder(torch.tensor(z))[:, 0].numpy()
    signed = np.where(x.numpy()[None] == 1, -logits[:, None], logits[:, None])
    return -np.logaddexp(0, signed).sum(-1)


def joint(model, x: torch.Tensor, z1: np.ndarray, z2: np.ndarray) -> np.ndarray:
    """log p(x, z_1, z_2) on the lattice of two grids, shape (z_1, z_2, B)."""
    mean, scale = gaussian(model.down[0], z2[:, None])
    upper = log_normal(z1[:, None], mean[:, 0], scale[:, 0]) + log_normal(z2, 0.0, 1.0)
    return log_likelihood(model, x, z1[:, None])[:, None] + upper[..., None]


def log_p(model, x: torch.Tensor, n: int = 801, limit: float = 20.0) -> np.ndarray:
    """log p(x) by quadrature over both codes, shape (B,)."""
    z1, z2 = np.linspace(-limit, limit, n), np.linspace(-10, 10, 401)
    area = (z1[1] - z1[0]) * (z2[1] - z2[0])
    return logsumexp(joint(model, x, z1, z2), axis=(0, 1)) + math.log(area)


def kl_to_posterior(model, x: torch.Tensor) -> np.ndarray:
    """KL(q(z_1, z_2|x) || p(z_1, z_2|x)) by quadrature over where q lies, shape (B,)."""
    evidence, eps, kl = log_p(model, x), np.linspace(-9, 9, 251), []
    mu, sigma = gaussian(model.encoder, model.features(x).numpy())
    for i in range(len(x)):
        z1 = mu[i] + sigma[i] * eps
        mean, scale = gaussian(model.up[0], z1[:, None])
        total = 0.0
        for j in range(len(eps)):
            z2 = mean[j] + scale[j] * eps
            log_q = log_normal(z1[j], mu[i], sigma[i]) + log_normal(z2, mean[j], scale[j])
            log_post = joint(model, x[i : i + 1], z1[j : j + 1], z2)[0, :, 0] - evidence[i]
            total += (np.exp(log_q) * (log_q - log_post)).sum() * scale[j, 0] * sigma[i, 0]
        kl.append(total * (eps[1] - eps[0]) ** 2)
    return np.array(kl)


def over_noise(x: torch.Tensor, value, n: int, limit: float) -> np.ndarray:
    """E over (eps_1, eps_2) of `value(rows, noise)` for each x by quadrature, shape (B,)."""
    eps, log_w = normal_grid(n, limit)
    nodes = np.stack(np.meshgrid(eps, eps, indexing="ij"), -1).reshape(-1, 2)
    noise = Nodes(torch.tensor(nodes[:, 0]), torch.tensor(nodes[:, 1]))
    weights = np.exp(np.add.outer(log_w, log_w).ravel())
    with torch.no_grad():
        return np.array([value(row.expand(len(nodes), D), noise).numpy() @ weights for row in x])


@pytest.mark.system("E9")
def test_evidence_is_bound_plus_divergence_of_both_layers(float64):
    model = small()
    evidence, gap = log_p(model, X), kl_to_posterior(model, X)
    assert (gap > 0.05).all()
    loss = model.updates()[0].loss
    forms = (
        lambda rows, noise: model.elbo(rows, None, noise),
        lambda rows, noise: -loss(model, Batch.of(rows), noise).loss["bound"],
    )
    for bound in forms:
        np.testing.assert_allclose(over_noise(X, bound, 251, 9.0) + gap, evidence, rtol=0, atol=1e-8)
    w = over_noise(X, lambda rows, noise: model.elbo(rows, None, noise).exp(), 351, 12.0)
    np.testing.assert_allclose(np.log(w), evidence, rtol=0, atol=1e-8)
    # the masses of all x sum to one
    assert np.exp(log_p(model, torch.tensor(states(D)))).sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.system("E9")
def test_bounds_rise_with_k_and_weights_are_unbiased(float64):
    n, evidence, mean, error = 3000, log_p(small(), X), {}, {}
    for k in (1, 5, 40):
        model, rows = small(k), X.repeat_interleave(n, 0)
        with torch.no_grad():
            loss = model.updates()[0].loss(model, Batch.of(rows), Rng(k, rows=range(len(rows)))).loss
        values = -loss["bound"].view(-1, n).numpy()
        mean[k], error[k] = values.mean(1), values.std(1) / math.sqrt(n)
        ratio = np.exp(values - evidence[:, None])
        assert (abs(ratio.mean(1) - 1) < 4 * ratio.std(1) / math.sqrt(n)).all()
    assert (abs(mean[1] + kl_to_posterior(small(), X) - evidence) < 4 * error[1]).all()
    for a, b in pairwise((1, 5, 40)):
        assert (mean[b] - mean[a] > 4 * np.hypot(error[a], error[b])).all()
    assert (mean[40] <= evidence + 4 * error[40]).all()


@pytest.mark.system("E9")
def test_the_score_of_many_samples_is_the_evidence(float64):
    model, k = small(), 20_000
    score = model.log_prob(X, k=k)
    assert score.kind == "lower" and score.details["k"] == k
    assert (abs(score.values.numpy() - log_p(model, X)) < 0.05).all()


@pytest.mark.system("E9")
def test_without_its_upper_layer_it_is_the_iwae(float64):
    """p(z_1|z_2) = N(0, I) and q(z_2|z_1) = N(0, I) say nothing; nor is there one with a single size."""
    k, n = 4, 2
    eps = [torch.randn(3, k, n), torch.randn(3, k, 3)]
    flat = IWAE(Binary((D,)), latent=n, k=k, hidden=(5,), net="mlp", activation="tanh")
    cut, single = small(k, latents=(n, 3)), small(k, latents=(n,))
    for network in (cut.up[0], cut.down[0]):
        for p in network.parameters():
            p.data.zero_()
    known = torch.tensor([[True, False, True]]).expand(3, D)
    for model in (cut, single):
        flat.encoder, flat.decoder = model.encoder, model.decoder
        for batch in (Batch.of(X), Batch.of(X, known=known)):
            values = [m.updates()[0].loss(m, batch, Nodes(*eps)).loss["bound"] for m in (model, flat)]
            torch.testing.assert_close(*values, atol=1e-12, rtol=0)
        noise = Nodes(*(e[:, 0] for e in eps))
        # the probabilities of the bits
        torch.testing.assert_close(model.draw(noise), flat.draw(noise), atol=1e-12, rtol=0)


@pytest.mark.system("E9")
def test_weights_of_three_layers_by_hand(float64):
    sizes, k = (2, 3, 1), 2
    model = small(latents=sizes, space=Real((4,)), condition=Categorical((), 3))
    x, c = torch.randn(5, 4), torch.tensor([0, 2, 1, 1, 0])
    eps = [torch.randn(5, k, size) for size in sizes]
    found = model.log_weights(x, c, Nodes(*eps), k).detach().numpy()
    q1, label = model.posterior(x, c), torch.nn.functional.one_hot(c, 3).double()
    for j in range(k):
        noise = [e[:, j].numpy() for e in eps]
        mean, scale = q1.loc.detach().numpy(), q1.log_scale.detach().exp().numpy()
        z, log_w = [mean + scale * noise[0]], -scipy.stats.norm.logpdf(noise[0]).sum(1) + np.log(scale).sum(1)
        for up, e in zip(model.up, noise[1:]):
            mean, scale = gaussian(up, z[-1])
            z.append(mean + scale * e)
            log_w -= scipy.stats.norm.logpdf(z[-1], mean, scale).sum(1)
        for down, below, above in zip(model.down, z, z[1:]):
            log_w += scipy.stats.norm.logpdf(below, *gaussian(down, above)).sum(1)
        log_w += scipy.stats.norm.logpdf(z[-1]).sum(1)
        p = model.decoder(torch.tensor(z[0]), label).detach().numpy()
        log_w += scipy.stats.norm.logpdf(x.numpy(), p[:, 0], np.exp(p[:, 1])).sum(1)
        np.testing.assert_allclose(found[:, j], log_w, rtol=0, atol=1e-10)


@pytest.mark.system("E9")
@pytest.mark.parametrize("k", [1, 6])
def test_gradient_reaches_every_parameter_and_is_the_finite_difference(float64, k):
    model = small(k, latents=(2, 1))
    loss = lambda: model.updates()[0].loss(model, Batch.of(X), Rng(1, rows=range(3))).loss["bound"].sum()
    loss().backward()
    h = 1e-6
    for name, p in model.named_parameters():
        assert p.grad.abs().max() > 1e-4, name
        flat = p.data.view(-1)
        for i in range(0, len(flat), 3):
            kept = flat[i].item()
            flat[i] = kept + h
            above = loss().item()
            flat[i] = kept - h
            below = loss().item()
            flat[i] = kept
            assert p.grad.view(-1)[i].item() == pytest.approx((above - below) / (2 * h), rel=1e-5, abs=1e-6)


@pytest.mark.system("E9")
def test_draws_and_completions_have_the_masses_of_the_model(float64):
    model, every = small(), torch.tensor(states(D))
    mass, place = np.exp(log_p(model, every)), np.array([4, 2, 1])
    drawn = model.sample(20_000, seed=3).numpy()
    assert chi_square(drawn @ place, mass) > 1e-3
    # what is missing, given the first bit
    known, rows = torch.tensor([True, False, False]), torch.tensor([[1, 0, 0]]).expand(3000, D)
    filled = model.complete(rows, known, seed=5).numpy()
    assert (filled[:, 0] == 1).all()
    assert chi_square(filled @ place - 4, mass[4:] / mass[4:].sum()) > 1e-3


@pytest.mark.system("E9")
def test_the_code_is_the_topmost_by_the_means(float64):
    model = small(latents=(3, 2))
    mu = model.encoder(model.features(X))[:, :3]
    z = model.up[0](mu)[:, :2]
    torch.testing.assert_close(model.encode(X), z.detach())
    logits = model.decoder(model.down[0](z)[:, :3])[:, 0]
    torch.testing.assert_close(model.decode(z.detach()), logits.sigmoid().detach())
    assert model.code_size == 2 and not model.supports(can.HasPosterior)


@pytest.mark.system("E9")
def test_the_defaults_are_the_two_layers_of_the_paper():
    model = HierarchicalVAE(Binary((1, 28, 28)))
    widths = {
        "encoder": (784, 200, 200, 2 * 100),
        "up": (100, 100, 100, 2 * 50),
        "down": (50, 100, 100, 2 * 100),
        "decoder": (100, 200, 200, 784),
    }
    for name, sizes in widths.items():
        linear = [m for m in getattr(model, name).modules() if isinstance(m, torch.nn.Linear)]
        assert [(m.in_features, m.out_features) for m in linear] == list(pairwise(sizes))
    assert model.k == 1


def test_sizes_that_make_no_hierarchy_are_named():
    for wrong in ({"latents": ()}, {"latents": (3, 0)}, {"k": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            HierarchicalVAE(Binary((D,)), **wrong)
