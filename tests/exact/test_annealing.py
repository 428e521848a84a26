"""Annealed importance sampling in both directions against enumeration of states and of whole paths."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from machines import Paths, Triangle, joint, log_law, numbers, random_rbm, randomise, triangle_scores
from oracles import states, within
from scipy.special import logsumexp

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.evaluation.likelihood.annealing import (
    Annealed,
    Annealing,
    Bracket,
    annealed,
    bracket,
    forward,
    reverse,
    schedule,
)
from simulacra.models.boltzmann import RBM, GaussianRBM

PATH = [0.0, 0.35, 1.0]


def leaning(model):
    """Free units that are not fair."""
    model.base.copy_(torch.randn_like(model.base))
    return model


def tiny(kind: str):
    """A machine with few paths: itself, bits of its start, bits of a sweep, its energies at beta."""
    if kind == "rbm":
        model = leaning(random_rbm(2, 2, 1.5))
        return model, 2, 2 + 2, lambda beta: joint(model, beta=beta)[2]
    model = leaning(Triangle())
    return model, 3, 1 + 2 + 1 + 2, lambda beta: triangle_scores(model, beta)[1]


# ---- all paths (A7, A8)


@pytest.mark.system("A7")
@pytest.mark.parametrize("kind", ["rbm", "three blocks"])
def test_the_weight_of_all_paths_is_the_ratio_of_partition_functions(float64, kind):
    model, start, sweep, energies = tiny(kind)
    paths = Paths(model, start + 2 * sweep)
    rng = Rng(0, rows=paths.rows)
    log_w, _ = annealed(model, model.start_chain(rng), PATH, rng)
    log_p = paths.log_p.detach().numpy()
    unused = math.log(2) * (paths.bits.shape[1] - paths.taken)  # a sweep after the last weight is none
    ratio = logsumexp(energies(1.0)) - logsumexp(energies(0.0))
    assert logsumexp(log_p) - unused == pytest.approx(0, abs=1e-12)
    assert logsumexp(log_p + log_w.numpy()) - unused == pytest.approx(ratio, abs=1e-12)
    # Jensen: the mean of log w is below
    assert np.exp(log_p - unused) @ log_w.numpy() < ratio - 0.01


@pytest.mark.system("A8")
@pytest.mark.parametrize("kind", ["rbm", "three blocks"])
def test_the_weight_of_all_paths_back_is_the_inverse_ratio(float64, kind):
    model, start, sweep, energies = tiny(kind)
    x, law = torch.tensor(states(start)), log_law(energies(1.0))
    paths = Paths(model, 2 * sweep, starts=len(x))
    n = 2 ** (2 * sweep)
    rng = Rng(0, rows=paths.rows)
    log_w, _ = annealed(model, x.repeat_interleave(n, 0), PATH[::-1], rng)
    log_p = paths.log_p.detach().numpy() + np.repeat(law, n)
    unused = math.log(2) * (paths.bits.shape[1] - paths.taken)
    ratio = logsumexp(energies(0.0)) - logsumexp(energies(1.0))
    assert logsumexp(log_p) - unused == pytest.approx(0, abs=1e-12)
    assert logsumexp(log_p + log_w.numpy()) - unused == pytest.approx(ratio, abs=1e-12)
    assert np.exp(log_p - unused) @ log_w.numpy() < ratio - 0.01


# ---- runs


@pytest.mark.system("A7")
def test_the_mean_weight_of_many_runs_is_the_partition_function(float64):
    model = leaning(random_rbm(8, 6, 0.7))
    truth = logsumexp(joint(model)[2])
    found = forward(model, schedule(12), chains=10_000, seed=5)
    free = 6 * math.log(2) + np.logaddexp(0, numbers(model)["base"]).sum()
    w = np.exp(found.log_weights.numpy() + free - truth)
    assert w.shape == (10_000,) and found.log_weights.dtype == torch.float64
    assert within(w.mean(), 1.0, w.std() / 100)
    assert found.log_z == pytest.approx(truth + math.log(w.mean()), abs=1e-10)
    assert np.log(w).mean() < -4 * np.log(w).std() / 100  # mean log w <= log Z, and not by chance


@pytest.mark.system("A8")
def test_the_truth_lies_between_the_directions_from_exact_draws(float64):
    n, model = 4000, leaning(random_rbm(8, 6, 1.2))
    score = joint(model)[2]
    truth, law = logsumexp(score), np.exp(log_law(score))
    exact = torch.tensor(states(8)[np.random.default_rng(3).choice(256, n, p=law)])
    up = forward(model, schedule(6), n, seed=1)
    down = reverse(model, schedule(6), n, sweeps=1, seed=1, state=exact)
    free = float(model.base_log_z())
    low, high = free + up.log_weights.mean().item(), free - down.log_weights.mean().item()
    assert low < truth - 0.1 and truth + 0.1 < high
    # E[1/w] = Z_0 / Z
    w = np.exp(down.log_weights.numpy() + truth - free)
    assert within(w.mean(), 1.0, w.std() / math.sqrt(n))
    assert down.log_z == pytest.approx(truth - math.log(w.mean()), abs=1e-10)
    # the first states that sweeps make are draws of the model too
    swept = reverse(model, schedule(6), n, sweeps=200, seed=1)
    assert within(
        swept.log_weights.mean(), down.log_weights.mean(), 2 * down.log_weights.std() / math.sqrt(n)
    )


@pytest.mark.system("A7")
def test_few_temperatures_on_a_sharp_machine_are_too_low_and_say_so(float64):
    model = RBM(Binary((9,)), hidden=7)
    with torch.no_grad():
        model.W.copy_(12 * torch.randn(9, 7))
        model.b.copy_(-model.W.sum(1) / 2)
        model.c.copy_(-model.W.sum(0) / 2)
    truth = logsumexp(joint(model)[2])
    found = bracket(model, [0.0, 0.5, 1.0], chains=50, sweeps=50, seed=3)
    assert found.forward.log_z < truth - 1
    assert found.doubts and found.forward.effective < 5
    said = str(found)
    assert f"effective sample sizes {found.forward.effective:.1f} and {found.reverse.effective:.1f}" in said
    assert "unreliable" in said and "are -" not in said
    # temperatures mend it
    fine = bracket(model, 1500, chains=50, sweeps=50, seed=3)
    assert abs(fine.forward.log_z - truth) < 1 and "effective sample sizes" in str(fine)


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.system("A6", "A7")
def test_gaussian_machines_anneal_to_their_mixture(float64, scale):
    model = leaning(GaussianRBM(Real((3,)), hidden=4, scale=scale))
    with torch.no_grad():
        model.W.copy_(0.5 * torch.randn(3, 4))
        model.b.normal_()
        model.c.normal_()
    t, h = numbers(model), states(4)
    # log of sum_h exp(c'h) int exp(-|v - b|^2 / 2 s^2 + v'Wh / s^2) dv up to exp(-|b|^2 / 2 s^2)
    m = t["b"] + h @ t["W"].T
    truth = logsumexp(h @ t["c"] + (m**2).sum(1) / (2 * scale**2)) + 3 * math.log(
        scale * math.sqrt(2 * math.pi)
    )
    assert model.log_z().item() == pytest.approx(truth, abs=1e-10)
    found = bracket(model, 60, chains=2000, sweeps=100, seed=2)
    assert within(found.forward.log_z, truth, found.forward.error)
    assert within(found.reverse.log_z, truth, found.reverse.error)
    assert found.forward.error < 0.05 and not found.doubts


@pytest.mark.system("A7", "A17")
def test_a_condition_has_its_own_bracket(float64):
    model = RBM(Binary((6,)), Categorical((), 3), hidden=4)
    randomise(model)
    with torch.no_grad():
        model.A.mul_(2)  # so that draws under no condition, or another, are far off
    for y in range(3):
        score, n = joint(model, np.eye(3)[y])[2], 3000
        truth, law = logsumexp(score), np.exp(log_law(score))
        found = bracket(model, 8, chains=n, sweeps=40, seed=4, c=torch.tensor([y]))
        # the reverse chains begin at draws under this condition
        exact = torch.tensor(states(6)[np.random.default_rng(y).choice(64, n, p=law)])
        log_w = reverse(model, schedule(8), n, 1, 7, torch.full((n,), y), exact).log_weights
        error = (2 * log_w.var() / n).sqrt()
        assert within(found.reverse.log_weights.mean(), log_w.mean(), error)
        assert within(found.forward.log_z, truth, found.forward.error)
        assert within(found.reverse.log_z, truth, found.reverse.error)


# ---- what a run says of itself


def test_effective_number_and_error_are_those_of_the_weights(float64):
    log_w = torch.tensor(np.random.default_rng(0).normal(size=37) * 1.5 - 800)
    w = np.exp(log_w.numpy() + 800)
    found = Annealed(log_w, 0.0)
    assert found.effective == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert found.error == pytest.approx(w.std(ddof=1) / math.sqrt(37) / w.mean(), rel=0.02)
    one = Annealed(torch.tensor([0.0, -1e4, -1e4]), 0.0)
    assert one.effective == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("gap", "few", "doubts"),
    [(0.9, 30, []), (1.1, 30, ["1.1 nats"]), (-1.1, 30, ["1.1 nats"]), (0.0, 9, ["9.0 of 100"])],
)
def test_a_bracket_doubts_wide_gaps_and_few_chains(float64, gap, few, doubts):
    even = torch.where(torch.arange(100) < few, 0.0, -1e4)  # so many weights that count
    for sides in ((even, torch.zeros(100)), (torch.zeros(100), even)):
        found = Bracket(Annealed(sides[0], 3.0), Annealed(sides[1], 3.0 + gap), 5, 100, 1, 0)
        assert len(found.doubts) == len(doubts)
        assert all(said in doubt for said, doubt in zip(doubts, found.doubts))


@pytest.mark.parametrize("n", [2, 3, 7, 50, 1000])
def test_schedules_rise_from_zero_to_one(n):
    betas = schedule(n)
    assert len(betas) == n + 1 and betas[0] == 0 and betas[-1] == 1
    assert betas == sorted(set(betas))


def test_the_schedule_is_that_of_salakhutdinov_and_murray():
    betas = np.array(schedule(14_500))
    for first, last, low, high in ((0, 500, 0, 0.5), (500, 4500, 0.5, 0.9), (4500, 14_500, 0.9, 1.0)):
        np.testing.assert_allclose(betas[first : last + 1], np.linspace(low, high, last - first + 1))


def test_same_seed_same_bracket_and_a_chain_whatever_is_beside_it(float64):
    model = random_rbm(7, 5)
    a, b, c = (bracket(model, 9, chains=21, sweeps=5, seed=s) for s in (3, 3, 4))
    assert a.details == b.details and str(a) == str(b)
    assert torch.equal(a.forward.log_weights, b.forward.log_weights)
    assert torch.equal(a.reverse.log_weights, b.reverse.log_weights)
    assert not torch.equal(a.forward.log_weights, c.forward.log_weights)
    part = bracket(model, 9, chains=13, sweeps=5, seed=3)
    torch.testing.assert_close(part.forward.log_weights, a.forward.log_weights[:13])
    assert a.gap == a.reverse.log_z - a.forward.log_z
    assert {"temperatures", "chains", "sweeps", "annealing_seed"} <= set(a.details)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Annealing(temperatures=0), "temperatures"),
        (lambda: Annealing(chains=0), "chains"),
        (lambda: Annealing(sweeps=0), "sweeps"),
        (lambda: bracket(simulacra.RBM(Binary((4,)), hidden=2), [0.1, 1.0]), "0 to 1"),
        (lambda: bracket(simulacra.RBM(Binary((4,)), hidden=2), [0.0, 0.9]), "0 to 1"),
        (lambda: bracket(simulacra.RBM(Binary((4,)), hidden=2), [1.0]), "0 to 1"),
        (lambda: bracket(simulacra.RBM(Binary((4,)), hidden=2), 0), "0 to 1"),
        (lambda: bracket(simulacra.RBM(Binary((4,)), hidden=2), -3), "0 to 1"),
        (lambda: bracket(simulacra.RBM(Binary((4,)), hidden=2), [0.0, 0.8, 0.3, 1.0]), "must rise"),
        (lambda: bracket(simulacra.VAE(Binary((4,)), latent=1)), "VAE"),
    ],
)
def test_what_cannot_be_annealed_is_refused_in_one_sentence(call, says):
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
