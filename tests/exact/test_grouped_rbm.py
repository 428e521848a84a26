"""The RBM with two groups of hidden units against enumeration of all its states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from machines import numbers, randomise
from oracles import chi_square, states
from scipy.special import logsumexp

from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann.machine.energy_model import Machine
from simulacra.models.boltzmann.restricted.grouped_rbm import GroupedRBM

D, K, M, N = 4, 3, 2, 3


def random_rbm(scale: float = 0.8, **options) -> GroupedRBM:
    """Random weights and biases."""
    model = GroupedRBM(Binary((D,)), Categorical((), K), hidden=M, irrelevant=N, **options)
    randomise(model, scale)
    model.base.copy_(torch.randn(D))
    return model


def log_law(model: GroupedRBM) -> np.ndarray:
    """log p(v, y) by summing over all h and g, shape (2^D, K)."""
    t = numbers(model)
    v, h, g = states(D), states(M), states(N)
    total = np.empty((len(v), K))
    for y in range(K):
        on_h = (t["c"][y] @ h.T)[None] + v @ t["W"][y] @ h.T
        on_g = (t["e"] @ g.T)[None] + v @ t["R"] @ g.T
        pairs = on_h[:, :, None] + on_g[:, None, :]
        total[:, y] = v @ t["b"] + t["d"][y] + logsumexp(pairs, axis=(1, 2))
    return total - logsumexp(total)


@pytest.mark.system("A27")
def test_the_law_is_the_enumerated_one(float64):
    model = random_rbm()
    joint, x = log_law(model), torch.tensor(states(D))
    expected = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    np.testing.assert_allclose(model.classify(x), expected, atol=1e-12)
    np.testing.assert_allclose(model.log_density(x).detach(), logsumexp(joint, axis=1), atol=1e-10)
    for y in range(K):
        given = joint[:, y] - logsumexp(joint[:, y])
        np.testing.assert_allclose(model.log_prob(x, y).values, given, atol=1e-10)


@pytest.mark.system("A27")
def test_irrelevant_units_leave_the_label_alone_and_not_the_data(float64):
    model = random_rbm()
    x = torch.tensor(states(D))
    label, density = model.classify(x), model.log_density(x).detach()
    with torch.no_grad():
        model.R.copy_(torch.randn(D, N))
        model.e.copy_(torch.randn(N))
    assert torch.equal(model.classify(x), label)
    assert abs(model.log_density(x).detach() - density).max() > 0.1
    with torch.no_grad():
        model.W[0, 1, 0] += 0.5
    assert not torch.allclose(model.classify(x), label, atol=1e-3)
    # nor does what they are taught depend on the label
    grads = torch.autograd.grad(model.label_logits(x).sum(), [model.R, model.e], allow_unused=True)
    assert grads == (None, None)


def test_fields_are_those_of_the_energy(float64):
    model = random_rbm()
    layers = {"v": torch.rand(5, D), "h": torch.rand(5, K, 1 + M), "g": torch.rand(5, N)}
    for c in (None, torch.tensor([0, 1, 2, 2, 1])):
        for name in layers:
            torch.testing.assert_close(model.field(name, layers, c), Machine.field(model, name, layers, c))
        e, fields = model.opened(layers, c)
        expected, slopes = Machine.opened(model, layers, c)
        torch.testing.assert_close(e, expected)
        torch.testing.assert_close(fields, slopes)


@pytest.mark.system("A27")
def test_samples_follow_the_joint_law(float64):
    n, model = 8000, random_rbm(burn_in=50)
    joint, code = np.exp(log_law(model)), np.array([8, 4, 2, 1])
    with torch.no_grad():
        pairs = model.draw_pairs(Rng(4, rows=range(n)))
    assert chi_square((pairs.x.numpy() @ code) * K + pairs.y.numpy(), joint.ravel()) > 0.001
    drawn = model.sample(n, condition=1, seed=6).numpy() @ code
    assert chi_square(drawn, joint[:, 1] / joint[:, 1].sum()) > 0.001


@pytest.mark.system("A27")
@pytest.mark.parametrize(("objective", "label", "data"), [("generative", 1, 1), ("hybrid", 1.2, 0.2)])
def test_the_objective_is_the_enumerated_one(float64, objective, label, data):
    model = random_rbm(objective=objective, generative=0.2, estimator="exact")
    rows, y = [1, 7, 12], [0, 2, 1]
    batch = Batch.of(torch.tensor(states(D)[rows]), torch.tensor(y))
    joint = log_law(model)
    of_v = logsumexp(joint, axis=1)[rows]
    expected = -(label * (joint[rows, y] - of_v) + data * of_v).mean()
    terms = model.stage(0, []).updates[0].loss(model, batch, Rng(0, rows=range(3))).loss
    assert sum(term.mean() for term in terms.values()).item() == pytest.approx(expected, abs=1e-10)


def test_training_learns_the_label_and_a_nuisance(tmp_path):
    """Two halves: one tells the label, the other is noise that its entries share."""
    g = torch.Generator().manual_seed(5)
    y = torch.randint(0, 2, (300,), generator=g)
    noise = torch.randint(0, 2, (300, 1), generator=g)
    x = torch.cat([y.unsqueeze(1).expand(-1, 3), noise.expand(-1, 3)], 1).float()
    x = torch.where(torch.rand(x.shape, generator=g) < 0.1, 1 - x, x)
    data = from_tensors(x, Binary((6,)), c=y, condition=Categorical((), 2))
    torch.manual_seed(1)
    sizes = {"hidden": 3, "irrelevant": 3, "generative": 0.5}
    model = GroupedRBM(data.space, data.condition, **sizes, lr=0.2, momentum=0.5)
    run = fit(model, data, out=tmp_path / "run", epochs=25, batch_size=30, progress=False)
    right = run.model.classify(data.test.x).argmax(1) == data.test.c
    assert right.double().mean() > 0.85
    again = GroupedRBM(data.space, data.condition, **sizes)
    again.load_state_dict(run.model.state_dict())
    assert torch.equal(again.sample(7, 1, seed=2), run.model.sample(130, 1, seed=2)[:7])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": Real((4,))}, "an RBM with two groups of hidden units needs binary data"),
        ({"condition": None}, "load the data with condition='label'"),
        ({"irrelevant": 0}, "irrelevant is 0, but it must be at least 1"),
        ({"objective": "discriminative"}, "the irrelevant units learn nothing"),
        ({"generative": 0.0}, "the irrelevant units learn nothing"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError) as error:
        GroupedRBM(**{"space": Binary((4,)), "condition": Categorical((), 3)} | options)
    assert message in str(error.value)
