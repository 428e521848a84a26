"""The critic's gradient: exact for a linear critic, the chain rule, and a step along it."""

import pytest
import torch

import simulacra
from simulacra.core.interface import evaluating
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.saliency import saliency, saliency_picture, scored
from simulacra.exploration.rendering.tiles import pixels
from simulacra.models.adversarial.gan import GAN

F64 = torch.float64


def drawn(*shape, seed=3):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


@pytest.mark.system("F9")
def test_a_linear_critic_has_its_weights_as_gradient():
    torch.manual_seed(0)
    model = GAN(Real((7,)), latent=3, hidden=()).double()
    x = drawn(11, 7)
    scores, slopes = scored(model, x)
    w, b = model.D.score.weight[0].detach(), model.D.score.bias.detach()
    torch.testing.assert_close(scores, x @ w + b, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(slopes, w.expand(11, 7), rtol=1e-12, atol=1e-12)


@pytest.mark.system("F9")
def test_levels_have_the_slope_of_their_own_units():
    torch.manual_seed(0)
    model = GAN(Levels((2, 3), 17), latent=3, hidden=()).double()
    x = torch.randint(0, 17, (5, 2, 3), generator=torch.Generator().manual_seed(1))
    # the critic sees 2 x / 16 - 1
    w = model.D.score.weight[0].detach().view(2, 3) / 8
    torch.testing.assert_close(saliency(model, x), w.expand(5, 2, 3), rtol=1e-12, atol=1e-12)


@pytest.mark.system("F9")
def test_the_chain_rule_gives_the_generators_gradient():
    torch.manual_seed(1)
    model = GAN(Real((6,)), latent=3, hidden=(20,), critic_activation="tanh").double()
    z = model.prior(Rng(5, rows=range(9)))
    with evaluating(model), torch.enable_grad():
        x = model.generate(z)
        parameters = list(model.G.parameters())
        whole = torch.autograd.grad(model.judge(x).score.sum(), parameters, retain_graph=True)
        by_chain = torch.autograd.grad(x, parameters, grad_outputs=saliency(model, x.detach()))
    for a, b in zip(whole, by_chain):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.system("F9")
def test_one_step_along_it_raises_the_score_by_its_square():
    torch.manual_seed(2)
    model = GAN(Real((6,)), latent=3, hidden=(20,), critic_activation="tanh").double()
    x, step = drawn(9, 6), 1e-5
    scores, slopes = scored(model, x)
    after, _ = scored(model, x + step * slopes)
    expected = step * slopes.square().sum(1)
    assert bool((after > scores).all())
    torch.testing.assert_close(after - scores, expected, rtol=1e-4, atol=1e-14)


def test_it_leaves_the_weights_without_gradients_and_the_mode_as_it_was():
    model = GAN(Real((6,)), latent=3)
    model.train()
    assert not saliency(model, drawn(4, 6)).requires_grad
    assert model.training and all(p.grad is None for p in model.parameters())


def test_the_picture_shows_samples_over_their_gradients():
    torch.manual_seed(3)
    data = simulacra.from_tensors(torch.rand(30, 1, 5, 6), Real((1, 5, 6)))
    model = GAN(data.space, latent=3, hidden=())
    picture = saliency_picture(Album(model, data, 0, []))
    samples, gradients = picture.panels
    assert samples.values.shape == gradients.values.shape == (10, 1, 5, 6) and picture.layout.columns == 10
    w = model.D.score.weight[0].detach().view(5, 6)
    for tile in pixels(gradients):
        red, blue = (torch.from_numpy(tile[..., k].astype(int)) for k in (0, 2))
        # what is pale is near no gradient
        strong = w.abs() > 0.2 * w.abs().max()
        assert bool(((red > blue) == (w > 0))[strong].all())


def test_a_model_without_a_critic_says_so():
    with pytest.raises(ValueError, match="PCA has no critic whose gradient could be shown"):
        saliency(simulacra.PCA(Real((3,)), latent=2), torch.zeros(2, 3))
