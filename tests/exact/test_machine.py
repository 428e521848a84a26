"""Energy, free energy, log Z, sweeps and paths of Boltzmann machines against enumeration of all states."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from machines import (
    Triangle,
    block_kernel,
    joint,
    log_law,
    numbers,
    offset,
    random_rbm,
    randomise,
    transitions,
    triangle_scores,
)
from oracles import chi_square, states
from scipy.special import logsumexp

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.boltzmann import RBM, GaussianRBM
from simulacra.models.boltzmann.machine.energy_model import Machine

BETAS = pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])


def with_base(model: Machine) -> Machine:
    """Free units that lean to one side, so that a path that forgets them shows."""
    model.base.copy_(torch.randn_like(model.base))
    return model


# ---- the transition matrix of a sweep (A30)


@pytest.mark.system("A30")
@BETAS
def test_a_sweep_of_two_blocks_is_the_matrix_of_the_equations(float64, beta):
    model = with_base(random_rbm(3, 2))
    _, _, score = joint(model, beta=beta)
    given_v = np.exp(score - logsumexp(score, axis=1, keepdims=True))
    given_h = np.exp(score - logsumexp(score, axis=0, keepdims=True))
    found = transitions(model, bits=2 + 3, beta=beta).numpy()
    np.testing.assert_allclose(found, given_v @ given_h.T, atol=1e-13)
    flow = np.exp(log_law(score))[:, None] * found
    np.testing.assert_allclose(flow, flow.T, atol=1e-14)  # detailed balance


@pytest.mark.system("A30")
@BETAS
def test_a_sweep_of_three_blocks_keeps_the_law_in_detailed_balance(float64, beta):
    model = with_base(Triangle())
    rest, score = triangle_scores(model, beta)
    found = transitions(model, bits=1 + 2 + 1 + 2, beta=beta).numpy()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-13)
    p = np.exp(log_law(score))
    np.testing.assert_allclose(p @ found, p, atol=1e-14)
    flow = p[:, None] * found
    np.testing.assert_allclose(flow, flow.T, atol=1e-14)
    # from the equations: h, then v, g and v again, on the states (v, g, h)
    x = np.array([[*r, *h] for r in rest for h in states(1)])
    whole = np.exp(score - logsumexp(score)).ravel()
    h, v, g = (block_kernel(whole, x, block) for block in ([3], [0, 1], [2]))
    expected = (h @ v @ g @ v).reshape(8, 2, 8, 2).sum(3)
    np.testing.assert_allclose(expected[:, 0], expected[:, 1], atol=1e-13)  # the old h does not matter
    np.testing.assert_allclose(found, expected[:, 0], atol=1e-13)


@pytest.mark.system("A30")
def test_chains_reach_the_stationary_law(float64):
    n = 6000
    model = random_rbm(4, 3, burn_in=40)
    p = np.exp(log_law(joint(model)[2]))
    x = model.draw(Rng(21, rows=range(n))).numpy()
    assert chi_square(x @ [8, 4, 2, 1], p) > 0.001
    # one step more from the law stays there, one from a single state does not
    more = model.step(torch.tensor(x), Rng(22, rows=range(n))).numpy()
    assert chi_square(more @ [8, 4, 2, 1], p) > 0.001
    stuck = model.step(torch.ones(n, 4), Rng(22, rows=range(n))).numpy()
    assert chi_square(stuck @ [8, 4, 2, 1], p) < 1e-6


@pytest.mark.system("A30")
def test_chains_of_three_blocks_reach_the_law_of_what_is_seen(float64):
    n, model = 6000, Triangle(2, 2, 2)
    _, score = triangle_scores(model)
    p = np.exp(log_law(score)).reshape(4, 4).sum(1)
    x = model.draw(Rng(5, rows=range(n))).detach().numpy()
    assert x.shape == (n, 2) and chi_square(x @ [2, 1], p) > 0.001
    # from the law of the whole state: each of a sweep's draws has noise of its own
    whole = np.exp(log_law(score))
    state = torch.tensor(states(4)[np.random.default_rng(6).choice(16, n, p=whole)])
    for t in range(3):
        state = model.step(state, Rng(t, rows=range(n))).detach()
    assert chi_square(state.numpy() @ [8, 4, 2, 1], whole) > 0.001


# ---- what is summed out, log Z and the path to free units


def test_a_machine_of_three_blocks_sums_out_the_first(float64):
    model = Triangle(2, 2, 3)
    x, score = triangle_scores(model)
    assert model.rest == ("v", "g") and model.summed == ("h",)
    layers = model.unpacked(torch.tensor(x))
    assert torch.equal(model.packed(layers), torch.tensor(x))
    np.testing.assert_allclose(model.marginal(layers).detach(), -logsumexp(score, axis=1), atol=1e-12)
    assert model.log_z().item() == pytest.approx(logsumexp(score), abs=1e-12)
    assert not {can.HasEnergy, can.HasDensity} & model.capabilities()
    assert {can.Samples, can.HasMarkovChain, can.HasAnnealingPath} <= model.capabilities()


@pytest.mark.system("A7")
@pytest.mark.parametrize(("before", "after"), [(0.0, 0.3), (0.3, 1.0), (1.0, 0.2), (0.0, 1.0)])
def test_log_ratios_of_the_path_are_those_of_the_equations(float64, before, after):
    model = offset(with_base(random_rbm(4, 3)))
    law = lambda beta: logsumexp(joint(model, beta=beta)[2], axis=1)
    found = model.log_ratio(torch.tensor(states(4)), before, after)
    np.testing.assert_allclose(found.detach(), law(after) - law(before), atol=1e-12)
    model = with_base(Triangle())
    law = lambda beta: logsumexp(triangle_scores(model, beta)[1], axis=1)
    found = model.log_ratio(torch.tensor(states(3)), before, after)
    np.testing.assert_allclose(found.detach(), law(after) - law(before), atol=1e-12)


@pytest.mark.system("A7")
def test_the_path_begins_at_free_units(float64):
    n, model = 20000, with_base(random_rbm(4, 3))
    score = joint(model, beta=0.0)[2]
    assert model.base_log_z().item() == pytest.approx(logsumexp(score), abs=1e-12)
    x = model.start_chain(Rng(2, rows=range(n))).numpy()
    assert chi_square(x @ [8, 4, 2, 1], np.exp(log_law(score))) > 0.001
    model = with_base(Triangle())
    score = triangle_scores(model, 0.0)[1]
    assert model.base_log_z().item() == pytest.approx(logsumexp(score), abs=1e-12)
    x = model.start_chain(Rng(2, rows=range(n))).numpy()
    assert chi_square(x @ [4, 2, 1], np.exp(log_law(score))) > 0.001


@pytest.mark.system("A5")
@pytest.mark.parametrize(("d", "m"), [(17, 15), (15, 17)])
def test_log_z_over_many_chunks_is_the_sum_over_either_side(float64, d, m):
    """2^15 states are two chunks; here the sum over the larger layer is the truth."""
    model = random_rbm(d, m, 0.5)
    t = numbers(model)
    v = states(17)
    w, b, c = (t["W"], t["b"], t["c"]) if d == 17 else (t["W"].T, t["c"], t["b"])
    expected = logsumexp(v @ b + np.logaddexp(0, v @ w + c).sum(1))
    assert model.log_z().item() == pytest.approx(expected, abs=1e-9)


def test_single_precision_sums_in_double():
    model = random_rbm(9, 6, 2.0)
    expected = logsumexp(joint(model.double())[2])
    found = model.float().log_z()
    assert found.dtype == torch.float64 and found.item() == pytest.approx(expected, abs=1e-5)
    x = torch.tensor(states(9)[::7], dtype=torch.float32)
    law = log_law(joint(model.double())[2])[::7]
    np.testing.assert_allclose(model.float().log_prob(x).values, law, atol=2e-4)


@pytest.mark.system("A2")
def test_the_gradient_of_log_z_is_the_expectation_of_the_model(float64):
    model = offset(random_rbm(4, 3))
    v, h, score = joint(model)
    p, t = np.exp(score - logsumexp(score)), numbers(model)
    x, y = v - t["mu"], h - t["lam"]
    found = torch.autograd.grad(model.log_z(), [model.W, model.b, model.c])
    expected = np.einsum("vh,vi,hj->ij", p, x, y), p.sum(1) @ x, p.sum(0) @ y
    for slope, mean in zip(found, expected):
        np.testing.assert_allclose(slope, mean, atol=1e-12)


# ---- how machines are built


@pytest.mark.parametrize("estimator", ["pcd", "cd", "tempering", "exact"])
def test_machines_are_built_on_meta_and_read_back(tmp_path, estimator):
    """What a saved model is checked with has no storage: nothing may be summed or looked at."""
    options = {"hidden": 3, "estimator": estimator, "centred": True}
    with torch.device("meta"):
        assert RBM(Binary((5,)), **options).persistent.is_meta
        assert GaussianRBM(Real((5,)), **options).persistent.is_meta
    model = RBM(Binary((5,)), **options)
    model.save(tmp_path / "model.safetensors")
    again = simulacra.load(tmp_path / "model.safetensors")
    assert again.persistent.shape == model.persistent.shape
    assert all(torch.equal(t, model.state_dict()[name]) for name, t in again.state_dict().items())


def test_a_conditional_machine_is_read_back(tmp_path):
    model = RBM(Binary((5,)), Real((2,)), hidden=3)
    randomise(model)
    model.save(tmp_path / "model.safetensors")
    again = simulacra.load(tmp_path / "model.safetensors")
    x, c = torch.ones(3, 5), torch.randn(3, 2)
    assert torch.equal(again.free_energy(x, c), model.free_energy(x, c))


def test_too_many_states_are_said_with_their_number_and_time():
    model = RBM(Binary((26,)), hidden=25)
    assert can.HasDensity not in model.capabilities() and can.HasEnergy in model.capabilities()
    with pytest.raises(ValueError, match=r"2\^25") as error:
        model.log_z()
    assert any(unit in str(error.value) for unit in ("second", "minute", "hour", "day"))
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"2\^25"):
        RBM(Binary((26,)), hidden=25, estimator="exact")
    assert can.HasDensity in RBM(Binary((26,)), hidden=20).capabilities()
    assert can.HasDensity in RBM(Binary((20,)), hidden=26).capabilities()
    assert can.HasDensity not in GaussianRBM(Real((2,)), hidden=21).capabilities()
    assert math.isfinite(GaussianRBM(Real((30,)), hidden=4).log_z().item())
