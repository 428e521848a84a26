"""PixelRNN: the recurrences pixel by pixel, causal, normalized, the same from row caches."""

from __future__ import annotations

import itertools

import pytest
import torch
from oracles import chi_square, states
from torch import Tensor

from simulacra.core.capabilities.ancestral import ancestral_slow
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.models.autoregressive.images.pixelrnn import PixelRNN
from simulacra.nets.autoregressive.causal import planes
from simulacra.nets.autoregressive.recurrent_raster import DiagonalBiLSTM, RowLSTM, skew, unskew

SMALL = {"layers": 2, "channels": 5, "first_kernel": 3}
SPACES = {
    "binary": (Binary((1, 5, 7)), "auto"),
    "colour": (Levels((3, 4, 3), 6), "categorical"),
    "grey": (Levels((1, 3, 5), 200), "logistic-mixture"),
    "classes": (Categorical((1, 3, 4), 3), "auto"),
    "one row": (Binary((3, 1, 4)), "auto"),
    "one column": (Binary((1, 6, 1)), "auto"),
}
both = pytest.mark.parametrize("recurrence", ["row", "diagonal"])


def made(recurrence: str, space, likelihood: str = "auto", **options) -> PixelRNN:
    """A model with weights large enough that what it sees matters."""
    model = PixelRNN(space, recurrence, likelihood=likelihood, **{**SMALL, **options})
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.8)
    return model.eval()


def influence(model) -> Tensor:
    """Whether entry i matters to the numbers of entry t, both in the order: shape (t, i)."""
    d, total = model.space.dims, 0
    for _ in range(4):
        x = torch.rand(1, *model.space.shape)
        whole = lambda x: model.parameters_of(x).flatten(2).abs().sum((0, 1))
        total += torch.autograd.functional.jacobian(whole, x, vectorize=True).reshape(d, d).abs()
    return (total > 0)[model.order][:, model.order]


@pytest.mark.system("H16")
@pytest.mark.parametrize(("h", "w"), [(1, 1), (3, 5), (5, 3), (4, 1), (1, 6)])
def test_unskew_undoes_skew(h, w):
    x = torch.randn(2, h, w, 3)
    skewed = skew(x)
    assert skewed.shape == (2, h, w + h - 1, 3)
    for r, c in itertools.product(range(h), range(w + h - 1)):
        assert skewed[:, r, c].equal(x[:, r, c - r] if 0 <= c - r < w else torch.zeros(2, 3))
    assert unskew(skewed).equal(x)


def lstm(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The cell by hand."""
    o, f, i, g = gates.view(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@pytest.mark.system("H16")
def test_row_lstm_is_equation_three(float64):
    n, k, size = 2, 3, (4, 5)
    layer = RowLSTM(planes(3, 1), planes(n, 1), k)
    u = torch.randn(1, *size, 3)
    weight, state = layer.input.weight.view(4 * n, 2, 3), layer.state.weight
    h = {}
    for r, c in itertools.product(range(size[0]), range(size[1])):
        gates = layer.input.bias + weight[:, 1] @ u[0, r, c]
        gates = gates + (weight[:, 0] @ u[0, r, c - 1] if c else 0)
        for j in range(k):
            above = h.get((r - 1, c + j - 1))
            gates = gates + (state[:, :, j] @ above[0] if above else 0)
        h[r, c] = lstm(gates, h[r - 1, c][1] if r else torch.zeros(n))
    expected = torch.stack([h[p][0] for p in itertools.product(range(size[0]), range(size[1]))])
    torch.testing.assert_close(layer(u), expected.view(1, *size, n))


@pytest.mark.system("H16")
def test_diagonal_bilstm_is_two_sweeps_the_right_one_shifted_down(float64):
    n, (height, width) = 2, (4, 3)
    layer = DiagonalBiLSTM(planes(3, 1), planes(n, 1))
    u = torch.randn(1, height, width, 3)
    expected = torch.zeros(height, width, n)
    for sweep, right in ((layer.left, False), (layer.right, True)):
        h, zero = {}, (torch.zeros(n), torch.zeros(n))
        for r, j in itertools.product(range(height), range(width)):
            c = width - 1 - j if right else j
            before, above = h.get((r, j - 1), zero), h.get((r - 1, j), zero)
            gates = sweep.input.weight @ u[0, r, c] + sweep.input.bias
            gates = gates + sweep.beside.weight @ before[0] + sweep.above.weight @ above[0]
            h[r, j] = lstm(gates, before[1])
            if not right:
                expected[r, c] += h[r, j][0].detach()
            elif r + 1 < height:
                expected[r + 1, c] += h[r, j][0].detach()
    torch.testing.assert_close(layer(u)[0], expected)


@pytest.mark.system("H16")
@both
@pytest.mark.parametrize("shape", [(1, 4, 6), (3, 3, 3)])
def test_no_entry_sees_itself_or_a_later_one(float64, recurrence, shape):
    matters = influence(made(recurrence, Binary(shape)))
    assert not torch.triu(matters).any()
    assert matters.any()


@pytest.mark.system("H16")
@pytest.mark.parametrize("colours", [1, 3])
def test_diagonal_bilstm_sees_all_before_but_the_end_of_the_row_above(float64, colours):
    """Type A hides the last pixel of a row from its own features, and no later one of the row sees it."""
    height, width, half = 4, 5, SMALL["first_kernel"] // 2
    matters = influence(made("diagonal", Binary((colours, height, width)), channels=6))
    expected = torch.tril(torch.ones_like(matters), -1).view(height, width, colours, height, width, colours)
    for r, c in itertools.product(range(1, height), range(width - 1 - half)):
        expected[r, c, :, r - 1, -1, colours - 1 :] = False
    assert matters.equal(expected.view(matters.shape))


@pytest.mark.system("H16")
def test_row_lstm_sees_a_triangle(float64):
    model = made("row", Binary((1, 4, 9)), layers=1)
    matters = influence(model).view(36, 4, 9)
    t = 3 * 9 + 1
    assert [matters[t, r, 1:].sum().item() for r in range(3)] == [4, 3, 2]


@pytest.mark.system("H16")
@both
@pytest.mark.parametrize("name", ["3x3 bits", "colour levels"])
def test_probabilities_sum_to_one(float64, recurrence, name):
    space = {"3x3 bits": Binary((1, 3, 3)), "colour levels": Levels((3, 1, 2), 3)}[name]
    x = torch.tensor(states(space.dims, getattr(space, "levels", 2))).view(-1, *space.shape)
    assert made(recurrence, space).log_density(x).exp().sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.system("H16")
@both
@pytest.mark.parametrize("name", SPACES)
@torch.no_grad()
def test_row_caches_give_the_samples_of_the_whole_network(float64, recurrence, name):
    model = made(recurrence, *SPACES[name])
    x = model.draw(Rng(6, rows=range(5)))
    assert x.equal(ancestral_slow(model, Rng(6, rows=range(5))))
    state, whole = model.begin(5), model.parameters_of(x).flatten(2)
    for t, i in enumerate(model.order.tolist()):
        torch.testing.assert_close(model.next_parameters(state, t), whole[..., i], rtol=0, atol=1e-12)
        state = model.advance(state, t, x.flatten(1)[:, i])


@pytest.mark.system("H16")
@torch.no_grad()
def test_a_wide_row_lstm_remembers_enough(float64):
    model = made("row", Binary((1, 3, 8)), kernel=7)
    x = model.draw(Rng(2, rows=range(3)))
    assert x.equal(ancestral_slow(model, Rng(2, rows=range(3))))


@pytest.mark.system("H19")
@both
@torch.no_grad()
def test_completions_are_the_conditional_by_enumeration(float64, recurrence):
    model, n = made(recurrence, Binary((1, 3, 3))), 3000
    x = torch.tensor([0.0, 1, 1, 0, 1, 0, 0, 0, 0]).view(1, 1, 3, 3)
    known = (torch.arange(9) < 5).view(1, 1, 3, 3)
    drawn = model.fill(x.expand(n, -1, -1, -1), known.expand(n, -1, -1, -1), Rng(9, rows=range(n))).flatten(1)
    assert (drawn[:, :5] == x.flatten()[:5]).all()
    everything = torch.tensor(states(9))
    fitting = everything[(everything[:, :5] == x.flatten()[:5]).all(1)]
    p = model.log_density(fitting.view(-1, 1, 3, 3)).exp().numpy()
    index = (drawn[:, 5:] @ (2.0 ** torch.arange(3, -1, -1))).long().numpy()
    assert chi_square(index, p / p.sum()) > 1e-3


@both
def test_gradients_are_finite_and_reach_all_weights(float64, recurrence):
    model = made(recurrence, *SPACES["colour"])
    (-model.log_density(torch.randint(6, (4, 3, 4, 3))).mean()).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0, name


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"^recurrence is 'column', but it must be 'row' or 'diagonal'\.$"):
        PixelRNN(Binary((1, 4, 5)), "column")
    with pytest.raises(ValueError, match="PixelRNN draws images"):
        PixelRNN(Binary((20,)))
