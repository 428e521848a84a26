"""Masked diffusion, enumerated: its law of texts, its bound, its noise, its completions. Row H20."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from masked_chains import Oracle, built, chain_law, closed, exact_bound, guesses, rows_of

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.core.spaces.tokens import Tokens
from simulacra.models.diffusion.masked.absorbing import AbsorbingKernel
from simulacra.models.diffusion.steps.losses import bound_loss

pytestmark = [pytest.mark.system("H20"), pytest.mark.usefixtures("float64")]
TEXTS = Tokens((3,), 3, ("<end>", "a", "b"))
LABEL = Categorical((), 2)
CASES = [
    (TEXTS, None),
    (TEXTS, 1),
    (TEXTS, 3),
    (Binary((3,)), None),
    (Levels((2,), 3), 2),
    (Tokens((), 4), None),
]
cases = pytest.mark.parametrize(("space", "T"), CASES, ids=lambda v: str(v))


def laws(model, rows, c=None):
    law = chain_law(model, c)
    return torch.tensor([law.get(tuple(row.reshape(-1).tolist()), 0.0) for row in rows])


@cases
def test_draws_are_rows_of_the_space_and_their_law_sums_to_one(space, T):
    model, rows = built(space, T=T), rows_of(space)
    p = laws(model, rows)
    assert float(p.min()) > 0 and float(p.sum()) == pytest.approx(1, abs=1e-12)
    n = 3000
    x = model.draw(Rng(1, "draw", rows=range(n))).reshape(n, -1)
    found = (x[:, None] == rows).all(2).double().mean(0)
    assert float(found.sum()) == pytest.approx(1, abs=1e-12)
    assert float(((found - p).abs() / (p * (1 - p) / n).sqrt()).max()) < 4.5


@cases
def test_the_bound_is_below_log_p_and_equal_to_it_for_one_entry(space, T):
    model, rows = built(space, T=T), rows_of(space)
    p = laws(model, rows)
    shaped = rows.reshape(-1, *space.shape)
    gaps = [float(p[i].log()) - exact_bound(model, x) for i, x in enumerate(shaped)]
    assert min(gaps) >= -1e-12 and (max(gaps) > 1e-3) == (space.dims > 1 and T != 1)


def test_in_single_steps_it_is_the_mean_over_all_orders():
    model, x = built(TEXTS), (1, 0, 0)
    total = 0.0
    for order in itertools.permutations(range(3)):
        state = [3, 3, 3]
        for i in order:
            if 0 in state[: i + 1]:
                continue  # behind an end that is seen
            total += math.log(float(guesses(model, closed(model, state))[x[i], i])) / 6
            state[i] = x[i]
    assert exact_bound(model, torch.tensor(x)) == pytest.approx(total, abs=1e-12)


def test_in_two_steps_it_is_the_sum_by_hand():
    """Entries of a text of one token that come up in step 2, the others in step 1: all eight divisions."""
    model, x = built(TEXTS, T=2), (2, 0, 0)
    total = 0.0
    for early in itertools.product((True, False), repeat=3):
        first, state = guesses(model, (3, 3, 3)), [3, 3, 3]
        for i in (i for i in range(3) if early[i]):
            if 0 not in [x[j] for j in range(i) if early[j]]:
                total += math.log(float(first[x[i], i])) / 8
            state[i] = x[i]
        seen = state.index(0) if 0 in state else 3
        later = [i for i in range(seen) if not early[i]]
        second = guesses(model, (*state[:seen], *[0] * (3 - seen)))
        for i in later:
            if 0 not in [x[j] for j in later if j < i]:
                total += math.log(float(second[x[i], i])) / 8
    assert exact_bound(model, torch.tensor(x)) == pytest.approx(total, abs=1e-12)


def test_many_steps_tend_to_single_ones():
    model, x, gaps = built(TEXTS), torch.tensor([1, 2, 0]), []
    limit = exact_bound(model, x)
    for T in (4, 16, 64):
        model.kernel = AbsorbingKernel(TEXTS, T)
        gaps.append(abs(exact_bound(model, x) - limit))
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2] and gaps[2] < 0.02


@pytest.mark.parametrize("space", [TEXTS, Binary((3,))], ids=["texts", "bits"])
def test_with_the_exact_conditionals_the_bound_is_log_p(space):
    model, rows = built(space), rows_of(space)
    p = torch.rand(len(rows)) + 0.1
    p = p / p.sum()
    model.net = Oracle(rows, p, model.kernel.mask)
    for x, known in zip(rows, p):
        assert exact_bound(model, x) == pytest.approx(float(known.log()), abs=1e-12)
    # several entries of a step are independent, which costs nats
    model.kernel = AbsorbingKernel(space, 8)
    entropy = -float((p * p.log()).sum())
    bound = -sum(float(q) * exact_bound(model, x) for x, q in zip(rows, p))
    assert entropy < bound < entropy + 0.2


@pytest.mark.parametrize("T", [None, 4])
def test_the_score_has_the_exact_mean_and_so_has_the_loss(T):
    model, n = built(TEXTS, T=T), 3000
    x = torch.tensor([2, 1, 0]).expand(n, 3)
    wanted = exact_bound(model, x[0])
    with torch.no_grad():
        for found in (
            model.elbo(x, None, Rng(0, "bound", rows=range(n))),
            model.brief_bound(x, None, Rng(1, "brief", rows=range(n)), 2),
            -bound_loss(model, Batch.of(x), Rng(2, "loss", rows=range(n))).loss["bound"],
        ):
            assert float(found.mean()) == pytest.approx(wanted, abs=4.5 * float(found.std()) / n**0.5)


def test_noise_masks_each_entry_with_its_probability_and_the_way_back_has_the_posterior():
    """q(x_r = mask | x_t = mask) = r / t, of the noise and of the chain with a network that is sure."""
    n, T, space = 4000, 4, Binary((3,))
    model = built(space, T=T)
    x = torch.tensor([0, 1, 1])
    model.net = Oracle(x[None], torch.ones(1), 2)
    state, masked = model.start_chain(Rng(0, rows=range(n))), []
    for t in range(T):
        state = model.step(state, Rng(0, t, rows=range(n)))
        masked.append(~model.drawn(state))
        assert bool((model.shown(state) == x)[~masked[-1]].all())
    for r, found in zip((3, 2, 1), masked):
        drawn = model.kernel.noised(x.expand(n, 3).double(), torch.full((n, 1), float(r)), torch.rand(n, 3))
        for some in (found, drawn == 2):
            assert float(some.double().mean()) == pytest.approx(r / T, abs=4.5 * (0.25 / (3 * n)) ** 0.5)
        both = found[:, 0] & found[:, 1]
        assert float(both.double().mean()) == pytest.approx((r / T) ** 2, abs=4.5 * (0.25 / n) ** 0.5)
    again = masked[2][masked[0]].double()
    assert float(again.mean()) == pytest.approx(1 / 3, abs=4.5 * (0.25 / len(again)) ** 0.5)
    assert not bool(masked[-1].any())


def test_a_condition_and_its_guidance():
    model, rows = built(TEXTS, LABEL), rows_of(TEXTS)
    p = [laws(model, rows, torch.tensor([c])) for c in (0, 1)]
    assert (
        all(float(q.sum()) == pytest.approx(1, abs=1e-12) for q in p)
        and float((p[0] - p[1]).abs().max()) > 0.01
    )
    for i, c in itertools.product((3, 5), (0, 1)):
        assert exact_bound(model, rows[i], torch.tensor([c])) < float(p[c][i].log())
    h = torch.tensor([[3.0, 1.0, 3.0]])
    without, given = (model.predicted(h, None, None, c).logits for c in (None, torch.tensor([1])))
    pulled = model.guided(h, None, None, torch.tensor([1]), 2.0).logits
    torch.testing.assert_close(pulled, 2 * given - without)
    dropped = model.predicted(h, None, None, torch.tensor([1]), torch.zeros(1, 1, dtype=torch.bool))
    torch.testing.assert_close(dropped.logits, without)


@torch.no_grad()
def test_a_completion_draws_from_the_conditionals_given_what_is_known():
    model, n = built(TEXTS), 3000
    known = torch.tensor([False, False, True])
    x = model.fill(torch.tensor([[0, 0, 2]]).expand(n, 3), known.expand(n, 3), Rng(3, rows=range(n)))
    assert bool((x[:, 2] == 2).all()) and not bool((x == 0).any())
    wanted = torch.zeros(3, 3)
    for i, j in ((0, 1), (1, 0)):
        f = guesses(model, (3, 3, 2))[:, i]
        for v in (1, 2):
            state = [3, 3, 2]
            state[i] = v
            for w, q in enumerate(guesses(model, tuple(state))[:, j]):
                a, b = (v, w) if i < j else (w, v)
                wanted[a, b] += f[v] * q / 2
    found = torch.zeros(9).index_add(0, (3 * x[:, 0] + x[:, 1]).long(), torch.ones(n)).view(3, 3) / n
    assert float((found - wanted).abs().max()) < 4.5 * (0.25 / n) ** 0.5


def test_a_text_has_one_score_however_it_is_given():
    model = built(Tokens((7,), 3, ("<end>", "a", "b")))
    forms = (["ab"], [[1, 2]], [[1, 2, 0, 0]], [[1, 2, *[0] * 9]])
    scores = [model.log_prob(x).values for x in forms]
    assert all(torch.equal(score, scores[0]) for score in scores)
    both = model.log_prob(["bbbbbbb", "ab"]).values
    assert float(both[1]) == pytest.approx(float(scores[0]), abs=1e-12)


@torch.no_grad()
def test_what_stands_behind_an_end_is_read_by_nobody():
    """States close, so the network sees an end and ends behind it, whatever was drawn there."""
    kernel = AbsorbingKernel(Tokens((5,), 3), None)
    state = torch.tensor([[1.0, 3, 0, 3, 2], [3, 3, 3, 3, 3], [0, 3, 3, 1, 1]])
    assert kernel.closed(state).tolist() == [[1, 3, 0, 0, 0], [3] * 5, [0] * 5]
    model = built(Tokens((3,), 3))
    f = guesses(model, (3, 2, 3))
    assert float(f[0, 0]) == 0 and float(f[0, 2]) > 0


@torch.no_grad()
def test_errors_of_steps_are_their_variance_on_average():
    model, rows = built(Binary((2,))), rows_of(Binary((2,)))
    p = torch.tensor([0.4, 0.1, 0.2, 0.3])
    model.net = Oracle(rows, p, 2)
    for t in (1, 2):
        kernel, now = model.kernel, torch.full((4, 1), float(t))
        masks = [m for m in itertools.product((0.0, 0.99), repeat=2) if m.count(0.0) == t]
        sums = torch.zeros(2)
        for e in masks:
            h = kernel.noised(rows.double(), now, torch.tensor([e]).expand(4, 2))
            found = kernel.errors(rows.double(), h, now, now - 1, model.predicted(h, None, None, None))
            sums += torch.stack([(p * found.squared).sum(), (p * found.claimed).sum()])
        assert float(sums[0]) == pytest.approx(float(sums[1]), abs=1e-12) and float(sums[0]) > 0.1
