"""Codes that are looked for: the pseudo-inverse of linear maps, a network's own samples, parts of images."""

import pytest
import torch

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.exploration.latent.interpolation import interpolations
from simulacra.exploration.latent.inversion import AT_ONCE, WEAK, codes_of, invert
from simulacra.models.adversarial.gan import GAN

F64 = torch.float64


def linear(d, latent):
    """A generator G z + b."""
    torch.manual_seed(d)
    return GAN(Real((d,)), latent=latent, hidden=()).double()


def drawn(d, n=9, seed=5):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=F64)


@pytest.mark.system("F27")
@pytest.mark.parametrize(("d", "latent"), [(7, 3), (50, 11)])
def test_a_linear_generator_is_inverted_by_its_pseudo_inverse(d, latent):
    model, x = linear(d, latent), drawn(d)
    G = model.G.body[-1]
    z = (x - G.bias) @ torch.linalg.pinv(G.weight).T
    found = invert(model, x, steps=600)
    torch.testing.assert_close(found.codes, z.detach(), rtol=0, atol=1e-6)
    residual = (x - G.bias - z @ G.weight.T).square().mean(1)
    torch.testing.assert_close(found.errors, residual.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.system("F27")
def test_the_prior_makes_it_a_ridge_regression():
    model, x, w = linear(7, 3), drawn(7), 0.2
    G = model.G.body[-1]
    normal = G.weight.T @ G.weight / 7 + w * torch.eye(3, dtype=F64)
    z = torch.linalg.solve(normal, (x - G.bias) @ G.weight / 7, left=False).detach()
    found = invert(model, x, steps=600, prior=w)
    torch.testing.assert_close(found.codes, z, rtol=0, atol=1e-6)
    residual = (x - G.bias - z @ G.weight.T).square().mean(1).detach()
    torch.testing.assert_close(found.errors, residual, rtol=1e-6, atol=1e-9)


@pytest.mark.system("F27")
def test_a_part_decides_the_code_and_the_rest_follows():
    model, x = linear(7, 3), drawn(7)
    G = model.G.body[-1]
    known = torch.tensor([True, False, True, True, False, True, True])
    z = (x - G.bias)[:, known] @ torch.linalg.pinv(G.weight[known]).T
    elsewhere = torch.where(known, x, 100.0)
    found = invert(model, elsewhere, steps=900, known=known)
    torch.testing.assert_close(found.codes, z.detach(), rtol=0, atol=1e-6)


@pytest.mark.system("F27")
@pytest.mark.parametrize("prior", ["normal", "uniform", "sphere"])
def test_a_network_recovers_its_own_samples(prior):
    torch.manual_seed(2)
    model = GAN(Real((1, 9, 9)), latent=11, hidden=(50, 50), prior=prior)
    x = model.sample(23, seed=4)
    # from four starts about one row in a thousand does not arrive
    found = invert(model, x, starts=8)
    assert float(found.errors.max()) < 1e-3
    made = model.decode(found.codes)
    torch.testing.assert_close((made - x).square().flatten(1).mean(1), found.errors, rtol=1e-3, atol=1e-9)


class Folded(torch.nn.Module):
    """(z^2 - 1)^2 + z / 5: two minima, of which the left one is the lower."""

    def forward(self, z, c=None):
        return (z.square() - 1).square() + z / 5


def test_the_best_start_is_kept():
    model = GAN(Real((1,)), latent=1, hidden=()).double()
    model.G = Folded()
    x = torch.linspace(-1.1, -0.9, 40, dtype=F64).unsqueeze(1)
    one, many = invert(model, x, starts=1), invert(model, x, starts=9)
    assert bool((many.errors <= one.errors + 1e-12).all())
    assert bool((one.codes > 0).any()) and bool((many.codes < 0).all())


def test_a_row_does_not_depend_on_the_others_or_on_chunks():
    torch.manual_seed(3)
    model = GAN(Real((5,)), latent=3).double()
    x = drawn(5, AT_ONCE // 4 + 3)
    whole = invert(model, x, steps=5)
    first, last = invert(model, x[:3], steps=5), whole.codes[-3:]
    torch.testing.assert_close(first.codes, whole.codes[:3], rtol=1e-9, atol=1e-9)
    again = invert(model, x, steps=5)
    assert torch.equal(again.codes, whole.codes) and not torch.equal(first.codes, last)
    other = invert(model, x, steps=5, seed=1)
    assert not torch.equal(other.codes, whole.codes)


def test_memory_is_bounded_and_weights_keep_their_gradients():
    model = GAN(Real((5,)), latent=3)
    sizes, emit = [], model.emit
    model.emit = lambda z, c=None: sizes.append(len(z)) or emit(z, c)
    invert(model, drawn(5, 200), steps=2, starts=3)
    assert max(sizes) <= AT_ONCE
    assert all(p.grad is None for p in model.parameters()) and model.training


def test_conditions_are_those_of_the_rows():
    torch.manual_seed(4)
    model = GAN(Real((6,)), Categorical((), 3), latent=2, hidden=(20,))
    c = torch.arange(30) % 3
    x = model.sample(30, c, seed=7)
    assert float(invert(model, x, c).errors.max()) < 1e-3
    assert float(invert(model, x, (c + 1) % 3).errors.median()) > 1e-3


def test_levels_are_compared_in_the_features_of_their_space():
    model = GAN(simulacra.Levels((1, 4, 4), 17), latent=3, hidden=(30,))
    z = model.prior(Rng(0, rows=range(8)))
    x = model.decode(z).round()
    # a sixteenth between grey values: rounding leaves at most a thirty-second
    assert float(invert(model, x).errors.max()) < 1 / 32**2


def test_models_with_an_encoder_are_asked_instead():
    x = drawn(7)
    pca = simulacra.PPCA(Real((7,)), latent=2).double()
    pca.W.copy_(drawn(2, 7))
    assert torch.equal(codes_of(pca, x), pca.encode(x))
    # and can be inverted too: PPCA's decoder is linear
    z = (x - pca.decode(torch.zeros(1, 2))) @ torch.linalg.pinv(pca.W).T
    torch.testing.assert_close(invert(pca, x, steps=600).codes, z, rtol=0, atol=1e-6)
    gan = linear(7, 3)
    found = codes_of(gan, x, seed=3)
    assert torch.equal(found, invert(gan, x, seed=3, prior=WEAK / 3).codes)
    # weak, but on the prior's side
    free = invert(gan, x, seed=3).codes
    assert bool((found.norm(dim=1) < free.norm(dim=1)).all())
    assert float((gan.decode(found) - gan.decode(free)).abs().max()) < 0.1


@pytest.mark.system("G7")
def test_paths_between_inverted_observations_begin_and_end_at_what_was_found():
    model, x = linear(7, 3), drawn(7)
    between = interpolations(model, x[:4], x[4:8], 5, "lerp")
    G = model.G.body[-1]
    project = G.weight @ torch.linalg.pinv(G.weight)
    best = ((x - G.bias) @ project.T + G.bias).detach()
    # but for the weak prior that of the nearest points
    assert float((between[:, 0] - best[:4]).abs().max()) < 0.1
    made = model.decode(codes_of(model, x[4:8]))
    torch.testing.assert_close(between[:, -1], made, rtol=0, atol=1e-9)
    torch.testing.assert_close(between[:, 2], (between[:, 0] + between[:, -1]) / 2, rtol=0, atol=1e-9)


def test_what_cannot_be_inverted():
    model, x = linear(7, 3), drawn(7)
    with pytest.raises(ValueError, match="NADE does not decode, so observations have no codes"):
        invert(simulacra.NADE(Binary((4,)), hidden=3), torch.ones(2, 4))
    with pytest.raises(ValueError, match=r"NADE cannot do encode\(\)"):
        codes_of(simulacra.NADE(Binary((4,)), hidden=3), torch.ones(2, 4))
    with pytest.raises(ValueError, match="steps is 0, but a search needs at least 1"):
        invert(model, x, steps=0)
    with pytest.raises(ValueError, match="starts is -1"):
        invert(model, x, starts=-1)
    with pytest.raises(ValueError, match=r"prior is -0.1, but a weight of \|z\|\^2 must not be negative"):
        invert(model, x, prior=-0.1)
    with pytest.raises(ValueError, match=r"x has shape \(2, 3\)"):
        invert(model, torch.zeros(2, 3))
    classes = simulacra.VAE(Categorical((4,), 3), latent=2, hidden=(8,))
    with pytest.raises(ValueError, match="needs a gradient through the decoder"):
        invert(classes, torch.zeros(2, 4), steps=3)
