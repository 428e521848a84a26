"""Drawing from masked diffusions: shares of a step, orders, what is watched, and times spread evenly."""

from __future__ import annotations

import pytest
import torch
from masked_chains import Oracle, built, guesses, rows_of

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.core.spaces.tokens import Tokens
from simulacra.models.diffusion.steps.spread import spread

pytestmark = [pytest.mark.system("H20"), pytest.mark.usefixtures("float64")]


def film(model, n=3, c=None, **how):
    """The number of masked entries of each row after each pass, shape (passes, n), and the sample."""
    seen = []
    x = model.sample(n, c, seed=2, watch=lambda t, total, x, known: seen.append((t, total, ~known)), **how)
    assert [call[:2] for call in seen] == [(t, len(seen)) for t in range(1, len(seen) + 1)]
    return torch.stack([masked.flatten(1).sum(1) for *_, masked in seen]), x


@pytest.mark.parametrize("order", ["random", "confidence"])
def test_a_pass_unmasks_its_share_of_the_entries(order):
    model = built(Binary((11,)))
    shares = {3: [7, 3, 0], 5: [8, 6, 4, 2, 0], 50: [*range(10, -1, -1)], None: [*range(10, -1, -1)]}
    for steps, left in shares.items():
        found, x = film(model, steps=steps, order=order)
        assert found.tolist() == [[n] * 3 for n in left]
        assert torch.equal(model.sample(50, seed=2, steps=steps, order=order)[:3], x)


def test_with_T_steps_each_entry_turns_up_by_itself():
    model = built(Binary((1000,)), T=4)
    found, _ = film(model)
    assert len(found) == 4 and bool((found[-1] == 0).all())
    for n, r in zip(found, (3, 2, 1)):
        assert float((n / 1000 - r / 4).abs().max()) < 4.5 * 0.5 / 1000**0.5
    assert len(film(model, steps=9)[0]) == 9 and len(film(model, steps=3, order="confidence")[0]) == 3


@torch.no_grad()
def test_confidence_goes_where_the_network_is_sure():
    """The second entry is certain from the first pass on, the others are coins."""
    model, rows = built(Binary((3,))), rows_of(Binary((3,)))
    model.net = Oracle(rows, (rows[:, 1] == 1) / 4, 2)
    state = model.begun(Rng(0, rows=range(40)), None, model.sampling)
    how = type(model.sampling)(steps=3, order="confidence")
    after = model.stepped(state, Rng(1, rows=range(40)), None, how)
    assert model.drawn(after).tolist() == [[False, True, False]] * 40


@torch.no_grad()
def test_temperature_and_the_likeliest_values():
    space = Categorical((), 4)
    model, n = built(space), 4000
    p = guesses(model, (4,))[:, 0]
    for how, law in (
        ({"temperature": 0.5}, p.square()),
        ({"top_k": 2}, p * (p >= p.topk(2).values[-1])),
        ({}, p),
    ):
        found = torch.bincount(model.sample(n, seed=0, **how).long(), minlength=4) / n
        assert float((found - law / law.sum()).abs().max()) < 4.5 * (0.25 / n) ** 0.5


@torch.no_grad()
def test_guidance_moves_the_logarithms():
    space, label = Categorical((), 3), Categorical((), 2)
    model, n, c = built(space, label), 4000, torch.tensor([1])
    given = guesses(model, (3,), c)[:, 0]
    plain = guesses(model, (3,))[:, 0]
    for g in (0.0, 1.0, 2.0):
        law = given**g * plain ** (1 - g)
        found = torch.bincount(model.sample(n, c, seed=0, guidance=g).long(), minlength=3) / n
        assert float((found - law / law.sum()).abs().max()) < 4.5 * (0.25 / n) ** 0.5


def test_texts_are_watched_with_what_is_seen_of_them():
    model = built(Tokens((6,), 3, ("<end>", "a", "b")))
    frames = []
    x = model.sample(5, seed=1, watch=lambda t, total, x, known: frames.append((x, known)))
    for y, known in frames:
        assert torch.equal(y[known], x[known]) and not bool(y[~known].any())
    assert torch.equal(frames[-1][0], x)


def test_gaps_of_texts_are_filled_at_any_place():
    model = built(Tokens((6,), 3, ("<end>", "a", "b")))
    known = torch.tensor([False, True, False, False, True, False])
    texts = model.text(model.complete(["abaabb"] * 60, known=known, seed=0))
    assert all(text[1] == "b" and text[4] == "b" and len(text) in (5, 6) for text in texts)
    assert len(set(texts)) > 5
    ended = model.text(model.complete(["ab"] * 20, known=[[False, True, True, True, True, True]], seed=0))
    assert {*ended} == {"ab", "bb"}


@pytest.mark.parametrize("n", [5, 13, 64])
def test_times_are_uniform_one_by_one_and_even_together(n):
    draws = torch.stack([spread(Rng(s, rows=range(n)), torch.float64)[:, 0] for s in range(600)])
    counts = torch.stack([(draws * 4).floor().eq(k).double().mean(0) for k in range(4)])
    assert float((counts - 0.25).abs().max()) < 5 * (0.19 / 600) ** 0.5
    # a mean over the batch has far less variance than one of independent times
    assert float(draws.mean(1).var()) < 0.35 / (12 * n)
    parts = [spread(Rng(7, rows=rows), torch.float64) for rows in (range(3), range(3, n))]
    assert torch.equal(torch.cat(parts), spread(Rng(7, rows=range(n)), torch.float64))


def test_what_does_not_fit_is_said():
    model = built(Binary((3,)))
    with pytest.raises(ValueError, match=r"MaskedDiffusion takes entries of .* Real.*: DDPM\.$"):
        simulacra.MaskedDiffusion(Real((3,)))
    with pytest.raises(ValueError, match=r"^T is 0, but a masked diffusion .* take T=100\.$"):
        simulacra.MaskedDiffusion(Binary((3,)), T=0)
    with pytest.raises(
        ValueError, match=r"^order is 'left', but .*|^order is 'left'; possible are random, conf"
    ):
        model.sample(2, order="left")
    with pytest.raises(ValueError, match=r"^steps is 0, but a draw takes"):
        model.sample(2, steps=0)
    with pytest.raises(ValueError, match=r"^guidance is 2\.0, but this MaskedDiffusion has no condition"):
        model.sample(2, guidance=2.0)
    with pytest.raises(ValueError, match=r"^width is 10, which 4 heads"):
        simulacra.MaskedDiffusion(Binary((3,)), width=10)
