"""Virtual batch normalization: a row, the reference, and nobody else."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from simulacra.nets.adversarial.dcgan import DCGANCritic, DCGANGenerator
from simulacra.nets.adversarial.mlp_players import MLPGenerator
from simulacra.nets.adversarial.virtual import Virtual, VirtualNorm


def randomised(net: nn.Module) -> nn.Module:
    """The network with weights far from their start."""
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    return net


@pytest.mark.system("F14")
@pytest.mark.parametrize("places", [(), (3, 2)])
def test_statistics_of_a_row_are_those_of_the_reference_and_itself(float64, places):
    n, layer = 6, randomised(VirtualNorm(4, reference=6))
    x = torch.randn(n + 3, 4, *places) * 2 + 5
    y = layer(x)
    for i in range(n, n + 3):
        for c in range(4):
            # the batch that the row makes with the reference, as if nobody else were there
            seen = torch.cat([x[:n, c], x[i : i + 1, c]])
            z = (x[i, c] - seen.mean()) / (seen.var(correction=0) + layer.eps).sqrt()
            torch.testing.assert_close(y[i, c], layer.weight[c] * z + layer.bias[c])
    alone = nn.functional.batch_norm(x[:n], None, None, layer.weight, layer.bias, training=True)
    torch.testing.assert_close(y[:n], alone)


@pytest.mark.system("F14")
@pytest.mark.parametrize("n", [1, 2, 9, 50])
def test_the_weight_of_the_current_row_is_one_in_n_plus_one(float64, n):
    # a reference of zeros: mu = x / (n + 1) and s = x^2 / (n + 1), so that y = sqrt(n) for every x > 0
    layer = VirtualNorm(1, reference=n, eps=0.0)
    x = torch.tensor([[0.3], [7.0], [-2.0]])
    y = layer(torch.cat([torch.zeros(n, 1), x]))[n:]
    torch.testing.assert_close(y, n**0.5 * x.sign())
    # and with a reference of variance v about m: mu = m + (x - m) / (n + 1)
    reference = torch.randn(n, 1) + 3
    m, v = reference.mean(), reference.var(correction=0)
    d = x - m
    expected = d * (1 - 1 / (n + 1)) / (n / (n + 1) * v + d**2 * n / (n + 1) ** 2).sqrt()
    torch.testing.assert_close(layer(torch.cat([reference, x]))[n:], expected)


def nets() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Players with a reference of 5 rows, and the shapes that they take; a condition of 3 numbers."""
    options = {"condition": 3, "normalization": "virtual", "reference": 5}
    return {
        "mlp": (MLPGenerator(4, (9, 7), (6,), **options), (4,)),
        "generator": (DCGANGenerator(4, (1, 12, 12), (3, 2), **options), (4,)),
        "critic": (DCGANCritic((2, 12, 12), (3, 5), **options), (2, 12, 12)),
    }


@pytest.mark.system("F14")
@pytest.mark.parametrize("name", ["mlp", "generator", "critic"])
def test_through_a_network_rows_do_not_see_each_other(float64, name):
    net, shape = nets()[name]
    player = randomised(Virtual(net, 5, shape, condition=3))
    player.set_reference(torch.randn(5, *shape), torch.randn(5, 3, 1))
    x, c = torch.randn(7, *shape), torch.randn(7, 3)
    y = player(x, c)
    assert len(y) == 7
    changed, other = x.clone(), c.clone()
    changed[1:] = 10 * torch.randn_like(x[1:])
    other[1:] = 10 * torch.randn_like(c[1:])
    torch.testing.assert_close(player(changed, other)[0], y[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(player(x[3:4], c[3:4])[0], y[3], rtol=1e-9, atol=1e-9)
    assert (player(changed, other)[1:] - y[1:]).abs().max() > 1e-3
    # nor is there a difference between train and eval mode
    torch.testing.assert_close(player.eval()(x, c), y, rtol=0, atol=0)


@pytest.mark.system("F14")
def test_the_reference_is_copied_matters_and_is_saved(float64):
    net, shape = nets()["mlp"]
    player = randomised(Virtual(net, 5, shape, condition=3))
    x, c = torch.randn(2, 4), torch.randn(2, 3)
    new, new_c = torch.randn(5, 4), torch.randn(5, 3)
    before = player(x, c)
    player.set_reference(new, new_c)
    after = player(x, c)
    assert (after - before).abs().max() > 1e-3
    new.zero_()
    torch.testing.assert_close(player(x, c), after, rtol=0, atol=0)
    again = Virtual(nets()["mlp"][0], 5, shape, condition=3)
    again.load_state_dict(player.state_dict())
    torch.testing.assert_close(again(x, c), after, rtol=0, atol=0)


@pytest.mark.system("F14")
def test_large_means_cancel_in_single_precision():
    torch.manual_seed(3)
    exact = torch.randn(13, 2, dtype=torch.float64) + 3000
    layer = VirtualNorm(2, reference=9)
    y = layer(exact.float())
    torch.testing.assert_close(y.double(), layer.double()(exact), rtol=0, atol=2e-3)
