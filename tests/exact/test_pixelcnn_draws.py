"""PixelCNN and gated PixelCNN: drawn from row caches as by the whole net, and by the law of the model."""

from __future__ import annotations

import pytest
import torch
from oracles import chi_square, states
from pixelcnns import LABELS, MODELS, SMALL, both, everywhere, loud, made
from torch.utils.flop_counter import FlopCounterMode

from simulacra.core.capabilities.ancestral import ancestral_slow
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.models.autoregressive.images.pixelcnn import GatedPixelCNN


def walk(model, x: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
    """The numbers of all entries of x from the incremental state, shape (B, P, d)."""
    state, found = model.begin(len(x), c), []
    for t, i in enumerate(model.order.tolist()):
        found.append(model.next_parameters(state, t))
        state = model.advance(state, t, x.flatten(1)[:, i])
    return torch.stack(found, -1)[..., model.order.argsort()]


@pytest.mark.system("H17")
@both
@everywhere
@torch.no_grad()
def test_row_caches_give_the_numbers_and_samples_of_the_whole_network(float64, kind, name):
    model = made(kind, name, **({"condition": LABELS} if kind == "gated" else {}))
    c = torch.tensor([2, 0, 1, 1, 0]) if kind == "gated" else None
    x = model.draw(Rng(3, rows=range(5)), c)
    slow = ancestral_slow(model, Rng(3, rows=range(5)), c)
    if model.space.discrete:
        assert x.equal(slow)
    torch.testing.assert_close(x, slow, rtol=0, atol=1e-9)
    torch.testing.assert_close(walk(model, x, c), model.parameters_of(x, c).flatten(2), rtol=0, atol=1e-12)


@pytest.mark.system("H17")
@both
@pytest.mark.parametrize("name", ["binary", "grey", "colour"])
@torch.no_grad()
def test_in_single_precision_too(seeded, kind, name):
    """The two sums differ by rounding, about 1e-6 of a number: a sample differs where u falls into
    that gap, once in some hundred thousand entries.
    """
    model = made(kind, name)
    x = model.draw(Rng(8, rows=range(3)))
    assert x.dtype == torch.float32 and x.equal(ancestral_slow(model, Rng(8, rows=range(3))))
    torch.testing.assert_close(walk(model, x), model.parameters_of(x).flatten(2), rtol=0, atol=2e-5)


@pytest.mark.system("H17")
@both
@torch.no_grad()
def test_advancing_leaves_the_state_before_as_it_was(float64, kind):
    model = made(kind, "colour bits")
    state, bits = model.begin(2), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    for t in range(20):
        before = model.next_parameters(state, t).clone()
        one, other = (model.advance(state, t, value) for value in bits)
        again = model.advance(state, t, bits[0])
        assert model.next_parameters(state, t).equal(before)
        assert model.next_parameters(one, t + 1).equal(model.next_parameters(again, t + 1))
        assert not model.next_parameters(one, t + 1).equal(model.next_parameters(other, t + 1)) or t % 3
        state = other


@pytest.mark.system("H17")
@both
@torch.no_grad()
def test_drawing_costs_no_more_than_one_pass_whatever_the_size(kind):
    drawing, passing = [], []
    for side in (5, 10, 15):
        model = MODELS[kind](Binary((1, side, side)))
        with FlopCounterMode(display=False) as draw:
            model.draw(Rng(0, rows=range(2)))
        with FlopCounterMode(display=False) as once:
            model.parameters_of(torch.zeros(2, 1, side, side))
        drawing.append(draw.get_total_flops() / side**2)
        passing.append(once.get_total_flops() / side**2)
    assert all(a <= 1.001 * b for a, b in zip(drawing, passing))
    assert max(drawing) <= 1.1 * min(drawing)


@pytest.mark.system("H19")
@both
@torch.no_grad()
def test_completions_are_the_conditional_by_enumeration(float64, kind):
    space, n = Binary((1, 3, 3)), 3000
    model = loud(MODELS[kind](space))
    x = torch.tensor([1.0, 0, 0, 1, 1, 0, 1, 0, 1]).view(1, 1, 3, 3)
    known = (torch.arange(9) < 4).view(1, 1, 3, 3)
    rows = x.expand(n, -1, -1, -1), known.expand(n, -1, -1, -1)
    drawn = model.fill(*rows, Rng(21, rows=range(n))).flatten(1)
    assert (drawn[:, :4] == x.flatten()[:4]).all()
    everything = torch.tensor(states(9))
    fitting = everything[(everything[:, :4] == x.flatten()[:4]).all(1)]
    p = model.log_density(fitting.view(-1, 1, 3, 3)).exp()
    index = (drawn[:, 4:] @ (2.0 ** torch.arange(4, -1, -1))).long().numpy()
    assert chi_square(index, (p / p.sum()).numpy()) > 1e-3
    # what stands in the missing entries is never looked at
    other = torch.where(known, x, 1 - x).expand(n, -1, -1, -1)
    assert model.fill(other, rows[1], Rng(21, rows=range(n))).flatten(1).equal(drawn)


@pytest.mark.system("H19")
@both
@torch.no_grad()
def test_completion_may_begin_within_a_pixel(float64, kind):
    space, n = Binary((3, 1, 2)), 3000
    model = loud(MODELS[kind](space))
    x = torch.tensor([1.0, 0, 0, 1, 1, 0]).view(1, 3, 1, 2)
    known = torch.zeros(6, dtype=torch.bool)
    known[model.order[:4]] = True  # the first pixel, and R of the second
    rows = x.expand(n, -1, -1, -1), known.view(1, 3, 1, 2).expand(n, -1, -1, -1)
    drawn = model.fill(*rows, Rng(5, rows=range(n))).flatten(1)
    assert (drawn[:, known] == x.flatten()[known]).all()
    everything = torch.tensor(states(6))
    fitting = everything[(everything[:, known] == x.flatten()[known]).all(1)]
    p = model.log_density(fitting.view(-1, 3, 1, 2)).exp().numpy()
    index = (drawn[:, ~known] @ torch.tensor([2.0, 1.0])).long().numpy()
    assert len(p) == 4 and chi_square(index, p / p.sum()) > 1e-3


@pytest.mark.system("H19")
@torch.no_grad()
def test_draws_follow_the_density(float64):
    model, n = loud(GatedPixelCNN(Binary((1, 2, 3)), LABELS, **SMALL)), 4000
    c = torch.full((n,), 2)
    x = model.draw(Rng(4, rows=range(n)), c).flatten(1)
    p = model.log_density(torch.tensor(states(6)).view(-1, 1, 2, 3), torch.full((64,), 2)).exp()
    index = (x @ (2.0 ** torch.arange(5, -1, -1))).long().numpy()
    assert chi_square(index, p.numpy()) > 1e-3
