"""The classification RBM against enumeration of the joint RBM over data and one-hot labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from machines import numbers, randomise
from oracles import chi_square, states
from scipy.special import logsumexp

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann.machine.energy_model import Machine
from simulacra.models.boltzmann.restricted.discriminative_rbm import DiscriminativeRBM

D, K, M = 4, 3, 2


def random_rbm(scale: float = 1.0, **options) -> DiscriminativeRBM:
    """Random weights and biases."""
    model = DiscriminativeRBM(Binary((D,)), Categorical((), K), hidden=M, **options)
    randomise(model, scale)
    model.base.copy_(torch.randn(D))
    return model


def scores(model: DiscriminativeRBM) -> np.ndarray:
    """b'v + d_y + c'h + h'U_y + v'Wh of all (v, y, h), shape (2^D, K, 2^M)."""
    t = numbers(model)
    v, h, y = states(D), states(M), np.eye(K)
    return (
        (v @ t["b"])[:, None, None] + (y @ t["d"])[None, :, None] + (h @ t["c"])[None, None]
        + (y @ t["U"].T @ h.T)[None] + (v @ t["W"] @ h.T)[:, None]
    )  # fmt: skip


def law(model: DiscriminativeRBM) -> np.ndarray:
    """log p(v, y), shape (2^D, K)."""
    score = scores(model)
    return logsumexp(score, axis=2) - logsumexp(score)


@pytest.mark.system("A24")
def test_the_label_given_the_data_is_the_enumerated_one(float64):
    model = random_rbm()
    joint = law(model)
    expected = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    np.testing.assert_allclose(model.classify(states(D)), expected, atol=1e-12)
    # as the row states it
    t, v = numbers(model), states(D)
    by_hand = t["d"] + np.logaddexp(0, t["c"][:, None] + t["U"] + (v @ t["W"])[:, :, None]).sum(1)
    np.testing.assert_allclose(model.label_logits(torch.tensor(v)).detach(), by_hand, atol=1e-12)


@pytest.mark.system("A24")
def test_densities_are_the_enumerated_ones(float64):
    model = random_rbm()
    joint = law(model)
    x = torch.tensor(states(D))
    np.testing.assert_allclose(model.log_density(x).detach(), logsumexp(joint, axis=1), atol=1e-10)
    for y in range(K):
        expected = joint[:, y] - logsumexp(joint[:, y])
        np.testing.assert_allclose(model.log_prob(x, y).values, expected, atol=1e-10)
    mixed = torch.arange(16) % K
    expected = joint[np.arange(16), mixed] - logsumexp(joint, axis=0)[mixed]
    np.testing.assert_allclose(model.log_prob(x, mixed).values, expected, atol=1e-10)
    total = model.log_z(torch.tensor([2, 0])).detach() - model.log_z().detach()
    np.testing.assert_allclose(total, logsumexp(joint, axis=0)[[2, 0]], atol=1e-10)


@pytest.mark.system("A24")
@pytest.mark.parametrize(
    ("objective", "label", "data"), [("discriminative", 1, 0), ("generative", 1, 1), ("hybrid", 1.3, 0.3)]
)
def test_the_gradient_is_the_finite_difference_of_the_objective(float64, objective, label, data):
    """L = L_disc + a L_gen with L_gen = -log p(y|v) - log p(v), all from the enumerated joint law."""
    model = random_rbm(objective=objective, generative=0.3, estimator="exact")
    rows, y = [1, 7, 7, 12, 9], [0, 2, 1, 1, 0]
    batch = Batch.of(torch.tensor(states(D)[rows]), torch.tensor(y))

    def objective_of() -> float:
        joint = law(model)
        of_v = logsumexp(joint, axis=1)[rows]
        return float(-(label * (joint[rows, y] - of_v) + data * of_v).mean())

    update = model.stage(0, []).updates[0]
    terms = update.loss(model, batch, Rng(0, rows=range(5))).loss
    total = sum(term.mean() for term in terms.values())
    assert total.item() == pytest.approx(objective_of(), abs=1e-10)
    total.backward()
    assert isinstance(model.b, torch.nn.Parameter) is (data > 0)
    for p in model.parameters():
        flat = p.data.view(-1)
        for i in range(len(flat)):
            kept, ends = flat[i].item(), []
            for step in (1e-5, -1e-5):
                flat[i] = kept + step
                ends.append(objective_of())
            flat[i] = kept
            assert p.grad.view(-1)[i].item() == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)


def test_fields_are_those_of_the_energy(float64):
    model = random_rbm()
    layers = {"v": torch.rand(6, D), "h": torch.rand(6, K, 1 + M)}
    for c in (None, torch.tensor([0, 1, 2, 2, 1, 0])):
        for name in layers:
            torch.testing.assert_close(model.field(name, layers, c), Machine.field(model, name, layers, c))
        e, fields = model.opened(layers, c)
        expected, slopes = Machine.opened(model, layers, c)
        torch.testing.assert_close(e, expected)
        torch.testing.assert_close(fields["h"], slopes["h"])


@pytest.mark.system("A24")
def test_samples_follow_the_joint_and_the_conditional_law(float64):
    n, model = 8000, random_rbm(burn_in=50)
    joint, code = np.exp(law(model)), np.array([8, 4, 2, 1])
    with torch.no_grad():
        pairs = model.draw_pairs(Rng(4, rows=range(n)))
    drawn = (pairs.x.numpy() @ code) * K + pairs.y.numpy()
    assert chi_square(drawn, joint.ravel()) > 0.001
    for y in (0, 2):
        drawn = model.sample(n, condition=y, seed=y).numpy() @ code
        assert chi_square(drawn, joint[:, y] / joint[:, y].sum()) > 0.001


@pytest.mark.system("A24")
def test_chains_give_the_gradient_of_the_joint_law(float64):
    n = 20_000
    model = random_rbm(0.7, objective="generative", estimator="pcd", chains=n, gibbs_steps=30)
    batch = Batch.of(torch.tensor(states(D)[[3, 8]]), torch.tensor([2, 0]))
    update = model.stage(0, []).updates[0]
    update.before(model, batch, Rng(3, rows=range(2)))
    sum(t.mean() for t in update.loss(model, batch, Rng(3, rows=range(2))).loss.values()).backward()
    drawn = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    exact = -(model.log_density(batch.x) + model.label_logits(batch.x).log_softmax(1)[[0, 1], [2, 0]]).mean()
    exact.backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(drawn[name], p.grad, atol=4 * np.sqrt(0.5 / n))


def test_rows_without_a_label_teach_what_the_data_are_like(float64):
    model = random_rbm(objective="generative", estimator="exact")
    x, known = torch.tensor(states(D)[[1, 7, 9]]), torch.tensor([True, False, True])
    batch = Batch.of(x, torch.tensor([0, 2, 1]), c_known=known)
    update = model.stage(0, []).updates[0]
    terms = update.loss(model, batch, Rng(0, rows=range(3))).loss
    assert update.weights["label"](batch).tolist() == [1, 0, 1]
    np.testing.assert_allclose(terms["nll"].detach(), -logsumexp(law(model), axis=1)[[1, 7, 9]], atol=1e-10)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.system("A24")
def test_handwritten_digits_are_told_apart(tmp_path):
    """8x8 digits with the pixels cut at one half: more than 97 per cent of the test rows."""
    data = simulacra.load_data("digits", binarize="threshold", condition="label")
    torch.manual_seed(0)
    model = DiscriminativeRBM(data.space, data.condition, hidden=200, generative=1.0, lr=0.2, momentum=0.9)
    run = fit(model, data, out=tmp_path, epochs=60, batch_size=50, schedule="linear", progress=False,
              validate=False)  # fmt: skip
    right = run.model.classify(data.test.x).argmax(1) == data.test.c
    assert right.double().mean() > 0.97


def test_labels_are_learnt_from_real_numbers_where_only_they_count(tmp_path):
    """Two noisy clusters on each diagonal: no straight line parts the labels."""
    g = torch.Generator().manual_seed(7)
    corner = torch.randint(0, 4, (400,), generator=g)
    centre = torch.stack([corner % 2, corner // 2], 1) * 2.0 - 1
    x = centre + 0.3 * torch.randn(400, 2, generator=g)
    y = (corner % 2 + corner // 2) % 2
    data = from_tensors(x, Real((2,)), c=y, condition=Categorical((), 2))
    model = DiscriminativeRBM(
        data.space, data.condition, hidden=10, objective="discriminative", lr=0.5, momentum=0.9
    )
    with torch.no_grad():
        model.W.mul_(50)
    run = fit(model, data, out=tmp_path / "run", epochs=40, batch_size=40, progress=False)
    right = run.model.classify(data.test.x).argmax(1) == data.test.c
    assert right.double().mean() > 0.9
    run.model.save(tmp_path / "saved")


def test_what_it_can_do_follows_from_its_objective(tmp_path):
    able = {can.Samples, can.HasDensity, can.HasEnergy, can.HasMarkovChain, can.HasAnnealingPath}
    plain, whole = (DiscriminativeRBM(Binary((4,)), Categorical((), 3), hidden=2, objective=o)
                    for o in ("discriminative", "hybrid"))  # fmt: skip
    assert able <= whole.capabilities() and not able & plain.capabilities()
    assert can.Classifies in plain.capabilities() and can.TakesCondition in whole.capabilities()
    # it says nothing of x given a label, so that nobody needs to give one
    assert can.TakesCondition not in plain.capabilities()
    whole.save(tmp_path / "saved")
    again = DiscriminativeRBM(Binary((4,)), Categorical((), 3), hidden=2)
    again.load_state_dict(whole.state_dict())
    assert torch.equal(again.sample(7, 1, seed=2), whole.sample(130, 1, seed=2)[:7])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": Real((4,))}, "a discriminative RBM needs binary data"),
        (
            {"condition": None},
            "models data with one label, but the condition is None: name the labels",
        ),
        ({"condition": Binary((3,))}, "models data with one label"),
        ({"objective": "joint"}, "objective is 'joint'; choose from hybrid, discriminative, generative."),
        ({"generative": -0.1}, "generative is -0.1, but the weight"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError) as error:
        DiscriminativeRBM(**{"space": Binary((4,)), "condition": Categorical((), 3)} | options)
    assert message in str(error.value)
