"""Constructed belief nets have the law that was asked for, to rounding and to their own claim."""

from __future__ import annotations

import pytest
import torch
from belief_nets import as_draws, hidden_states, tensor_of

from simulacra.core.random.keyed import Rng
from simulacra.models.beliefs.construction import all_states, gray, law, shifts_of, transfer, universal

pytestmark = pytest.mark.system("B2")


def targets(n: int) -> list[torch.Tensor]:
    """Laws of n bits: dense, uneven, with zeros, one state, uniform."""
    g = torch.Generator().manual_seed(n)
    dense = torch.rand(2**n, generator=g, dtype=torch.float64)
    uneven = torch.randn(2**n, generator=g, dtype=torch.float64).mul(4).softmax(0)
    sparse = dense * (torch.arange(2**n) % 3 == 1)
    one = torch.eye(2**n, dtype=torch.float64)[2**n - 1]
    return [dense / dense.sum(), uneven, sparse / sparse.sum(), one, torch.full((2**n,), 0.5**n)]


@pytest.mark.parametrize("which", range(5))
def test_the_law_on_three_bits_is_the_target(float64, which):
    target = targets(3)[which]
    net = universal(target)
    assert net.hidden == (3,) * 7
    found = law(net)
    assert (found - target).abs().max() < 1e-3
    # what the construction claims is much closer
    assert (found - target).abs().max() < 1e-7


def test_the_law_on_two_bits_by_enumeration_of_all_layers(float64):
    """The model's own joint probability, summed over the 64 states of its three hidden layers."""
    target = targets(2)[0]
    net = universal(target)
    x = tensor_of(2)
    found = net.log_joint(x, as_draws(hidden_states(net), 4)).logsumexp(1).exp()
    assert (found - target).abs().max() < 1e-7
    assert (found - law(net)).abs().max() < 1e-12


def test_samples_have_the_law(float64):
    target = torch.tensor([0.0, 0.5, 0.0, 0.0, 0.25, 0.0, 0.0, 0.25], dtype=torch.float64)
    x = universal(target).draw(Rng(1, rows=range(4000)))
    share = (
        torch.bincount((x @ torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)).long(), minlength=8) / 4000
    )
    assert (share[target == 0] == 0).all()
    assert (share - target).abs().max() < 4 * (0.25 / 4000) ** 0.5


@pytest.mark.parametrize("t", [0.0, 0.2, 1.0])
def test_a_layer_moves_one_state_and_copies_the_others(float64, t):
    shift = shifts_of(universal(targets(3)[0]))[2]
    a, b = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.0, 0.0, 1.0])
    states = all_states(3)
    with torch.no_grad():
        transfer(shift, a, b, t, 45.0)
        z = shift(states)
    table = torch.nn.functional.logsigmoid((2 * states - 1) * z[:, None]).sum(-1).exp()
    expected = torch.eye(8)
    expected[5, 5], expected[5, 1] = 1 - t, t
    assert (table - expected).abs().max() < 1e-8


def test_less_sharp_weights_are_further_from_the_target(float64):
    target = targets(3)[0]
    errors = [float((law(universal(target, C)) - target).abs().max()) for C in (25.0, 30.0, 40.0)]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_neighbours_in_the_order_differ_in_one_bit(n):
    order = gray(n)
    assert ((order[1:] != order[:-1]).sum(1) == 1).all()
    assert len({tuple(a) for a in order.tolist()}) == 2**n


def test_other_targets_are_refused():
    with pytest.raises(ValueError, match=r"target has shape \(3,\).* give 2, 4, 8, ... or 256 numbers"):
        universal(torch.full((3,), 1 / 3))
    with pytest.raises(ValueError, match=r"target sums to 2 .* divide non-negative numbers by their sum"):
        universal(torch.ones(2))
    with pytest.raises(ValueError, match=r"least entry of -0\.5"):
        universal(torch.tensor([1.5, -0.5]))
