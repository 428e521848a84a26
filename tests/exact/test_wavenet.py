"""WaveNet: causal, normalized, its receptive field and gates as in the paper, the same drawn from queues."""

from __future__ import annotations

import math

import chain_rule as rule
import numpy as np
import pytest
import torch
from chain_rule import check_fast_draws, masses, reads

from simulacra.core.capabilities.ancestral import ancestral, ancestral_slow
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Levels, Real
from simulacra.models.autoregressive.wavenet import WaveNet

SMALL = {"blocks": 2, "layers": 3, "channels": 5, "skip_channels": 6}
LABEL = Categorical((), 3)
SPACES = {
    "bits": (Binary((19,)), "auto"),
    "levels": (Levels((19,), 7), "auto"),
    "logistic": (Levels((19,), 7), "logistic"),
    "many levels": (Levels((19,), 1000), "logistic-mixture"),
    "classes": (Categorical((19,), 3), "auto"),
    "grades": (Ordinal((19,), 4), "auto"),
    "real": (Real((19,)), "auto"),
    "counts": (Count((19,)), "auto"),
    "one entry": (Levels((1,), 5), "auto"),
}
TINY = {
    "bits": (Binary((8,)), "auto"),
    "levels": (Levels((5,), 3), "auto"),
    "logistic": (Levels((5,), 3), "logistic"),
    "mixture": (Levels((4,), 4), "logistic-mixture"),
    "classes": (Categorical((5,), 3), "auto"),
}
CONDITIONS = {
    "none": (None, None),
    "label": (LABEL, torch.tensor([2, 0, 1])),
    "vector": (Real((4,)), torch.linspace(-1, 1, 12).view(3, 4)),
    "series": (Real((2, 5)), torch.linspace(-2, 1, 30).view(3, 2, 5).cos()),
    "frame an entry": (Real((1, 20)), torch.linspace(-9, 9, 60).view(3, 1, 20).sin()),
    "symbols": (Categorical((1, 4), 3), torch.tensor([[[0, 2, 1, 1]], [[1, 0, 0, 2]], [[2, 1, 0, 2]]])),
}
both = pytest.mark.parametrize("space", [Levels((20,), 7), Real((20,))], ids=["codes", "numbers"])


def made(space, condition=None, gain: float = 0.6, **options) -> WaveNet:
    """A small model with weights so large that what it sees matters."""
    return rule.strong(WaveNet(space, condition, **SMALL | options), gain).eval()


@pytest.mark.system("H18")
@pytest.mark.parametrize(("blocks", "layers"), [(1, 1), (1, 4), (2, 2), (2, 3), (3, 1), (5, 2)])
def test_receptive_field_is_what_the_jacobian_says(float64, blocks, layers):
    reach = 2 + blocks * (2**layers - 1)
    model = made(Real((reach + 5,)), blocks=blocks, layers=layers)
    assert model.receptive_field == reach
    back = np.arange(reach + 5)[:, None] - np.arange(reach + 5)
    # of one x all rectifiers of the head may be off
    seen = np.any([reads(model, torch.randn(1, reach + 5)) for _ in range(5)], axis=0)
    # strictly causal, and no gap: the entries 1, ..., reach before t
    assert (seen == ((back > 0) & (back <= reach))).all()


@pytest.mark.system("H18")
@pytest.mark.parametrize("name", ["bits", "levels", "logistic", "many levels", "classes", "grades", "counts"])
@torch.no_grad()
def test_another_value_of_an_entry_moves_the_later_ones_in_reach_alone(float64, name):
    space, likelihood = SPACES[name]
    model = made(space, likelihood=likelihood, blocks=1)
    assert model.receptive_field == 9 < space.dims
    x = ancestral(model, Rng(2, rows=range(1)))
    before = model.parameters_of(x)
    for s in range(space.dims):
        other = x.clone()
        other[:, s] = (other[:, s] + 1) % 2 if name != "many levels" else 1000 - other[:, s]
        moved = (model.parameters_of(other) != before).any(1).squeeze(0)
        assert moved.nonzero().flatten().tolist() == list(range(s + 1, min(s + 10, space.dims)))


def naive(net, x: np.ndarray, c: np.ndarray | None, one_hot: bool) -> np.ndarray:
    """The paper's equations, an entry and a layer at a time, for one series and its condition (T, size)."""
    p = {name: value.detach().numpy() for name, value in net.named_parameters()}
    C, found = net.channels, []
    taps = lambda v: p["A.weight"][int(v)] if one_hot else p["A.weight"][:, 0] * v + p["A.bias"]
    h = [[] for _ in net.dilations]
    for t in range(len(x)):
        now = np.zeros(C)
        for back, half in ((2, slice(0, C)), (1, slice(C, 2 * C))):
            if t >= back:
                now = now + taps(x[t - back])[half]
        skips = p["S.bias"].copy()
        for k, d in enumerate(net.dilations):
            h[k].append(now)
            past = h[k][t - d] if t >= d else np.zeros(C)
            W, V = p["W"][k], p["V"][k] if c is not None else np.zeros((0, 2 * C))
            given = c[t] if c is not None else np.zeros(0)
            f, g = (
                W[:C, half].T @ past + W[C:, half].T @ now + V[:, half].T @ given + p["b"][k, 0, half]
                for half in (slice(0, C), slice(C, 2 * C))
            )
            z = np.tanh(f) / (1 + np.exp(-g))
            skips += p["S.weight"][:, k * C : (k + 1) * C] @ z
            if k + 1 < len(net.dilations):
                now = now + p["R"][k].T @ z
        inner = p["O.1.weight"] @ np.maximum(skips, 0) + p["O.1.bias"]
        found.append(p["O.3.weight"] @ np.maximum(inner, 0) + p["O.3.bias"])
    return np.stack(found)


@pytest.mark.system("H18")
@pytest.mark.parametrize("condition", CONDITIONS)
@both
@torch.no_grad()
def test_the_network_is_that_of_the_paper(float64, space, condition):
    kind, c = CONDITIONS[condition]
    model = made(space, kind)
    x = torch.randint(7, (3, 20)) if space.discrete else torch.randn(3, 20)
    given = [None] * 3
    if kind is not None:
        features = kind.features(c, torch.float64)
        frames = features.reshape(3, -1, kind.shape[1] if len(kind.shape) == 2 else 1)
        given = frames.repeat_interleave(20 // frames.shape[2], 2).transpose(1, 2).numpy()
    whole = model.parameters_of(x, c)
    for row in range(3):
        expected = torch.tensor(naive(model.net, x[row].numpy(), given[row], space.discrete))
        torch.testing.assert_close(whole[row].T, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.system("H18")
@pytest.mark.parametrize("name", TINY)
def test_probabilities_sum_to_one(float64, name):
    space, likelihood = TINY[name]
    model = made(space, LABEL, likelihood=likelihood)
    p = [masses(model, c) for c in range(3)]
    assert [v.sum() for v in p] == pytest.approx([1, 1, 1], abs=1e-12)
    assert np.abs(p[0] - p[1]).max() > 0.01 * p[0].max()
    assert masses(made(space, likelihood=likelihood)).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.system("H18")
def test_a_density_integrates_to_one(float64):
    assert rule.integral(made(Real((2,)), gain=0.3, blocks=1, layers=2)) == pytest.approx(1, abs=1e-6)


@pytest.mark.system("H18")
@pytest.mark.parametrize("name", SPACES)
def test_queues_give_the_numbers_and_samples_of_the_whole_network(float64, name):
    space, likelihood = SPACES[name]
    check_fast_draws(made(space, gain=0.4, likelihood=likelihood))


@pytest.mark.system("H18")
@pytest.mark.parametrize("condition", CONDITIONS)
def test_queues_know_the_condition(float64, condition):
    kind, c = CONDITIONS[condition]
    check_fast_draws(made(Levels((20,), 7), kind), 3, c)


@pytest.mark.system("H18")
@torch.no_grad()
def test_in_single_precision_too(seeded):
    """Rounding moves a number by about 1e-6, so a sample differs once in some hundred thousand entries."""
    model, rng = made(Levels((50,), 30), gain=0.4), Rng(8, rows=range(5))
    x = model.draw(rng)
    assert x.dtype == torch.float32 and x.equal(ancestral_slow(model, rng))


@pytest.mark.system("H18")
@torch.no_grad()
def test_a_series_goes_on_in_several_ways_from_one_state(float64):
    model = made(Levels((40,), 5), Real((2, 8)))
    start, ends = torch.randint(5, (2, 13)), torch.randint(5, (3, 2, 27))
    c = torch.randn(2, 2, 8)
    state = model.begin(2, c)
    for t in range(13):
        state = model.advance(state, t, start[:, t])
    branches = [state] * 3
    for t in range(13, 40):
        for i, end in enumerate(ends):  # in turn: what one writes another would read
            whole = model.parameters_of(torch.cat([start, end], 1), c)[:, :, t]
            torch.testing.assert_close(model.next_parameters(branches[i], t), whole)
            branches[i] = model.advance(branches[i], t, end[:, t - 13])


@pytest.mark.system("H18")
def test_drawing_an_entry_costs_its_layers_whatever_their_reach():
    cost = lambda T, **options: rule.multiplications(WaveNet(Levels((T,), 9), **SMALL | options)) / T
    assert cost(5) == pytest.approx(cost(23), rel=1e-12)
    by_layers = [cost(9, blocks=1, layers=n) for n in (2, 3, 4, 7)]
    each = by_layers[1] - by_layers[0]
    # two taps of filter and gate, the residual connection, the skip
    assert each == 2 * 5 * 10 + 5 * 5 + 5 * 6
    assert by_layers == pytest.approx([by_layers[0] + each * n for n in (0, 1, 2, 5)], rel=1e-12)
    # 7 layers that reach 2 + 7 entries cost as much as 7 that reach 2 + 127
    assert cost(9, blocks=7, layers=1) == pytest.approx(by_layers[3], rel=1e-12)


@pytest.mark.system("H18")
def test_dilations_beyond_the_series_do_no_harm(float64):
    check_fast_draws(made(Levels((7,), 3), blocks=1, layers=40))


@pytest.mark.system("H18")
def test_a_frame_moves_the_entries_from_its_own_on(float64):
    """Frame f is heard from entry 3 f on, as far as the layers behind the first carry it."""
    model = made(Real((30,)), Real((2, 10)))
    x, c = torch.randn(1, 30), torch.randn(1, 2, 10)
    whole = lambda c: model.parameters_of(x, c)[0]
    moved = (torch.autograd.functional.jacobian(whole, c) != 0).any(0).squeeze(1).any(1)
    for f in range(10):
        last = 3 * f + 2 + sum(model.net.dilations[1:])
        assert moved[:, f].nonzero().flatten().tolist() == list(range(3 * f, min(last + 1, 30)))


@pytest.mark.system("H18")
@torch.no_grad()
def test_frames_are_repeated_and_a_vector_lasts(float64):
    coarse, fine = made(Levels((12,), 5), Real((3, 4))), made(Levels((12,), 5), Real((3, 12)))
    fixed = made(Levels((12,), 5), Real((3,)))
    fine.load_state_dict(coarse.state_dict())
    fixed.load_state_dict(coarse.state_dict())
    x, c = torch.randint(5, (2, 12)), torch.randn(2, 3, 4)
    # section 2.5: the time series of the condition repeated to the resolution of the signal
    expected = fine.parameters_of(x, c.repeat_interleave(3, 2))
    torch.testing.assert_close(coarse.parameters_of(x, c), expected)
    lasting = coarse.parameters_of(x, c[:, :, :1].expand(-1, -1, 4))
    torch.testing.assert_close(fixed.parameters_of(x, c[:, :, 0]), lasting)
    assert (fixed.parameters_of(x, c[:, :, 1]) - lasting).abs().amax(1).min() > 1e-3


@pytest.mark.system("H19")
@torch.no_grad()
def test_a_known_beginning_stays_and_the_rest_follows_it_alone(float64):
    rule.check_completions(made(Binary((7,))), torch.tensor([1.0, 0, 1, 1, 0, 0, 1]), first=3)
    model, known = made(Levels((19,), 6)), (torch.arange(19) < 8).expand(4, -1)
    x = torch.randint(6, (4, 19)).to(torch.float64)
    filled = model.fill(x, known, Rng(3, rows=range(4)))
    assert filled[known].equal(x[known]) and not filled.equal(x)
    assert model.fill(torch.where(known, x, 5 - x), known, Rng(3, rows=range(4))).equal(filled)


@pytest.mark.system("H18")
def test_draws_follow_the_density(float64):
    rule.check_draws(made(Binary((6,)), LABEL), c=1)


@pytest.mark.system("H18")
@pytest.mark.parametrize("condition", ["label", "series"])
@both
def test_gradients_are_finite_and_reach_all_weights(float64, space, condition):
    kind, c = CONDITIONS[condition]
    model = WaveNet(space, kind, **SMALL)
    x = torch.randint(7, (3, 20)) if space.discrete else torch.randn(3, 20)
    (-model.log_density(x, c).mean()).backward()
    for parameter, p in model.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0, parameter


@pytest.mark.system("H18")
def test_it_learns_a_period(seeded):
    """Five phases of a pattern: the entropy is log 5, and no bit is uncertain once the phase is known."""
    pattern = torch.tensor([1.0, 1, 0, 1, 0]).repeat(6)
    x = torch.stack([pattern.roll(i) for i in range(5)])
    model = WaveNet(Binary((30,)), blocks=1, layers=3, channels=7, skip_channels=9)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        (-model.log_density(x).mean()).backward()
        optimizer.step()
    assert math.log(5) - 1e-4 <= -model.log_density(x).mean().item() <= math.log(5) + 0.05


def test_levels_are_classes_up_to_256():
    heads = {n: WaveNet(Levels((9,), n), **SMALL).head.name for n in (2, 256, 257)}
    assert heads == {2: "categorical", 256: "categorical", 257: "logistic"}


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"^WaveNet draws entries of one kind, but .*\.$"):
        WaveNet(Table(a=Real(), b=Real()))
    for space in (Binary((1, 4, 5)), Real(), Real((4, 100))):
        with pytest.raises(ValueError, match=r"^WaveNet draws series \(T,\), but the space is .*\.$"):
            WaveNet(space)
    with pytest.raises(ValueError, match=r"^the condition has 4 frames, but x has 10 entries, .*\.$"):
        WaveNet(Binary((10,)), Real((2, 4)))
    for name in ("blocks", "layers", "channels", "skip_channels"):
        with pytest.raises(ValueError, match=f"^{name} is 0, but it must be at least 1.$"):
            WaveNet(Binary((10,)), **{name: 0})
    with pytest.raises(ValueError, match="gaussian"):
        WaveNet(Levels((10,), 4), likelihood="gaussian")
    with pytest.raises(ValueError, match=r"shape \(2, 9\), but .* needs \(B, 10\)\.$"):
        WaveNet(Binary((10,)), **SMALL).log_prob(np.zeros((2, 9)))
