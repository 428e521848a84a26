"""PixelCNN and gated PixelCNN: causal, normalised, the same drawn from row caches or by the whole net."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from oracles import chi_square, states
from torch.utils.flop_counter import FlopCounterMode

from simulacra.core.ancestral import ancestral_slow
from simulacra.core.classes import Categorical
from simulacra.core.composite import Fields
from simulacra.core.random import Rng
from simulacra.core.space import Binary, Levels, Real
from simulacra.models.autoregressive.pixelcnn import GatedPixelCNN, PixelCNN
from simulacra.nets.causal import Above, Beside, planes
from simulacra.nets.gated_stacks import GatedLayer

LABELS = Categorical((), 3)
SMALL = {"layers": 3, "channels": 7, "first_kernel": 5}
MODELS = {
    "plain": lambda space, **options: PixelCNN(space, **SMALL, **options),
    "gated": lambda space, **options: GatedPixelCNN(space, **SMALL, **options),
}
SPACES = {
    "binary": (Binary((1, 5, 7)), "auto"),
    "grey": (Levels((1, 5, 7), 9), "logistic"),
    "mixture": (Levels((1, 4, 3), 256), "logistic-mixture"),
    "colour": (Levels((3, 4, 5), 9), "categorical"),
    "colour bits": (Binary((3, 3, 5)), "auto"),
    "two channels": (Real((2, 3, 4)), "gaussian"),
    "classes": (Categorical((1, 3, 4), 3), "auto"),
    "one pixel": (Binary((1, 1, 1)), "auto"),
    "one column": (Levels((3, 5, 1), 3), "categorical"),
}
both = pytest.mark.parametrize("kind", MODELS)
everywhere = pytest.mark.parametrize("name", SPACES)


def made(kind: str, name: str, **options):
    """A model with weights large enough that what it sees matters."""
    space, observation = SPACES[name]
    return loud(MODELS[kind](space, observation=observation, **options))


def loud(model):
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(2.0)
    return model.eval()


def influence(model, inputs: int = 6) -> torch.Tensor:
    """Whether entry i matters to the numbers of entry t, both in the order: shape (t, i)."""
    d, order = model.space.dims, model.order
    total = torch.zeros(d, d)
    for _ in range(inputs):
        x = torch.rand(1, *model.space.shape) * (getattr(model.space, "levels", 2) - 1)
        whole = lambda x: model.parameters_of(x).flatten(2).abs().sum((0, 1))
        total += torch.autograd.functional.jacobian(whole, x, vectorize=True).reshape(d, d).abs()
    return (total > 0)[order][:, order]


def seen_offsets(model) -> set[tuple[int, int]]:
    """Of a plain stack: all sums of one offset of type A and one of type B a further layer."""
    net = model.net
    kernels = [net.beside.reach] + [block.beside.reach for block in net.blocks]
    seen = {(0, 0)}
    for i, half in enumerate(kernels):
        square = itertools.product(range(-half, half + 1), repeat=2)
        steps = {(a, b) for a, b in square if (a, b) < (0, 0) or (i > 0 and (a, b) == (0, 0))}
        seen = {(a + p, b + q) for a, b in seen for p, q in steps}
    return seen


@pytest.mark.system("H17")
@both
@pytest.mark.parametrize("name", ["binary", "grey", "colour", "two channels"])
def test_no_entry_sees_itself_or_a_later_one(float64, kind, name):
    matters = influence(made(kind, name))
    assert not torch.triu(matters).any()
    assert torch.tril(matters).any()


@pytest.mark.system("H17")
def test_the_order_is_by_row_pixel_and_channel():
    model = PixelCNN(Binary((3, 2, 4)), layers=1, channels=3)
    expected = [
        torch.arange(24).view(3, 2, 4)[c, i, j].item() for i in range(2) for j in range(4) for c in range(3)
    ]
    assert model.order.tolist() == expected


@pytest.mark.system("H17")
@pytest.mark.parametrize("name", ["binary", "colour"])
def test_gated_has_no_blind_spot(float64, name):
    space, observation = SPACES[name]
    model = loud(GatedPixelCNN(space, layers=5, channels=9, first_kernel=5, observation=observation))
    d = space.dims
    # its depth reaches six rows and columns: all of the image
    assert influence(model).equal(torch.tril(torch.ones(d, d), -1).bool())


@pytest.mark.system("H17")
def test_gated_reaches_just_as_far_as_it_says(float64):
    model = loud(GatedPixelCNN(Binary((1, 6, 11)), layers=2, channels=8, kernel=3, first_kernel=5))
    matters = influence(model).view(66, 6, 11)
    for t, r, c in itertools.product([60, 38, 33], range(6), range(11)):
        down, right = t // 11 - r, c - t % 11
        assert matters[t, r, c] == ((0 < down <= 3 and abs(right) <= 3) or (down == 0 and -3 <= right < 0))


@pytest.mark.system("H17")
@pytest.mark.parametrize(("kernel", "first"), [(3, 3), (3, 5), (5, 3)])
def test_plain_has_the_blind_spot_of_its_kernels(float64, kernel, first):
    model = loud(PixelCNN(Binary((1, 5, 9)), layers=6, channels=12, kernel=kernel, first_kernel=first))
    seen, matters = seen_offsets(model), influence(model).view(45, 5, 9)
    t = 4 * 9 + 1  # bottom row, second pixel
    for r, c in itertools.product(range(5), range(9)):
        assert matters[t, r, c] == ((r - 4, c - 1) in seen)
    assert not matters[t, 3, 1 + max(kernel, first) // 2 + 1 :].any() and matters[t, 3, :2].all()


@pytest.mark.system("H17")
@pytest.mark.parametrize("kind", ["A", "B"])
def test_above_and_beside_are_the_masked_convolution(float64, kind):
    colours, n, m, k = 3, 4, 7, 5
    above = Above(n, m, k, bias=False)
    beside = Beside(planes(n, colours), planes(m, colours), k, kind)
    whole = torch.randn(m, n, k, k)  # weights behind the pixel must not matter
    whole[:, :, : k // 2] = above.conv.weight.detach()
    whole[:, :, k // 2, : k // 2 + 1] = beside.weight.detach().view(m, k // 2 + 1, n).transpose(1, 2)
    for o, i, a, b in itertools.product(range(m), range(n), range(k), range(k)):
        target, source = o * colours // m, i * colours // n
        same = source < target if kind == "A" else source <= target
        if (a, b) > (k // 2, k // 2) or ((a, b) == (k // 2, k // 2) and not same):
            whole[o, i, a, b] = 0
    x = torch.randn(2, n, 4, 6)
    expected = F.conv2d(x, whole, beside.bias, padding=k // 2)
    last = x.movedim(1, 3)
    torch.testing.assert_close((above(last) + beside.everywhere(last)).movedim(3, 1), expected)


@pytest.mark.system("H17")
def test_a_gated_layer_is_equation_four(float64):
    layer, n = GatedLayer(planes(1, 1), planes(4, 1), 3, True, 2), 4
    seen, c = torch.randn(5, 3, 2 * n), torch.randn(5, 2)
    v, term = layer.vertical(seen, c)
    big = layer.condition.weight.detach()
    given = (c @ big.T).unsqueeze(1)
    f, g = seen[..., :n] + given[..., :n], seen[..., n:] + given[..., n : 2 * n]
    torch.testing.assert_close(v, f.tanh() / (1 + (-g).exp()))
    torch.testing.assert_close(term, seen @ layer.link.weight.T + given[..., 2 * n :])


@pytest.mark.system("H17")
def test_the_plain_network_is_that_of_the_paper(float64):
    """Table 1 and figure 5 with grey images, in plain convolutions: no colour is masked but in type A."""
    net = PixelCNN(Binary((1, 4, 5)), layers=2, channels=3, first_kernel=3).net
    block, x = net.blocks[0], torch.randn(2, 1, 4, 5)

    def masked(above, beside, h):
        left, n = (beside.weight * beside.mask).view(len(beside.weight), 2, -1).transpose(1, 2), h.shape[1]
        return F.conv2d(F.pad(h, (1, 1, 1, 0)), above.conv.weight)[:, :, :-1] + F.conv2d(
            F.pad(h, (1, 0, 0, 0)), left.reshape(-1, n, 1, 2), beside.bias
        )

    def one(conv, h):
        return F.conv2d(h.relu(), conv.weight[:, :, None, None], conv.bias)

    h = masked(net.above, net.beside, x)
    h = h + one(block.up, masked(block.above, block.beside, one(block.down, h).relu()))
    expected = one(net.head.outer, one(net.head.inner, h))
    torch.testing.assert_close(net(x.movedim(1, 3)).movedim(3, 1), expected)


TINY = {
    "512 binary images": (Binary((1, 3, 3)), "auto"),
    "4 levels, categorical": (Levels((1, 2, 3), 4), "categorical"),
    "3 levels, logistic, colour": (Levels((3, 2, 1), 3), "logistic"),
    "3 levels, mixture": (Levels((1, 2, 3), 3), "logistic-mixture"),
    "colour bits": (Binary((3, 1, 3)), "auto"),
    "classes": (Categorical((1, 2, 3), 3), "auto"),
}


@pytest.mark.system("H17")
@both
@pytest.mark.parametrize("name", TINY)
def test_probabilities_sum_to_one(float64, kind, name):
    space, observation = TINY[name]
    levels = getattr(space, "levels", getattr(space, "classes", 2))
    x = torch.tensor(states(space.dims, levels)).view(-1, *space.shape)
    model = loud(MODELS[kind](space, observation=observation))
    assert model.log_density(x).exp().sum().item() == pytest.approx(1, abs=1e-12)
    if kind == "gated":
        model = loud(MODELS[kind](space, observation=observation, condition=LABELS))
        p = [model.log_density(x, torch.full((len(x),), y)).exp() for y in range(3)]
        assert [v.sum().item() for v in p] == pytest.approx([1, 1, 1], abs=1e-12)
        assert (p[0] - p[1]).abs().max() > 0.01 * p[0].max()


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


@both
def test_gradients_are_finite_and_reach_all_weights(float64, kind):
    model = made(kind, "colour", **({"condition": LABELS} if kind == "gated" else {}))
    x = torch.randint(9, (4, 3, 4, 5))
    c = torch.tensor([0, 1, 2, 1]) if kind == "gated" else None
    (-model.log_density(x, c).mean()).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0, name


@both
def test_what_does_not_fit_is_said(kind):
    model = MODELS[kind](Binary((1, 4, 5)))
    with pytest.raises(ValueError, match=r"shape \(2, 1, 5, 5\), but .* needs \(B, 1, 4, 5\)\.$"):
        model.log_prob(np.zeros((2, 1, 5, 5)))
    for space in (Binary((20,)), Real((4, 5)), Fields(a=Real(), b=Real())):
        with pytest.raises(ValueError, match=r"draws images \(C, H, W\), but the space is "):
            MODELS[kind](space)
    cases = {"layers": 0, "channels": 2, "kernel": 4, "first_kernel": 1}
    for name, value in cases.items():
        with pytest.raises(ValueError, match=f"^{name} is {value}, but"):
            type(model)(Binary((3, 4, 5)), **{name: value})
