"""The point-wise gated Boltzmann machine against enumeration: 4 pixels, 2 components."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from machines import numbers, randomise
from oracles import chi_square, states
from scipy.special import expit, logsumexp, softmax

from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.likelihood.annealing import bracket
from simulacra.models.boltzmann.machine.energy_model import Machine
from simulacra.models.boltzmann.pairwise.gated_bm import GatedBM

D, K, M = 4, 2, 2


def random_machine(scale: float = 0.8, components: int = K, **options) -> GatedBM:
    """Random weights and biases."""
    model = GatedBM(Binary((D,)), components=components, hidden=M, **options)
    randomise(model, scale)
    model.base.copy_(torch.randn(D))
    return model


def switches() -> np.ndarray:
    """All choices of a component at each pixel, one-hot, shape (2^4, D, K)."""
    return np.array([np.eye(K)[list(s)] for s in itertools.product(range(K), repeat=D)])


def scores(model: GatedBM, beta: float = 1.0) -> np.ndarray:
    """-E of all (v, s, h), shape (16, 16, 16): equation by equation, no shortcut."""
    t = numbers(model)
    v, s = states(D), switches()
    h = states(K * M).reshape(-1, K, M)
    gated = np.einsum("nik,vi->vnik", s, v)
    third = np.einsum("vnik,kij,mkj->vnm", gated, t["W"], h)
    alone = (v @ t["b"])[:, None, None] + np.einsum("nik,ik->n", s, t["a"])[None, :, None]
    score = third + alone + np.einsum("mkj,kj->m", h, t["c"])[None, None]
    return beta * score + (1 - beta) * (v @ t["base"])[:, None, None]


@pytest.mark.system("A28")
def test_log_z_and_energies_are_the_enumerated_ones(float64):
    model = random_machine()
    score = scores(model)
    assert model.log_z().item() == pytest.approx(logsumexp(score), abs=1e-10)
    v = torch.tensor(states(D)).repeat_interleave(16, 0)
    s = torch.tensor(switches()).repeat(16, 1, 1)
    found = -model.marginal({"v": v, "s": s}).detach().numpy().reshape(16, 16)
    np.testing.assert_allclose(found, logsumexp(score, axis=2), atol=1e-12)


@pytest.mark.system("A28")
def test_conditionals_are_the_enumerated_ones(float64):
    model, n = random_machine(), 13
    p = np.exp(scores(model) - logsumexp(scores(model)))
    rng = np.random.default_rng(4)
    at = rng.integers(0, 16, (n, 3))
    v, s, h = states(D), switches(), states(K * M).reshape(-1, K, M)
    layers = {"v": v[at[:, 0]], "s": s[at[:, 1]], "h": h[at[:, 2]]}
    layers = {name: torch.tensor(t) for name, t in layers.items()}
    means = {name: model.units[name].mean(model.field(name, layers)).detach().numpy() for name in layers}
    for row, (i, j, m) in enumerate(at):
        of_v, of_s, of_h = (q / q.sum() for q in (p[:, j, m], p[i, :, m], p[i, j]))
        np.testing.assert_allclose(means["v"][row], of_v @ v, atol=1e-12)
        np.testing.assert_allclose(means["s"][row], np.einsum("n,nik->ik", of_s, s), atol=1e-12)
        np.testing.assert_allclose(means["h"][row], np.einsum("m,mkj->kj", of_h, h), atol=1e-12)


def test_fields_are_those_of_the_energy(float64):
    model = random_machine()
    layers = {"v": torch.rand(6, D), "s": torch.rand(6, D, K), "h": torch.rand(6, K, M)}
    for name in layers:
        torch.testing.assert_close(model.field(name, layers), Machine.field(model, name, layers))
    e, fields = model.opened(layers)
    expected, slopes = Machine.opened(model, layers)
    torch.testing.assert_close(e, expected)
    torch.testing.assert_close(fields["h"], slopes["h"])


@pytest.mark.system("A28")
def test_an_unused_component_is_switched_on_by_its_prior(float64):
    """W_k = 0: the odds of two such components are their prior odds, whatever the pixels and units say."""
    model = random_machine(components=3)
    prior = softmax(numbers(model)["a"], axis=1)
    x = torch.tensor(states(D))
    layers = {"v": x, "h": torch.rand(16, 3, M).round()}
    with torch.no_grad():
        model.W[1:] = 0
    p = model.units["s"].mean(model.field("s", layers)).detach().numpy()
    np.testing.assert_allclose(p[..., 1] / p[..., 2], (prior[:, 1] / prior[:, 2])[None].repeat(16, 0))
    assert abs(p - prior).max() > 0.05  # the component in use tells
    h = model.units["h"].mean(model.field("h", {"v": x, "s": torch.tensor(p)})).detach().numpy()
    np.testing.assert_allclose(h[:, 1:], expit(numbers(model)["c"][1:])[None].repeat(16, 0))
    with torch.no_grad():
        model.W.zero_()
    np.testing.assert_allclose(model.switches(x).detach(), prior[None].repeat(16, 0))
    # and a pixel that is off shows no component
    randomise(model)
    prior = softmax(numbers(model)["a"], axis=1)
    p = model.units["s"].mean(model.field("s", layers)).detach().numpy()
    off = states(D) == 0
    np.testing.assert_allclose(p[off], np.broadcast_to(prior, p.shape)[off])


@pytest.mark.system("A28")
def test_the_unused_component_of_two_has_the_prior_probability(float64):
    """With both W = 0 the switches of all pixels are independent of the data, also by enumeration."""
    model = random_machine()
    with torch.no_grad():
        model.W.zero_()
    p = np.exp(scores(model) - logsumexp(scores(model)))
    given = p.sum(2) / p.sum((1, 2))[:, None]
    found = np.einsum("vn,nik->vik", given, switches())
    np.testing.assert_allclose(found, softmax(numbers(model)["a"], axis=1)[None].repeat(16, 0), atol=1e-12)


@pytest.mark.system("A28")
def test_chains_and_paths_follow_the_enumerated_law(float64):
    n, model = 8000, random_machine(burn_in=40)
    score = scores(model)
    p = np.exp(logsumexp(score, axis=(1, 2)) - logsumexp(score))
    x = model.draw(Rng(3, rows=range(n))).detach().numpy()
    assert chi_square(x @ [8, 4, 2, 1], p) > 0.001
    found = bracket(model, 80, chains=300, sweeps=50)
    for side in (found.forward, found.reverse):
        assert side.log_z == pytest.approx(logsumexp(score), abs=4 * side.error)


@pytest.mark.system("A28")
def test_held_pixels_are_explained_and_completed_by_the_conditional_law(float64):
    n, model = 8000, random_machine(burn_in=40, switch_steps=40)
    p = np.exp(scores(model) - logsumexp(scores(model)))
    row = 11
    x = torch.tensor(states(D)[[row]]).repeat(n, 1)
    s = model.explained(x, Rng(7, rows=range(n)))["s"].numpy().argmax(2) @ [8, 4, 2, 1]
    assert chi_square(s, p[row].sum(1) / p[row].sum()) > 0.001
    known = torch.tensor([True, False, True, False])
    found = model.complete(x, known, seed=1).numpy()
    assert (found[:, [0, 2]] == states(D)[row, [0, 2]]).all()
    fits = (states(D)[:, [0, 2]] == states(D)[row, [0, 2]]).all(1)
    law = p.sum((1, 2)) * fits / (p.sum((1, 2)) * fits).sum()
    assert chi_square(found @ [8, 4, 2, 1], law) > 0.001


@pytest.mark.system("A28")
def test_chains_give_the_gradient_of_the_likelihood(float64):
    n = 20_000
    model = random_machine(0.6, chains=n, gibbs_steps=30, switch_steps=30)
    rows = torch.tensor(states(D)[[3, 13]])
    update = model.stage(0, []).updates[0]
    batch, rng = Batch.of(rows.repeat(n // 2, 1)), Rng(5, rows=range(n))
    update.before(model, batch, rng)
    sum(t.mean() for t in update.loss(model, batch, rng).loss.values()).backward()
    # log p(v) by a sum over all switches
    s = torch.tensor(switches())
    free = [-(-model.marginal({"v": v.expand(16, D), "s": s})).logsumexp(0) for v in rows]
    exact = torch.autograd.grad(torch.stack(free).mean() + model.log_z(), list(model.parameters()))
    for p, slope in zip(model.parameters(), exact):
        np.testing.assert_allclose(p.grad, slope, atol=4 * np.sqrt(0.5 / n))


def test_a_short_training_is_saved_and_loaded(tmp_path):
    x = (torch.rand(60, 9, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    model = GatedBM(Binary((9,)), components=3, hidden=4, chains=13, burn_in=20, switch_steps=3)
    run = fit(model, from_tensors(x, Binary((9,))), out=tmp_path / "run", epochs=2, progress=False)
    again = GatedBM(Binary((9,)), components=3, hidden=4, chains=13, burn_in=20, switch_steps=3)
    again.load_state_dict(run.model.state_dict())
    assert torch.equal(again.sample(5, seed=3), run.model.sample(130, seed=3)[:5])
    assert run.model.encode(x).shape == (60, 27)
    assert not {can.HasEnergy, can.HasDensity} & model.capabilities()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": Real((4,))}, "a gated Boltzmann machine needs binary data"),
        ({"components": 0}, "components is 0, but it must be at least 1"),
        ({"switch_steps": 0}, "switch_steps is 0"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError) as error:
        GatedBM(**{"space": Binary((4,))} | options)
    assert message in str(error.value)
