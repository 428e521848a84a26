"""The deep belief network against enumeration of all its states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from machines import joint, log_law, numbers, randomise
from oracles import chi_square, states
from scipy.special import expit, logsumexp

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import HasBound
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.likelihood.annealing import bracket
from simulacra.models.boltzmann.deep.dbn import DBN, begin, draws_below, turn_over


def dbn(
    d: int = 4, hidden: tuple[int, ...] = (3, 2), scale: float = 1.0, offsets: bool = True, **options
) -> DBN:
    """A network with random numbers everywhere."""
    model = DBN(Binary((d,)), hidden=hidden, **options)
    randomise(model, scale)
    for rbm in model.layers if offsets else []:
        rbm.mu.copy_(torch.rand_like(rbm.mu))
        rbm.lam.copy_(torch.rand_like(rbm.lam))
    return model


def down(rbm) -> np.ndarray:
    """log p(v | h) of all h and all v: rows h."""
    t = numbers(rbm)
    v, h = states(len(t["b"])), states(len(t["c"]))
    p = expit(t["b"] + (h - t["lam"]) @ t["W"].T)
    return np.log(np.where(v[None] == 1, p[:, None], 1 - p[:, None])).sum(-1)


def up(rbm) -> np.ndarray:
    """log q(h | v) of all v and all h: rows v."""
    t = numbers(rbm)
    v, h = states(len(t["b"])), states(len(t["c"]))
    q = expit(t["c"] + (v - t["mu"]) @ t["W"])
    return np.log(np.where(h[None] == 1, q[:, None], 1 - q[:, None])).sum(-1)


def log_p(model: DBN) -> np.ndarray:
    """log p(v) of all v by equation (1)."""
    *below, top = model.layers
    law = log_law(joint(top)[2])
    for rbm in reversed(below):
        law = logsumexp(law[:, None] + down(rbm), axis=0)
    return law


def bound(model: DBN) -> np.ndarray:
    """Equation (3) of all v, by sums over all states of the layers below the top."""
    *below, top = model.layers
    value = log_law(joint(top)[2])
    for rbm in reversed(below):
        log_q = up(rbm)
        value = (np.exp(log_q) * (value[None] + down(rbm).T - log_q)).sum(1)
    return value


@pytest.mark.system("A9")
@pytest.mark.parametrize("centred", [False, True])
def test_a_layer_that_begins_upside_down_leaves_the_law(float64, centred):
    model = dbn(4, (3, 4), offsets=centred)
    first = model.layers[0]
    turn_over(first, model.top)
    np.testing.assert_allclose(log_p(model), log_law(joint(first)[2]), atol=1e-10)
    # a further one of the size of h_1
    model = dbn(4, (3, 4, 3), offsets=centred)
    turn_over(model.layers[0], model.layers[1])
    turn_over(model.layers[1], model.layers[2])
    np.testing.assert_allclose(log_p(model), log_law(joint(model.layers[0])[2]), atol=1e-10)


@pytest.mark.system("A9")
def test_training_of_the_second_layer_begins_there(float64):
    data = from_tensors(torch.tensor(states(4)), Binary((4,)), valid=0.0, test=0.0)
    model, rng = dbn(4, (3, 4), chains=7), Rng(0)
    with torch.no_grad():
        model.stage(1, []).start(model, data.train, rng)
        np.testing.assert_allclose(log_p(model), log_law(joint(model.layers[0])[2]), atol=1e-10)
        # of another size it begins with the biases of its data: the means of h_1
        model = dbn(4, (3, 2), chains=7)
        weights = model.top.W.clone()
        begin(model, data.train, rng, level=1)
    assert torch.equal(model.top.W, weights)
    means = model.layers[0].hidden_given_visible(data.train.x).mean(0)
    assert (abs(torch.sigmoid(model.top.b) - means) < 4 * 0.5 / 16**0.5).all()


@pytest.mark.system("A9")
@pytest.mark.parametrize("hidden", [(3, 2), (2, 3, 2)], ids=str)
def test_the_bound_is_the_enumerated_one_in_the_mean(float64, hidden):
    n = 8000
    model = dbn(4, hidden)
    exact = bound(model)
    assert (exact <= log_p(model) + 1e-12).all()
    assert model.log_prob(torch.tensor(states(4))).kind == "lower"
    for row in (0, 6, 13):
        x = torch.tensor(states(4)[row]).expand(n, 4)
        draws = model.elbo(x, None, Rng(1, rows=range(n))).detach()
        assert abs(draws.mean().item() - exact[row]) < 4 * draws.std().item() / n**0.5


@pytest.mark.system("A9")
def test_samples_have_the_enumerated_law(float64):
    model = dbn(3, (2, 3), burn_in=40)
    bits = 2 ** np.arange(2, -1, -1)
    assert chi_square(model.sample(6000, seed=2).numpy() @ bits, np.exp(log_p(model))) > 1e-3


@pytest.mark.system("A9")
def test_recognition_is_by_sigmoids_from_the_bottom_up(float64):
    model, x = dbn(4, (3, 2)), states(4)
    h = x
    for rbm in model.layers:
        t = numbers(rbm)
        h = expit(t["c"] + (h - t["mu"]) @ t["W"])
    np.testing.assert_allclose(model.encode(torch.tensor(x)).numpy(), h, atol=1e-12)


@pytest.mark.system("A9")
def test_a_stage_trains_one_rbm_on_draws_of_the_layer_below(float64):
    model = dbn(4, (3, 2, 5), chains=6)
    x = torch.tensor(states(4)[[3, 9]]).repeat_interleave(3000, 0)
    batch = draws_below(model, Batch.of(x), Rng(4, rows=range(6000)), level=2)
    # q(h_2 | v) is a sum over h_1
    law = np.exp(up(model.layers[0])) @ np.exp(up(model.layers[1]))
    for i, row in enumerate((3, 9)):
        drawn = batch.x[3000 * i : 3000 * (i + 1)].numpy() @ [2, 1]
        assert chi_square(drawn, law[row]) > 1e-3
    update = model.stage(2, []).updates[0]
    assert update.params == ("rbms.2.",)
    torch.testing.assert_close(update.loss(model, batch, Rng(0)).loss["data"], model.top.free_energy(batch.x))
    kept = [rbm.persistent.clone() for rbm in model.layers]
    with torch.no_grad():
        update.before(model, batch, Rng(0))
    assert [torch.equal(a, rbm.persistent) for a, rbm in zip(kept, model.layers)] == [True, True, False]


@pytest.mark.system("A9", "A7")
def test_annealing_brackets_log_z_which_is_that_of_the_top(float64):
    model = dbn(3, (4, 3), scale=0.8)
    truth = logsumexp(joint(model.top)[2])
    for machine in (model, model.top):
        found = bracket(machine, 200, chains=200, sweeps=50)
        assert abs(found.forward.log_z - truth) < 4 * found.forward.error
    x = torch.tensor(states(3))
    rng = Rng(0, rows=range(8))
    torch.testing.assert_close(model.elbo(x, None, rng), -model.bound_energy(x, None, rng) - truth)


@pytest.mark.system("A9")
def test_greedy_training_raises_the_bound_layer_by_layer(float64, tmp_path):
    flips = Rng(8, rows=range(240)).bernoulli("flip", torch.full((240, 12), 0.1))
    copies = ((torch.arange(12) // 4 == torch.arange(240).unsqueeze(1) % 3) + flips) % 2
    data = from_tensors(copies, Binary((12,)), valid=0.0, test=0.0)
    model = DBN(data.space, hidden=(6, 12), chains=40, lr=0.3, burn_in=30)
    before = model.log_prob(copies).mean
    run = fit(model, data, out=tmp_path / "run", epochs=15, batch_size=15, progress=False)
    found = model.log_prob(copies)
    assert found.mean > before + 2
    again = simulacra.load(run.path, kind=DBN)
    assert torch.equal(again.log_prob(copies).values, found.values)
    assert torch.equal(again.sample(5, seed=1), model.sample(5, seed=1))


def test_large_networks_have_no_bound_but_an_energy_bound():
    model = DBN(Binary((30,)), hidden=(25, 21), chains=3)
    assert not model.supports(HasBound)
    assert model.bound_energy(torch.zeros(4, 30), None, Rng(0, rows=range(4))).shape == (4,)
    assert DBN(Binary((30,)), hidden=(25, 5), chains=3).supports(HasBound)


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"hidden is \(7,\), but a deep belief network has two or more"):
        DBN(Binary((3,)), hidden=(7,))
    with pytest.raises(ValueError, match="a deep belief network needs binary data"):
        DBN(Real((3,)))
