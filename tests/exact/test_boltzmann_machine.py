"""The fully connected Boltzmann machine against enumeration of all its states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from machines import numbers, randomise
from oracles import states
from scipy.special import expit, logsumexp

from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.likelihood.annealing import bracket
from simulacra.models.boltzmann.pairwise.boltzmann_machine import BoltzmannMachine


def random_machine(d: int, hidden: int = 0, scale: float = 0.5, **options) -> BoltzmannMachine:
    """Random couplings and biases, also on the diagonal of the parameter, which must play no part."""
    model = BoltzmannMachine(Binary((d,)), hidden=hidden, **options)
    randomise(model, scale)
    return model


def couplings(model: BoltzmannMachine) -> tuple[np.ndarray, np.ndarray]:
    """U, symmetric with a diagonal of zeros, and b."""
    t = numbers(model)
    u = (t["U"] + t["U"].T) / 2
    np.fill_diagonal(u, 0)
    return u, t["b"]


def scores(model: BoltzmannMachine) -> tuple[np.ndarray, np.ndarray]:
    """All states, the visible units in front, and x'Ux + b'x of each."""
    u, b = couplings(model)
    x = states(len(b))
    return x, np.einsum("ni,ij,nj->n", x, u, x) + x @ b


def law(model: BoltzmannMachine) -> np.ndarray:
    """p of all states."""
    score = scores(model)[1]
    return np.exp(score - logsumexp(score))


@pytest.mark.system("A1")
@pytest.mark.parametrize("hidden", [0, 3])
def test_log_probability_is_the_enumerated_one(float64, hidden):
    model = random_machine(5, hidden)
    score = scores(model)[1].reshape(32, -1)
    expected = logsumexp(score, axis=1) - logsumexp(score)
    found = model.log_prob(torch.tensor(states(5)))
    assert found.kind == "exact"
    np.testing.assert_allclose(found.values, expected, atol=1e-10)
    some = torch.tensor(states(5)[[7, 3, 7, 30]])
    np.testing.assert_allclose(-model.free_energy(some).detach(), logsumexp(score, axis=1)[[7, 3, 7, 30]])


@pytest.mark.system("A1")
def test_the_gradient_is_the_difference_of_two_moments(float64):
    """n = 8: d mean log p / dU_ij = E_data x_i x_j - E_model x_i x_j, for both places of a pair."""
    model = random_machine(8, scale=0.4)
    data = states(8)[[3, 3, 77, 200, 254]]
    model.log_density(torch.tensor(data)).mean().backward()
    x, p = scores(model)[0], law(model)
    expected = data.T @ data / len(data) - np.einsum("n,ni,nj->ij", p, x, x)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(model.U.grad, expected, atol=1e-8)
    np.testing.assert_allclose(model.b.grad, data.mean(0) - p @ x, atol=1e-8)


@pytest.mark.system("A1")
def test_the_gradient_with_hidden_units_is_the_difference_of_two_means(float64):
    model = random_machine(3, 2)
    data = states(3)[[1, 1, 6]]
    model.log_density(torch.tensor(data)).mean().backward()
    x, p = scores(model)[0], law(model)
    second = lambda weight: np.einsum("n,ni,nj->ij", weight, x, x)
    given = np.zeros(len(x))
    for v in data:
        same = (x[:, :3] == v).all(1) * p
        given += same / same.sum() / len(data)
    expected = second(given) - second(p)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(model.U.grad, expected, atol=1e-10)


@pytest.mark.system("A1")
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_a_sweep_draws_each_unit_given_all_others(float64, beta):
    model, n = random_machine(4, 2), 50
    model.base.copy_(torch.randn(4))
    u, b = couplings(model)
    base = np.r_[model.base.numpy(), np.zeros(2)]
    rng = Rng(3, rows=range(n))
    x = Rng(9, rows=range(n)).uniform("x", 6).round()
    expected = x.numpy().copy()
    for way, order in (("there", range(6)), ("back", range(4, -1, -1))):
        noise = rng.uniform(way, 6).numpy()
        for i in order:
            field = beta * (b[i] + 2 * expected @ u[:, i]) + (1 - beta) * base[i]
            expected[:, i] = noise[:, i] < expit(field)
    found = model.packed(model.sweep(model.unpacked(x), rng, range(n), beta=beta))
    np.testing.assert_array_equal(found.detach(), expected)
    assert 0 < abs(found - x).mean() < 1


@pytest.mark.system("A30")
def test_sweeps_there_and_back_are_reversible_and_one_way_are_not():
    """From the equations alone: what annealing in reverse rests on."""
    rng = np.random.default_rng(1)
    u = np.triu(rng.normal(size=(3, 3)), 1)
    x = states(3)
    score = np.einsum("ni,ij,nj->n", x, u + u.T, x) + x @ rng.normal(size=3)
    p = np.exp(score - logsumexp(score))

    def site(i: int) -> np.ndarray:
        same = (np.delete(x, i, 1)[:, None] == np.delete(x, i, 1)[None]).all(-1)
        return same * p / (same * p).sum(1, keepdims=True)

    a, b, c = (site(i) for i in range(3))
    flow = p[:, None] * (a @ b @ c @ b @ a)
    np.testing.assert_allclose(flow, flow.T, atol=1e-15)
    one = p[:, None] * (a @ b @ c)
    assert abs(one - one.T).max() > 1e-3


@pytest.mark.system("A1")
def test_moments_of_long_chains_are_the_enumerated_ones(float64):
    """100,000 draws: 2,000 chains, each looked at 50 times; errors by the spread over chains."""
    n, model = 2000, random_machine(6, 2)
    x, p = scores(model)[0], law(model)
    pair = lambda s: np.einsum("...i,...j->...ij", s, s).reshape(*s.shape[:-1], -1)
    state, seen = model.start_chain(Rng(5, rows=range(n))), []
    with torch.no_grad():
        for t in range(90):
            state = model.step(state, Rng(5, t, rows=range(n)))
            seen += [pair(state.numpy())] if t >= 40 else []
    means = np.mean(seen, 0)
    error = means.std(0) / np.sqrt(n) + 1e-12
    assert (abs(means.mean(0) - p @ pair(x)) < 4.2 * error).all()


@pytest.mark.system("A1")
def test_exact_gradients_fit_the_data(float64, tmp_path):
    """An exclusive or is beyond two units that see each other, and within reach of one hidden unit more."""
    x = torch.tensor(states(3)[[0, 3, 5, 6]]).repeat(10, 1)
    data = from_tensors(x, Binary((3,)), valid=0.0, test=0.0)
    found = {}
    for hidden in (0, 1):
        torch.manual_seed(4)
        model = random_machine(3, hidden, 1.0, estimator="exact", lr=1.0, momentum=0.9)
        fit(model, data, out=tmp_path / str(hidden), epochs=400, batch_size=40, progress=False)
        found[hidden] = -np.log(4) - model.log_prob(x[:4]).mean
    assert found[0] == pytest.approx(np.log(2), abs=1e-6) and found[1] < 0.05


@pytest.mark.system("A1")
def test_chains_and_held_data_give_the_exact_gradient(float64):
    """Both terms of the gradient with hidden units, each by draws, against enumeration."""
    n = 20_000
    model = random_machine(3, 2, chains=n, gibbs_steps=30, hidden_steps=30)
    x = torch.tensor(states(3)[[1, 6]]).repeat(n // 2, 1)
    update = model.stage(0, []).updates[0]
    batch, rng = Batch.of(x), Rng(11, rows=range(n))
    update.before(model, batch, rng)
    sum(term.mean() for term in update.loss(model, batch, rng).loss.values()).backward()
    drawn = model.U.grad.clone()
    model.U.grad = None
    (-model.log_density(x[:2]).mean()).backward()
    np.testing.assert_allclose(drawn, model.U.grad, atol=4 * np.sqrt(0.5 / n))


@pytest.mark.system("A7")
def test_annealing_brackets_log_z(float64):
    model = random_machine(7, 2)
    truth = logsumexp(scores(model)[1])
    found = bracket(model, 100, chains=300, sweeps=60)
    assert found.forward.log_z == pytest.approx(truth, abs=4 * found.forward.error)
    assert found.reverse.log_z == pytest.approx(truth, abs=4 * found.reverse.error)
    assert found.forward.error < 0.1


def test_completions_follow_the_conditional_law(float64):
    n, model = 4000, random_machine(4, 1, burn_in=25)
    p = law(model).reshape(16, 2).sum(1)
    x = torch.tensor([[1.0, 0.0, 1.0, 0.0]]).repeat(n, 1)
    known = torch.tensor([True, True, False, False])
    found = model.complete(x, known, seed=2).numpy()
    assert (found[:, :2] == [1, 0]).all()
    expected = p[8:12] / p[8:12].sum()
    seen = np.bincount((found[:, 2:] @ [2, 1]).astype(int), minlength=4) / n
    assert (abs(seen - expected) < 4 * np.sqrt(expected * (1 - expected) / n)).all()


def test_what_it_can_do_follows_from_its_size():
    small, wide = BoltzmannMachine(Binary((4,)), hidden=2), BoltzmannMachine(Binary((30,)))
    large = BoltzmannMachine(Binary((30,)), hidden=5)
    assert {can.HasDensity, can.HasEnergy} <= small.capabilities()
    assert can.HasEnergy in wide.capabilities() and can.HasDensity not in wide.capabilities()
    assert not {can.HasDensity, can.HasEnergy} & large.capabilities()
    assert BoltzmannMachine(Binary((30,)), hidden=5, burn_in=3).sample(3, seed=1).shape == (3, 30)


def test_a_short_training_is_saved_and_loaded(tmp_path):
    x = (torch.rand(60, 9, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    model = BoltzmannMachine(Binary((9,)), hidden=4, chains=13, burn_in=20)
    run = fit(model, from_tensors(x, Binary((9,))), out=tmp_path / "run", epochs=2, progress=False)
    run.model.save(tmp_path / "saved")
    again = BoltzmannMachine(Binary((9,)), hidden=4, chains=13, burn_in=20)
    again.load_state_dict(run.model.state_dict())
    assert torch.equal(again.sample(5, seed=3), run.model.sample(5, seed=3))
    assert torch.equal(run.model.sample(130, seed=3)[:5], run.model.sample(5, seed=3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": Real((4,))}, "a Boltzmann machine needs binary data"),
        ({"hidden": -1}, "hidden is -1, but it must be at least 0"),
        ({"hidden_steps": 0}, "hidden_steps is 0"),
        ({"estimator": "sml"}, "estimator is 'sml'; choose from"),
        ({"space": Binary((21,)), "estimator": "exact"}, "2^21 states"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError) as error:
        BoltzmannMachine(**{"space": Binary((4,))} | options)
    assert message in str(error.value)
