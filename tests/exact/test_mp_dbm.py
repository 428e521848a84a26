"""The multi-prediction machine: its unrolled inference by numpy, its gradient by finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layers import MeanField, everything, log_p_visible, posterior, randomised
from oracles import states
from scipy.special import expit, log_softmax, logsumexp, softmax

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import Classifies
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann.deep.mp_dbm import MultiPredictionDBM, Question, missed, predict, question

LABEL = Categorical((), 3)
DEPTHS = [(3, 2), (2, 3, 2)]
deep = pytest.mark.parametrize("hidden", DEPTHS, ids=str)


def machine(hidden=(3, 2), label=LABEL, scale: float = 1.0, **options) -> MultiPredictionDBM:
    """A machine over five pixels with random numbers everywhere."""
    return randomised(MultiPredictionDBM(Binary((5,)), label, hidden=hidden, **options), scale)


def rows(n: int = 7) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels, labels, and which of them are given."""
    rng = Rng(5, rows=range(n))
    v, known = (rng.bernoulli(name, torch.full((n, 5), 0.5)) for name in ("v", "known"))
    return v, torch.arange(n) % 3, known.bool(), (torch.arange(n) % 2 == 0).unsqueeze(1)


def loss_by_numpy(model, v, c, known, y_known, steps: int) -> np.ndarray:
    """Equation (1) with S all that is not given, shape (B,)."""
    v, y, known, y_known = v.numpy(), np.eye(3)[c.numpy()], known.numpy(), y_known.numpy()
    net = MeanField(model)
    mu, _ = net.run(v, known, y, y_known, steps)
    p = expit(net.field(mu, 0, None))
    pixels = -np.log(np.where(v == 1, p, 1 - p))
    labels = -(log_softmax(net.of_label(mu), axis=1) * y).sum(1, keepdims=True)
    return (pixels * ~known).sum(1) + (labels * ~y_known).sum(1)


def loss(model, v, c, known, y_known) -> torch.Tensor:
    """The model's own, shape (B,)."""
    ask = Question({"v": known, "y": y_known}, {"v": ~known, "y": ~y_known})
    return sum(missed(model, model.given(v, c), ask).values())


@pytest.mark.system("A11")
@deep
def test_the_loss_is_that_of_the_unrolled_equations(float64, hidden):
    model = machine(hidden, mean_field_steps=5)
    np.testing.assert_allclose(
        loss(model, *rows()).detach().numpy(), loss_by_numpy(model, *rows(), 5), atol=1e-10
    )


@pytest.mark.system("A11", "A12")
@deep
def test_gradient_through_five_unrolled_updates_is_the_finite_difference(float64, hidden):
    model, step = machine(hidden, mean_field_steps=5), 1e-5
    loss(model, *rows()).mean().backward()
    for p in model.parameters():
        flat, grad = p.data.view(-1), p.grad.view(-1)
        assert bool((grad != 0).any())
        for i in range(len(flat)):
            kept = flat[i].item()
            flat[i] = kept + step
            up = loss_by_numpy(model, *rows(), 5).mean()
            flat[i] = kept - step
            down = loss_by_numpy(model, *rows(), 5).mean()
            flat[i] = kept
            assert abs(grad[i].item() - (up - down) / (2 * step)) < 1e-6


@pytest.mark.system("A11")
def test_predicting_the_empty_set_costs_nothing(float64):
    model = machine()
    v, c, _, _ = rows()
    everything_given = torch.ones(7, 5, dtype=torch.bool), torch.ones(7, 1, dtype=torch.bool)
    value = loss(model, v, c, *everything_given)
    assert torch.equal(value, torch.zeros(7))
    value.sum().backward()
    assert all(float(p.grad.abs().max()) == 0 for p in model.parameters())


@pytest.mark.system("A11")
@deep
def test_it_classifies_by_clamping_v(float64, hidden):
    model, (v, c, _, _) = machine(hidden, mean_field_steps=4), rows()
    net, hidden_label = MeanField(model), np.zeros((7, 1), dtype=bool)
    mu, _ = net.run(v.numpy(), True, np.eye(3)[c.numpy()], hidden_label, steps=4)
    np.testing.assert_allclose(model.classify(v).numpy(), softmax(net.of_label(mu), axis=1), atol=1e-10)


@pytest.mark.system("A11")
def test_classes_are_the_enumerated_ones_where_mean_field_is_exact(float64):
    """Weak couplings: q differs from p(y | v) by their squares."""
    torch.manual_seed(1)
    model, v = machine(scale=0.3, mean_field_steps=30), states(5)
    unnormalized = np.stack([logsumexp(everything(model, y)[1].reshape(32, -1), axis=1) for y in range(3)], 1)
    exact, found = softmax(unnormalized, axis=1), model.classify(torch.tensor(v)).numpy()
    assert abs(found - exact).max() < 0.01
    assert (found.argmax(1) == exact.argmax(1)).all()


@pytest.mark.system("A11", "A10")
def test_given_the_label_it_is_a_machine_with_a_bound(float64):
    model, v = machine(mean_field_steps=8), states(5)
    for label in range(3):
        elbo = model.log_prob(torch.tensor(v), label).values.numpy()
        log_p = log_p_visible(model, label)
        assert (elbo <= log_p + 1e-12).all() and np.logaddexp.reduce(log_p) == pytest.approx(0)
        q = model.posterior_means(torch.tensor(v[3:4]), torch.tensor([label]))
        h, log_post = posterior(model, v[3], label)
        mu = [q[name][0].detach().numpy() for name in ("h1", "h2")]
        log_q = sum(np.log(np.where(s == 1, m, 1 - m)).sum(1) for s, m in zip(h, mu))
        gap = (np.exp(log_q) * (log_q - log_post)).sum()
        assert log_p[3] - elbo[3] == pytest.approx(gap, abs=1e-10)


@pytest.mark.system("A11")
def test_what_is_asked_is_a_random_share_of_what_is_there(float64):
    n = 4000
    model = machine(predicted=0.3)
    x, c = torch.zeros(n, 5), torch.zeros(n, dtype=torch.long)
    known, c_known = torch.ones(n, 5, dtype=torch.bool), torch.arange(n) % 2 == 0
    known[:, 2] = False
    batch = Batch.of(x, c, known=known, c_known=c_known)
    ask = question(model, batch, model.given(x, c), Rng(0, rows=range(n)))
    assert not ask.asked["v"][:, 2].any() and not ask.known["v"][:, 2].any()
    assert not ask.asked["y"][1::2].any() and not ask.known["y"][1::2].any()
    assert torch.equal(ask.asked["v"] | ask.known["v"], known) and not (ask.asked["v"] & ask.known["v"]).any()
    error = 4 * (0.3 * 0.7 / n) ** 0.5
    assert abs(ask.asked["v"][:, [0, 1, 3, 4]].double().mean(0) - 0.3).max() < error
    assert abs(ask.asked["y"][::2].double().mean() - 0.3) < error * 2**0.5
    # a label that is missing plays no part
    other = predict(
        model, Batch.of(x, c + c_known.logical_not() * 2, known=known, c_known=c_known), Rng(0, rows=range(n))
    )
    here = predict(model, batch, Rng(0, rows=range(n)))
    torch.testing.assert_close(here.loss, other.loss)


@pytest.mark.system("A11")
def test_completions_are_drawn_by_the_means(float64):
    n = 5000
    model, known = machine(mean_field_steps=6), torch.tensor([True, False, True, False, False])
    x = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0]).expand(n, 5)
    filled = model.complete(x, known, 1).numpy()
    y = np.eye(3)[[1]]
    mu, _ = MeanField(model).run(x[:1].numpy(), known.numpy(), y, np.ones((1, 1), dtype=bool), steps=6)
    assert (filled[:, [0, 2]] == [1, 0]).all()
    error = 4 * np.sqrt(mu[0] * (1 - mu[0]) / n) + 1e-12
    assert (abs(filled.mean(0) - mu[0]) < error).all()


def prototypes(n: int = 240) -> tuple[torch.Tensor, torch.Tensor]:
    """Three patterns of 12 pixels, each pixel flipped with probability 0.1."""
    rng = Rng(9, "patterns", rows=range(n))
    c = torch.arange(n) % 3
    flips = rng.bernoulli("flip", torch.full((n, 12), 0.1))
    pattern = (torch.arange(12) // 4 == c.unsqueeze(1)).double()
    return (pattern + flips) % 2, c


@pytest.mark.system("A11")
def test_training_classifies_and_fills_in(float64, tmp_path):
    x, c = prototypes()
    data = from_tensors(x, Binary((12,)), c=c, condition=LABEL, valid=0.0, test=0.25)
    model = MultiPredictionDBM(data.space, LABEL, hidden=(9, 5), mean_field_steps=4, burn_in=3)
    run = fit(model, data, out=tmp_path / "run", epochs=20, batch_size=15, lr=0.03, progress=False)
    test = data.test
    assert (model.classify(test.x).argmax(1) == test.c).double().mean() > 0.9
    known = torch.arange(12) < 6
    filled = model.complete(test.x, known, test.c)
    assert (filled == test.x)[:, 6:].double().mean() > 0.7
    again = simulacra.load(run.path, kind=MultiPredictionDBM)
    assert torch.equal(again.classify(test.x), model.classify(test.x))


@pytest.mark.system("A11")
def test_without_labels_it_predicts_pixels_alone(float64):
    model = machine(label=None)
    assert not model.supports(Classifies)
    v, _, known, _ = rows()
    terms = predict(model, Batch.of(v), Rng(0, rows=range(7))).loss
    assert terms.keys() == {"entries"}
    mu, _ = MeanField(model).run(v.numpy(), known.numpy(), steps=10)
    np.testing.assert_allclose(model.posterior_means(v, known=known)["v"].detach().numpy(), mu[0], atol=1e-10)


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="predicted is 0, but a share"):
        machine(predicted=0)
    with pytest.raises(ValueError, match="is one label, but it is"):
        machine(label=Real((2,)))
    with pytest.raises(ValueError, match="two or more hidden layers"):
        machine(hidden=(3,))
