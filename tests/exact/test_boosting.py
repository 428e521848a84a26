"""Self-supervised boosting against enumeration over 6 bits."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
import torch
from machines import numbers, randomise
from oracles import chi_square, states
from scipy.special import expit, logsumexp

from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann.pairwise.boosting import BoostedField, weigh


def random_field(d: int, features: int, **options) -> BoostedField:
    """Random features with random weights."""
    model = BoostedField(Binary((d,)), features=features, **options)
    randomise(model, 1.5)
    for t in (model.a, model.b, model.base):
        t.copy_(torch.randn_like(t))
    return model


def scores(model: BoostedField, used: int | None = None) -> np.ndarray:
    """b'x + sum a f(x) of all states with the first features alone."""
    t = numbers(model)
    x, total = states(len(t["b"])), states(len(t["b"])) @ t["b"]
    for u in range(len(t["a"]) if used is None else used):
        total = total + t["a"][u] * expit(x @ t[f"rounds.{u}.weight"][0] + t[f"rounds.{u}.bias"][0])
    return total


@pytest.mark.system("A29")
def test_log_probability_is_the_enumerated_one(float64):
    model = random_field(6, 4)
    score = scores(model)
    found = model.log_prob(torch.tensor(states(6))).values
    np.testing.assert_allclose(found, score - logsumexp(score), atol=1e-10)
    x = torch.tensor(states(6)[5:60:7])
    for i in range(6):
        on, off = x.clone(), x.clone()
        on[:, i], off[:, i] = 1, 0
        torch.testing.assert_close(model.differences(x, [i])[:, 0], model.score(on) - model.score(off))


@pytest.mark.system("A29")
def test_chains_follow_the_enumerated_law(float64):
    n, model = 8000, random_field(4, 3, burn_in=30)
    score = scores(model)
    x = model.sample(n, seed=4).numpy()
    assert chi_square(x @ [8, 4, 2, 1], np.exp(score - logsumexp(score))) > 0.001


def teacher(n: int) -> torch.Tensor:
    """6 bits in two patterns with noise: far from independent."""
    rng = np.random.default_rng(8)
    first = rng.random((n, 1)) < 0.4
    x = np.where(first, [1, 1, 1, 0, 0, 1], [0, 0, 1, 1, 1, 0])
    return torch.tensor(np.where(rng.random((n, 6)) < 0.12, 1 - x, x), dtype=torch.get_default_dtype())


@pytest.mark.system("A29")
def test_each_feature_lowers_the_divergence_from_the_data(float64, tmp_path):
    """KL(data || p_t) over all 64 states after each round, in a training by chains."""
    x, rounds = teacher(600), 5
    model = BoostedField(Binary((6,)), features=rounds, chains=4000)
    data = from_tensors(x, Binary((6,)), valid=0.0, test=0.0)
    fit(model, data, out=tmp_path / "run", epochs=15, batch_size=100, progress=False)
    at = (x.numpy() @ 2 ** np.arange(5, -1, -1)).astype(int)
    law = np.bincount(at, minlength=64) / len(x)
    entropy = -(law[law > 0] * np.log(law[law > 0])).sum()
    left = [logsumexp(scores(model, t)) - law @ scores(model, t) - entropy for t in range(rounds + 1)]
    assert (np.diff(left) < 0).all(), left
    assert left[-1] < 0.5 * left[0] and bool((model.a > 0).all())
    # before the first round the entries are independent, each as often on as in the data
    odds = numbers(model)["b"]
    np.testing.assert_allclose(odds, torch.logit(x.mean(0)), atol=1e-8)


@pytest.mark.system("A29")
def test_the_weight_of_a_feature_maximizes_what_it_adds(float64):
    """With the chains at their law, the weight is that of the enumerated log-likelihood."""
    model = random_field(5, 3, chains=32)
    model.a[1:] = 0
    data = torch.tensor(states(5)[[3, 3, 9, 20, 31, 31, 31]])
    # a uniform model, and each state once as a negative example
    model.a[0], model.b[:] = 0, 0
    model.persistent.copy_(torch.tensor(states(5)))
    t = numbers(model)
    f = expit(states(5) @ t["rounds.0.weight"][0] + t["rounds.0.bias"][0])
    mean = expit(data.numpy() @ t["rounds.0.weight"][0] + t["rounds.0.bias"][0]).mean()
    best = scipy.optimize.minimize_scalar(
        lambda a: logsumexp(a * f) - a * mean, bounds=(0, 4), method="bounded", options={"xatol": 1e-10}
    ).x
    weigh(model, from_tensors(data, Binary((5,)), valid=0.0, test=0.0).train, Rng(0), 0)
    assert model.a[0].item() == pytest.approx(best, abs=1e-6) and model.a[1:].eq(0).all()


def test_only_the_feature_of_the_round_learns(float64):
    model = random_field(5, 3, chains=7)
    update = model.stage(2, []).updates[0]
    assert model.stage(2, []).name == "feature-2" and update.params == ("rounds.1.",)
    terms = update.loss(model, Batch.of(torch.tensor(states(5)[:4])), Rng(0, rows=range(4))).loss
    sum(term.mean() for term in terms.values()).backward()
    assert [r.weight.grad is not None for r in model.rounds] == [False, True, False]
    assert model.stage(6, []) is None


def test_a_short_training_is_saved_and_loaded(tmp_path):
    model = BoostedField(Binary((6,)), features=2, chains=50, burn_in=20)
    x = teacher(60).float()
    run = fit(model, from_tensors(x, Binary((6,))), out=tmp_path / "run", epochs=2, progress=False)
    again = BoostedField(Binary((6,)), features=2, chains=50, burn_in=20)
    again.load_state_dict(run.model.state_dict())
    assert torch.equal(again.sample(5, seed=3), run.model.sample(130, seed=3)[:5])
    large = BoostedField(Binary((30,)), features=2)
    assert can.HasEnergy in large.capabilities() and can.HasDensity not in large.capabilities()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": Real((4,))}, "a boosted random field needs binary data"),
        ({"features": 0}, "features is 0, but it must be at least 1"),
        ({"shrink": 1.5}, "shrink is 1.5, but a share of the best weight"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError) as error:
        BoostedField(**{"space": Binary((4,))} | options)
    assert message in str(error.value)
