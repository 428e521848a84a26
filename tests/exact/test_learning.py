"""The estimators of the expectation under a machine against its enumerated gradient and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from machines import joint, log_law, numbers, random_rbm, randomise
from oracles import chi_square, states
from scipy.special import expit, logsumexp

from simulacra.api import fit, resume
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann import RBM, GaussianRBM
from simulacra.models.boltzmann.machine.learning import advance, exchange, replicas

DATA = np.array([[1, 0, 0, 1, 1], [1, 1, 0, 1, 0], [0, 0, 1, 0, 1], [1, 0, 0, 1, 1]], dtype=float)
NAMES = ("W", "b", "c")


def loss_of(model: RBM, x: torch.Tensor, c: torch.Tensor | None = None, key: int = 0) -> torch.Tensor:
    """The mean loss of the model's only update, chains left where they are."""
    (update,) = model.stage(0, []).updates
    terms = update.loss(model, Batch.of(x, c), Rng(key, rows=range(len(x))))
    return sum(term.mean() for term in terms.loss.values())


def gradient(model: RBM, x: torch.Tensor, key: int = 0) -> np.ndarray:
    """Of that loss in W, b and c, one after the other."""
    parts = torch.autograd.grad(loss_of(model, x, key=key), [getattr(model, name) for name in NAMES])
    return torch.cat([part.flatten() for part in parts]).numpy()


def exact_gradient(model: RBM, x: np.ndarray) -> np.ndarray:
    """-d/d(W, b, c) of the mean of log p(x): statistics of the model less those of the data."""
    t = numbers(model)
    v, h, score = joint(model)
    p = np.exp(score - logsumexp(score))
    of_h = lambda v: expit(t["c"] + (v - t["mu"]) @ t["W"]) - t["lam"]
    data = (x - t["mu"]).T @ of_h(x) / len(x), (x - t["mu"]).mean(0), of_h(x).mean(0)
    x, y = v - t["mu"], h - t["lam"]
    chain = np.einsum("vh,vi,hj->ij", p, x, y), p.sum(1) @ x, p.sum(0) @ y
    return np.concatenate([(m - d).ravel() for m, d in zip(chain, data)])


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.system("A2", "A5")
def test_the_exact_estimator_has_the_gradient_of_finite_differences(float64, centred):
    model = random_rbm(5, 4, estimator="exact", centred=centred)
    if centred:
        model.mu.copy_(torch.rand(5))
        model.lam.copy_(torch.rand(4))
    found = gradient(model, torch.tensor(DATA))
    np.testing.assert_allclose(found, exact_gradient(model, DATA), atol=1e-12)
    rows = (DATA @ [16, 8, 4, 2, 1]).astype(int)
    nll = lambda: -log_law(joint(model)[2])[rows].mean()
    assert loss_of(model, torch.tensor(DATA)).item() == pytest.approx(nll(), abs=1e-12)
    step, i = 1e-5, 0
    for name in NAMES:
        flat = getattr(model, name).data.view(-1)
        for j in range(len(flat)):
            kept, ends = flat[j].item(), []
            for moved in (kept + step, kept - step):
                flat[j] = moved
                ends.append(nll())
            flat[j] = kept
            assert found[i] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-8)
            i += 1


def many_gradients(k: int, centred: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """CD-k gradients of 16 batches, and the exact one."""
    model = random_rbm(5, 4, 0.9, estimator="cd", gibbs_steps=k, centred=centred)
    if centred:
        model.mu.copy_(torch.rand(5))
        model.lam.copy_(torch.rand(4))
    x = torch.tensor(DATA).repeat(125, 1)
    return np.array([gradient(model, x, key) for key in range(16)]), exact_gradient(model, DATA)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.system("A3")
def test_contrastive_divergence_of_many_sweeps_is_the_exact_gradient(float64, centred):
    found, truth = many_gradients(200, centred)
    error = found.std(0, ddof=1) / math.sqrt(len(found))
    assert (abs(found.mean(0) - truth) < 4 * error).all()
    assert error.max() < 0.01


@pytest.mark.system("A3")
def test_contrastive_divergence_of_one_sweep_is_biased(float64):
    found, truth = many_gradients(1)
    error = found.std(0, ddof=1) / math.sqrt(len(found))
    assert (abs(found.mean(0) - truth) > 4 * error).mean() > 0.5


@pytest.mark.system("A3", "A17")
def test_contrastive_divergence_runs_each_row_under_its_own_condition(float64):
    """The exact gradient in A and B is that of the biases, split over the rows' classes."""
    model = RBM(Binary((4,)), Categorical((), 2), hidden=3, gibbs_steps=40)
    randomise(model, 0.7)
    assert model.learning.estimator == "cd"
    x, y = torch.tensor(DATA[:, :4]).repeat(250, 1), torch.tensor([0, 1, 1, 0]).repeat(250)
    found = []
    for key in range(20):
        parts = torch.autograd.grad(loss_of(model, x, y, key), [model.A, model.B])
        found.append(np.concatenate([part.numpy().ravel() for part in parts]))
    t, expected = numbers(model), [np.zeros((4, 2)), np.zeros((3, 2))]
    for row, label in zip(DATA[:, :4], [0, 1, 1, 0]):
        v, h, score = joint(model, np.eye(2)[label])
        p = np.exp(score - logsumexp(score))
        expected[0][:, label] += (p.sum(1) @ v - row) / 4
        expected[1][:, label] += (p.sum(0) @ h - expit(t["c"] + t["B"][:, label] + row @ t["W"])) / 4
    truth = np.concatenate([e.ravel() for e in expected])
    error = np.std(found, axis=0, ddof=1) / math.sqrt(len(found)) + 1e-12
    assert (abs(np.mean(found, axis=0) - truth) < 4 * error).all() and error.max() < 0.01


# ---- chains at several temperatures


def tempered(chains: int, temperatures: int, d: int = 3, m: int = 2) -> RBM:
    """A machine whose persistent chains have several temperatures, and free units that lean."""
    model = random_rbm(d, m, 1.5, estimator="tempering", chains=chains, temperatures=temperatures)
    model.base.copy_(torch.randn(d))
    return model


def chosen(u: torch.Tensor) -> Rng:
    """Random numbers of which the uniform ones are given."""
    return Rng(0, rows=range(len(u)), source=lambda key, kind, draw: u)


@pytest.mark.system("A30")
def test_states_are_exchanged_with_the_probability_of_detailed_balance(float64):
    """All pairs swap just below min(1, p_a(y) p_b(x) / p_a(x) p_b(y)), and stay just above."""
    model = tempered(64, 2)
    v = states(3)
    pairs = torch.tensor(np.array([[*x, *y] for x in v for y in v]))
    cold, hot = log_law(joint(model)[2]), log_law(joint(model, beta=0.0)[2])
    x, y = np.repeat(np.arange(8), 8), np.tile(np.arange(8), 8)
    accept = np.minimum(1, np.exp(hot[y] + cold[x] - hot[x] - cold[y]))
    swapped = pairs[:, [3, 4, 5, 0, 1, 2]]
    for factor, expected in ((1 - 1e-9, swapped), (1 + 1e-9, pairs)):
        model.persistent.copy_(pairs)
        u = torch.tensor(accept * factor)
        exchange(model, chosen(u), range(64))
        tested = (u < 1) & (u > 0)
        assert tested.sum() > 20
        assert torch.equal(model.persistent[tested], expected[tested])
    # detailed balance of the exchange on pairs
    flow = np.exp(hot[x] + cold[y]) * accept
    np.testing.assert_allclose(flow.reshape(8, 8), flow.reshape(8, 8).T, atol=1e-15)


@pytest.mark.system("A30")
@pytest.mark.parametrize("move", ["exchange", "advance"])
def test_tempering_leaves_the_law_of_every_temperature(float64, move):
    n, temperatures = 20000, 3
    model = tempered(n, temperatures, 2, 2)
    laws = [np.exp(log_law(joint(model, beta=beta)[2])) for beta in (0.0, 0.5, 1.0)]
    rng, v = np.random.default_rng(8), torch.tensor(states(2))
    model.persistent.copy_(torch.cat([v[rng.choice(4, n, p=law)] for law in laws], 1))
    before = model.persistent.clone()
    for t in range(3):
        if move == "exchange":
            exchange(model, Rng(1, t, rows=range(n)), range(n))
        else:
            advance(model, Rng(1, t, rows=range(n)))
    assert (model.persistent != before).any(1).double().mean() > 0.3
    for law, chain in zip(laws, replicas(model)):
        assert chi_square(chain.numpy() @ [2, 1], law) > 0.001
    # and of all temperatures together: they stay independent
    whole = np.einsum("a,b,c->abc", *laws).ravel()
    assert chi_square(model.persistent.numpy() @ [32, 16, 8, 4, 2, 1], whole) > 0.001


@pytest.mark.system("A4", "A30")
def test_tempered_chains_reach_both_ends_where_one_chain_is_stuck(float64):
    """Two far modes: the persistent chain stays in its own, tempered ones come to the law."""
    n = 400
    seen = {}
    for estimator in ("pcd", "tempering"):
        model = RBM(Binary((8,)), hidden=8, estimator=estimator, chains=n, temperatures=8)
        with torch.no_grad():
            model.W.fill_(1.6)
            model.b.fill_(-6.4 + 0.05)
            model.c.fill_(-6.4)
        score = joint(model)[2]
        truth = np.exp(log_law(score)) @ (states(8).mean(1) > 0.5)
        model.persistent.fill_(1.0)
        for t in range(60):
            advance(model, Rng(6, t, rows=range(n)))
        seen[estimator] = (replicas(model)[-1].mean(1) > 0.5).double().mean().item()
    error = math.sqrt(truth * (1 - truth) / n)
    assert 0.1 < truth < 0.9
    assert abs(seen["tempering"] - truth) < 4 * error < abs(seen["pcd"] - truth)


@pytest.mark.system("A4")
@pytest.mark.parametrize("estimator", ["pcd", "tempering"])
def test_the_loss_pushes_down_the_chains_of_the_model(float64, estimator):
    model = random_rbm(5, 4, estimator=estimator, chains=37, temperatures=3)
    for t in range(5):
        advance(model, Rng(0, t, rows=range(37)))
    t, chains = numbers(model), replicas(model)[-1].numpy()
    assert len(np.unique(chains, axis=0)) > 2
    of_h = lambda v: expit(t["c"] + v @ t["W"])
    stats = lambda v: [v.T @ of_h(v) / len(v), v.mean(0), of_h(v).mean(0)]
    expected = np.concatenate([(m - d).ravel() for m, d in zip(stats(chains), stats(DATA))])
    np.testing.assert_allclose(gradient(model, torch.tensor(DATA)), expected, atol=1e-12)


# ---- runs


def stop_at_13(loop, epoch_ended: bool) -> None:
    """Interrupts a run within its third epoch."""
    loop.stop = lambda: loop.position.total_steps == 13


OPTIONS = {
    "pcd": {"estimator": "pcd", "centred": False},
    "pcd centred": {"estimator": "pcd", "centred": True, "momentum": 0.3},
    "tempering": {"estimator": "tempering", "temperatures": 3},
    "cd": {"estimator": "cd"},
    "exact centred": {"estimator": "exact", "centred": True},
}


@pytest.mark.parametrize("name", ["pcd centred", "tempering"])
@pytest.mark.system("A4")
def test_chains_go_on_after_an_interrupt_as_if_there_were_none(tmp_path, name):
    x = torch.tensor(states(5), dtype=torch.uint8)
    data = from_tensors(x, Binary((5,)), valid=0.0, test=0.0)

    def make() -> RBM:
        torch.manual_seed(3)
        return RBM(Binary((5,)), hidden=3, chains=13, **OPTIONS[name])

    settings = {"epochs": 6, "batch_size": 7, "progress": False}
    whole = fit(make(), data, out=tmp_path / "whole", **settings).model
    with pytest.raises(KeyboardInterrupt):
        fit(make(), data, out=tmp_path / "cut", callbacks=(stop_at_13,), **settings)
    again = resume(tmp_path / "cut", data=data).model
    for key, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key
    assert not torch.equal(whole.persistent, make().persistent)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.system("A3", "A4")
def test_every_estimator_learns(float64, tmp_path, name):
    """Three patterns with flipped bits: likelier than under independent bits of the same means."""
    rng = np.random.default_rng(12)
    patterns = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    x = abs(patterns[rng.integers(0, 3, 200)] - (rng.random((200, 6)) < 0.1))
    torch.manual_seed(1)
    data = from_tensors(torch.tensor(x), Binary((6,)), valid=0.0, test=0.0)
    model = RBM(Binary((6,)), hidden=4, lr=0.3, **{"chains": 50, **OPTIONS[name]})
    with torch.no_grad():
        model.W.mul_(30)
    fit(model, data, out=tmp_path, epochs=30, batch_size=20, schedule="linear", progress=False)
    p = x.mean(0)
    independent = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(1).mean()
    assert model.log_prob(torch.tensor(x)).mean > independent + 0.3


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: RBM(Binary((4,)), estimator="mcmc"), "mcmc.*pcd, cd, tempering, exact"),
        (lambda: RBM(Binary((4,)), temperatures=1, estimator="tempering"), "temperatures is 1.*at least 2"),
        (lambda: RBM(Binary((4,)), chains=0), "chains is 0"),
        (lambda: RBM(Binary((4,)), gibbs_steps=0), "gibbs_steps is 0"),
        (lambda: RBM(Binary((4,)), hidden=0), "hidden is 0"),
        (lambda: RBM(Binary((4,)), Categorical((), 2), estimator="pcd"), "pcd.*condition.*cd"),
        (lambda: RBM(Binary((4,)), Categorical((), 2), estimator="tempering"), "tempering.*condition.*cd"),
        (lambda: RBM(Real((4,))), "binary"),
        (lambda: GaussianRBM(Binary((4,))), "real"),
        (lambda: GaussianRBM(Real((4,)), scale=0.0), "scale"),
        (lambda: GaussianRBM(Real((4,)), hidden=30, estimator="exact"), r"2\^30"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_sentence(build, says):
    with pytest.raises(ValueError, match=rf"(?s)\A[^\n]*(?:{says})[^\n]*\.\Z"):
        build()


def test_grey_data_name_the_binarizations():
    for space in (Levels((4,), 256), Levels((8, 8), 17)):
        with pytest.raises(ValueError, match=r"dynamic.*threshold|threshold.*dynamic"):
            RBM(space)
