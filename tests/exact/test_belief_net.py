"""Belief nets against enumeration: probabilities, draws, bounds, rates, completions, missing entries."""

from __future__ import annotations

import math

import pytest
import torch
from belief_nets import KINDS, as_draws, elbo, hidden_states, log_p, net, tensor_of
from oracles import chi_square, within

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.beliefs import DARN, BeliefNet

POWERS = torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)


@pytest.mark.system("B1")
@pytest.mark.system("H15")
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_of_all_states_sum_to_one(float64, kind):
    model = net(layers=kind, recognition=kind, visible=kind)
    x, h = tensor_of(3), as_draws(hidden_states(model), 8)
    assert abs(float(model.log_joint(x, h).exp().sum()) - 1) < 1e-12
    assert (model.log_q(h, x).exp().sum(1) - 1).abs().max() < 1e-12


@pytest.mark.system("B1")
def test_the_joint_is_the_product_of_sigmoids(float64):
    model = net(hidden=(2,))
    (h,), x = hidden_states(model), tensor_of(3)[5]
    U, b, a = model.x_given.shift.U, model.x_given.shift.b, model.p_layers[0].bias
    for state in h:
        units = torch.cat([state, x])
        logits = torch.cat([a, b + U @ state])
        expected = torch.nn.functional.logsigmoid((2 * units - 1) * logits).sum()
        assert abs(float(model.log_joint(x[None], [state[None, None]]) - expected)) < 1e-12


@pytest.mark.system("B1")
@pytest.mark.system("H15")
@pytest.mark.parametrize("kind", KINDS)
def test_ancestral_draws_have_the_probabilities(float64, kind):
    model = net(layers=kind, visible=kind)
    masses = log_p(model, tensor_of(3)).exp().detach().numpy()
    x = model.draw(Rng(3, rows=range(20_000)))
    assert chi_square((x @ POWERS).detach().numpy(), masses) > 1e-3


@pytest.mark.system("B5")
@pytest.mark.parametrize("kind", KINDS)
def test_weights_average_to_the_probability_and_the_bound_rises_to_its_log(float64, kind):
    model, x, rows = net(recognition=kind, gain=0.7), tensor_of(3)[3:4], 400
    exact = float(log_p(model, x))
    with torch.no_grad():
        log_w = model.log_weights(x.expand(rows, -1), None, Rng(1, rows=range(rows)), 250)
    w = (log_w - exact).exp().flatten()
    assert within(float(w.mean()), 1.0, float(w.std()) / math.sqrt(len(w)))
    bounds = {k: log_w.reshape(-1, k).logsumexp(1) - math.log(k) for k in (1, 5, 250)}
    mean = {k: float(v.mean()) for k, v in bounds.items()}
    error = {k: float(v.std()) / math.sqrt(len(v)) for k, v in bounds.items()}
    assert within(mean[1], float(elbo(model, x)), error[1])
    assert mean[1] + 4 * error[1] < mean[5] < mean[250] < exact + 4 * error[250]
    whole = float(log_w.flatten().logsumexp(0)) - math.log(log_w.numel())
    assert abs(whole - exact) < 0.05


def test_rates_sum_to_the_divergence_of_q_from_the_prior(float64):
    model, x, rows = net(), tensor_of(3)[6:7], 4000
    h = as_draws(hidden_states(model), 1)
    log_q, log_prior = model.log_q(h, x), torch.stack(model.log_p_layers(h)).sum(0)
    exact = float((log_q.exp() * (log_q - log_prior)).sum())
    rates = model.rates(x.expand(rows, -1), None, Rng(4, rows=range(rows)))
    assert rates.shape == (rows, 2) and model.part_names == ("h1", "h2")
    each = rates.sum(1)
    assert within(float(each.mean()), exact, float(each.std()) / math.sqrt(rows))


def test_a_layer_that_ignores_x_has_rate_zero(float64):
    model = net()
    with torch.no_grad():
        top, below = model.p_layers[1], model.q_layers[1]
        below.shift.U.zero_()
        below.shift.b.copy_(top.bias)
    rates = model.rates(tensor_of(3), None, Rng(4, rows=range(8)))
    assert rates[:, 1].abs().max() < 1e-12 < rates[:, 0].abs().min()


@pytest.mark.parametrize("visible", KINDS)
def test_completions_have_the_conditional_probabilities(float64, visible, monkeypatch):
    model = net(visible=visible, recognition="darn", gain=0.7)
    x, known = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[True, False, False]])
    whole = log_p(model, tensor_of(3)).exp().detach()[4:]  # x_1 = 1
    masses = (whole / whole.sum()).numpy()

    def p_value(proposals: int, rows: int) -> float:
        monkeypatch.setattr("simulacra.models.beliefs.stacks.weighted.PROPOSALS", proposals)
        filled = model.fill(x.expand(rows, -1), known.expand(rows, -1), Rng(6, rows=range(rows)))
        assert (filled[:, 0] == 1).all()
        return chi_square((filled[:, 1:] @ POWERS[1:]).numpy(), masses)

    assert p_value(1500, 1000) > 1e-3
    # a single proposal is not weighted
    assert p_value(1, 50_000) < 1e-3


def test_missing_entries_are_summed_out(float64):
    model, rows = net(), 400
    x, known = tensor_of(3), torch.tensor([True, False, True])
    total = log_p(model, x).exp()
    exact = float(total[[4, 6]].sum().log())  # x_1 = 1, x_3 = 0
    given = [x[4:5].expand(rows, -1), None, Rng(2, rows=range(rows)), 250, known.expand(rows, -1)]
    with torch.no_grad():
        w = (model.log_weights(*given) - exact).exp().flatten()
        given[0] = x[6:7].expand(rows, -1)
        assert torch.equal(w, (model.log_weights(*given) - exact).exp().flatten())
    assert within(float(w.mean()), 1.0, float(w.std()) / math.sqrt(len(w)))


@pytest.mark.parametrize("build", [BeliefNet, DARN])
def test_a_condition_is_a_context_of_every_layer(float64, build):
    space = Categorical((), 3)
    model = build(Binary((2,)), space, hidden=(2, 2), visible="darn")
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p))
    x, h = tensor_of(2), as_draws(hidden_states(model), 4)
    tables = [model.log_joint(x, h, torch.full((4,), y)) for y in range(3)]
    assert all(abs(float(t.exp().sum()) - 1) < 1e-12 for t in tables)
    assert (tables[0] - tables[1]).abs().max() > 0.1
    names = {n for n, g in zip(*_slopes(model, x, h, tables[2].sum())) if g.abs().max() > 0}
    assert {"p.0.shift.U", "p.1.shift.U", "x_given.layer.shift.U"} <= names
    masses = tables[1].logsumexp(1).exp().detach().numpy()
    drawn = model.draw(Rng(3, rows=range(10_000)), torch.ones(10_000, dtype=torch.long))
    assert chi_square((drawn @ POWERS[1:]).detach().numpy(), masses) > 1e-3


def test_a_single_number_is_a_condition(float64):
    model = BeliefNet(Binary((2,)), Real(()), hidden=(2,), estimator="nvil")
    x, h = tensor_of(2), as_draws(hidden_states(model), 4)
    low, high = (model.log_joint(x, h, torch.full((4,), c)) for c in (-3.0, 3.0))
    assert abs(float(low.exp().sum()) - 1) < 1e-12 and (low - high).abs().max() > 0.1


def _slopes(model, x, h, value):
    names, parameters = zip(*model.named_parameters())
    found = torch.autograd.grad(value, parameters, allow_unused=True)
    return names, [torch.zeros(1) if g is None else g for g in found]


@pytest.mark.parametrize("space", [Real((2,)), Levels((2,), 5), Categorical((2,), 3)])
def test_other_spaces_have_their_own_distribution(float64, space):
    model = BeliefNet(space, hidden=(2,))
    x = model.draw(Rng(1, rows=range(50)))
    (h,) = as_draws(hidden_states(model), 50)
    head = model.x_given.head
    for j in range(4):
        one = head.build(model.x_given.shift(h[:, j]).unflatten(1, head.output)).log_prob(x)
        both = model.log_joint(x, [h])[:, j] - model.log_p_layers([h])[0][0, j]
        assert (one - both).abs().max() < 1e-10


@pytest.mark.parametrize("visible", KINDS)
def test_training_starts_at_the_marginals(float64, visible):
    x = (torch.rand(500, 5) < torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])).to(torch.uint8)
    data = from_tensors(x, Binary((5,)), valid=0)
    model = BeliefNet(data.space, hidden=(3,), visible=visible)
    with torch.no_grad():
        model.stage(0, []).start(model, data.train, Rng(0))
    layer = model.x_given if visible == "sbn" else model.x_given.layer
    bias = layer.shift.b if visible == "sbn" else layer.bias
    assert (bias.sigmoid() - data.train.x.double().mean(0)).abs().max() < 1e-6
