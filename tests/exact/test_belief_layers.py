"""Layers of belief nets against formulas written out unit by unit, and their draws against both."""

from __future__ import annotations

import pytest
import torch
from belief_nets import GAIN, KINDS, tensor_of
from oracles import chi_square

from simulacra.core.random.keyed import Rng
from simulacra.models.beliefs.stacks.conditional import Given
from simulacra.models.beliefs.stacks.layers import LAYERS
from simulacra.nets.autoregressive.within import Preceding

CONTEXTS = (0, 3)


def layer_of(kind: str, context: int, units: int = 4):
    """A layer with large weights."""
    layer = LAYERS[kind](context, units)
    g = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(GAIN * torch.randn(p.shape, generator=g, dtype=torch.float64))
    return layer


def contexts(n: int, rows: int = 5) -> torch.Tensor:
    return torch.randn(rows, 1, n)


def logit(layer, kind: str, h: torch.Tensor, u: torch.Tensor, t: int) -> torch.Tensor:
    """The logit of unit t from equations (1) to (3), one unit at a time; h (m,), u (n,)."""
    a = layer.bias[t] + (0 if layer.shift.U is None else layer.shift.U[t] @ u)
    if kind == "darn":
        a = a + sum(layer.preceding.A[t, s] * h[s] for s in range(t))
    if kind == "nade":
        net = layer.net
        z = net.c + (0 if layer.first.U is None else layer.first.U @ u)
        z = z + sum((net.W[s, 0] * h[s] for s in range(t)), torch.zeros(len(net.c)))
        a = a + net.V[t, 0] @ z.sigmoid()
    return a


@pytest.mark.system("B6")
@pytest.mark.system("H15")
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_of_all_states_sum_to_one(float64, kind, context):
    layer, u = layer_of(kind, context), contexts(context)
    log_p = layer.log_prob(tensor_of(4).expand(5, -1, -1), u)
    assert log_p.shape == (5, 16) and log_p.std() > 0.3
    assert (log_p.exp().sum(1) - 1).abs().max() < 1e-12


@pytest.mark.system("B6")
@pytest.mark.system("H15")
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_log_probabilities_are_those_of_the_equations(float64, kind, context):
    layer, u, h = layer_of(kind, context), contexts(context, 1), tensor_of(4)
    log_p = layer.log_prob(h.unsqueeze(0), u)[0]
    for state, found in zip(h, log_p):
        logits = torch.stack([logit(layer, kind, state, u[0, 0], t) for t in range(4)])
        signs = 2 * state - 1
        assert abs(float(torch.nn.functional.logsigmoid(signs * logits).sum() - found)) < 1e-12


@pytest.mark.system("B6")
@pytest.mark.parametrize("kind", KINDS)
def test_draws_have_the_probabilities(float64, kind):
    layer, u = layer_of(kind, 3), contexts(3, 1)
    p = layer.log_prob(tensor_of(4).unsqueeze(0), u)[0].exp().detach().numpy()
    h = layer.draw(u, Rng(5, rows=range(1)), "h", k=20_000)[0]
    numbers = (h @ torch.tensor([8.0, 4.0, 2.0, 1.0])).numpy()
    assert chi_square(numbers, p) > 1e-3


@pytest.mark.system("B6")
@pytest.mark.parametrize("kind", KINDS)
def test_one_context_serves_many_draws(float64, kind):
    layer, u, rng = layer_of(kind, 3), contexts(3), Rng(2, rows=range(5))
    h = layer.draw(u, rng, "h", k=7)
    assert torch.equal(h, layer.draw(u.expand(-1, 7, -1), rng, "h", k=7))
    assert (layer.log_prob(h, u) - layer.log_prob(h, u.expand(-1, 7, -1))).abs().max() < 1e-12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [2, 3, 50])
def test_a_row_is_drawn_the_same_in_any_batch(float64, kind, n):
    layer, u = layer_of(kind, 3, 50), contexts(3, 50)
    whole = layer.draw(u, Rng(2, rows=range(50)), "h", k=3)
    assert torch.equal(whole[:n], layer.draw(u[:n], Rng(2, rows=range(n)), "h", k=3))


@pytest.mark.parametrize("kind", KINDS)
def test_units_that_are_given_keep_their_values_and_the_others_follow_them(float64, kind):
    layer, u = layer_of(kind, 3), contexts(3, 1)
    known = torch.tensor([[[True, False, True, False]]])
    given = Given(torch.tensor([[[1.0, 0.0, 0.0, 0.0]]]), known)
    h = layer.given(u).sample(Rng(5, rows=range(1)), "h", 20_000, given)[0]
    assert (h[:, 0] == 1).all() and (h[:, 2] == 0).all()
    # p(h_2 | h_1 = 1) p(h_4 | h_1 = 1, h_2, h_3 = 0): each given the units before it alone
    masses = []
    for a, b in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
        state = torch.tensor([1.0, a, 0.0, b])
        terms = [(logit(layer, kind, state, u[0, 0], t) * (2 * state[t] - 1)).sigmoid() for t in (1, 3)]
        masses.append(float(terms[0] * terms[1]))
    numbers = (2 * h[:, 1] + h[:, 3]).numpy()
    assert chi_square(numbers, torch.tensor(masses).numpy()) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_means_replace_the_units_before_by_their_means(float64, kind):
    layer, u = layer_of(kind, 3), contexts(3, 1)
    means = torch.zeros(4)
    for t in range(4):
        means[t] = logit(layer, kind, means, u[0, 0], t).sigmoid().detach()
    assert (layer.given(u).means[0, 0] - means).abs().max() < 1e-12


def test_no_weight_leads_back_to_a_unit_or_to_those_before_it(float64):
    layer = Preceding(4)
    h = torch.randn(4, requires_grad=True)
    slopes = torch.stack([torch.autograd.grad(layer(h)[t], h, retain_graph=True)[0] for t in range(4)])
    assert torch.equal(slopes, (layer.A * torch.ones(4, 4).tril(-1)).detach())
