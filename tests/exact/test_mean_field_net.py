"""The mean-field bound of a belief net with five hidden units against enumeration."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from belief_nets import as_draws, central, gradients, hidden_states, log_p, net, tensor_of
from oracles import chi_square
from torch.nn.functional import logsigmoid

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.toys import BarsAndStripes
from simulacra.models.beliefs import MeanFieldSBN
from simulacra.models.beliefs.coordinate_ascent import (
    Factors,
    ascended,
    better_means,
    better_xi,
    bound,
    growth,
    log_sum,
)

pytestmark = pytest.mark.system("B3")
RNG = Rng(0)


def machine(hidden=(3, 2), **options) -> MeanFieldSBN:
    return net(hidden, MeanFieldSBN, **options)


def anywhere(model, rows: int, seed: int = 0) -> Factors:
    """Means and xi drawn at random; xi also outside [0, 1]."""
    g = torch.Generator().manual_seed(seed)
    normal = lambda n: torch.randn(rows, n, generator=g, dtype=torch.float64)
    sizes = (3, *model.hidden)
    return Factors([2 * normal(n) for n in model.hidden], [normal(n) for n in sizes[:-1]])


def by_enumeration(model, x, factors):
    """The bound as an expectation over all states of the hidden units, row by row."""
    h = hidden_states(model)
    shifts = [model.x_given.shift, *(p.shift for p in model.p_layers[:-1])]
    values = []
    for row in range(len(x)):
        logits = [a[row] for a in factors.logits]
        q = sum(logsigmoid((2 * u - 1) * a).sum(1) for u, a in zip(h, logits)).exp()
        total = -(q * q.log()).sum() + q @ model.log_p_layers([u[None] for u in h])[-1][0]
        units = [x[row].expand(len(q), -1), *h]
        for shift, u, above, xi in zip(shifts, units, h, factors.xi):
            z, s = above @ shift.U.T + shift.b, xi[row]
            tilted = (q @ (torch.exp(-s * z) + torch.exp((1 - s) * z))).log()
            total = total + (q @ (u * z) - s * (q @ z) - tilted).sum()
        values.append(total)
    return torch.stack(values)


def test_the_bound_is_the_expectation_of_its_definition(float64):
    model, x = machine(), tensor_of(3)
    factors = anywhere(model, 8)
    found = bound(model.stack(x, None), factors)
    assert (found - by_enumeration(model, x, factors)).abs().max() < 1e-10


def test_the_bound_is_below_log_p_for_all_means_and_xi(float64):
    model, x = machine(), tensor_of(3)
    exact, stack = log_p(model, x), model.stack(x, None)
    with torch.no_grad():
        for seed in range(20):
            assert (bound(stack, anywhere(model, 8, seed)) < exact).all()
        found = model.elbo(x, None, RNG)
        start = bound(stack, ascended(stack, 0))
    assert (found < exact).all()
    # most of what the start is short of is found
    assert ((exact - found) < 0.6 * (exact - start)).all()


def test_no_step_of_the_ascent_lowers_the_bound(float64):
    model, x = machine(gain=3.0), tensor_of(3)
    with torch.no_grad():
        stack, rose = model.stack(x, None), torch.zeros(4)
        factors = anywhere(model, 8, 5)
        factors.xi = [a.sigmoid() for a in factors.xi]
        value = bound(stack, factors)
        for _ in range(6):
            for i in range(4):
                if i < 2:
                    factors.xi[i] = better_xi(stack.levels[i], factors.logits[i], factors.xi[i])
                else:
                    factors.logits[i - 2] = better_means(stack, factors, i - 2)
                now = bound(stack, factors)
                assert (now >= value - 1e-12).all()
                rose[i] += float((now - value).sum())
                value = now
    assert (rose > 0.01).all()


def test_more_sweeps_give_a_higher_bound(float64):
    model, x = machine(), tensor_of(3)
    values = []
    for model.steps in (1, 2, 4, 8):
        with torch.no_grad():
            values.append(model.elbo(x, None, RNG))
    assert all((after > before - 1e-12).all() for before, after in pairwise(values))
    assert float((values[-1] - values[0]).min()) > 1e-4


def test_the_ascent_ends_where_the_bound_is_stationary(float64):
    model, x = machine(), tensor_of(3)
    with torch.no_grad():
        stack = model.stack(x, None)
        factors = ascended(stack, 300)
    for t in (*factors.logits, *factors.xi):
        t.requires_grad_()
    slopes = torch.autograd.grad(bound(stack, factors).sum(), [*factors.logits, *factors.xi])
    assert max(float(s.abs().max()) for s in slopes) < 1e-7


def test_optimizing_xi_raises_the_bound_to_its_maximum(float64):
    model, x = machine(), tensor_of(3)
    with torch.no_grad():
        level, factors = model.stack(x, None).levels[0], anywhere(model, 8)
        logits, xi = factors.logits[0], torch.full((8, 3), 0.5)
        for _ in range(30):
            xi = better_xi(level, logits, xi)
        z = level.b + logits.sigmoid() @ level.U.T
        # (2) on a grid
        values = torch.stack(
            [s * z + log_sum(level, logits, torch.full_like(xi, s)) for s in torch.linspace(0, 1, 201)]
        )
        least = values.min(0).values
        found = xi * z + log_sum(level, logits, xi)
    assert (found <= least + 1e-12).all() and (least - found).max() < 1e-3
    assert (values[100] - found).max() > 1e-2


def test_the_bound_is_exact_where_layers_do_not_depend_on_each_other(float64):
    model, x = machine(), tensor_of(3)
    with torch.no_grad():
        for U in model.weights:
            U.zero_()
        assert (model.elbo(x, None, RNG) - log_p(model, x)).abs().max() < 1e-12


def test_training_follows_the_gradient_of_the_bound(float64):
    """At the end of the ascent the bound does not depend on m and xi to first order."""
    model, x = machine(steps=120), tensor_of(3)[:1]
    slopes = gradients(model.elbo(x, None, RNG).sum(), model)
    with torch.no_grad():
        value = lambda: model.elbo(x, None, RNG).sum()
        for name, p in model.named_parameters():
            for i in range(0, p.numel(), 5):
                assert abs(float(slopes[name].view(-1)[i]) - central(value, p, i)) < 1e-6


def test_missing_entries_are_left_out(float64):
    model, x = machine(), tensor_of(3)
    known = torch.tensor([True, False, True]).expand(2, -1)
    total = log_p(model, x).exp()
    with torch.no_grad():
        found = model.elbo(x[[4, 6]], None, RNG, known)  # x_1 = 1, x_3 = 0
    assert torch.equal(found[0], found[1])
    exact = float((total[4] + total[6]).log())
    assert exact - 0.5 < float(found[0]) < exact


def test_a_condition_shifts_the_biases_of_every_layer(float64):
    model, x = machine(condition=Categorical((), 3)), tensor_of(3)
    c = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    h = as_draws(hidden_states(model), 8)
    exact = model.log_joint(x, h, c).logsumexp(1)
    with torch.no_grad():
        found = model.elbo(x, c, RNG)
        assert (found < exact).all() and (exact - found).max() < 1.0
        assert (found - model.elbo(x, (c + 1) % 3, RNG)).abs().min() > 1e-3


def test_a_row_has_its_bound_in_any_batch():
    model = machine()
    x = (torch.rand(50, 3) < 0.5).float()
    whole = model.elbo(x, None, RNG)
    for n in (1, 2, 3):
        assert (model.elbo(x[:n], None, RNG) - whole[:n]).abs().max() < 1e-5


def test_completions_have_the_conditional_probabilities(float64):
    model, rows = machine(gain=1.0), 1000
    x, known = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[True, False, False]])
    filled = model.fill(x.expand(rows, -1), known.expand(rows, -1), Rng(6, rows=range(rows)))
    whole = log_p(model, tensor_of(3)).exp().detach()[4:]
    values = (filled[:, 1:] @ torch.tensor([2.0, 1.0], dtype=torch.float64)).numpy()
    assert chi_square(values, (whole / whole.sum()).numpy()) > 1e-3


def test_growth_has_no_overflow(float64):
    logit, a = torch.tensor([[0.7]]), torch.tensor([-1.2, 0.0, 2.5])
    m = logit.sigmoid()
    assert (growth(logit, a) - (a.exp() - 1) / (1 - m + m * a.exp())).abs().max() < 1e-12
    far = growth(torch.tensor([[30.0], [-30.0]]), torch.tensor([-500.0, 500.0]))
    assert far.isfinite().all()


def test_training_by_the_bound_learns_bars_and_stripes():
    toy = BarsAndStripes(side=3)
    x, p = toy.patterns()
    torch.manual_seed(0)
    model = MeanFieldSBN(toy.space, hidden=(8,), steps=3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(80):
        loss = -(p @ model.elbo(x, None, RNG).double())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    h = as_draws([tensor_of(8).float()], len(x))
    exact = float(p @ model.log_joint(x, h).logsumexp(1).double())
    # independent fair bits have 9 log 2 = 6.24 nats, and no independent bits have fewer
    assert -float(loss) < exact + 0.1
    assert -float(loss) > -5.0
    assert exact < float(p @ p.log()) + 1e-6


def test_options_out_of_range_are_refused():
    with pytest.raises(
        ValueError, match=r"needs binary data, but the space is Real.* a BeliefNet takes such data"
    ):
        MeanFieldSBN(Real((3,)))
    with pytest.raises(ValueError, match="steps is 0, but the bound needs one sweep or more: take steps=10"):
        MeanFieldSBN(Binary((3,)), steps=0)
