"""The fully visible belief network against its formulas, enumeration and Newton's method."""

from __future__ import annotations

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
from scipy.special import expit

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.autoregressive.vectors.fvbn import FVBN

ORDER = (3, 0, 4, 2, 1)


def bernoulli(x: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """log p of bits with these logits, summed over the entries."""
    return (x * logits - np.logaddexp(0, logits)).sum(1)


@pytest.mark.system("H6")
@pytest.mark.parametrize("hidden", [0, 3])
def test_probabilities_of_eight_bits_sum_to_one(float64, hidden):
    model = strong(FVBN(Binary((8,)), hidden=hidden, order=(5, 1, 7, 0, 2, 6, 4, 3)))
    p = masses(model)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert p.max() > 4 * p.min() > 0


@pytest.mark.system("H6")
@pytest.mark.parametrize("hidden", [0, 2])
@pytest.mark.parametrize(("space", "head"), DISCRETE, ids=str)
def test_probabilities_sum_to_one_on_every_discrete_space(float64, space, head, hidden):
    order = tuple(range(space.dims))[::-1]
    model = strong(FVBN(space, hidden=hidden, likelihood=head, mixtures=2, order=order), 0.5)
    assert masses(model).sum() == pytest.approx(1, abs=1e-10)
    check_fast_draws(model)


@pytest.mark.system("H6")
@pytest.mark.parametrize("hidden", [0, 2])
def test_a_density_of_two_reals_integrates_to_one(float64, hidden):
    model = strong(FVBN(Real((2,)), hidden=hidden, order=(1, 0)), 0.3)
    assert integral(model) == pytest.approx(1, abs=1e-8)


@pytest.mark.system("H7")
def test_the_linear_net_is_a_logistic_regression_of_each_bit(float64):
    model = strong(FVBN(Binary((5,)), order=ORDER))
    linear = model.net.layers[0].linear
    W, b = linear.weight.detach().numpy(), linear.bias.detach().numpy()
    x, logits = states(5), np.zeros((32, 5))
    for t, i in enumerate(ORDER):
        logits[:, i] = b[i]
        for j in ORDER[:t]:
            logits[:, i] += W[i, j] * x[:, j]
    ours = model.log_density(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours, bernoulli(x, logits), rtol=1e-12)


@pytest.mark.system("H7")
@pytest.mark.parametrize("d", [1, 2, 7])
def test_the_linear_net_has_a_number_for_each_pair_and_each_bit(float64, d):
    model = strong(FVBN(Binary((d,))))
    model.log_density((torch.rand(50, d) < 0.5).double()).sum().backward()
    felt = sum(int((p.grad != 0).sum()) for p in model.parameters())
    assert felt == d * (d + 1) // 2


def newton(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logistic regression with intercept by iteratively reweighted least squares."""
    a, beta = np.column_stack([np.ones(len(x)), x]), np.zeros(x.shape[1] + 1)
    for _ in range(50):
        p = expit(a @ beta)
        step = np.linalg.solve((a.T * (p * (1 - p))) @ a, a.T @ (y - p))
        beta += step
        if abs(step).max() < 1e-12:
            return beta
    raise AssertionError("no optimum: the data are separable")


@pytest.mark.system("H7")
def test_the_trained_optimum_is_that_of_iteratively_reweighted_least_squares(float64):
    d, order = 8, (2, 7, 1, 0, 5, 3, 6, 4)
    source = strong(FVBN(Binary((d,)), order=order), 0.8)
    with torch.no_grad():
        x = source.draw(Rng(21, "data", rows=range(700)))
    model = FVBN(Binary((d,)), order=order)
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=500,
        tolerance_grad=1e-11,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def loss():
        optimizer.zero_grad()
        value = -model.log_density(x).mean()
        value.backward()
        return value

    optimizer.step(loss)
    linear, rows = model.net.layers[0].linear, x.numpy()
    for t, i in enumerate(order):
        beta = newton(rows[:, list(order[:t])], rows[:, i])
        assert linear.bias[i].item() == pytest.approx(beta[0], abs=1e-6)
        np.testing.assert_allclose(linear.weight[i, list(order[:t])].detach().numpy(), beta[1:], atol=1e-6)


@pytest.mark.system("H8")
def test_groups_of_hidden_units_go_from_left_to_right_and_serve_all_entries_behind_them(float64):
    m = 3
    model = strong(FVBN(Binary((5,)), hidden=m, order=ORDER))
    into, out = (layer.linear for layer in model.net.layers)
    V, c, U, b = (t.detach().numpy() for t in (into.weight, into.bias, out.weight, out.bias))
    W = model.net.direct.linear.weight.detach().numpy()
    x, logits = states(5), np.zeros((32, 5))
    for t, i in enumerate(ORDER):
        logits[:, i] = b[i]
        for s, j in enumerate(ORDER[:t]):
            unit = slice(m * s, m * s + m)
            seen = list(ORDER[: s + 1])
            h = np.tanh(c[unit] + x[:, seen] @ V[unit][:, seen].T)
            logits[:, i] += W[i, j] * x[:, j] + h @ U[i, unit]
    ours = model.log_density(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours, bernoulli(x, logits), rtol=1e-12)


@pytest.mark.system("H8")
@pytest.mark.parametrize("hidden", [0, 2])
@pytest.mark.parametrize("space", [Binary((7,)), Real((7,))], ids=str)
def test_an_output_reads_all_entries_before_it_and_no_other(float64, space, hidden):
    order = tuple(torch.randperm(7).tolist())
    model = strong(FVBN(space, hidden=hidden, order=order))
    np.testing.assert_array_equal(reads(model, torch.randn(1, 7)), np.tri(7, k=-1) > 0)


@pytest.mark.system("H8")
def test_hidden_units_hold_what_no_logistic_regression_does(float64):
    """x_3 = x_1 xor x_2: bits that the linear net leaves at log 2."""
    x = torch.tensor([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
    best = {}
    for hidden in (0, 4):
        model = FVBN(Binary((3,)), hidden=hidden)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(300):
            optimizer.zero_grad()
            loss = -model.log_density(x).mean()
            loss.backward()
            optimizer.step()
        best[hidden] = loss.item() / np.log(2)
    assert best[0] > 2.99 and best[4] < 2.05


@pytest.mark.system("C10")
@pytest.mark.parametrize("hidden", [0, 2])
def test_ancestral_draws_have_the_enumerated_frequencies(float64, hidden):
    check_draws(strong(FVBN(Binary((5,)), hidden=hidden, order=ORDER)))


@pytest.mark.system("H7")
@pytest.mark.parametrize("hidden", [0, 2])
def test_completions_follow_the_enumerated_conditional(float64, hidden):
    model = strong(FVBN(Binary((5,)), hidden=hidden, order=ORDER))
    check_completions(model, torch.tensor([1.0, 0, 1, 1, 0]), first=3)


@pytest.mark.system("H7")
@pytest.mark.parametrize(("hidden", "d"), [(0, 7), (0, 50), (3, 7)])
def test_a_draw_multiplies_once_for_each_connection(float64, hidden, d):
    """Entry t + 1 of the linear net: t numbers; of the neural one, its group and what the groups say."""
    order = tuple(torch.randperm(d).tolist())
    model = strong(FVBN(Binary((d,)), hidden=hidden, order=order))
    pairs = d * (d - 1) // 2
    assert multiplications(model) == pairs * (1 + 2 * hidden)
    check_fast_draws(model)


@pytest.mark.parametrize("hidden", [0, 3])
def test_a_condition_moves_every_entry_also_the_first(float64, hidden):
    model = strong(FVBN(Binary((4,)), Categorical((), 3), hidden=hidden, order=(2, 0, 3, 1)))
    p = np.stack([masses(model, c) for c in range(3)])
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-12)
    first = (p * (states(4)[:, 2] == 1)).sum(1)
    assert np.ptp(first) > 0.05
    check_fast_draws(model, 7, torch.arange(7) % 3)
    check_draws(model, c=1)


@pytest.mark.parametrize("hidden", [0, 3])
def test_gradients_are_finite_for_impossible_rows(float64, hidden):
    model = strong(FVBN(Real((3,)), hidden=hidden), 5.0)
    model.log_density(1e3 * torch.randn(4, 3)).sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())


def test_a_single_entry_has_nothing_before_it(float64):
    for hidden in (0, 2):
        model = strong(FVBN(Binary(()), hidden=hidden))
        assert masses(model).sum() == pytest.approx(1, abs=1e-12)
        assert model.draw(Rng(0, rows=range(5))).shape == (5,)


def test_options_that_make_no_network_are_refused():
    with pytest.raises(ValueError, match="hidden is -1, but a group has 0"):
        FVBN(Binary((3,)), hidden=-1)
    with pytest.raises(ValueError, match="activation 'step' is unknown"):
        FVBN(Binary((3,)), hidden=2, activation="step")
