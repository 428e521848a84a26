"""The masked autoencoder against its masks written out, enumeration and differentiation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from chain_rule import (
    DISCRETE,
    check_completions,
    check_draws,
    check_fast_draws,
    integral,
    masses,
    multiplications,
    reads,
    strong,
)
from oracles import states
from scipy.special import logsumexp

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.autoregressive.vectors.made import MADE, negative_log_likelihood_of_one

ORDER = (3, 0, 4, 2, 1)
SIZES = {"hidden": (23, 11), "activation": "tanh"}


def layers(model: MADE) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of each layer."""
    return [
        (layer.linear.weight.detach().numpy(), layer.linear.bias.detach().numpy())
        for layer in model.net.layers
    ]


def written_out(model: MADE, k: int) -> tuple[list[np.ndarray], np.ndarray]:
    """The masks of equation (4), one connection after the other, and the direct one."""
    d = model.space.dims
    place = [1 + model.order.tolist().index(i) for i in range(d)]
    degrees = [place, *(getattr(model.net, f"hidden{i}")[k].tolist() for i in range(model.net.depth))]
    masks = [np.array([[m >= n for n in a] for m in b]) for a, b in pairwise(degrees)]
    masks.append(np.array([[i > n for n in degrees[-1]] for i in place]))
    return masks, np.array([[i > j for j in place] for i in place])


@torch.no_grad()
def scores(model: MADE) -> np.ndarray:
    """log p(x | masks k) of all five bits, shape (states, M)."""
    x = torch.tensor(states(model.space.dims))
    each = [model.single.build(model.net(x, None, k)).log_prob(x) for k in range(model.masks)]
    return torch.stack(each, 1).numpy()


@pytest.mark.system("H14")
@pytest.mark.parametrize("direct", [True, False])
def test_the_network_is_an_autoencoder_with_masked_weights(float64, direct):
    model = strong(MADE(Binary((5,)), order=ORDER, direct=direct, **SIZES))
    masks, forward = written_out(model, 0)
    *lower, (U, b) = layers(model)
    x = states(5)
    h = x
    for (W, c), mask in zip(lower, masks):
        h = np.tanh(h @ (W * mask).T + c)
    logits = h @ (U * masks[-1]).T + b
    if direct:
        logits += x @ (model.net.direct.linear.weight.detach().numpy() * forward).T
    ours = model.parameters_of(torch.tensor(x))[:, 0].detach().numpy()
    np.testing.assert_allclose(ours, logits, rtol=1e-10, atol=1e-12)


@pytest.mark.system("H14")
@pytest.mark.parametrize("masks", [1, 3])
@pytest.mark.parametrize("space", [Binary((7,)), Real((7,))], ids=str)
def test_the_jacobian_is_strictly_triangular_in_the_order(float64, space, masks):
    order = tuple(torch.randperm(7).tolist())
    model = strong(MADE(space, order=order, masks=masks, **SIZES), 0.5)
    np.testing.assert_array_equal(reads(model, torch.randn(1, 7)), np.tri(7, k=-1) > 0)


@pytest.mark.system("H14")
def test_without_direct_connections_an_output_reads_what_the_masks_join_it_to(float64):
    """Their product counts the paths: few units leave gaps, never the other way."""
    order, gaps = (2, 5, 0, 6, 1, 4, 3), 0
    for seed in range(5):
        model = strong(MADE(Binary((7,)), hidden=(4, 3), order=order, direct=False, mask_seed=seed))
        first, second, last = (mask.astype(int) for mask in written_out(model, 0)[0])
        paths = (last @ second @ first)[np.ix_(order, order)] > 0
        seen = reads(model, 0.1 * torch.randn(1, 7))
        # a relu that is off hides a path
        assert not (seen & ~paths).any() and not np.triu(paths).any()
        gaps += int((np.tri(7, k=-1) > paths).sum())
    assert gaps > 0


@pytest.mark.system("H14")
def test_degrees_are_uniform_and_leave_no_hidden_unit_without_input(float64):
    d, units = 6, 4000
    model = MADE(Binary((d,)), hidden=(units, 3, 50), masks=3)
    first, second, third = (getattr(model.net, f"hidden{i}") for i in range(3))
    counts = np.bincount(first.flatten().numpy(), minlength=d)
    assert counts[0] == 0 and abs(counts[1:] - 3 * units / 5).max() < 5 * np.sqrt(3 * units * 0.16)
    assert (third >= second.min(1, keepdim=True).values).all() and third.max() == d - 1
    # the first masks of an ensemble are those of a smaller one; another seed gives others
    alone = MADE(Binary((d,)), hidden=(units, 3, 50))
    assert torch.equal(alone.net.hidden0[0], first[0]) and not torch.equal(first[0], first[1])
    other = MADE(Binary((d,)), hidden=(units, 3, 50), mask_seed=1)
    assert not torch.equal(other.net.hidden0, alone.net.hidden0)
    # sampled once, kept with the weights
    assert "net.hidden0" in model.state_dict()


@pytest.mark.system("H14")
@pytest.mark.parametrize("masks", [1, 3])
@pytest.mark.parametrize(("space", "head"), DISCRETE, ids=str)
def test_probabilities_sum_to_one_and_fast_draws_are_slow_draws(float64, space, head, masks):
    order = tuple(torch.randperm(space.dims).tolist())
    model = MADE(space, likelihood=head, mixtures=2, order=order, masks=masks, **SIZES)
    assert masses(strong(model, 0.5)).sum() == pytest.approx(1, abs=1e-10)
    check_fast_draws(model)


@pytest.mark.system("H14")
@pytest.mark.parametrize("masks", [1, 2])
def test_a_density_of_two_reals_integrates_to_one(float64, masks):
    # a condition gives the masks of two entries a choice
    options = {"hidden": (5, 7), "activation": "tanh", "direct": False, "masks": masks}
    model = strong(MADE(Real((2,)), Categorical((), 2), order=(1, 0), **options), 0.5)
    assert integral(model, 1) == pytest.approx(1, abs=1e-8)
    check_fast_draws(model, 7, torch.arange(7) % 2)


@pytest.mark.system("H14")
def test_the_ensemble_is_the_mean_of_its_masks_and_better_than_they_are(float64):
    model = strong(MADE(Binary((5,)), order=ORDER, masks=4, **SIZES))
    each = scores(model)
    assert each.std(1).max() > 0.3
    with torch.no_grad():
        ours = model.log_density(torch.tensor(states(5))).numpy()
    np.testing.assert_allclose(ours, logsumexp(each, 1) - np.log(4), atol=1e-11)
    # Jensen: for every data set
    assert (ours > each.mean(1)).all()


@pytest.mark.system("H14")
def test_a_step_trains_one_of_the_masks_and_all_have_their_turn(float64):
    model, x = strong(MADE(Binary((5,)), order=ORDER, masks=3, **SIZES)), torch.tensor(states(5))
    each, seen = scores(model), []
    for step in range(60):
        rng = Rng(4, "train", step, rows=range(32))
        loss = negative_log_likelihood_of_one(model, Batch.of(x), rng).loss["nll"].detach().numpy()
        seen.append(int(abs(loss[:, None] + each).max(0).argmin()))
        np.testing.assert_allclose(loss, -each[:, seen[-1]], atol=1e-12)
    assert np.bincount(seen, minlength=3).min() > 8


@pytest.mark.system("H14")
@pytest.mark.parametrize("direct", [True, False])
def test_a_draw_computes_each_unit_once(float64, direct):
    """Its multiplications are as many as the masks have ones."""
    model = MADE(Binary((21,)), hidden=(35, 27), direct=direct)
    masks, forward = written_out(model, 0)
    ones = sum(int(mask.sum()) for mask in masks) + direct * int(forward.sum())
    assert multiplications(model) == ones
    check_fast_draws(model)


@pytest.mark.system("C10")
@pytest.mark.parametrize("masks", [1, 3])
def test_ancestral_draws_have_the_enumerated_frequencies(float64, masks):
    check_draws(strong(MADE(Binary((5,)), order=ORDER, masks=masks, **SIZES), 0.7))


@pytest.mark.system("H14")
@pytest.mark.parametrize("masks", [1, 3])
def test_completions_follow_the_enumerated_conditional(float64, masks):
    model = strong(MADE(Binary((5,)), order=ORDER, masks=masks, **SIZES), 0.7)
    check_completions(model, torch.tensor([1.0, 0, 1, 1, 0]), first=2)


@pytest.mark.system("H14")
@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("masks", [1, 2])
def test_a_condition_moves_every_entry_also_the_first(float64, masks, direct):
    torch.manual_seed(1)
    options = {"order": (2, 0, 3, 1), "masks": masks, "direct": direct, **SIZES}
    model = strong(MADE(Binary((4,)), Categorical((), 3), **options), 0.7)
    p = np.stack([masses(model, c) for c in range(3)])
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-12)
    for i in range(4):
        assert np.ptp((p * (states(4)[:, i] == 1)).sum(1)) > 0.01
    check_fast_draws(model, 7, torch.arange(7) % 3)
    check_draws(model, c=1)


@pytest.mark.system("H14")
def test_training_with_two_hidden_layers_learns_parity(float64):
    """The last of four bits is the parity of the others: log 8 nats, which no linear net reaches."""
    x = states(3)
    x = torch.tensor(np.column_stack([x, x.sum(1) % 2]))
    model = MADE(Binary((4,)), hidden=(30, 30), order=(2, 0, 1, 3), masks=2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(300):
        optimizer.zero_grad()
        terms = negative_log_likelihood_of_one(model, Batch.of(x), Rng(0, step, rows=range(8)))
        terms.loss["nll"].mean().backward()
        optimizer.step()
    assert -model.log_density(x).mean().item() < np.log(8) + 0.1


@pytest.mark.parametrize("masks", [1, 2])
def test_gradients_are_finite_for_impossible_rows(float64, masks):
    model = strong(MADE(Real((3,)), hidden=(7,), masks=masks), 3.0)
    model.log_density(1e3 * torch.randn(4, 3)).sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())


def test_a_single_entry_has_nothing_before_it(float64):
    model = strong(MADE(Binary(()), hidden=(3,), masks=2))
    assert masses(model).sum() == pytest.approx(1, abs=1e-12)
    assert model.draw(Rng(0, rows=range(5))).shape == (5,)


def test_options_that_make_no_network_are_refused():
    for options, message in (
        ({"hidden": ()}, "without any it is an fvbn"),
        ({"hidden": (5, 0)}, r"hidden is \(5, 0\)"),
        ({"masks": 0}, "masks is 0"),
        ({"activation": "step"}, "activation 'step' is unknown"),
        ({"order": (0, 0, 1)}, "no permutation"),
    ):
        with pytest.raises(ValueError, match=message):
            MADE(Binary((3,)), **options)
