"""Wake-sleep and its reweighted form: each phase descends its objective, and towards what as k grows."""

from __future__ import annotations

import pytest
import torch
from belief_nets import (
    KINDS,
    apart,
    as_draws,
    central,
    expected_gradient,
    gradients,
    hidden_states,
    log_p,
    net,
    tensor_of,
)

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng

P, Q = ("p.", "x_given."), ("q.",)
STEP = 1e-6  # limit of the difference from a central difference


def batch_of(n: int = 5) -> Batch:
    return Batch.of(tensor_of(3)[:n])


def update(model, name: str):
    """The loss of one of the two updates, at the batch's rows and fixed noise."""
    loss = next(u.loss for u in model.updates() if u.name == name)
    return lambda batch: sum(loss(model, batch, Rng(3, rows=batch.rows)).loss.values()).sum()


def differs(model, name: str, prefixes: tuple[str, ...], objective) -> float:
    """The largest difference of an update's gradient from the central differences of an objective."""
    with torch.enable_grad():
        slopes = gradients(update(model, name)(batch_of()), model)
    worst = 0.0
    for n, p in model.named_parameters():
        if n.startswith(prefixes):
            for i in range(0, p.numel(), 3):
                worst = max(worst, abs(float(slopes[n].view(-1)[i]) - central(objective, p, i)))
        else:
            assert float(slopes[n].abs().max()) == 0, f"{name} moves {n}"
    return worst


@torch.no_grad()
def drawn(model, k: int):
    """The draws of q of the batch at the noise of `update`."""
    batch = batch_of()
    return model.recognize(batch.x, None, Rng(3, rows=batch.rows), k)


@pytest.mark.system("B4")
@pytest.mark.parametrize("kind", KINDS)
def test_wake_fits_p_to_the_draws_of_q(float64, kind):
    model, x = net(estimator="wake-sleep", k=2, layers=kind, visible=kind), batch_of().x
    h = drawn(model, 2).h
    with torch.no_grad():
        assert differs(model, "wake", P, lambda: -model.log_joint(x, h).mean(1).sum()) < STEP


@pytest.mark.system("B4")
@pytest.mark.parametrize("kind", KINDS)
def test_sleep_fits_q_to_the_dreams_of_p(float64, kind):
    model, rng = net(estimator="wake-sleep", k=1, recognition=kind), Rng(3, rows=range(5))
    with torch.no_grad():
        h = model.ancestors(rng)
        x = model.x_given.draw(h[0], rng).squeeze(1)
        assert differs(model, "phi", Q, lambda: -model.log_q(h, x).sum()) < STEP


@pytest.mark.system("B4")
def test_dreams_are_keyed_by_the_rows_of_the_batch(float64):
    model = net(estimator="wake-sleep", k=1)
    (loss,) = [u.loss for u in model.updates() if u.name == "phi"]
    whole = loss(model, batch_of(5), Rng(3, rows=range(5))).loss["sleep-phi"]
    part = loss(model, batch_of(2), Rng(3, rows=range(2))).loss["sleep-phi"]
    torch.testing.assert_close(whole[:2], part, rtol=1e-12, atol=0)


@pytest.mark.system("B5")
@pytest.mark.parametrize("phi", ["wake", "sleep", "both"])
def test_reweighted_phases_descend_their_objectives_at_fixed_weights(float64, phi):
    model, x, k, rng = net(estimator="rws", k=4, phi=phi), batch_of().x, 4, Rng(3, rows=range(5))
    h = drawn(model, k).h
    with torch.no_grad():
        # by their definition, in other words than the library's
        ratio = (model.log_joint(x, h) - model.log_q(h, x)).exp()
        w = ratio / ratio.sum(1, keepdim=True)
        dream = model.ancestors(rng)
        dreamt = model.x_given.draw(dream[0], rng).squeeze(1)
        assert differs(model, "wake", P, lambda: -(w * model.log_joint(x, h)).sum()) < STEP
        a = {"wake": 1.0, "sleep": 0.0, "both": 0.5}[phi]
        awake, asleep = lambda: -(w * model.log_q(h, x)).sum(), lambda: -model.log_q(dream, dreamt).sum()
        assert differs(model, "phi", Q, lambda: a * awake() + (1 - a) * asleep()) < STEP


@pytest.mark.system("B5")
def test_the_bias_of_the_gradient_falls_with_k(float64):
    """The expectation over all k-tuples of draws, without noise."""
    x = tensor_of(3)[2:3]
    model = net(hidden=(2,), estimator="rws", gain=0.7, phi="wake")
    exact = gradients(-log_p(model, x).sum(), model)
    biases = []
    for k in (1, 2, 4, 6):
        model.k = k
        biases.append(apart(expected_gradient(model, x, k), exact, P))
    assert biases[0] > biases[1] > biases[2] > biases[3] > 0.001


@pytest.mark.system("B5")
@pytest.mark.parametrize("kind", ["sbn", "darn"])
def test_gradients_of_5000_draws_are_those_of_enumeration(float64, kind):
    x, rows, k = tensor_of(3)[2:3], 30, 5000
    model = net(estimator="rws", k=k, phi="wake", recognition=kind, gain=0.7)
    exact = gradients(-log_p(model, x).sum(), model)
    # wake-phi follows the inclusive divergence: -E_p(h|x) log q(h|x)
    h = as_draws(hidden_states(model), 1)
    posterior = model.log_joint(x, h).detach().softmax(1)
    inclusive = gradients(-(posterior * model.log_q(h, x)).sum(), model)
    batch, rng = Batch.of(x.expand(rows, -1)), Rng(3, rows=range(rows))
    for u, truth, prefix in zip(model.updates(), (exact, inclusive), (P, Q)):
        terms = sum(u.loss(model, batch, rng).loss.values())
        each = [gradients(t, model) for t in terms]
        for n in (n for n in truth if n.startswith(prefix)):
            found = torch.stack([g[n] for g in each])
            error = found.std(0) / rows**0.5
            # four standard errors, and 1/k of bias
            assert ((found.mean(0) - truth[n]).abs() <= 4 * error + 10 / k).all(), n
            assert error.max() < 0.02


@pytest.mark.system("B5")
def test_the_logged_bound_is_the_log_mean_weight(float64):
    model, batch = net(estimator="rws", k=3), batch_of()
    u = next(u for u in model.updates() if u.name == "wake")
    logged = u.loss(model, batch, Rng(3, rows=batch.rows)).log["bound"]
    w = model.log_weights(batch.x, None, Rng(3, rows=batch.rows), 3).exp()
    assert (logged - w.mean(1).log()).abs().max() < 1e-12
