"""Translators and patch critics: receptive fields, links past the bottleneck, noise, any side, 1-D to 3-D."""

from __future__ import annotations

import pytest
import torch

from simulacra.core.errors.suggestion import Refusal
from simulacra.nets.translators.coders import Coder
from simulacra.nets.translators.patches import PatchCritic, layers_of, possible_patches, receptive_field
from simulacra.nets.translators.residual import Residual
from simulacra.nets.translators.strided import Double, Halve, halved

pytestmark = pytest.mark.system("G18")


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def test_the_patch_of_the_paper_has_a_side_of_70():
    """Going back through kernels of 4: 1, 4, 7, then 2 r + 2 for each halving."""
    assert receptive_field([(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)]) == 70
    assert [receptive_field(layers_of(n)) for n in range(6)] == [1, 16, 34, 70, 142, 286]


@pytest.mark.parametrize(("patch", "side"), [(1, 9), (16, 41), (34, 75), (70, 150)])
def test_a_score_depends_on_exactly_the_entries_of_its_patch(float64, patch, side):
    critic = PatchCritic((1, side), condition=2, channels=2, patch=patch, normalization="none")
    assert critic.receptive_field == patch
    h, c = normal(1, 1, side).requires_grad_(), normal(1, 2, side).requires_grad_()
    scores = critic(h, c)[0][0]
    for slope in torch.autograd.grad(scores[len(scores) // 2], (h, c)):
        seen = slope.abs().sum((0, 1)).nonzero().flatten()
        assert int(seen.max() - seen.min()) + 1 == len(seen) == patch


def test_a_square_patch_of_an_image(float64):
    critic = PatchCritic((1, 23, 25), channels=2, patch=16, normalization="none")
    h = normal(1, 1, 23, 25).requires_grad_()
    scores = critic(h)[0][0]
    (slope,) = torch.autograd.grad(scores[scores.shape[0] // 2, scores.shape[1] // 2], h)
    places = slope[0, 0].nonzero()
    assert [int(d.max() - d.min()) + 1 for d in places.T] == [16, 16]


def test_the_paper_scores_images_of_256_on_a_grid_of_30():
    with torch.device("meta"):
        scores, features = PatchCritic((3, 256, 256), 3, 64, 70)(*torch.zeros(2, 1, 3, 256, 256))
    assert scores.shape == (1, 30, 30)
    assert features.shape == (1, 512, 31, 31)


def test_patches_that_do_not_fit_are_refused_with_the_largest_that_does():
    assert possible_patches((7, 9)) == (1, 16)
    with pytest.raises(
        Refusal, match=r"patch is 70, but patches of 7x9 have sides of 1 or 16: take patch=16"
    ):
        PatchCritic((1, 7, 9), patch=70)


@pytest.mark.parametrize("sides", [(1,), (7,), (8,), (5, 6), (3, 1), (3, 4, 5)])
def test_halving_rounds_up_and_doubling_comes_back(float64, sides):
    dims = len(sides)
    half = Halve(2, 3, dims, "none")(normal(2, 2, *sides))
    assert half.shape[2:] == halved(sides)
    assert Double(3, 2, dims, "none")(half, sides).shape == (2, 2, *sides)


def test_an_odd_side_is_halved_as_one_with_a_zero_at_its_end(float64):
    halve, h = Halve(2, 3, 1, "none"), normal(1, 2, 7)
    torch.testing.assert_close(halve(h), halve(torch.cat([h, torch.zeros(1, 2, 1)], 2)))


@pytest.mark.parametrize("shape", [(13,), (3, 9, 7), (2, 5, 6, 7)])
@pytest.mark.parametrize("at", ["bottleneck", "input"])
@pytest.mark.parametrize("kind", ["unet", "encoder-decoder", "residual"])
def test_every_network_takes_any_sides_and_uses_noise_and_condition(float64, shape, at, kind):
    sides = shape if len(shape) == 1 else shape[1:]
    more = {} if kind == "residual" else {"links": kind == "unet"}
    net = (Residual if kind == "residual" else Coder)(
        2, shape, latent=1, channels=2, halvings=2, noise_at=at, **more
    )
    place = sides if at == "input" else halved(sides, 2)
    assert net.noise == torch.Size(place).numel()
    z, c = normal(2, net.noise).requires_grad_(), normal(2, 2, *sides).requires_grad_()
    x = net(z, c)
    assert x.shape == (2, *shape)
    slopes = torch.autograd.grad((x[0] * normal(*shape)).sum(), (z, c))
    for slope in slopes:
        assert bool((slope[0] != 0).any()), "no gradient"
        assert not bool((slope[1] != 0).any()), "rows are mixed"


def test_links_pass_the_bottleneck(float64):
    """Where the deepest maps are cut off, a U-net still sees its condition, an encoder-decoder does not."""
    c, other = normal(2, 1, 1, 9, 9)
    for links in (True, False):
        net = Coder(1, (1, 9, 9), channels=2, halvings=3, links=links, normalization="none")
        with torch.no_grad():
            net.up[-1].conv.weight[: net.down[-1].conv.out_channels] = 0
            apart = (net(torch.zeros(1, 0), c) - net(torch.zeros(1, 0), other)).abs().max()
        assert (float(apart) > 0) == links


def test_links_have_the_sides_that_they_meet():
    net = Coder(3, (3, 64, 50), channels=4, halvings=4)
    assert net.sides == [(64, 50), (32, 25), (16, 13), (8, 7), (4, 4)]
    # the maps of a link stand beside as many that come up
    assert [up.conv.in_channels for up in net.up] == [8, 16, 32, 32]
    assert [up.conv.out_channels for up in net.up] == [3, 4, 8, 16]


def test_a_shifted_condition_shifts_the_output_of_a_residual_network(float64):
    net = Residual(1, (1, 12, 15), channels=2, halvings=1, blocks=1, normalization="none")
    c = torch.zeros(1, 1, 12, 15)
    c[..., 4:7, 5:8] = normal(3, 3)
    z = torch.zeros(1, 0)
    a, b = net(z, c), net(z, c.roll(2, -1))
    inner = lambda h: h[..., 4:-4, 5:-5]
    torch.testing.assert_close(inner(a.roll(2, -1)), inner(b))
    assert not torch.allclose(a, b)
