"""The restricted Boltzmann machine against enumeration of all its states."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy
import torch
from oracles import states
from scipy.special import logsumexp

from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann import RBM


def random_rbm(d: int, m: int, scale: float = 1.0, **options) -> RBM:
    model = RBM(Binary((d,)), hidden=m, **options)
    with torch.no_grad():
        for p in (model.W, model.b, model.c):
            p.copy_(scale * torch.randn_like(p))
    return model


def joint(model: RBM) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All v, all h and -E(v, h) = b'v + c'h + v'Wh of each pair."""
    w, b, c = (t.detach().numpy() for t in (model.W, model.b, model.c))
    v, h = states(len(b)), states(len(c))
    return v, h, (v @ b)[:, None] + (h @ c)[None] + v @ w @ h.T


@pytest.mark.system("A2")
def test_conditionals_are_products_of_sigmoids(float64):
    model = random_rbm(5, 4)
    v, h, score = joint(model)
    given_v = np.exp(score - logsumexp(score, axis=1, keepdims=True))
    given_h = np.exp(score - logsumexp(score, axis=0, keepdims=True))
    p = model.hidden_given_visible(torch.tensor(v)).detach().numpy()
    np.testing.assert_allclose(
        np.prod(np.where(h[None] == 1, p[:, None], 1 - p[:, None]), -1), given_v, atol=1e-12
    )
    # equation 20.15: sigmoid((2h - 1) * (c + W'v))
    a = (2 * h[None] - 1) * (model.c.detach().numpy() + v @ model.W.detach().numpy())[:, None]
    np.testing.assert_allclose(np.prod(1 / (1 + np.exp(-a)), -1), given_v, atol=1e-12)
    p = model.visible_given_hidden(torch.tensor(h)).detach().numpy()
    ours = np.prod(np.where(v[:, None] == 1, p[None], 1 - p[None]), -1)
    np.testing.assert_allclose(ours, given_h, atol=1e-12)


@pytest.mark.system("A2")
def test_log_probability_is_the_enumerated_one(float64):
    model = random_rbm(5, 4)
    v, _, score = joint(model)
    expected = logsumexp(score, axis=1) - logsumexp(score)
    estimate = model.log_prob(torch.tensor(v))
    assert estimate.kind == "exact"
    np.testing.assert_allclose(estimate.values.numpy(), expected, atol=1e-8)
    np.testing.assert_allclose(-model.free_energy(torch.tensor(v)).detach().numpy(), logsumexp(score, axis=1))


@pytest.mark.system("A2")
def test_gradient_of_the_mean_log_probability_is_the_finite_difference(float64):
    model = random_rbm(5, 4)
    x = torch.tensor(states(5)[[1, 7, 7, 20, 31]])
    mean = lambda: model.log_density(x).mean()
    mean().backward()

    def enumerated() -> float:
        _, _, score = joint(model)
        return float((logsumexp(score, axis=1) - logsumexp(score))[[1, 7, 7, 20, 31]].mean())

    h = 1e-5
    for p in (model.W, model.b, model.c):
        flat = p.data.view(-1)
        for i in range(len(flat)):
            kept = flat[i].item()
            flat[i] = kept + h
            up = enumerated()
            flat[i] = kept - h
            down = enumerated()
            flat[i] = kept
            assert p.grad.view(-1)[i].item() == pytest.approx((up - down) / (2 * h), abs=1e-8)


@pytest.mark.system("A5")
@pytest.mark.parametrize(("d", "m"), [(6, 5), (5, 6), (1, 4), (4, 1)])
def test_log_z_over_the_smaller_layer_is_the_double_sum(float64, d, m):
    model = random_rbm(d, m, 2.0)
    assert model.log_z().item() == pytest.approx(logsumexp(joint(model)[2]), abs=1e-10)


@pytest.mark.slow
@pytest.mark.system("A5")
def test_a_million_states_are_summed_in_little_memory(float64, peak_memory):
    """W of four blocks: log Z is the sum of those of the blocks, each enumerated."""
    model, blocks, expected = RBM(Binary((24,)), hidden=20), 4, 0.0
    with torch.no_grad():
        model.W.zero_()
        for i in range(blocks):
            small = random_rbm(6, 5)
            model.W[6 * i : 6 * i + 6, 5 * i : 5 * i + 5] = small.W
            model.b[6 * i : 6 * i + 6], model.c[5 * i : 5 * i + 5] = small.b, small.c
            expected += logsumexp(joint(small)[2])
        before = peak_memory()
        assert model.log_z().item() == pytest.approx(expected, abs=1e-8)
    assert peak_memory() - before < 2**30


@pytest.mark.system("A4")
def test_frozen_chains_reach_the_enumerated_moments(float64):
    n = 4000
    model = random_rbm(4, 3, 0.8, chains=n)
    update = model.stage(0, []).updates[0]
    batch = Batch.of(torch.ones(10, 4))
    for step in range(60):
        update.before(model, batch, Rng(0, "step", step, rows=range(10)))
    v, _, score = joint(model)
    p = np.exp(logsumexp(score, axis=1) - logsumexp(score))
    chains = model.persistent.numpy()
    for moment in (lambda s: s, lambda s: np.einsum("ni,nj->nij", s, s).reshape(len(s), -1)):
        truth = p @ moment(v)
        error = np.sqrt(truth * (1 - truth) / n) + 1e-12
        assert (abs(moment(chains).mean(0) - truth) < 4 * error).all()


@pytest.mark.system("A4")
def test_chains_survive_between_calls(float64):
    """Units that copy each other keep a chain where it is; one restarted from the data would move."""
    model = RBM(Binary((6,)), hidden=6, chains=50, gibbs_steps=3)
    with torch.no_grad():
        model.W.copy_(80 * torch.eye(6))
        model.b.fill_(-40)
        model.c.fill_(-40)
    start = model.persistent.clone()
    update = model.stage(0, []).updates[0]
    for step in range(20):
        update.before(model, Batch.of(torch.zeros(8, 6)), Rng(step, rows=range(8)))
    assert torch.equal(model.persistent, start) and 0.2 < start.mean() < 0.8
    # and the gradient uses them: data up, chains down
    terms = update.loss(model, Batch.of(torch.zeros(8, 6)), Rng(0)).loss
    torch.testing.assert_close(terms["data"], model.free_energy(torch.zeros(8, 6)))
    torch.testing.assert_close(
        sum(t.mean() for n, t in terms.items() if n != "data"), -model.free_energy(start).mean()
    )


@pytest.mark.system("A4")
def test_training_at_rate_zero_moves_the_chains_alone(float64, tmp_path):
    model = RBM(Binary((4,)), hidden=3, chains=200)
    data = from_tensors(torch.tensor(states(4)), Binary((4,)), valid=0.0, test=0.0)
    weights = model.W.clone()
    start = model.persistent.clone()
    fit(model, data, out=tmp_path, epochs=20, lr=0.0, batch_size=16, progress=False)
    assert torch.equal(model.W, weights) and not torch.equal(model.persistent, start)
    assert set(model.persistent.unique().tolist()) == {0.0, 1.0}


def best_fit(counts: np.ndarray, d: int, m: int) -> float:
    """The least KL(data || model) of any RBM by exact gradients, from several starts."""
    v, h, q = states(d), states(m), counts / counts.sum()
    vt, ht = torch.tensor(v), torch.tensor(h)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        t = torch.tensor(theta, requires_grad=True)
        w, b, c = t[: d * m].view(d, m), t[d * m : d * m + d], t[d * m + d :]
        score = (vt @ b)[:, None] + (ht @ c)[None] + vt @ w @ ht.T
        loss = score.logsumexp((0, 1)) - (torch.tensor(q) * score.logsumexp(1)).sum()
        loss.backward()
        return loss.item(), t.grad.numpy()

    entropy = -(q[q > 0] * np.log(q[q > 0])).sum()
    starts = [np.random.default_rng(s).normal(size=d * m + d + m) for s in range(4)]
    runs = (scipy.optimize.minimize(objective, s, jac=True, method="L-BFGS-B") for s in starts)
    return min(run.fun for run in runs) - entropy


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.system("A4")
def test_persistent_chains_train_to_the_best_fit(float64, tmp_path):
    teacher = random_rbm(4, 3, 1.5)
    v, _, score = joint(teacher)
    p = np.exp(logsumexp(score, axis=1) - logsumexp(score))
    counts = np.round(2000 * p).astype(int)
    x = torch.tensor(np.repeat(v, counts, axis=0))
    model = RBM(Binary((4,)), hidden=3, chains=2000, gibbs_steps=2)
    data = from_tensors(x, Binary((4,)), valid=0.0, test=0.0)
    # the learning rate falls to 0: what is left is not the noise of the chains
    fit(model, data, out=tmp_path, epochs=500, batch_size=500, lr=1.0, schedule="linear", progress=False)
    q = counts / counts.sum()
    log_p = model.log_prob(torch.tensor(v)).values.numpy()
    kl = (q[q > 0] * (np.log(q[q > 0]) - log_p[q > 0])).sum()
    best = best_fit(counts, 4, 3)
    assert best - 1e-6 <= kl < best + 0.01
    assert math.isclose(np.exp(log_p).sum(), 1, abs_tol=1e-10)
