"""Networks of super-resolution: pixel shuffle, numbers of weights by hand, any size, and tiles."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from simulacra.core.numerics.bicubic import bicubic
from simulacra.core.numerics.stitched import stitched
from simulacra.nets.translators.feature_maps import FeatureMaps
from simulacra.nets.translators.super_resolution import SuperResolver, prime_factors

C, H, W = 3, 5, 7


def numbers(net: torch.nn.Module) -> int:
    """Weights of a network."""
    return sum(p.numel() for p in net.parameters())


def shaken(net: torch.nn.Module) -> torch.nn.Module:
    """A network without zeros among its weights."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(0.2 * torch.randn(p.shape, generator=generator))
    return net.eval()


def random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.system("G20")
@pytest.mark.parametrize("s", [1, 2, 3, 4])
def test_the_pixel_shuffle_puts_each_channel_at_its_place_and_back(float64, s):
    h = random(2, C * s * s, H, W)
    x = pixel_shuffle(h, s)
    for a, i, j, u, v in ((0, 0, 0, 0, 0), (2, 4, 6, s - 1, s - 1), (1, 3, 2, s // 2, 0)):
        # equation (4)
        assert torch.equal(x[:, a, s * i + u, s * j + v], h[:, a * s * s + u * s + v, i, j])
    assert torch.equal(pixel_unshuffle(x, s), h)
    assert torch.equal(pixel_shuffle(pixel_unshuffle(x, s), s), x)


@pytest.mark.system("G20")
def test_a_scale_is_the_product_of_its_factors():
    assert [prime_factors(s) for s in (1, 2, 3, 4, 6, 7, 8)] == [[], [2], [3], [2, 2], [2, 3], [7], [2, 2, 2]]


@pytest.mark.system("G20")
@pytest.mark.parametrize("shuffles", ["once", "steps"])
@pytest.mark.parametrize("s", [1, 2, 3, 4, 6])
def test_an_untrained_network_is_the_bicubic_interpolation(float64, s, shuffles):
    net, c = SuperResolver(C, C, s, 4, 2, shuffles=shuffles), random(2, C, H, W)
    assert torch.equal(net(c), bicubic(c, (s * H, s * W)))
    # a grey image is interpolated to every colour
    grey = SuperResolver(1, C, s, 4, 2, shuffles=shuffles)(c[:, :1])
    assert torch.equal(grey, bicubic(c[:, :1], (s * H, s * W)).expand(-1, C, -1, -1))
    # colours do not become one channel without a rule: the network learns all of it
    assert SuperResolver(C, 1, s, 4, 2, shuffles=shuffles)(c).shape == (2, 1, s * H, s * W)


@pytest.mark.system("G20")
def test_numbers_of_weights_by_hand():
    f, K, s = 5, 2, 4
    conv = lambda a, b: 9 * a * b + b
    once = numbers(SuperResolver(C, C, s, f, K))
    assert once == conv(C, f) + 2 * K * conv(f, f) + conv(f, f) + conv(f, C * s * s)
    steps = numbers(SuperResolver(C, C, s, f, K, shuffles="steps"))
    assert steps == once - conv(f, C * s * s) + 2 * conv(f, 4 * f) + conv(f, C)
    # batch normalization has gamma and beta in place of the bias before it
    assert numbers(SuperResolver(C, C, s, f, K, normalization="batch")) == once + (2 * K + 1) * f


@pytest.mark.system("G20")
@pytest.mark.parametrize("shuffles", ["once", "steps"])
def test_rows_and_shifts_do_not_matter_away_from_the_border(float64, shuffles):
    net, s = shaken(SuperResolver(1, 1, 2, 3, 1, shuffles=shuffles)), 2
    c = random(2, 1, 15, 17)
    whole = net(c)
    assert torch.allclose(whole[1:], net(c[1:]), atol=1e-14)
    # start, block (2), middle, bicubic and end reach 1 pixel each, the steps another one
    m = 6
    part = net(c[..., 1:, 2:])
    inside = (..., slice(s * m, -s * m), slice(s * m, -s * m))
    assert torch.allclose(part[inside], whole[..., s:, 2 * s :][inside], atol=1e-13)


@pytest.mark.system("G20")
def test_tiles_of_the_small_image_are_the_whole(float64):
    net = shaken(SuperResolver(1, 1, 3, 3, 1))
    c = random(1, 19, 23)

    def answer(tiles: torch.Tensor) -> torch.Tensor:
        # nine values a pixel: tiles and answers have the same sides
        return pixel_unshuffle(net(tiles), 3)

    found = pixel_shuffle(stitched(answer, c, (16, 16), overlap=13, margin=6), 3)
    assert torch.allclose(found, net(c[None])[0], atol=1e-13)


@pytest.mark.system("G20")
def test_the_distance_in_features_by_hand(float64):
    net = shaken(FeatureMaps((2, 7, 6), (3, 4)))
    x, y = random(2, 2, 7, 6), random(3, 2, 7, 6)[:2] ** 2
    first = lambda x: net.encoder[0](x).relu()
    second = lambda x: net.encoder[2](first(x)).relu()
    by_hand = [
        sum(
            (f(x[i : i + 1]) - f(y[i : i + 1])).square().sum() / (f(x[i : i + 1]).square().sum() + 1e-12)
            for f in (first, second)
        )
        / 2
        for i in range(2)
    ]
    assert torch.allclose(net.distance(x, y), torch.stack(by_hand), rtol=1e-5)
    assert net.distance(x, x).tolist() == [0, 0]
    assert net.rebuilt(x).shape == x.shape
