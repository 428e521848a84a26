"""Kinds of units against all their states: mean, draw, log-partition, measure and enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy
import torch
from oracles import chi_square, states
from scipy.special import logsumexp, softmax
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.models.boltzmann.machine.units import Alternatives, Bernoulli, Blocks, Gaussian, OneHot, Units


def one_hot(shape: tuple[int, ...], least: int) -> np.ndarray:
    """Every x of 0s and 1s with at least `least` and at most one 1 along the last dimension."""
    x = states(math.prod(shape)).reshape(-1, *shape)
    on = x.sum(-1).reshape(len(x), -1)
    return x[((on <= 1) & (on >= least)).all(1)]


def alternatives(shape: tuple[int, ...]) -> np.ndarray:
    """One row's switch is on, its units anything; all else is 0."""
    groups, width = shape
    found = []
    for k, bits in itertools.product(range(groups), states(width - 1)):
        x = np.zeros(shape)
        x[k] = [1, *bits]
        found.append(x)
    return np.array(found)


KINDS: dict[str, tuple[Units, tuple[int, ...], np.ndarray]] = {
    "bernoulli": (Bernoulli(), (5,), states(5)),
    "bernoulli of two dimensions": (Bernoulli(), (2, 3), states(6).reshape(-1, 2, 3)),
    "one-hot": (OneHot(), (7,), one_hot((7,), 1)),
    "groups of one-hot": (OneHot(), (3, 2), one_hot((3, 2), 1)),
    "block": (Blocks(), (9,), one_hot((9,), 0)),
    "blocks": (Blocks(), (2, 3), one_hot((2, 3), 0)),
    "blocks of two dimensions": (Blocks(), (2, 1, 3), one_hot((2, 1, 3), 0)),
    "alternatives": (Alternatives(), (3, 4), alternatives((3, 4))),
    "one alternative": (Alternatives(), (1, 3), alternatives((1, 3))),
}
every_kind = pytest.mark.parametrize("name", KINDS)


def fields(shape: tuple[int, ...], n: int = 3) -> Tensor:
    """n fields on a layer."""
    return torch.tensor(1.3 * np.random.default_rng(5).normal(size=(n, *shape)))


def products(x: np.ndarray, field: Tensor) -> np.ndarray:
    """f'x of every state, shape (fields, states)."""
    return field.detach().numpy().reshape(len(field), -1) @ x.reshape(len(x), -1).T


@every_kind
@pytest.mark.system("A2", "A14")
def test_log_partition_and_mean_are_sums_over_all_states(float64, name):
    units, shape, x = KINDS[name]
    field = fields(shape).requires_grad_()
    scores = products(x, field)
    found = units.log_partition(field)
    assert found.shape == (3,)
    np.testing.assert_allclose(found.detach(), logsumexp(scores, axis=1), atol=1e-12)
    mean = np.einsum("fn,n...->f...", softmax(scores, axis=1), x)
    np.testing.assert_allclose(units.mean(field).detach(), mean, atol=1e-12)
    # the mean is the gradient of the log-partition: free energies are differentiated
    (slope,) = torch.autograd.grad(found.sum(), field)
    np.testing.assert_allclose(slope, mean, atol=1e-12)
    assert torch.equal(units.log_measure(torch.tensor(x)), torch.zeros(len(x)))


@every_kind
@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_enumeration_gives_every_state_once(name, chunk):
    units, shape, x = KINDS[name]
    n = round(math.exp(units.log_states(shape)))
    assert n == len(x) and units.log_states(shape) == pytest.approx(math.log(n), abs=1e-12)
    parts = [units.states(i, min(i + chunk, n), shape) for i in range(0, n, chunk)]
    found = torch.cat(parts).reshape(n, -1).tolist()
    assert sorted(found) == sorted(x.reshape(n, -1).tolist())


def test_states_come_in_the_order_that_is_said():
    assert Bernoulli().states(2, 4, (3,)).tolist() == [[0, 1, 0], [1, 1, 0]]
    assert not Blocks().states(0, 1, (2, 3)).any()


@every_kind
@pytest.mark.system("A30")
def test_draws_have_the_frequencies_of_the_law(float64, name):
    units, shape, x = KINDS[name]
    n, field = 20000, fields(shape, 1)
    drawn = units.draw(field.expand(n, *shape), Rng(11, rows=range(n)), "x")
    numbers = {tuple(state.ravel()): i for i, state in enumerate(x)}
    found = np.array([numbers[tuple(row)] for row in drawn.reshape(n, -1).tolist()])
    assert chi_square(found, softmax(products(x, field))[0]) > 0.001


@every_kind
def test_a_row_is_drawn_the_same_whatever_rows_are_beside_it(float64, name):
    units, shape, _ = KINDS[name]
    field, rng = fields(shape, 50), Rng(3, "x", rows=range(50))
    whole = units.draw(field, rng, "x")
    assert torch.equal(units.draw(field[7:31], rng, "x", rows=range(7, 31)), whole[7:31])
    assert not torch.equal(units.draw(field, rng, "y"), whole)


@every_kind
def test_great_fields_give_finite_numbers(name):
    units, shape, _ = KINDS[name]
    for value in (-2000.0, 2000.0):
        field = torch.full((2, *shape), value, requires_grad=True)
        found = units.log_partition(field)
        found.sum().backward()
        assert found.isfinite().all() and units.mean(field).isfinite().all() and field.grad.isfinite().all()
        assert units.draw(field, Rng(0, rows=range(2)), "x").isfinite().all()


@pytest.mark.system("A14", "A16")
def test_a_pooling_block_of_nine_has_ten_states_of_512():
    assert round(math.exp(Bernoulli().log_states((9,)))) == 512 == len(states(9))
    assert round(math.exp(Blocks().log_states((9,)))) == 10 == (states(9).sum(1) <= 1).sum()
    assert round(math.exp(Blocks().log_states((4, 9)))) == 10**4


@pytest.mark.system("A14")
def test_a_pooling_unit_is_off_with_the_probability_of_no_unit_on(float64):
    field = fields((2, 9))
    off = 1 - Blocks().mean(field).sum(-1)
    np.testing.assert_allclose(off, 1 / (1 + np.exp(field.numpy()).sum(-1)), atol=1e-14)


@pytest.mark.system("A6")
@pytest.mark.parametrize("scale", [1.0, 0.4, 2.5])
def test_gaussian_units_by_quadrature(float64, scale):
    units, field = Gaussian(scale), fields((3,)).requires_grad_()
    x = np.linspace(-60, 60, 48001)
    step, f = x[1] - x[0], field.detach().numpy()[..., None]
    np.testing.assert_allclose(
        units.log_measure(torch.tensor(x).unsqueeze(1)), -(x**2) / (2 * scale**2), atol=1e-12
    )
    scores = f * x - x**2 / (2 * scale**2)
    expected = logsumexp(scores, axis=-1) + math.log(step)
    np.testing.assert_allclose(units.log_partition(field).detach(), expected.sum(1), atol=1e-9)
    mean = (softmax(scores, axis=-1) * x).sum(-1)
    np.testing.assert_allclose(units.mean(field).detach(), mean, atol=1e-9)
    (slope,) = torch.autograd.grad(units.log_partition(field).sum(), field)
    np.testing.assert_allclose(slope, mean, atol=1e-9)
    assert math.isinf(units.log_states((3,)))


@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_gaussian_draws_are_normal(float64, scale):
    n, field = 20000, torch.tensor([[0.7, -1.2]])
    x = Gaussian(scale).draw(field.expand(n, 2), Rng(4, rows=range(n)), "x").numpy()
    for column, f in zip(x.T, field[0].tolist()):
        assert scipy.stats.kstest(column, scipy.stats.norm(scale**2 * f, scale).cdf).pvalue > 0.001
    assert abs(np.corrcoef(x.T)[0, 1]) < 4 / math.sqrt(n)
