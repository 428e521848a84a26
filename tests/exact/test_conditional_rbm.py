"""The conditional RBM against enumeration: biases move with the condition, weights do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from machines import joint, log_law, numbers, random_rbm, randomise
from oracles import chi_square, states
from scipy.special import expit, logsumexp

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import TakesCondition
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real, Space
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann import RBM, GaussianRBM

CONDITIONS: dict[str, tuple[Space, torch.Tensor, np.ndarray]] = {
    "classes": (Categorical((), 3), torch.tensor([2, 0, 1, 2]), np.eye(3)[[2, 0, 1, 2]]),
    "numbers": (
        Real((2,)),
        torch.tensor([[0.3, -1.2], [2.0, 0.5], [0.0, 0.0], [-0.7, 1.1]], dtype=torch.float64),
        np.array([[0.3, -1.2], [2.0, 0.5], [0.0, 0.0], [-0.7, 1.1]]),
    ),
}
every_condition = pytest.mark.parametrize("kind", CONDITIONS)


def conditional(kind: str, **options) -> RBM:
    """A machine over 5 binary units with that condition, all of it random."""
    model = RBM(Binary((5,)), CONDITIONS[kind][0], hidden=4, **options)
    randomise(model)
    return model


@every_condition
@pytest.mark.system("A17")
def test_log_probability_given_a_condition_is_the_enumerated_one(float64, kind):
    model, (_, c, u) = conditional(kind), CONDITIONS[kind]
    laws = np.array([log_law(joint(model, row)[2]) for row in u])  # (conditions, 2^5)
    assert abs(laws[0] - laws[1]).max() > 0.1
    v = torch.tensor(states(5))
    for i in range(len(u)):
        given = c[i : i + 1].expand(32, *c.shape[1:])
        np.testing.assert_allclose(model.log_prob(v, given).values, laws[i], atol=1e-10)
    # rows with conditions of their own
    chosen = [3, 17, 30, 8]
    estimate = model.log_prob(v[chosen], c)
    assert estimate.kind == "exact" and estimate.conditional
    np.testing.assert_allclose(estimate.values, laws[range(4), chosen], atol=1e-10)
    log_z = [logsumexp(joint(model, row)[2]) for row in u]
    np.testing.assert_allclose(model.log_z(c).detach(), log_z, atol=1e-10)
    free = [-logsumexp(joint(model, u[i])[2], axis=1)[chosen[i]] for i in range(4)]
    np.testing.assert_allclose(model.free_energy(v[chosen], c).detach(), free, atol=1e-10)


@every_condition
@pytest.mark.system("A17")
def test_the_exact_estimator_sums_for_each_condition(float64, kind):
    model, (_, c, u) = conditional(kind, estimator="exact"), CONDITIONS[kind]
    (update,) = model.stage(0, []).updates
    chosen = [3, 17, 30, 8]
    found = update.loss(model, Batch.of(torch.tensor(states(5)[chosen]), c), Rng(0)).loss["nll"]
    expected = [-log_law(joint(model, u[i])[2])[chosen[i]] for i in range(4)]
    np.testing.assert_allclose(found.detach(), expected, atol=1e-10)


@every_condition
@pytest.mark.system("A17")
def test_conditionals_use_the_moved_biases(float64, kind):
    model, (_, c, u) = conditional(kind), CONDITIONS[kind]
    t, v, h = numbers(model), states(5)[[3, 17, 30, 8]], states(4)[[5, 2, 14, 9]]
    found = model.hidden_given_visible(torch.tensor(v), c).detach()
    np.testing.assert_allclose(found, expit(t["c"] + u @ t["B"].T + v @ t["W"]), atol=1e-12)
    found = model.visible_given_hidden(torch.tensor(h), c).detach()
    np.testing.assert_allclose(found, expit(t["b"] + u @ t["A"].T + h @ t["W"].T), atol=1e-12)


@pytest.mark.system("A17")
def test_samples_follow_their_condition(float64):
    n, model = 4000, conditional("classes", burn_in=40)
    c = torch.arange(3).repeat_interleave(n)
    x = model.draw(Rng(3, rows=range(3 * n)), c).numpy() @ [16, 8, 4, 2, 1]
    laws = [np.exp(log_law(joint(model, row)[2])) for row in np.eye(3)]
    for y in range(3):
        assert chi_square(x[y * n : (y + 1) * n], laws[y]) > 0.001
        assert chi_square(x[y * n : (y + 1) * n], laws[(y + 1) % 3]) < 1e-6


@every_condition
@pytest.mark.system("A17")
def test_without_influence_it_is_the_plain_machine_bit_for_bit(float64, kind):
    plain = random_rbm(5, 4, burn_in=7)
    model = RBM(Binary((5,)), CONDITIONS[kind][0], hidden=4, burn_in=7)
    assert not model.A.any() and not model.B.any()
    with torch.no_grad():
        for name in ("W", "b", "c"):
            getattr(model, name).copy_(getattr(plain, name))
    c, v = CONDITIONS[kind][1], torch.tensor(states(5)[[3, 17, 30, 8]])
    assert torch.equal(model.free_energy(v, c), plain.free_energy(v))
    assert torch.equal(model.log_density(v, c), plain.log_density(v))
    assert torch.equal(model.draw(Rng(2, rows=range(4)), c), plain.draw(Rng(2, rows=range(4))))
    assert torch.equal(model.hidden_given_visible(v, c), plain.hidden_given_visible(v))
    assert TakesCondition in model.capabilities() and TakesCondition not in plain.capabilities()


@pytest.mark.system("A6", "A17")
def test_gaussian_units_given_a_condition_are_a_mixture_that_moves(float64):
    """Sum over h of P(h|u) N(v; b + A u + W h, s^2)."""
    scale, model = 0.7, GaussianRBM(Real((2,)), Real((3,)), hidden=3, scale=0.7)
    randomise(model)
    t, u, h = numbers(model), np.array([0.4, -1.0, 0.2]), states(3)
    v = np.random.default_rng(2).normal(size=(11, 2))
    b, c = t["b"] + t["A"] @ u, t["c"] + t["B"] @ u
    centre = b + h @ t["W"].T
    weight = h @ c + ((centre**2).sum(1) - (b**2).sum()) / (2 * scale**2)
    square = ((v[:, None] - centre) ** 2).sum(-1) / (2 * scale**2)
    expected = logsumexp(weight - logsumexp(weight) - square, axis=1) - np.log(2 * np.pi * scale**2)
    given = torch.tensor(u).expand(11, 3)
    np.testing.assert_allclose(model.log_prob(torch.tensor(v), given).values, expected, atol=1e-10)


@pytest.mark.system("A17")
@pytest.mark.parametrize("estimator", ["auto", "exact"])
def test_training_finds_what_the_condition_tells(tmp_path, estimator):
    """x is the pattern of its class: given the class it is likely, given another it is not."""
    torch.manual_seed(2)
    y = torch.arange(3).repeat(50)
    x = torch.tensor([[1, 1, 0, 0, 1], [0, 0, 1, 1, 1], [1, 0, 1, 0, 0]])[y].to(torch.uint8)
    data = from_tensors(x, Binary((5,)), c=y, condition=Categorical((), 3), valid=0.0, test=0.0)
    model = RBM(Binary((5,)), Categorical((), 3), hidden=3, lr=0.5, estimator=estimator)
    run = fit(model, data, out=tmp_path / "run", epochs=30, batch_size=25, progress=False)
    v = x[:3].float()
    right = run.model.log_prob(v, torch.arange(3)).values
    wrong = run.model.log_prob(v, torch.tensor([1, 2, 0])).values
    assert (right > -1.0).all() and (right - wrong > 2).all()
    again = simulacra.load(tmp_path / "run")
    assert torch.equal(again.log_prob(v, torch.arange(3)).values, right)
    assert again.sample(4, condition=torch.tensor([0, 1, 2, 0]), seed=1).shape == (4, 5)
