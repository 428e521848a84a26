"""The conditional RBM of structured outputs against enumeration of all outputs and hidden units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from machines import joint, log_law, numbers, randomise
from oracles import states
from scipy.special import expit, logsumexp

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.boltzmann.restricted.structured_losses import lowest_visited

INPUT, D, M = 3, 5, 4
U = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1]], dtype=float)
CHOSEN = [3, 17, 30, 8]


def machine(scale: float = 1.0, **options) -> simulacra.StructuredCRBM:
    """A random machine of 5 outputs and 4 hidden units given 3 inputs."""
    torch.manual_seed(5)
    model = simulacra.StructuredCRBM(Binary((D,)), Binary((INPUT,)), hidden=M, **options)
    randomise(model, scale)
    return model


def rows() -> Batch:
    """Four outputs, each with an input."""
    return Batch.of(torch.tensor(states(D)[CHOSEN]), torch.tensor(U))


def free(model, u: np.ndarray) -> np.ndarray:
    """F(y|u) of all y."""
    return -logsumexp(joint(model, u)[2], axis=1)


def loss_of(model, batch: Batch | None = None, rng: Rng | None = None) -> torch.Tensor:
    """The loss of each row, all terms together."""
    batch = rows() if batch is None else batch
    (update,) = model.stage(0, []).updates
    return sum(update.loss(model, batch, rng or Rng(2, rows=range(len(batch)))).loss.values())


def check_slopes(model, loss, expected, h: float = 1e-5) -> None:
    """Compares the gradient of a mean loss with central differences of a function of the model."""
    model.zero_grad()
    loss.mean().backward()
    for name in ("A", "B", "W", "b", "c"):
        p = getattr(model, name)
        flat, found = p.data.view(-1), p.grad.view(-1)
        for i in range(0, len(flat), 3):
            kept, ends = flat[i].item(), []
            for change in (h, -h):
                flat[i] = kept + change
                ends.append(expected())
            flat[i] = kept
            assert found[i].item() == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-7), name


@pytest.mark.system("A20")
def test_the_law_given_an_input_is_enumerated(float64):
    model, v = machine(), torch.tensor(states(D))
    for u in U:
        given = torch.tensor(u).expand(len(v), -1)
        estimate = model.log_prob(v, given)
        assert estimate.kind == "exact" and estimate.conditional
        np.testing.assert_allclose(estimate.values, log_law(joint(model, u)[2]), atol=1e-10)
    nll = lambda: -np.mean([log_law(joint(model, u)[2])[i] for u, i in zip(U, CHOSEN)])
    exact = machine(estimator="exact")
    assert loss_of(exact).mean().item() == pytest.approx(nll(), abs=1e-10)
    check_slopes(model, loss_of(exact_of(model)), nll)


def exact_of(model) -> simulacra.StructuredCRBM:
    """The same parameters with the exact loss."""
    model.estimator = "exact"
    return model


@pytest.mark.system("A20")
@pytest.mark.parametrize("margin", [0.0, 0.7])
def test_the_perceptron_loss_finds_the_lowest_state(float64, margin):
    """A long chain of a machine of 2^5 states visits all of them: the loss is that of LeCun's definition."""
    model, batch = machine(0.6, gibbs_steps=400, margin=margin), rows()

    def expected() -> np.ndarray:
        found = []
        for u, y in zip(U, states(D)[CHOSEN]):
            f = free(model, u)
            wrong = abs(states(D) - y).sum(1)
            found.append(f[CHOSEN[len(found)]] - (f - margin * wrong).min())
        return np.array(found)

    loss = loss_of(model)
    np.testing.assert_allclose(loss.detach(), expected(), atol=1e-10)
    assert (loss > 0).any() and (loss >= 0).all()
    check_slopes(model, loss, lambda: expected().mean())
    # a chain of one sweep has seen two states and y itself
    short = machine(0.6, gibbs_steps=1, margin=margin)
    given, f = short.given(batch.c), short.free_energy(batch.x, batch.c)
    torch.testing.assert_close(given.free_energy(batch.x), f)
    seen = lowest_visited(given, batch.x, f, Rng(2, rows=range(4)), 1, margin)
    lowered = short.free_energy(seen, batch.c) - margin * (seen - batch.x).abs().sum(1)
    assert (lowered <= short.free_energy(batch.x, batch.c) + 1e-12).all()
    assert (loss_of(short) >= 0).all() and (loss_of(short) <= loss + 1e-12).all()


@pytest.mark.system("A20")
def test_where_y_is_the_lowest_state_nothing_is_learned(float64):
    model = machine(0.6, gibbs_steps=50, margin=0.0)
    best = [free(model, u).argmin() for u in U]
    batch = Batch.of(torch.tensor(states(D)[best]), torch.tensor(U))
    loss = loss_of(model, batch)
    assert loss.abs().max() < 1e-12
    loss.sum().backward()
    assert all(p.grad.abs().max() < 1e-12 for p in model.parameters())


def filled(**options) -> simulacra.StructuredCRBM:
    """A machine that remembers all 2^5 outputs, each with an input."""
    model = machine(0.8, estimator="candidates", bits=4, **{"memory": 40, "candidates": 32, **options})
    u = torch.tensor(states(INPUT)).repeat(4, 1)
    model.memory.store(u, torch.tensor(states(D)))
    return model


@pytest.mark.system("A20")
def test_with_all_states_as_candidates_the_loss_is_exact(float64):
    model = filled()
    nll = lambda: -np.mean([log_law(joint(model, u)[2])[i] for u, i in zip(U, CHOSEN)])
    loss = loss_of(model)
    assert loss.mean().item() == pytest.approx(nll(), abs=1e-10)  # y itself is counted once
    check_slopes(model, loss, nll)
    few = filled(candidates=5)
    bound = [-log_law(joint(few, u)[2])[i] for u, i in zip(U, CHOSEN)]
    assert (loss_of(few) >= 0).all() and (loss_of(few).detach().numpy() <= np.array(bound) + 1e-12).all()
    # swept candidates are states, too
    swept = loss_of(filled(candidates=5, gibbs_steps=2))
    assert (swept >= 0).all() and (swept.detach().numpy() <= np.array(bound) + 1e-12).all()


@pytest.mark.system("A20")
def test_candidates_are_listed_by_hand(float64):
    """Inputs on a line: the code of bit 1 halves it, bit 2 cuts out the middle, so the order is known."""
    model = simulacra.StructuredCRBM(
        Binary((3,)), Real((1,)), hidden=2, estimator="candidates", bits=2, memory=9, candidates=3
    )
    u = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0]])
    y = torch.tensor(states(3))
    model.memory.store(u, y)
    codes = model.memory.hash.codes(u).int().tolist()
    assert codes == [[1, 1], [1, 1], [1, 0], [1, 0], [0, 0], [0, 0], [0, 1], [0, 1]]
    nearest = model.memory.nearest(torch.tensor([[0.2], [4.4], [6.9]]))
    assert nearest.tolist() == [[0, 1, 2], [4, 5, 2], [6, 7, 0]]
    found = model.memory.candidates_of(torch.tensor([[4.4]]))
    assert torch.equal(found[0], y[[4, 5, 2]])
    # the answer is the candidate of least free energy
    randomise(model, 2.0)
    t = numbers(model)
    for value in (0.2, 4.4, 6.9):
        chosen = model.memory.nearest(torch.tensor([[value]]))[0].numpy()
        energy = free(model, np.array([value]))[chosen]
        expected = states(3)[chosen[energy.argmin()]]
        assert (model.answer(torch.tensor([[value]]), Rng(0)).numpy() == expected).all()
    assert t["memory.count"] == 8


@pytest.mark.system("A20")
def test_mean_field_is_a_bound_and_exact_without_weights(float64):
    model = machine(0.5, estimator="mean-field", mean_field_steps=500)
    nll = lambda: np.array([-log_law(joint(model, u)[2])[i] for u, i in zip(U, CHOSEN)])
    loss = loss_of(model)
    assert (loss.detach().numpy() < nll()).all()
    v, h = (m.detach().numpy() for m in model.given(torch.tensor(U)).means(500))
    t = numbers(model)
    np.testing.assert_allclose(model.means(torch.tensor(U)).detach(), v)
    np.testing.assert_allclose(v, expit(t["b"] + U @ t["A"].T + h @ t["W"].T), atol=1e-12)
    np.testing.assert_allclose(h, expit(t["c"] + U @ t["B"].T + v @ t["W"]), atol=1e-12)
    # at the minimum over q the gradient through q is zero
    check_slopes(model, loss, lambda: loss_of(model).mean().item())
    with torch.no_grad():
        model.W.zero_()
    np.testing.assert_allclose(loss_of(model).detach(), nll(), atol=1e-10)
    answer = model.answer(torch.tensor(U), Rng(0))
    assert torch.equal(answer, (torch.tensor(expit(t["b"] + U @ t["A"].T)) > 0.5).double())


@pytest.mark.system("A20")
def test_the_same_row_has_the_same_negatives_in_any_batch(float64):
    for options in ({"gibbs_steps": 3}, {"estimator": "cd", "gibbs_steps": 2}):
        model, batch = machine(**options), rows()
        whole = loss_of(model)
        part = loss_of(model, batch.part(1, 3), Rng(2, rows=range(1, 3)))
        torch.testing.assert_close(part, whole[1:3])


@pytest.mark.parametrize(
    "options",
    [
        {"condition": None},
        {"space": Real((5,))},
        {"estimator": "pcd"},
        {"gibbs_steps": 0},
        {"margin": -0.1},
        {"estimator": "candidates", "memory": 4, "candidates": 5},
        {"bits": 0},
        {"mean_field_steps": 0},
    ],
)
def test_impossible_options_are_refused(options):
    given = {"space": Binary((5,)), "condition": Categorical((), 3), "hidden": 2, **options}
    with pytest.raises(ValueError, match=r"[.?]$"):
        simulacra.StructuredCRBM(**given)
