"""Networks of the DCGAN: the sides that they pass, what they are made of, and their numbers by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from simulacra.nets.adversarial.dcgan import DCGANCritic, DCGANGenerator
from simulacra.nets.adversarial.normal import BatchNorm

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
POOLING = tuple(getattr(nn, name) for name in dir(nn) if "Pool" in name or "Upsampl" in name)


def numbers(net: nn.Module) -> int:
    """Parameters of a network."""
    return sum(p.numel() for p in net.parameters())


def passed(net: nn.Module, x: torch.Tensor, kinds: tuple[type, ...]) -> list[tuple[int, ...]]:
    """Shapes (C, H, W) that layers of some kinds take, and that the last of them gives."""
    seen: list[tuple[int, ...]] = []

    def note(layer, inputs, output):
        seen[-1:] = [tuple(inputs[0].shape[1:]), tuple(output.shape[1:])]

    for layer in net.modules():
        if isinstance(layer, kinds):
            layer.register_forward_hook(note)
    net(x)
    return seen


@pytest.mark.system("G4")
def test_the_generator_passes_the_sides_of_the_paper():
    G = DCGANGenerator(100, (3, 64, 64), channels=(1024, 512, 256, 128))
    table = passed(G, torch.zeros(2, 100), (nn.ConvTranspose2d,))
    assert table == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    # linear; kernels of 4x4; gamma and beta of each layer but the last; the last bias
    linear, kernels = 101 * 1024 * 16, 16 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    assert numbers(G) == linear + kernels + 2 * (1024 + 512 + 256 + 128) + 3 == 12_674_819


@pytest.mark.system("G4")
def test_the_critic_passes_the_same_sides_back():
    D = DCGANCritic((3, 64, 64))
    table = passed(D, torch.zeros(2, 3, 64, 64), (nn.Conv2d,))
    assert table == [(3, 64, 64), (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    kernels = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
    assert numbers(D) == kernels + 64 + 2 * (128 + 256 + 512) == 2_757_440
    assert D.width == 512 * 4 * 4 and D(torch.zeros(2, 3, 64, 64)).shape == (2, D.width)


@pytest.mark.system("G4")
def test_no_pooling_and_norms_where_the_paper_has_them():
    G, D = DCGANGenerator(7, (3, 40, 24), (6, 5, 4)), DCGANCritic((3, 40, 24), (4, 5, 6))
    for net in (G, D):
        assert not any(isinstance(layer, POOLING) for layer in net.modules())
        steps = [layer for layer in net.modules() if isinstance(layer, CONVOLUTIONS)]
        assert len(steps) == 3 and all(layer.stride == (2, 2) for layer in steps)
    after_g = [layer for layer in G.body if isinstance(layer, (*CONVOLUTIONS, BatchNorm, nn.ReLU))]
    names = "".join({"BatchNorm": "n", "ReLU": "r"}.get(type(layer).__name__, "c") for layer in after_g)
    assert names == "nr" + "cnr" * 2 + "c"
    after_d = [layer for layer in D.body if isinstance(layer, (*CONVOLUTIONS, BatchNorm, nn.LeakyReLU))]
    names = "".join({"BatchNorm": "n", "LeakyReLU": "l"}.get(type(layer).__name__, "c") for layer in after_d)
    assert names == "cl" + "cnl" * 2
    assert all(layer.negative_slope == 0.2 for layer in after_d if isinstance(layer, nn.LeakyReLU))


@pytest.mark.system("G4")
def test_weights_begin_as_normal_with_standard_deviation_one_fiftieth():
    torch.manual_seed(11)
    for net in (DCGANGenerator(50, (3, 28, 28), (90, 70)), DCGANCritic((3, 28, 28), (70, 90))):
        for layer in net.modules():
            if isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
                w = layer.weight.detach().flatten()
                assert w.mean().abs() < 5 * 0.02 / len(w) ** 0.5
                assert abs(w.std() / 0.02 - 1) < 5 / (2 * len(w)) ** 0.5
                kurtosis = (w / w.std()).pow(4).mean()
                assert abs(kurtosis - 3) < 5 * (96 / len(w)) ** 0.5
                assert layer.bias is None or layer.bias.abs().max() == 0


@pytest.mark.system("G4")
def test_both_compute_what_their_equations_say(float64):
    G = DCGANGenerator(3, (2, 20, 12), (5, 4), normalization="none", condition=2)
    z, c = torch.randn(3, 3), torch.randn(3, 2, 1)
    up = G.body[2], G.body[5]
    h = (torch.cat([z, c[:, :, 0]], 1) @ G.stem.weight.T).reshape(3, 5, 5, 3).relu()
    h = F.conv_transpose2d(h, up[0].weight, stride=2, padding=1).relu()
    torch.testing.assert_close(G(z, c), F.conv_transpose2d(h, up[1].weight, stride=2, padding=1))
    D = DCGANCritic((2, 20, 12), (4, 5), normalization="none", condition=2)
    x = torch.randn(3, 2, 20, 12)
    maps = c[:, :, :, None] * torch.ones(20, 12)
    down = [layer for layer in D.body if isinstance(layer, nn.Conv2d)]
    h = torch.cat([x, maps], 1)
    for layer in down:
        h = F.leaky_relu(F.conv2d(h, layer.weight, stride=2, padding=1), 0.2)
    torch.testing.assert_close(D(x, c), h.flatten(1))


SIDES = [(28, 28, 2), (32, 32, 3), (96, 64, 4), (30, 26, 1), (16, 16, 4)]


@pytest.mark.system("G4")
@pytest.mark.parametrize(("h", "w", "n"), SIDES)
def test_sides_are_reached_exactly(h, w, n):
    channels = [3 + i for i in range(n)]
    G, D = DCGANGenerator(2, (1, h, w), channels[::-1]), DCGANCritic((1, h, w), channels)
    x = G(torch.randn(2, 2))
    assert x.shape == (2, 1, h, w) and D(x).shape == (2, D.width)
    assert D.width == channels[-1] * (h // 2**n) * (w // 2**n)


REFUSED = {
    (
        28,
        28,
        4,
    ): "images of 28x28 can be halved 2 times, not 4 times: give 2 channels instead of 4, or resize "
    "the images to multiples of 16, such as 32x32.",
    (
        40,
        36,
        3,
    ): "images of 40x36 can be halved 2 times, not 3 times: give 2 channels instead of 3, or resize "
    "the images to multiples of 8, such as 40x40.",
    (28, 31, 1): "images of 28x31 cannot be halved: resize them to multiples of 2, such as 28x32.",
    (
        20,
        22,
        2,
    ): "images of 20x22 can be halved once, not 2 times: give 1 channel instead of 2, or resize the "
    "images to multiples of 4, such as 20x24.",
}


@pytest.mark.parametrize("size", REFUSED)
def test_other_sides_are_refused_in_one_sentence(size):
    h, w, n = size
    for make in (lambda: DCGANGenerator(2, (1, h, w), (3,) * n), lambda: DCGANCritic((1, h, w), (3,) * n)):
        with pytest.raises(ValueError) as refused:
            make()
        assert str(refused.value) == REFUSED[size]
