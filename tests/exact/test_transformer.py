"""Transformer: normalized, causal, the network of the paper, and the same drawn from its memory."""

from __future__ import annotations

import math

import chain_rule as rule
import numpy as np
import pytest
import torch
from chain_rule import check_fast_draws, masses
from scipy.special import erf

from simulacra.core.capabilities.ancestral import ancestral_slow
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Levels, Real, Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.models.autoregressive import transformer as its
from simulacra.models.autoregressive.transformer import Transformer

SMALL = {"layers": 2, "heads": 3, "width": 6}
LABEL = Categorical((), 3)
SPACES = {
    "bits": (Binary((19,)), "auto"),
    "image": (Levels((3, 2, 3), 4), "auto"),
    "logistic": (Levels((19,), 7), "logistic"),
    "many levels": (Levels((19,), 1000), "logistic-mixture"),
    "classes": (Categorical((2, 5), 3), "auto"),
    "grades": (Ordinal((19,), 4), "auto"),
    "real": (Real((19,)), "auto"),
    "counts": (Count((19,)), "auto"),
    "text": (Tokens((19,), 30), "auto"),
    "one entry": (Levels((1,), 5), "auto"),
}
TINY = {
    "bits": (Binary((1, 2, 3)), "auto"),
    "image": (Levels((3, 1, 2), 2), "auto"),
    "logistic": (Levels((5,), 3), "logistic"),
    "mixture": (Levels((4,), 4), "logistic-mixture"),
    "classes": (Categorical((5,), 3), "auto"),
    "a class": (Categorical((), 3), "auto"),
}


def made(space: Space, condition: Space | None = None, gain: float = 0.7, **options) -> Transformer:
    """A small model with weights so large that what it sees matters."""
    torch.manual_seed(4)
    return rule.strong(Transformer(space, condition, **SMALL | options), gain).eval()


def naive(net, x: np.ndarray, f: np.ndarray | None, codes: bool) -> np.ndarray:
    """The equations, an entry, a layer and a head at a time, for one series."""
    p = {name: value.detach().numpy() for name, value in net.named_parameters()}

    def norm(name: str, h: np.ndarray) -> np.ndarray:
        return (h - h.mean()) / np.sqrt(h.var() + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

    def linear(name: str, h: np.ndarray) -> np.ndarray:
        return p[f"{name}.weight"] @ h + p.get(f"{name}.bias", 0)

    found, D = [], p["P"].shape[1]
    kept: list[list[np.ndarray]] = [[] for _ in net.blocks]
    for t in range(len(x)):
        h = p["P"][t].copy()
        if t:
            h += p["A.weight"][int(x[t - 1])] if codes else p["A.weight"][:, 0] * x[t - 1] + p["A.bias"]
        h += 0 if f is None else p["C.weight"] @ f
        for i, block in enumerate(net.blocks):
            own, m = f"blocks.{i}", D // block.heads
            kept[i].append(linear(f"{own}.W", norm(f"{own}.n_1", h)).reshape(3, block.heads, m))
            a = []
            for head in range(block.heads):
                q = kept[i][-1][0, head]
                scores = np.array([q @ qkv[1, head] / math.sqrt(m) for qkv in kept[i]])
                weights = np.exp(scores - scores.max())
                a.append(sum(w * qkv[2, head] for w, qkv in zip(weights / weights.sum(), kept[i])))
            h = h + linear(f"{own}.O", np.concatenate(a))
            u = linear(f"{own}.U", norm(f"{own}.n_2", h))
            h = h + linear(f"{own}.V", u * (1 + erf(u / math.sqrt(2))) / 2)
        found.append(linear("Y", norm("n", h)))
    return np.stack(found)


@pytest.mark.system("H18")
@pytest.mark.parametrize("condition", [None, LABEL, Real((2, 2))], ids=["none", "label", "numbers"])
@pytest.mark.parametrize("space", [Levels((9,), 7), Real((9,))], ids=["codes", "numbers"])
@torch.no_grad()
def test_the_network_is_that_of_the_equations(float64, space, condition):
    model = made(space, condition)
    x = torch.randint(7, (3, 9)) if space.discrete else torch.randn(3, 9)
    c = None if condition is None else torch.arange(3) if condition is LABEL else torch.randn(3, 2, 2)
    f = [None] * 3 if condition is None else condition.vectors(c, torch.float64).numpy()
    whole = model.parameters_of(x, c)
    for row in range(3):
        expected = torch.tensor(naive(model.net, x[row].numpy(), f[row], space.discrete))
        torch.testing.assert_close(whole[row].T, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.system("H18")
@pytest.mark.parametrize("name", TINY)
def test_probabilities_sum_to_one(float64, name):
    space, likelihood = TINY[name]
    model = made(space, LABEL, gain=0.3, likelihood=likelihood)
    p = [masses(model, c) for c in range(3)]
    assert [v.sum() for v in p] == pytest.approx([1, 1, 1], abs=1e-12)
    assert np.abs(p[0] - p[1]).max() > 0.01 * p[0].max()
    assert masses(made(space, likelihood=likelihood)).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.system("H18")
@pytest.mark.parametrize("name", SPACES)
def test_its_memory_gives_the_numbers_and_samples_of_the_whole_network(float64, name):
    space, likelihood = SPACES[name]
    check_fast_draws(made(space, gain=0.4, likelihood=likelihood))


@pytest.mark.system("H18")
def test_its_memory_knows_the_condition(float64):
    check_fast_draws(made(Levels((20,), 7), LABEL), 3, torch.tensor([2, 0, 1]))


@pytest.mark.system("H18")
@torch.no_grad()
def test_memory_is_allocated_once_and_copied_for_a_second_continuation_alone(float64):
    model, x = made(Levels((9,), 5)), torch.randint(5, (2, 9))
    state = model.begin(2)
    rooms = [layer.data_ptr() for layer in state.memory.layers]
    assert all(layer.shape == (2, 2, 3, 9, 2) for layer in state.memory.layers)
    states = [state]
    for t in range(8):
        states.append(model.advance(states[-1], t, x[:, t]))
    assert all([layer.data_ptr() for layer in s.memory.layers] == rooms for s in states)
    other = model.advance(states[4], 4, 4 - x[:, 4])
    assert not set(rooms) & {layer.data_ptr() for layer in other.memory.layers}
    branch = torch.cat([x[:, :4], 4 - x[:, 4:5], x[:, 5:]], 1)
    for rows, now in ((branch, other), (x, states[5])):
        torch.testing.assert_close(now.y, model.parameters_of(rows)[:, :, 5], rtol=1e-10, atol=1e-11)


@pytest.mark.system("H18")
def test_gradients_through_its_states_are_those_of_the_whole_network(float64):
    model, x = made(Real((5,)), gain=0.4), torch.randn(2, 5)
    whole = torch.autograd.grad(model.parameters_of(x).square().sum(), list(model.parameters()))
    state, total = model.begin(2), torch.zeros(())
    for t in range(5):
        total = total + model.next_parameters(state, t).square().sum()
        state = model.advance(state, t, x[:, t])
    for one, other in zip(torch.autograd.grad(total, list(model.parameters())), whole):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.system("H18")
@pytest.mark.parametrize("shape", [(11,), (3, 2, 2)], ids=["series", "raster"])
def test_an_entry_moves_all_later_ones_and_no_other(float64, shape):
    model = made(Real(shape))
    d = math.prod(shape)
    seen = np.any([rule.reads(model, torch.randn(1, *shape)) for _ in range(2)], axis=0)
    assert (seen == np.tri(d, k=-1, dtype=bool)).all()
    if len(shape) == 3:  # the three channels of a pixel stand together
        assert model.order.tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]


@pytest.mark.system("H18")
@torch.no_grad()
def test_a_row_does_not_depend_on_its_batch(float64, monkeypatch):
    model = made(Tokens((8,), 9), LABEL)
    c = torch.arange(50) % 3
    x = model.sample(50, c, seed=3)
    scores, begun = model.log_prob(x, c).values, torch.arange(8) < 2
    filled = model.complete(x[:7], begun.expand(7, -1), c[:7], seed=1)
    for n in (1, 2, 3):
        assert model.sample(n, c[:n], seed=3).equal(x[:n])
        torch.testing.assert_close(model.log_prob(x[:n], c[:n]).values, scores[:n], rtol=0, atol=1e-12)
    # rows go through the network, and are drawn, in parts of 3 and 2
    monkeypatch.setattr(its, "AT_ONCE", 3 * 4 * 8 * 6)
    monkeypatch.setattr(its, "REMEMBERED", 2 * 2 * 2 * 8 * 6)
    assert model.sample(50, c, seed=3).equal(x)
    assert model.complete(x[:7], begun.expand(7, -1), c[:7], seed=1).equal(filled)
    torch.testing.assert_close(model.log_prob(x, c).values, scores, rtol=0, atol=1e-12)


@pytest.mark.system("H19")
@torch.no_grad()
def test_a_known_beginning_stays_and_the_rest_follows_it_alone(float64):
    rule.check_completions(made(Binary((6,))), torch.tensor([1.0, 0, 1, 1, 0, 0]), first=3)
    model = made(Tokens((9,), 6, ("<end>", *"abcde")))
    texts = model.text(model.complete(["ab"] * 20 + ["cde"], seed=2))
    assert all(text.startswith("ab") for text in texts[:20]) and len({*texts[:20]}) > 3
    assert texts[20].startswith("cde")


@pytest.mark.system("H18")
def test_draws_follow_the_density(float64):
    rule.check_draws(made(Binary((6,)), LABEL), c=1)


@pytest.mark.system("H18")
@torch.no_grad()
def test_in_single_precision_too(seeded):
    model, rng = made(Levels((50,), 30), gain=0.4), Rng(8, rows=range(5))
    x = model.draw(rng)
    assert x.dtype == torch.float32 and x.equal(ancestral_slow(model, rng))


@pytest.mark.system("H18")
@torch.no_grad()
def test_an_entry_costs_the_matrices_of_its_layers_whatever_came_before(float64):
    """The counter knows matrix products; those of the attention, which grow with t, are not among them."""
    cost = lambda T: rule.multiplications(made(Levels((T,), 9)))
    each = 2 * (3 * 6 * 6 + 6 * 6 + 8 * 6 * 6) + 6 * 9  # two layers, and the outputs
    assert [cost(5), cost(23)] == [5 * each, 23 * each]


@pytest.mark.parametrize("condition", [None, LABEL])
@pytest.mark.parametrize("space", [Levels((20,), 7), Real((20,))], ids=["codes", "numbers"])
def test_gradients_are_finite_and_reach_all_weights(float64, space, condition):
    model = Transformer(space, condition, **SMALL)
    x = torch.randint(7, (50, 20)) if space.discrete else torch.randn(50, 20)
    (-model.log_density(x, None if condition is None else torch.arange(50) % 3).mean()).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0, name


@pytest.mark.thorough
@pytest.mark.slow
def test_it_copies_from_afar(seeded):
    """A row repeats its first half of random bits: the entropy is that of the half."""
    half = torch.randint(2, (400, 7)).float()
    x = torch.cat([half, half], 1)
    model = Transformer(Binary((14,)), layers=2, heads=2, width=24)
    optimizer = torch.optim.Adam(model.parameters(), 4e-3)
    for _ in range(250):
        optimizer.zero_grad()
        (-model.log_density(x).mean()).backward()
        optimizer.step()
    second = -model.head.build(model.parameters_of(x)).log_prob(x, torch.arange(14).expand(400, -1) >= 7)
    assert second.mean().item() < 0.2 < 7 * math.log(2)


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"^Transformer draws entries of one kind, but .*\.$"):
        Transformer(Table(a=Real(), b=Real()))
    for name in ("layers", "heads", "width"):
        with pytest.raises(ValueError, match=f"^{name} is 0, but a transformer .* take {name}=1.$"):
            Transformer(Binary((10,)), **{name: 0})
    with pytest.raises(ValueError, match=r"^width is 10, which 4 heads .* take width=12\.$"):
        Transformer(Binary((10,)), heads=4, width=10)
    with pytest.raises(ValueError, match="another order"):
        Transformer(Tokens((3,), 4), order=(2, 0, 1))
    with pytest.raises(ValueError, match="gaussian"):
        Transformer(Levels((10,), 4), likelihood="gaussian")
