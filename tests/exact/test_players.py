"""Players by name: which network, its depth, residual blocks, and dropout that its key decides."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from simulacra.core.random.keyed import Rng, ambient
from simulacra.nets.adversarial.dcgan import DCGANCritic, DCGANGenerator
from simulacra.nets.adversarial.mlp_players import MLPCritic, MLPGenerator
from simulacra.nets.adversarial.players import build_players
from simulacra.nets.adversarial.residual_players import ResidualCritic, ResidualGenerator
from simulacra.nets.adversarial.virtual import Virtual


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((1, 28, 28), DCGANGenerator),
        ((3, 48, 40), DCGANGenerator),
        ((1, 8, 8), MLPGenerator),  # small
        ((1, 30, 30), MLPGenerator),  # halves once
        ((17,), MLPGenerator),
    ],
)
def test_images_that_halve_get_convolutions(shape, kind):
    players = build_players("auto", 5, shape, hidden=(7, 6), channels=3)
    assert type(players.generator) is kind
    x = players.generator(torch.randn(3, 5))
    assert x.shape == (3, *shape) and players.critic(x).shape == (3, players.critic.width)


@pytest.mark.parametrize("network", ["mlp", "dcgan", "residual"])
@pytest.mark.parametrize("kind", ["batch", "virtual", "layer", "none"])
def test_every_parameter_of_every_pair_learns(float64, network, kind):
    options = {"normalization": kind, "critic_normalization": kind, "reference": 5, "dropout": 0.3}
    sizes = {"condition": 2, "critic_condition": 3, "hidden": (7, 6), "channels": 3}
    G, D = build_players(network, 5, (2, 12, 24), **sizes, **options)
    assert isinstance(G, Virtual) == isinstance(D, Virtual) == (kind == "virtual")
    with ambient(Rng(4, rows=range(3))):
        out = D(G(torch.randn(3, 5), torch.randn(3, 2)), torch.randn(3, 3))
    out.square().sum().backward()
    still = {name for net in (G, D) for name, p in net.named_parameters() if p.grad.abs().max() < 1e-9}
    assert not still


REFUSED = {
    "a name": (
        ("conv", (3,)),
        "network is 'conv'; possible are 'auto', 'mlp', 'dcgan', 'residual', 'recurrent'.",
    ),
    "no image": (
        ("dcgan", (3,)),
        "network='dcgan' needs images (C, H, W), but the space has the shape (3,): use network='mlp'.",
    ),
    "an uneven side": (
        ("residual", (1, 30, 31)),
        "images of 30x31 do not halve down to a side of 3 to 7: resize them, for instance to 32x32, or take "
        "a fully connected network.",
    ),
    "a tiny side": (
        ("dcgan", (1, 4, 5)),
        "images of 4x5 do not halve down to a side of 3 to 7: resize them, for instance to 6x6, or take a "
        "fully connected network.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_said_in_one_sentence(name):
    (network, shape), sentence = REFUSED[name]
    with pytest.raises(ValueError) as refused:
        build_players(network, 5, shape)
    assert str(refused.value) == sentence


def conv(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x, layer.weight, layer.bias, padding=layer.weight.shape[2] // 2)


def doubled(x: torch.Tensor) -> torch.Tensor:
    """Every entry four times."""
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def halved(x: torch.Tensor) -> torch.Tensor:
    """Means of four entries."""
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4


def biased(net: nn.Module) -> nn.Module:
    """The network with random biases."""
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    return net


def test_residual_blocks_are_those_of_the_paper(float64):
    G = biased(ResidualGenerator(4, (3, 28, 20), channels=5, normalization="none"))
    convs = [layer for layer in G.modules() if isinstance(layer, nn.Conv2d)]
    z = torch.randn(2, 4)
    h = G.stem(z).reshape(2, 5, 7, 5)
    for shortcut, first, second in (convs[:3], convs[3:6]):
        inner = conv(first, doubled(h.relu())).relu()
        h = conv(shortcut, doubled(h)) + conv(second, inner)
    torch.testing.assert_close(G(z), conv(convs[6], h.relu()))
    D = biased(ResidualCritic((3, 28, 20), channels=5))
    convs = [layer for layer in D.modules() if isinstance(layer, nn.Conv2d)]
    x = torch.randn(2, 3, 28, 20)
    h = conv(convs[0], halved(x)) + halved(conv(convs[2], conv(convs[1], x).relu()))
    for first, second in (convs[3:5], convs[5:7]):
        h = h + conv(second, conv(first, h.relu()).relu())
    torch.testing.assert_close(D(x), h.relu().mean((2, 3)))


def outputs(net: nn.Module, x: torch.Tensor) -> list[int]:
    """Sides of what a network's blocks give."""
    sides: list[int] = []
    for block in net.body:
        if list(block.children()):
            block.register_forward_hook(lambda layer, inputs, output: sides.append(output.shape[2]))
    net(x)
    return sides


def test_the_networks_of_cifar_10():
    G, D = ResidualGenerator(128, (3, 32, 32)), ResidualCritic((3, 32, 32))
    assert outputs(G, torch.zeros(2, 128)) == [8, 16, 32]
    assert outputs(D, torch.zeros(2, 3, 32, 32)) == [16, 8, 8, 8]
    one, three, norm = 128 * 128, 9 * 128 * 128, 2 * 128
    stem, last = 129 * 128 * 16, 9 * 128 * 3 + 3
    # a bias before a batch norm would have no effect
    assert sum(p.numel() for p in G.parameters()) == stem + 3 * (one + 2 * three + 2 * norm) + norm + last
    first = (3 + 1) * 128 + (27 + 1) * 128 + three + 128
    down, keep = one + 128 + 2 * (three + 128), 2 * (three + 128)
    assert sum(p.numel() for p in D.parameters()) == first + down + 2 * keep
    assert D.width == 128


def test_28_is_7_doubled_twice():
    G, D = ResidualGenerator(3, (1, 28, 28), channels=2), ResidualCritic((1, 28, 28), channels=2)
    assert outputs(G, torch.zeros(2, 3)) == [14, 28] and outputs(D, torch.zeros(2, 1, 28, 28)) == [
        14,
        7,
        7,
        7,
    ]


CRITICS = {
    "mlp": lambda p: MLPCritic((1, 12, 12), (19, 11), dropout=p),
    "dcgan": lambda p: DCGANCritic((1, 12, 12), (3, 5), dropout=p, normalization="none"),
    "residual": lambda p: ResidualCritic((1, 12, 12), channels=5, dropout=p),
}


@pytest.mark.system("F17")
@pytest.mark.parametrize("name", CRITICS)
def test_dropout_in_a_critic_differs_with_its_key_and_only_with_it(float64, name):
    D, x = CRITICS[name](0.4), torch.randn(6, 1, 12, 12)

    def features(*key: object, rows: range = range(6)) -> torch.Tensor:
        with ambient(Rng(5, *key, rows=rows)):
            return D(x[rows.start : rows.stop])

    first = features("G", 1)
    torch.testing.assert_close(features("G", 1), first, rtol=0, atol=0)
    for other in (features("G", 2), features("D", 1)):
        assert ((other - first).abs().amax(1) > 1e-6 * first.abs().max()).all()
    # a row has its noise wherever it is computed
    torch.testing.assert_close(features("G", 1, rows=range(2, 5)), first[2:5])
    # and the step of the generator goes through the same noise
    slopes = []
    for key in (1, 1, 2):
        moving = x.clone().requires_grad_()
        with ambient(Rng(5, "G", key, rows=range(6))):
            slopes.append(torch.autograd.grad(D(moving).sum(), moving)[0])
    torch.testing.assert_close(slopes[0], slopes[1], rtol=0, atol=0)
    assert (slopes[0] - slopes[2]).abs().max() > 1e-6 * slopes[0].abs().max()
    D.eval()
    torch.testing.assert_close(features("G", 1), features("G", 2), rtol=0, atol=0)


@pytest.mark.system("F17")
def test_dropout_keeps_the_mean(float64):
    D = MLPCritic((7,), (23,), dropout=0.3)
    x = torch.randn(1, 7).expand(4001, 7)
    with ambient(Rng(6, rows=range(4001))):
        dropped = D(x)
    kept = D.eval()(x)[0]
    # entries are 0 with probability 0.3, otherwise scaled by 1 / 0.7
    assert abs((dropped == 0).double().mean() - 0.3) < 5 * (0.21 / dropped.numel()) ** 0.5
    error = kept.abs() * (0.3 / 0.7 / 4001) ** 0.5
    assert ((dropped.mean(0) - kept).abs() < 5 * error).all()
