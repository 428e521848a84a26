"""Boltzmann machines of higher order against enumeration of all their states."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from machines import numbers, randomise
from oracles import states
from scipy.special import logsumexp

from simulacra.api import fit
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann.pairwise.higher_order import HigherOrderBM


def random_machine(d: int, hidden: int = 0, order: int = 3, scale: float = 0.7, **options) -> HigherOrderBM:
    """Random weights of all products."""
    model = HigherOrderBM(Binary((d,)), hidden=hidden, order=order, **options)
    randomise(model, scale)
    return model


def products(x: np.ndarray, r: int) -> np.ndarray:
    """The products of r units, by hand, shape (n, combinations)."""
    return np.stack([x[:, list(c)].prod(1) for c in itertools.combinations(range(x.shape[1]), r)], 1)


def scores(model: HigherOrderBM) -> tuple[np.ndarray, np.ndarray]:
    """All states and b'x + the weighted products of each."""
    t = numbers(model)
    x = states(len(t["b"]))
    return x, x @ t["b"] + sum(products(x, r) @ t[f"W.{r - 2}"] for r in range(2, model.order + 1))


@pytest.mark.system("A25")
@pytest.mark.parametrize(("hidden", "order"), [(0, 2), (0, 3), (2, 3), (1, 4), (0, 5)])
def test_log_probability_is_the_enumerated_one(float64, hidden, order):
    model = random_machine(5, hidden, order)
    score = scores(model)[1].reshape(32, -1)
    expected = logsumexp(score, axis=1) - logsumexp(score)
    np.testing.assert_allclose(model.log_prob(torch.tensor(states(5))).values, expected, atol=1e-10)


@pytest.mark.system("A25")
def test_the_gradient_is_the_difference_of_moments_of_each_order(float64):
    model = random_machine(5)
    data = states(5)[[3, 3, 17, 30]]
    model.log_density(torch.tensor(data)).mean().backward()
    x, score = scores(model)
    p = np.exp(score - logsumexp(score))
    for r, w in enumerate(model.W, 2):
        np.testing.assert_allclose(w.grad, products(data, r).mean(0) - p @ products(x, r), atol=1e-10)


@pytest.mark.system("A25")
@pytest.mark.parametrize("order", [2, 3, 4])
def test_a_unit_makes_the_difference_between_on_and_off(float64, order):
    model = random_machine(5, 1, order)
    x = torch.rand(11, 6).round()
    for i in range(6):
        on, off = x.clone(), x.clone()
        on[:, i], off[:, i] = 1, 0
        torch.testing.assert_close(model.differences(x, [i])[:, 0], model.score(on) - model.score(off))


@pytest.mark.system("A25")
def test_moments_of_chains_are_the_enumerated_ones(float64):
    n, model = 8000, random_machine(5, 1)
    x, score = scores(model)
    p = np.exp(score - logsumexp(score))
    state = model.start_chain(Rng(4, rows=range(n)))
    with torch.no_grad():
        for t in range(40):
            state = model.step(state, Rng(4, t, rows=range(n)))
    for r in (1, 2, 3):
        truth = p @ products(x, r)
        error = np.sqrt(truth * (1 - truth) / n)
        assert (abs(products(state.numpy(), r).mean(0) - truth) < 4 * error).all()


@pytest.mark.system("A25")
def test_an_exclusive_or_needs_the_third_order(float64, tmp_path):
    """Its pairs are independent, so that the best machine of second order is uniform: KL = log 2."""
    x = torch.tensor(states(3)[[0, 3, 5, 6]])
    data = from_tensors(x.repeat(5, 1), Binary((3,)), valid=0.0, test=0.0)
    found = {}
    for order in (2, 3):
        model = HigherOrderBM(Binary((3,)), order=order, estimator="exact", lr=2.0, momentum=0.97)
        fit(model, data, out=tmp_path / str(order), epochs=250, batch_size=20, progress=False)
        found[order] = -np.log(4) - model.log_prob(x).mean
    assert found[2] == pytest.approx(np.log(2), abs=1e-6) and found[2] > 0.5
    assert 0 < found[3] < 1e-3


def test_chains_train_a_small_machine(float64, tmp_path):
    """Persistent chains lower KL(data || model) on three-way structure, and the model is saved and loaded."""
    x = torch.tensor(states(4)[[0, 1, 6, 7, 10, 11, 12, 13]]).repeat(20, 1)
    model = HigherOrderBM(Binary((4,)), order=3, chains=500, gibbs_steps=2, lr=1.0, burn_in=20)
    run = fit(model, from_tensors(x, Binary((4,)), valid=0.0, test=0.0), out=tmp_path / "run", epochs=150,
              batch_size=160, progress=False)  # fmt: skip
    assert -np.log(8) - run.model.log_prob(x[:8]).mean < 0.4
    run.model.save(tmp_path / "saved")
    again = HigherOrderBM(Binary((4,)), order=3, chains=500, burn_in=20)
    again.load_state_dict(run.model.state_dict())
    assert torch.equal(again.sample(7, seed=3), run.model.sample(7, seed=3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": Real((4,))}, "a Boltzmann machine of higher order needs binary data"),
        ({"order": 1}, "order is 1, but it must be at least 2"),
        ({"order": 7, "hidden": 2}, "order is 7, but 6 units make no product of more than 6"),
        ({"space": Binary((1, 28, 28))}, "order=3 over 784 units makes 80,007,984 products"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError) as error:
        HigherOrderBM(**{"space": Binary((4,))} | options)
    assert message in str(error.value)
