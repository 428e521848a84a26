"""EoNADE and deep NADE: the orderless loss, the ensemble, draws and completions against enumeration."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from oracles import chi_square, states
from orders import all_orders, check_draws_and_completions, check_fast_draws, loud
from torch.utils.flop_counter import FlopCounterMode

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.plain import Binary, Count, Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.autoregressive.vectors.eonade import EoNADE, negative_log_likelihood
from simulacra.models.autoregressive.vectors.orderless import bias_from_data

DEPTHS = pytest.mark.parametrize("hidden", [(7,), (7, 5, 6)], ids=["eonade", "deep"])


def by_definition(model, x: torch.Tensor, order: tuple[int, ...]) -> torch.Tensor:
    """log p(x|o) of binary x, entry by entry from the masked network written out with loops."""
    net, total = model.net, torch.zeros(len(x))
    layers = [layer for layer in net.between if isinstance(layer, torch.nn.Linear)]
    for t, i in enumerate(order):
        h = net.c.expand(len(x), -1)
        for j in order[:t]:
            h = h + x[:, j : j + 1] * net.W[j, 0] + net.W[j, 1]
        h = torch.relu(h)
        for layer in layers:
            h = torch.relu(layer(h))
        logit = h @ net.V[i, 0] + net.b[i, 0]
        total = total + torch.nn.functional.logsigmoid(torch.where(x[:, i] > 0, logit, -logit))
    return total


@pytest.mark.system("H12", "H13")
@DEPTHS
def test_the_density_is_the_chain_rule_of_the_masked_network(float64, hidden):
    model, x = loud(EoNADE(Binary((6,)), hidden=hidden, ensemble=3)), torch.tensor(states(6))
    each = model.log_densities(x)
    for column, order in zip(each.T, model.orders.tolist()):
        torch.testing.assert_close(column, by_definition(model, x, tuple(order)))
    assert len({tuple(o) for o in model.orders.tolist()}) == 3
    # each order sums to one over 2^6, and so does the ensemble, which is none of them
    torch.testing.assert_close(each.exp().sum(0), torch.ones(3))
    log_p = model.log_density(x)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(log_p.exp(), each.exp().mean(1))
    # Jensen: log of the mean, not mean of the logs
    assert (log_p > each.mean(1)).all() and (log_p - each.mean(1)).max() > 0.1


@pytest.mark.system("H12")
@pytest.mark.parametrize(
    ("space", "levels", "likelihood"),
    [
        (Levels((3,), 4), 4, "logistic"),
        (Levels((1, 1, 3), 3), 3, "categorical"),
        (Levels((3,), 4), 4, "logistic-mixture"),
        (Categorical((3,), 3), 3, "auto"),
        (Ordinal((3,), 3), 3, "auto"),
    ],
)
def test_sums_to_one_on_every_discrete_space(float64, space, levels, likelihood):
    model = loud(EoNADE(space, hidden=(7, 5), ensemble=4, likelihood=likelihood, mixtures=2))
    x = torch.tensor(states(3, levels)).long().reshape(-1, *space.shape)
    log_p = model.log_density(x)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-10)
    assert log_p.std() > 0.3
    draws = model.draw(Rng(4, "draws", rows=range(20))).long()
    space.check(draws)


@pytest.mark.system("H12")
def test_integrates_to_one_over_the_plane(float64):
    model = loud(EoNADE(Real((2,)), hidden=(7,), ensemble=2), 0.6)
    model.orders.copy_(torch.tensor([[0, 1], [1, 0]]))
    grid = torch.linspace(-14, 14, 561)
    x = torch.cartesian_prod(grid, grid)
    with torch.no_grad():
        each = model.log_densities(x).exp()
    torch.testing.assert_close(each.sum(0) * (grid[1] - grid[0]) ** 2, torch.ones(2), atol=1e-6, rtol=0)
    assert (each[:, 0] - each[:, 1]).abs().max() > 1e-3


@pytest.mark.system("H12", "H13")
@DEPTHS
def test_the_loss_is_unbiased_for_the_mean_over_all_orders(float64, hidden):
    """All 24 orders of 4 entries at all 4 places: the mean of the loss is the mean of -log p(x|o)."""
    model = loud(EoNADE(Binary((4,)), hidden=hidden))
    orders, masks = all_orders(4)
    for x in (torch.tensor([[1.0, 0.0, 1.0, 1.0]]), torch.tensor([[0.0, 0.0, 1.0, 0.0]])):
        loss = negative_log_likelihood(model, Batch.of(x.expand(96, 4)), masks).loss["nll"]
        exact = torch.stack([-by_definition(model, x, o) for o in orders])
        assert loss.mean().item() == pytest.approx(exact.mean().item(), abs=1e-12)
        assert loss.std() > 0.1 and exact.std() > 0.01
        # a gradient of the one is a gradient of the other
        got = torch.autograd.grad(loss.mean(), model.net.W)[0]
        due = torch.autograd.grad(exact.mean(), model.net.W)[0]
        torch.testing.assert_close(got, due)


@pytest.mark.system("H12")
def test_the_loss_draws_every_set_of_known_entries_as_a_random_order_does(float64):
    """P(S) = 1 / (d C(d, |S|)), from the keyed generator, row by row the same in any batch."""
    model, n = EoNADE(Binary((3,)), hidden=(4,)), 20000
    seen = []
    model.given = lambda x, known, c: seen.append(known) or torch.zeros(len(x), 1, 3)
    for rows in (range(n), range(300, 500)):
        batch = Batch(torch.zeros(len(rows), 3), rows=rows)
        negative_log_likelihood(model, batch, Rng(1, "loss", rows=rows))
    numbers = (seen[0].long() * torch.tensor([4, 2, 1])).sum(1)
    sizes = states(3).sum(1)
    masses = np.array([1 / (3 * math.comb(3, int(s))) if s < 3 else 0 for s in sizes])
    assert chi_square(numbers.numpy(), masses) > 1e-3
    assert torch.equal(seen[0][300:500], seen[1])


@pytest.mark.system("H12", "H13")
@pytest.mark.parametrize("space", [Binary((6,)), Levels((1, 2, 3), 4), Real((5,)), Categorical((5,), 3)])
def test_fast_draws_are_slow_draws(float64, space):
    check_fast_draws(loud(EoNADE(space, Categorical((), 3), hidden=(7, 5), ensemble=4), 1.2))


@pytest.mark.system("H12", "H13")
@DEPTHS
def test_numbers_depend_on_what_is_known_and_on_nothing_else(float64, hidden):
    model = loud(EoNADE(Real((5,)), hidden=hidden, activation="tanh"))
    x, known = torch.randn(1, 5), torch.tensor([[True, False, True, False, False]])
    jacobian = torch.autograd.functional.jacobian(lambda x: model.given(x, known), x)[0, :, :, 0]
    assert (jacobian[..., ~known[0]] == 0).all()
    assert (jacobian[..., known[0]] != 0).all()
    hole = torch.where(known, x, torch.nan)
    assert torch.equal(model.given(hole, known), model.given(x, known))
    # a known zero is not a missing entry: the mask is an input
    zero = torch.zeros(1, 5)
    assert (model.given(zero, known) - model.given(zero, ~known)).abs().min() > 1e-6


@pytest.mark.system("H12", "H13", "H19")
@DEPTHS
def test_draws_and_completions_are_enumeration(float64, hidden):
    model = loud(EoNADE(Binary((1, 3, 3)), hidden=hidden, ensemble=2), 2.0)
    check_draws_and_completions(model, partial(by_definition, model))


@pytest.mark.system("H19")
def test_each_row_has_a_mask_of_its_own(float64):
    model = loud(EoNADE(Real((5,)), hidden=(7,), ensemble=2), 0.7)
    x, known = torch.randn(13, 5), torch.rand(13, 5) < 0.5
    rng = Rng(2, "fill", rows=range(13))
    whole = model.fill(torch.where(known, x, torch.nan), known, rng)
    assert torch.equal(whole[known], x[known]) and torch.isfinite(whole).all()
    part = model.fill(x[4:9], known[4:9], rng.on(range(4, 9)))
    torch.testing.assert_close(part, whole[4:9])
    # nothing known is a sample, in distribution and in noise
    none = torch.zeros(13, 5, dtype=torch.bool)
    torch.testing.assert_close(model.fill(x, none, rng), model.draw(rng))


@pytest.mark.system("H13")
def test_deep_nade_costs_d_h_squared(float64):
    """Multiplications and additions of a score, counted: 2 d H^2 for each layer above the first."""

    def flops(d: int, h: int, layers: int) -> int:
        model = EoNADE(Binary((d,)), hidden=(h,) * layers).requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            model.log_density(torch.zeros(3, d))
        return counter.get_total_flops() // 3

    # an entry joins as two features of H, and one number of H is read
    for d, h, layers in [(11, 9, 1), (11, 9, 3), (22, 9, 3), (11, 90, 3)]:
        assert flops(d, h, layers) == d * ((layers - 1) * 2 * h * h + 2 * h * 2 + 2 * h)
    assert flops(22, 90, 3) == 2 * flops(11, 90, 3)
    assert flops(11, 400, 2) / flops(11, 200, 2) == pytest.approx(4, rel=0.02)
    # without further layers it is linear in H, as NADE
    assert flops(11, 400, 1) == 2 * flops(11, 200, 1)


@pytest.mark.system("H12")
def test_the_condition_is_used_and_gradients_are_finite(float64):
    model = loud(EoNADE(Binary((5,)), Categorical((), 3), hidden=(7, 5), ensemble=2))
    x = torch.tensor(states(5))
    log_p = torch.stack([model.log_density(x, torch.full((32,), c)) for c in range(3)])
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(3))
    assert (log_p[0] - log_p[1]).abs().max() > 0.1
    batch = Batch.of(x, torch.arange(32) % 3)
    negative_log_likelihood(model, batch, Rng(0, rows=range(32))).loss["nll"].mean().backward()
    for name, p in model.named_parameters():
        assert torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0, name


@pytest.mark.system("H12")
def test_training_comes_near_the_truth(float64):
    """Two coins, each seen twice: a known entry settles its twin, in whatever order they come."""
    x = torch.tensor(states(2)).repeat(10, 2)
    model = EoNADE(Binary((4,)), hidden=(13,), ensemble=5, order_seed=2)
    optimizer, rows = torch.optim.Adam(model.parameters()), range(len(x))
    for step in range(400):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 400)
        optimizer.zero_grad()
        loss = negative_log_likelihood(model, Batch.of(x), Rng(8, "train", step, rows=rows)).loss["nll"]
        loss.mean().backward()
        optimizer.step()
    nll = -model.log_densities(x).mean(0)
    assert (nll >= 2 * math.log(2) - 1e-9).all() and (nll < 2 * math.log(2) + 0.03).all()


@pytest.mark.system("H12")
def test_orders_follow_the_seed_and_biases_the_data(float64):
    make = lambda **more: EoNADE(Binary((50,)), hidden=(3,), ensemble=7, **more)
    assert torch.equal(make().orders, make().orders)
    assert not torch.equal(make().orders, make(order_seed=1).orders)
    assert (make().orders.sort(1).values == torch.arange(50)).all()
    model, x = make(), (torch.rand(60, 50) < torch.linspace(0.1, 0.9, 50)).to(torch.uint8)
    with torch.no_grad():
        bias_from_data(model, from_tensors(x, model.space, "bits", valid=0, test=0).train, Rng(0, "start"))
        torch.testing.assert_close(model.net.b[:, 0].sigmoid(), x.double().mean(0).clamp(1e-3, 1 - 1e-3))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hidden": ()}, "at least one hidden layer"),
        ({"ensemble": 0}, "at least one order"),
        ({"activation": "step"}, "'step' is unknown"),
        ({"likelihood": "gaussian"}, "does not fit"),
    ],
)
def test_bad_options_are_named(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        EoNADE(Binary((5,)), **options)


def test_counts_are_modelled_too(float64):
    model = loud(EoNADE(Count((2,)), hidden=(5,), likelihood="poisson", ensemble=2), 0.5)
    log_p = model.log_density(torch.tensor(states(2, 150)).long())
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-6)
