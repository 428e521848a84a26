"""R3GAN: its networks by hand, the penalties that make the game converge, and modes that it does not lose."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Levels, Real
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.nets.adversarial.normless import NormlessBlock, NormlessCritic, NormlessGenerator


def shaken(net: nn.Module) -> nn.Module:
    """The network with random weights everywhere: at the start its blocks do nothing."""
    torch.manual_seed(11)
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    return net


def convolved(x, layer):
    """A convolution of odd kernel that keeps the side, place by place."""
    w, k = layer.weight.detach(), layer.kernel_size[0]
    (n, _, high, wide), outs = x.shape, w.shape[0] // layer.groups
    h, y = F.pad(x, [k // 2] * 4), torch.zeros(n, w.shape[0], high, wide)
    for o in range(w.shape[0]):
        first = o // outs * w.shape[1]
        for i in range(high):
            for j in range(wide):
                y[:, o, i, j] = (h[:, first : first + w.shape[1], i : i + k, j : j + k] * w[o]).sum((1, 2, 3))
    return y if layer.bias is None else y + layer.bias.detach().view(-1, 1, 1)


@pytest.mark.system("F11")
@pytest.mark.parametrize("images", [True, False])
def test_a_block_by_hand(float64, images):
    net, x = shaken(NormlessBlock(3, 4, images)), torch.randn(2, 3, *((4, 5) if images else ()))
    one, _, two, _, three = net.body
    assert one.bias is not None and two.bias is not None and three.bias is None
    of = convolved if images else (lambda h, layer: layer(h))
    leaky = lambda h: torch.where(h > 0, h, 0.2 * h)
    torch.testing.assert_close(net(x), x + of(leaky(of(leaky(of(x, one)), two)), three))
    if images:  # twice as many channels inside, in groups of at most 16
        assert two.weight.shape == (6, 2, 3, 3) and NormlessBlock(40, 1, True).body[2].groups == 5


@pytest.mark.system("F11")
@pytest.mark.parametrize("depth", [1, 5])
def test_blocks_begin_as_the_identity_with_weights_of_the_depth(float64, depth):
    torch.manual_seed(2)
    net, x = NormlessBlock(60, depth, False), torch.randn(7, 60)
    assert torch.equal(net(x), x)
    # three layers, of which two share the scale: L^(-1/2) of the variance for each
    expected = 2 / 1.04 / 60 / math.sqrt(depth)
    for layer in (net.body[0], net.body[2]):
        assert layer.weight.var().item() == pytest.approx(expected, rel=0.1)
        assert not layer.bias.any()
    (slope,) = torch.autograd.grad(net(x).square().sum(), net.body[4].weight)
    assert slope.abs().max() > 1  # zero, but not without a gradient


@pytest.mark.system("F11")
def test_the_generator_of_images_by_hand(float64):
    net = shaken(NormlessGenerator(3, (2, 6, 14), channels=2, blocks=1, condition=2))
    z, c = torch.randn(5, 3), torch.randn(5, 2)
    assert net.basis.shape == (4, 3, 7)
    h = torch.einsum("chw,bc->bchw", net.basis, torch.cat([z, c], 1) @ net.stem.weight.T)
    low, narrow, _, high, end = net.body
    h = torch.einsum("oc,bchw->bohw", narrow.weight[:, :, 0, 0], low(h))
    # doubled between places: 3/4 of the nearer and 1/4 of the farther one, the edge repeated
    for side in (2, 3):
        h = h.movedim(side, 0)
        before, after = torch.cat([h[:1], h[:-1]]), torch.cat([h[1:], h[-1:]])
        h = torch.stack([0.75 * h + 0.25 * before, 0.75 * h + 0.25 * after], 1).flatten(0, 1).movedim(0, side)
    expected = convolved(high(h), end)
    torch.testing.assert_close(net(z, c), expected)
    assert net(z[:0], c[:0]).shape == (0, 2, 6, 14)


@pytest.mark.system("F11")
def test_the_critic_of_images_by_hand(float64):
    net = shaken(NormlessCritic((1, 6, 14), channels=2, blocks=1, condition=2))
    x, c = torch.randn(5, 1, 6, 14), torch.randn(5, 2)
    first, high, _, wide, low, places = net.body
    h = torch.cat([x, c[:, :, None, None].expand(5, 2, 6, 14)], 1)
    h = high(convolved(h, first))
    halved = h.unflatten(3, (7, 2)).unflatten(2, (3, 2)).mean((3, 5))
    torch.testing.assert_close(halved, F.interpolate(h, scale_factor=0.5, mode="bilinear"))
    h = low(torch.einsum("oc,bchw->bohw", wide.weight[:, :, 0, 0], halved))
    torch.testing.assert_close(net(x, c), torch.einsum("bchw,chw->bc", h, places.weight[:, 0]))
    alone = torch.cat([net(x[i : i + 1], c[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(net(x, c), alone)


@pytest.mark.system("F11")
def test_players_of_vectors_and_the_condition_by_projection(float64):
    model = simulacra.R3GAN(Real((2,)), Categorical((), 3), latent=3, width=5, blocks=2)
    shaken(model)
    x, z, c = torch.randn(4, 2), torch.randn(4, 3), F.one_hot(torch.tensor([0, 2, 1, 2]), 3).double()
    one, two, end = model.G.body
    stem = torch.cat([z, c], 1) @ model.G.stem.weight.T
    torch.testing.assert_close(model.generate(z, c), end(two(one(stem))))
    f = model.D.body(x)
    expected = f @ model.D.score.weight[0] + (f * (c @ model.D.V.weight.T)).sum(1)
    torch.testing.assert_close(model.judge(x, c).score, expected)


class Slope(nn.Module):
    """s = psi x."""

    def __init__(self, psi):
        super().__init__()
        self.psi = psi

    def forward(self, h, c=None):
        """s(h)."""
        return Verdict(h[:, 0] * self.psi, h)


@pytest.mark.system("F11", "F6")
@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 2.0])
def test_the_penalties_turn_the_circles_of_two_points_into_a_fall(float64, gamma):
    """Data at 0, samples at theta: the Jacobian of the gradient flow at the equilibrium, theta = psi = 0."""
    model = simulacra.R3GAN(Real((1,)), latent=1, width=2, gamma=gamma)
    batch, rng = Batch.of(torch.zeros(1, 1)), Rng(1, rows=range(1))
    lost = {update.name: update.loss for update in model.updates()}

    def flow(state):
        psi, theta = state
        model.D = Slope(psi)
        model.generate = lambda z, c: theta.view(1, 1)
        d, g = (sum(lost[player](model, batch, rng).loss.values()).sum() for player in "DG")
        return -torch.stack(
            [
                torch.autograd.grad(d, psi, create_graph=True)[0],
                torch.autograd.grad(g, theta, create_graph=True)[0],
            ]
        )

    rows = []
    for i in range(2):
        sides = []
        for step in (1e-5, -1e-5):
            state = [torch.zeros((), requires_grad=True) for _ in range(2)]
            state[i].data += step
            sides.append(flow(state).detach())
        rows.append((sides[0] - sides[1]) / 2e-5)
    found = torch.linalg.eigvals(torch.stack(rows, 1))
    # D falls along 2 gamma psi, and both turn round by f'(0) = 1/2
    root = torch.sqrt(torch.tensor(gamma**2 - 0.25, dtype=torch.complex128))
    expected = torch.stack([-gamma - root, -gamma + root])
    order = lambda t: t[torch.argsort(t.real * 10 + t.imag)]
    torch.testing.assert_close(order(found), order(expected), rtol=1e-6, atol=1e-8)
    assert (found.real < 0).all() == (gamma > 0)


@pytest.mark.system("F11")
def test_no_layer_mixes_rows_and_images_without_halves_are_vectors():
    image = simulacra.R3GAN(Levels((1, 12, 6), 4), latent=3, channels=2, blocks=1)
    assert image.G.basis is not None and image.sample(2).shape == (2, 1, 12, 6)
    flat = simulacra.R3GAN(Levels((1, 5, 3), 4), latent=3, width=7, blocks=1)
    assert flat.G.basis is None and flat.sample(2).shape == (2, 1, 5, 3)
    kinds = {type(module).__name__ for model in (image, flat) for module in model.modules()}
    assert not [kind for kind in kinds if "Norm" in kind and not kind.startswith("Normless")]
    assert image.D.score.bias is None and not any(update.coupled for update in image.updates())


@pytest.mark.parametrize(
    ("given", "said"),
    [({"blocks": 0}, "blocks is 0"), ({"width": 0}, "width is 0"), ({"gamma": -1.0}, "gamma is -1")],
)
def test_sizes_and_weights_out_of_range(given, said):
    with pytest.raises(ValueError, match=said):
        simulacra.R3GAN(Real((2,)), **{"latent": 3, "width": 5, "blocks": 1, **given})
