"""Tabular: the exact mass of mixed rows, marginals of what is known, and ensembles of orders."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from mixed_rows import (
    SPACES,
    THREE,
    TWO,
    codes_of,
    log_marginal,
    log_p,
    log_p_ensemble,
    numbered,
    rows,
)
from oracles import chi_square
from orders import loud

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import Score, has_exact, importance_bound, joined
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.spaces.plain import Binary, Count, Positive, Real
from simulacra.models.autoregressive.tables.tabular import Tabular, negative_log_likelihood

NAMES = pytest.mark.parametrize("name", SPACES)


def small(space, gain: float = 1.5, hidden=(5, 7), **options) -> Tabular:
    """A model whose columns depend on each other."""
    return loud(Tabular(space, hidden=hidden, dropout=0.0, **{"orders": 1, **options}), gain).eval()


def masks(d: int) -> list[tuple[bool, ...]]:
    return [known for known in itertools.product([True, False], repeat=d) if any(known)]


@pytest.mark.system("H6")
@NAMES
@pytest.mark.parametrize("mixtures", [1, 3])
@pytest.mark.parametrize("hidden", [(5,), (7, 5)], ids=str)
def test_the_mass_of_a_row_is_the_chain_rule_and_all_rows_sum_to_one(float64, name, mixtures, hidden):
    model = small(SPACES[name], hidden=hidden, mixtures=mixtures)
    found = model.log_density(rows(SPACES[name]))
    np.testing.assert_allclose(found.detach(), log_p(model), atol=1e-9)
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert found.std() > 0.3
    loss = negative_log_likelihood(model, Batch.of(rows(SPACES[name])), Rng(0)).loss["nll"]
    torch.testing.assert_close(loss, -found)


@pytest.mark.system("H6")
def test_the_order_that_is_named_is_that_of_the_chain_rule(float64):
    model = small(THREE, order=("b", "s"))
    assert model.orderings.tolist() == [[2, 0, 1]]
    np.testing.assert_allclose(model.log_density(rows(THREE)).detach(), log_p(model), atol=1e-9)
    # the first column of the order depends on no other
    f = model.sight.of(rows(THREE), None, model.dtype)
    entries = model.heads.entries(model.nets[0](f), rows(THREE))[:, 2]
    assert entries.round(decimals=9).unique().numel() == 3


def test_parameters_of_a_column_know_nothing_of_later_ones(float64):
    space = Table(a=Real(), b=Categorical((), 3), c=Scores(edges=(0.0,)), d=Count(), e=Positive())
    model = small(space, orders=3)
    starts = [*(model.sight.at(j).start for j in range(5)), model.sight.width]
    assert len({tuple(o) for o in model.orderings.tolist()}) == 3
    for net, order in zip(model.nets, model.orderings.tolist(), strict=True):
        f = torch.randn(4, starts[-1])
        jacobian = torch.autograd.functional.jacobian(lambda f, net=net: net(f).sum(0), f)
        for t, j in enumerate(order):
            for i in range(5):
                slopes = jacobian[j, : model.heads.outputs[j], :, starts[i] : starts[i + 1]]
                assert slopes.any() == (i in order[:t]), (order, j, i)


@pytest.mark.system("H12")
def test_an_ensemble_is_the_mean_of_models_with_one_order_each(float64):
    model = small(THREE, orders=4, order_seed=2)
    x, singles = rows(THREE), []
    for net, order in zip(model.nets, model.orderings.tolist(), strict=True):
        names = tuple(THREE.names[j] for j in order)
        single = Tabular(THREE, hidden=(5, 7), dropout=0.0, order=names)
        single.nets[0].load_state_dict(net.state_dict())
        singles.append(single.eval().log_density(x))
    each = torch.stack(singles, 1)
    log_density = model.log_density(x)
    torch.testing.assert_close(log_density, each.logsumexp(1) - np.log(4))
    np.testing.assert_allclose(log_density.detach(), log_p_ensemble(model), atol=1e-9)
    assert log_density.exp().sum().item() == pytest.approx(1, abs=1e-12)
    # the loss is the mean of the orders' own: at least minus the log of their mean
    loss = negative_log_likelihood(model, Batch.of(x), Rng(0)).loss["nll"]
    torch.testing.assert_close(loss, -each.mean(1))
    assert (loss >= -log_density).all() and (loss + log_density).max() > 0.05


@pytest.mark.system("H6", "H12")
@pytest.mark.parametrize("orders", [1, 3])
@NAMES
def test_draws_follow_the_masses(float64, name, orders):
    space = SPACES[name]
    model = small(space, orders=orders)
    x = model.sample(8000, seed=3)
    masses = np.exp(log_p_ensemble(model))
    assert chi_square(numbered(space, codes_of(space, x)), masses) > 1e-3
    # the first draws do not depend on how many there are
    torch.testing.assert_close(model.sample(70, seed=3), x[:70])


@pytest.mark.system("H6")
@pytest.mark.parametrize("orders", [1, 3])
@pytest.mark.parametrize("known", masks(3), ids=str)
def test_importance_weights_have_the_mean_of_the_marginal_by_enumeration(float64, known, orders):
    model, x = small(THREE, orders=orders), rows(THREE)
    mask = torch.tensor(known).expand(len(x), 3)
    k = 4000
    with torch.no_grad():
        w = model.log_weights(x, None, Rng(1, rows=range(len(x))), k, mask).exp()
    due = np.exp(log_marginal(THREE, log_p_ensemble(model), known))
    error = w.std(1).numpy() / k**0.5
    assert (abs(w.mean(1).numpy() - due) <= 4.5 * error + 1e-9).all()
    # every weight is the marginal itself where the known columns come first
    if orders == 1 and model.marginalizes(mask):
        np.testing.assert_allclose(w, due[:, None].repeat(k, 1), atol=1e-9)
    elif orders == 1:
        assert error.max() > 0


@pytest.mark.system("H6")
def test_a_marginal_is_exact_where_the_known_columns_come_first_in_every_order(float64):
    model, x = small(THREE), rows(THREE)
    for known in masks(3):
        mask = torch.tensor(known).expand(len(x), 3)
        prefix = list(known) == sorted(known, reverse=True)
        assert model.marginalizes(mask) == prefix == has_exact(model, mask)
        found = model.log_prob(x, known=mask, k=7)
        assert found.kind == ("exact" if prefix else "lower")
        if prefix:
            due = log_marginal(THREE, log_p(model), known)
            np.testing.assert_allclose(found.values, due, atol=1e-9)
            missing = torch.where(mask, x, torch.nan)
            torch.testing.assert_close(model.log_prob(missing).values, found.values)
    # one row that is not makes the whole batch an estimate
    mixed = torch.tensor([[True, True, False], [False, True, True]])
    assert not model.marginalizes(mixed)
    both = small(THREE, orders=3)
    assert {tuple(o) for o in both.orderings.tolist()} != {(0, 1, 2)}
    first = torch.tensor([[True, False, False]])
    assert both.marginalizes(first) == all(o[0] == 0 for o in both.orderings.tolist())


@pytest.mark.system("H6")
def test_the_bound_of_a_missing_column_rises_to_the_marginal(float64):
    model, x = small(TWO), rows(TWO)
    mask = torch.tensor([[False, True]]).expand(len(x), 2)
    due = log_marginal(TWO, log_p(model), (False, True))
    rng = Rng(4, rows=range(len(x)))
    few, many = (importance_bound(model, x, None, k, rng, known=mask) for k in (1, 20000))
    np.testing.assert_allclose(many.bound, due, atol=0.05)
    assert (many.elbo.numpy() <= due + 0.02).all()
    # Jensen's gap of one sample: E log p(b|a) under p(a), by enumeration
    box = log_p(model).reshape(3, 3)
    p_a = np.exp(box).sum(1)
    gap = np.log(p_a @ np.exp(box - np.log(p_a)[:, None])) - p_a @ (box - np.log(p_a)[:, None])
    np.testing.assert_allclose(due.reshape(3, 3)[0] - many.elbo.numpy().reshape(3, 3)[0], gap, atol=0.03)
    assert few.bound.shape == (9,)


@pytest.mark.system("H6")
def test_training_is_validated_by_a_bound_that_sees_dependence(float64):
    """One weight would rank columns without dependence above these: its gap is what the columns share."""
    torch.manual_seed(21)
    model, x = small(TWO, gain=3.0), rows(TWO)
    mask = torch.tensor([[False, True]]).expand(len(x), 2)
    log_joint = log_p(model).reshape(3, 3)
    due = np.logaddexp.reduce(log_joint, axis=0)
    log_a = np.logaddexp.reduce(log_joint, axis=1)
    one = np.exp(log_a) @ (log_joint - log_a[:, None])
    found = []
    with torch.no_grad():
        for seed in range(40):
            found.append(model.elbo(x, None, Rng(seed, rows=range(9)), mask).numpy().reshape(3, 3))
    gap = due - np.mean(found, (0, 1))
    shares = np.exp(due)
    assert shares @ (due - one) > 0.9
    assert -0.01 < shares @ gap < 0.1 * shares @ (due - one)


def test_scores_of_parts_are_as_good_as_the_weakest():
    exact = Score(torch.tensor([-1.0, -2.0]), "exact", "exact", entries=6)
    bound = Score(
        torch.tensor([-3.0]), "lower", "IWAE bound, k=9", torch.tensor([-4.0]), torch.tensor([5.0]), 2
    )
    for parts, elbo, effective in (
        ([exact, bound], [-1, -2, -4], [math.nan, math.nan, 5]),
        ([bound, exact], [-4, -1, -2], [5, math.nan, math.nan]),
    ):
        whole = joined(parts, True)
        assert (whole.kind, whole.method, whole.entries) == ("lower", "IWAE bound, k=9", 8)
        assert whole.elbo.tolist() == elbo
        torch.testing.assert_close(
            whole.effective, torch.tensor(effective), equal_nan=True, check_dtype=False
        )
        assert whole.dims == pytest.approx(8 / 3)
    assert joined([exact, exact], True).kind == "exact" and joined([exact], True).elbo is None
    assert joined([exact], False).kind == "lower"


@pytest.mark.system("H6")
def test_a_condition_gives_a_distribution_for_each_of_its_values(float64):
    model = small(TWO, condition=Categorical((), 3))
    x = rows(TWO)
    each = torch.stack([model.log_density(x, torch.full((9,), c)) for c in range(3)])
    torch.testing.assert_close(each.exp().sum(1), torch.ones(3))
    assert (each[0] - each[1]).abs().max() > 0.1
    draws = model.sample(5000, condition=1, seed=2)
    masses = each[1].exp().detach().numpy()
    assert chi_square(numbered(TWO, codes_of(TWO, draws)), masses) > 1e-3


@pytest.mark.system("H6")
def test_a_vector_of_numbers_has_a_density_that_integrates_to_one(float64):
    model = small(Real((2,)), gain=0.7)
    grid = torch.linspace(-25, 25, 901)
    with torch.no_grad():
        log_density = model.log_density(torch.cartesian_prod(grid, grid))
    assert log_density.exp().sum().item() * (grid[1] - grid[0]).item() ** 2 == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("space", [TWO, THREE, Table(a=Real(), b=Binary(), c=Count(), d=Positive())])
def test_the_fast_way_gives_the_parameters_of_the_slow_one(float64, space):
    model = small(space)
    x = model.sample(6)
    whole, state = model.parameters_of(x), model.begin(6)
    for t, j in enumerate(model.order.tolist()):
        n = model.head_at(t).output[0]
        torch.testing.assert_close(model.next_parameters(state, t), whole[:, :n, j])
        state = model.advance(state, t, x[:, j])


def test_half_precision_parameters_score_the_cells_of_the_rows_as_they_are():
    space = Table(a=Scores(edges=(0.5, 0.501, 0.502)), b=Scores(edges=(-0.1,)))
    for mixtures in (1, 2):
        heads = small(space, mixtures=mixtures).heads
        p = torch.randn(4, 2, max(heads.outputs)).bfloat16()
        x = torch.tensor([[0.4, 0.3], [0.5005, 0.3], [0.5015, -0.3], [0.6, 0.3]])
        due = heads.entries(p.float(), x)
        torch.testing.assert_close(heads.entries(p, x), due, atol=0.02, rtol=0.01)
        assert due[:2, 0].diff().abs() > 1
