"""NADE-k: the inference steps written out, k = 1 as the orderless NADE, and exact sums and completions."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from oracles import states
from orders import all_orders, check_draws_and_completions, check_fast_draws, loud
from torch.nn.functional import logsigmoid
from torch.utils.flop_counter import FlopCounterMode

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Count, Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.autoregressive.vectors.eonade import EoNADE, negative_log_likelihood
from simulacra.models.autoregressive.vectors.nade_k import NADEK, all_steps, last_step, means_from_data

STEPS = pytest.mark.parametrize("k", [1, 2, 5])


def logits_of(model, x: torch.Tensor, known: torch.Tensor) -> list[torch.Tensor]:
    """The logits of binary entries after each step: equations (1) to (4) of the paper's recursion."""
    net, found = model.net, []
    layers = [layer for layer in net.between if isinstance(layer, torch.nn.Linear)]
    v = torch.where(known, x, model.mean[:, 0])
    for _ in range(model.k):
        h = torch.tanh(v @ net.W[:, 0] + net.c)
        for layer in layers:
            h = torch.tanh(layer(h))
        found.append(h @ net.V[:, 0].T + net.b[:, 0])
        v = torch.where(known, x, found[-1].sigmoid())
    return found


def by_definition(model, x: torch.Tensor, order: tuple[int, ...], step: int = -1) -> torch.Tensor:
    """log p(x|o) of binary x by the chain rule, with the logits of the given step."""
    known, total = torch.zeros(x.shape, dtype=torch.bool), torch.zeros(len(x))
    for i in order:
        logit = logits_of(model, x, known)[step][:, i]
        total = total + logsigmoid(torch.where(x[:, i] > 0, logit, -logit))
        known[:, i] = True
    return total


@pytest.mark.system("H10")
@STEPS
@pytest.mark.parametrize("hidden", [(7,), (7, 5)], ids=["one-layer", "two-layers"])
def test_the_density_is_k_steps_and_the_chain_rule(float64, k, hidden):
    model, x = loud(NADEK(Binary((6,)), k=k, hidden=hidden, ensemble=3)), torch.tensor(states(6))
    known = torch.rand(64, 6) < 0.5
    for got, due in zip(model.steps(x, known), logits_of(model, x, known), strict=True):
        torch.testing.assert_close(got[:, 0], due)
    each = model.log_densities(x)
    for column, order in zip(each.T, model.orders.tolist()):
        torch.testing.assert_close(column, by_definition(model, x, tuple(order)))
    # each order sums to one over 2^6, and so does the ensemble
    torch.testing.assert_close(each.exp().sum(0), torch.ones(3))
    log_p = model.log_density(x)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert (log_p > each.mean(1)).all()


@pytest.mark.system("H10")
def test_one_step_is_the_order_agnostic_nade(float64):
    """c + sum W_i v_i = (c + W'mu) + sum over the known of (W_i x_i - W_i mu_i): the mask is an input."""
    one = loud(NADEK(Binary((6,)), k=1, hidden=(7,), ensemble=4))
    nade = EoNADE(Binary((6,)), hidden=(7,), activation="tanh", ensemble=4)
    with torch.no_grad():
        shift = one.net.W[:, 0] * one.mean
        nade.net.W.copy_(torch.stack([one.net.W[:, 0], -shift], 1))
        nade.net.c.copy_(one.net.c + shift.sum(0))
        nade.net.V.copy_(one.net.V)
        nade.net.b.copy_(one.net.b)
    x, known = torch.tensor(states(6)), torch.rand(64, 6) < 0.5
    torch.testing.assert_close(one.given(x, known), nade.given(x, known))
    torch.testing.assert_close(one.log_density(x), nade.log_density(x))
    rng = Rng(2, "both", rows=range(64))
    assert torch.equal(one.draw(rng), nade.draw(rng))
    assert torch.equal(one.fill(x, known, rng), nade.fill(x, known, rng))
    losses = [
        f(m, Batch.of(x), rng).loss["nll"] for f, m in ((last_step, one), (negative_log_likelihood, nade))
    ]
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(all_steps(one, Batch.of(x), rng).loss["nll"], losses[0])
    # a second step makes another model
    one.k = 2
    assert (one.given(x, known) - nade.given(x, known))[~known[:, None]].abs().max() > 0.1


@pytest.mark.system("H10")
@pytest.mark.parametrize(
    ("space", "levels", "likelihood"),
    [
        (Levels((3,), 4), 4, "logistic"),
        (Levels((1, 1, 3), 3), 3, "categorical"),
        (Categorical((3,), 3), 3, "auto"),
    ],
)
def test_sums_to_one_on_grey_levels_and_classes(float64, space, levels, likelihood):
    model = loud(NADEK(space, k=3, hidden=(7,), ensemble=2, likelihood=likelihood))
    x = torch.tensor(states(3, levels)).long().reshape(-1, *space.shape)
    log_p = model.log_density(x)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-10)
    assert log_p.std() > 0.3


@pytest.mark.system("H10")
def test_integrates_to_one_over_the_plane(float64):
    model = loud(NADEK(Real((2,)), k=3, hidden=(7,), ensemble=2), 0.6)
    grid = torch.linspace(-12, 12, 401)
    with torch.no_grad():
        log_p = model.log_density(torch.cartesian_prod(grid, grid))
    assert (log_p.exp().sum() * (grid[1] - grid[0]) ** 2).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.system("H10")
@pytest.mark.parametrize("likelihood", ["logistic", "categorical"])
def test_what_is_missing_becomes_its_expectation(float64, likelihood):
    """A step's input is E f(x) under the step before, by the sum over all values."""
    model = loud(NADEK(Levels((4,), 5), k=2, hidden=(7,), likelihood=likelihood))
    x, known = torch.randint(0, 5, (9, 4)), torch.rand(9, 4) < 0.4
    first, second = model.steps(x, known)
    masses = torch.stack([model.head.build(first).entries(torch.full((9, 4), v)).exp() for v in range(5)], 2)
    expected = (masses * torch.arange(5.0) / 4).sum(2)
    v = torch.where(known, x / 4, expected).unsqueeze(2)
    torch.testing.assert_close(second, model.net(v))


@pytest.mark.system("H10")
@STEPS
def test_the_losses_are_unbiased_for_the_mean_over_all_orders(float64, k):
    """All 24 orders of 4 entries at all 4 places; while pre-training, the mean over the steps."""
    model = loud(NADEK(Binary((4,)), k=k, hidden=(7,)))
    orders, rng = all_orders(4)
    x = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
    batch = Batch.of(x.expand(96, 4))
    exact = [torch.stack([-by_definition(model, x, o, s) for o in orders]).mean().item() for s in range(k)]
    last = last_step(model, batch, rng).loss["nll"]
    assert last.mean().item() == pytest.approx(exact[-1], abs=1e-12)
    terms = all_steps(model, batch, rng)
    assert terms.loss["nll"].mean().item() == pytest.approx(np.mean(exact), abs=1e-12)
    torch.testing.assert_close(terms.log["last"], last)


@pytest.mark.system("H10")
@pytest.mark.parametrize("space", [Binary((6,)), Levels((1, 2, 3), 4), Real((5,)), Categorical((5,), 3)])
def test_fast_draws_are_slow_draws(float64, space):
    check_fast_draws(loud(NADEK(space, Categorical((), 3), k=3, hidden=(7, 5), ensemble=4), 1.2))


@pytest.mark.system("H10")
def test_numbers_depend_on_what_is_known_and_on_nothing_else(float64):
    model = loud(NADEK(Real((5,)), k=3, hidden=(7,)))
    x, known = torch.randn(1, 5), torch.tensor([[True, False, True, False, False]])
    jacobian = torch.autograd.functional.jacobian(lambda x: model.given(x, known), x)[0, :, :, 0]
    assert (jacobian[..., ~known[0]] == 0).all() and (jacobian[..., known[0]] != 0).all()
    hole = torch.where(known, x, torch.nan)
    assert torch.equal(model.given(hole, known), model.given(x, known))


@pytest.mark.system("H10", "H19")
def test_draws_and_completions_are_enumeration(float64):
    model = loud(NADEK(Binary((1, 3, 3)), k=3, hidden=(7,), ensemble=2), 2.0)
    check_draws_and_completions(model, partial(by_definition, model))


@pytest.mark.system("H10")
def test_the_condition_is_used(float64):
    model = loud(NADEK(Binary((5,)), Categorical((), 3), k=3, hidden=(7,), ensemble=2))
    x = torch.tensor(states(5))
    log_p = torch.stack([model.log_density(x, torch.full((32,), c)) for c in range(3)])
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(3))
    assert (log_p[0] - log_p[1]).abs().max() > 0.1


@pytest.mark.system("H10")
def test_an_entry_costs_k_passes(float64):
    def flops(d: int, h: int, k: int) -> int:
        model = NADEK(Binary((d,)), k=k, hidden=(h,)).requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            model.log_density(torch.zeros(3, d))
        return counter.get_total_flops() // 3

    for d, h, k in [(11, 9, 1), (11, 9, 4), (22, 9, 4), (11, 90, 4)]:
        # k times in, k - 1 times out to all entries, once to one
        assert flops(d, h, k) == d * (k * 2 * d * h + (k - 1) * 2 * d * h + 2 * h)


@pytest.mark.system("H10")
@pytest.mark.parametrize("space", [Binary((1, 2, 3)), Categorical((4,), 3), Real((5,))])
def test_the_mean_of_the_data_stands_where_nothing_is_known(float64, space):
    model = NADEK(space, k=2, hidden=(7,))
    x = {Binary: torch.rand, Real: torch.randn}.get(type(space), lambda *s: torch.rand(*s) * 3)(
        60, *space.shape
    )
    x = x if isinstance(space, Real) else x.round() if isinstance(space, Binary) else x.long()
    source = from_tensors(x, space, "rows", valid=0, test=0).train
    with torch.no_grad():
        means_from_data(model, source, Rng(0, "start"))
    f = space.features(x).mean(0)
    due = f.flatten(1).T if isinstance(space, Categorical) else f.reshape(-1, 1)
    torch.testing.assert_close(model.mean, due)
    torch.testing.assert_close(model.begin(3).f[1], due)
    if isinstance(space, Binary):
        torch.testing.assert_close(model.net.b.sigmoid(), due.clamp(1e-3, 1 - 1e-3))


@pytest.mark.system("H10")
def test_training_goes_through_both_stages_and_learns(float64):
    """Two coins, each seen twice; stage by stage as declared, with the losses that they declare."""
    x = torch.tensor(states(2)).repeat(10, 2)
    model = NADEK(Binary((4,)), k=3, hidden=(13,), ensemble=5, pretraining=0.4)
    stages = [model.stage(0, []), model.stage(1, [])]
    assert model.stage(2, []) is None and stages[1].start is None
    assert sum(s.length.n for s in stages) == model.length.n and stages[0].length.n == 0.4 * model.length.n
    with torch.no_grad():
        stages[0].start(model, from_tensors(x, model.space, "coins", valid=0, test=0).train, Rng(0, "start"))
    optimizer = torch.optim.Adam(model.parameters())
    for step in range(400):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 400)
        optimizer.zero_grad()
        loss = stages[step >= 160].updates[0].loss
        terms = loss(model, Batch.of(x), Rng(8, "train", step, rows=range(len(x))))
        terms.loss["nll"].mean().backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters())
        optimizer.step()
    nll = -model.log_densities(x).mean(0)
    assert (nll >= 2 * math.log(2) - 1e-9).all() and (nll < 2 * math.log(2) + 0.2).all()


def test_without_pretraining_or_further_steps_there_is_one_stage():
    for options in ({"k": 1}, {"k": 4, "pretraining": 0.0}):
        model = NADEK(Binary((5,)), hidden=(3,), **options)
        first = model.stage(0, [])
        assert first.start is means_from_data and first.length.n == model.length.n
        assert first.updates[0].loss is last_step and model.stage(1, []) is None


@pytest.mark.parametrize(
    ("space", "options", "sentence"),
    [
        (Binary((5,)), {"k": 0}, "at least one inference step"),
        (Binary((5,)), {"pretraining": 1.0}, "a share of training"),
        (Binary((5,)), {"hidden": ()}, "at least one hidden layer"),
        (Count((5,)), {}, "take EoNADE"),
    ],
)
def test_bad_options_are_named(space, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        NADEK(space, **options)
