"""Conditional RBMs of sequences, plain and factored, against their energies in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import states

import simulacra
from simulacra.core.capabilities.general import HasDensity
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.likelihood.annealing import Annealing
from simulacra.evaluation.likelihood.held_out import likelihood, likelihoods
from simulacra.models.boltzmann.recurrent.crbm import CRBM
from simulacra.models.boltzmann.recurrent.factored_crbm import FactoredCRBM
from simulacra.models.boltzmann.recurrent.windows import regression

D, T, N = 2, 5, 2
WALKS = Sequence((T,), of=Real((D,)))
STYLES = Categorical((), 3)


def shaken(factored: bool = False, space=WALKS, size: float = 0.6, **options):
    """A model whose parameters all matter, with noise of its own in each entry."""
    torch.manual_seed(3)
    options = {"hidden": 4, "order": N, "burn_in": 40, **options}
    if factored:
        model = FactoredCRBM(space, STYLES, factors=3, features=2, **options)
    else:
        model = CRBM(space, **options)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, size)
        if isinstance(space.of, Real):
            model.frames.scale.copy_(torch.tensor([0.7, 1.3]))
    return model.eval()


def parts(model) -> dict[str, np.ndarray]:
    return {name: p.detach().numpy() for name, p in model.named_parameters()}


def tensors(model, u: np.ndarray | None):
    """A, B and W of a style: those of the plain model, or dense three-way tensors times the style."""
    p = parts(model)
    if u is None:
        return p["A"], p["B"], p["frames.W"]
    z = u @ p["S"]
    dense = lambda V, P, G: np.einsum("im,jm,lm->ijl", V, P, G)
    A = dense(p["to_visible.V"], p["to_visible.P"], p["to_visible.G"]) @ z
    B = dense(p["to_hidden.V"], p["to_hidden.P"], p["to_hidden.G"]) @ z
    W = dense(p["frames.P"], p["frames.Q"], p["G"]) @ z
    return A, B, W


def energies(model, v: np.ndarray, past: np.ndarray, u: np.ndarray | None = None) -> np.ndarray:
    """E of equation (1) of `real_frames` for frames v, shape (M, d), and all states of h: (M, 2^m)."""
    A, B, W = tensors(model, u)
    p, s, h = parts(model), model.frames.scale.numpy(), states(model.hidden)
    b, c = p["b"] + past @ A, p["c"] + past @ B
    square = (((v - b) / s) ** 2).sum(1) / 2
    return square[:, None] - (h @ c)[None] - (v / s) @ W @ h.T


def log_p(model, frames: np.ndarray, u: np.ndarray | None = None) -> float:
    """log p of a sequence: Z is the sum over h of Gaussian integrals, by completing the square in v."""
    A, B, W = tensors(model, u)
    p, s, h = parts(model), model.frames.scale.numpy(), states(model.hidden)
    past, total = np.zeros(N * D), 0.0
    for v in frames:
        b, c = p["b"] + past @ A, p["c"] + past @ B
        mean = b + s * (h @ W.T)
        log_z = h @ c + ((mean / s) ** 2 - (b / s) ** 2).sum(1) / 2 + np.log(s * np.sqrt(2 * np.pi)).sum()
        total += np.logaddexp.reduce(-energies(model, v[None], past, u)[0]) - np.logaddexp.reduce(log_z)
        past = np.concatenate([past[D:], v])
    return float(total)


def walks(n: int = 7) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).normal(size=(n, T, D)))


@pytest.mark.system("A18")
def test_the_likelihood_is_that_of_the_energies(float64):
    model, x = shaken(), walks()
    found = model.log_prob(x)
    assert found.kind == "exact"
    np.testing.assert_allclose(found.values, [log_p(model, row.numpy()) for row in x], atol=1e-9)


@pytest.mark.system("A19")
def test_factors_give_the_likelihood_of_dense_tensors(float64):
    model, x = shaken(True), walks()
    for style in range(3):
        found = model.log_prob(x, condition=[style] * len(x))
        expected = [log_p(model, row.numpy(), np.eye(3)[style]) for row in x]
        np.testing.assert_allclose(found.values, expected, atol=1e-9)


@pytest.mark.system("A19")
def test_the_style_changes_the_next_frame(float64):
    model, x = shaken(True), walks(3)
    each = [model.expected(x, torch.tensor([style] * 3))[:, 1:] for style in range(3)]
    assert float((each[0] - each[1]).abs().min()) > 1e-4 and float((each[1] - each[2]).abs().min()) > 1e-4


@pytest.mark.system("A18", "A19")
@pytest.mark.parametrize("factored", [False, True])
def test_a_density_of_one_frame_integrates_to_one(float64, factored):
    model = shaken(factored, Sequence((1,), of=Real((D,))), size=0.5)
    axis = torch.linspace(-14, 14, 281)
    grid = torch.cartesian_prod(axis, axis).unsqueeze(1)
    given = {"condition": torch.ones(len(grid), dtype=torch.long)} if factored else {}
    total = torch.as_tensor(model.score_samples(grid, **given)).exp().sum() * 0.1**2
    assert abs(float(total) - 1) < 1e-6


@pytest.mark.system("A18")
def test_probabilities_of_binary_sequences_sum_to_one(float64):
    model = shaken(space=Sequence((2,), of=Binary((3,))))
    x = torch.from_numpy(states(6)).view(-1, 2, 3)
    assert abs(float(torch.as_tensor(model.score_samples(x)).logsumexp(0))) < 1e-10


@pytest.mark.system("A18", "A19")
@pytest.mark.parametrize("factored", [False, True])
def test_the_gradient_is_that_of_finite_differences(float64, factored):
    model, x, lengths = shaken(factored), walks(3), torch.tensor([5, 2, 3])
    c = torch.tensor([0, 2, 1]) if factored else None
    loss = lambda: model.frame_log_prob(x, lengths, c).sum()
    loss().backward()
    for key, p in model.named_parameters():
        i = int(p.grad.abs().argmax())
        with torch.no_grad():
            flat, kept, values = p.view(-1), p.view(-1)[i].item(), []
            for step in (1e-5, -1e-5):
                flat[i] = kept + step
                values.append(float(loss()))
            flat[i] = kept
        slope = float(p.grad.view(-1)[i])
        assert abs(slope) > 1e-4, key
        assert abs((values[0] - values[1]) / 2e-5 - slope) < 1e-6 * max(1, abs(slope)), key


@pytest.mark.system("A18")
def test_contrastive_divergence_of_many_sweeps_is_the_gradient(float64):
    model = shaken(size=0.3, gibbs_steps=15)
    x = walks(2).repeat(600, 1, 1)
    batch, slopes = simulacra.core.batch.Batch.of(x), []
    for name in ("cd", "exact"):
        model.estimator = name
        update = model.updates()[0]
        (term,) = update.weights
        value = update.loss(model, batch, Rng(4, rows=batch.rows)).loss[term].sum(1).mean()
        slopes.append(torch.cat([g.view(-1) for g in torch.autograd.grad(value, list(model.parameters()))]))
    assert float((slopes[0] - slopes[1]).abs().max()) < 0.1 * float(slopes[1].abs().max())


@pytest.mark.system("A18", "A19")
@pytest.mark.parametrize("factored", [False, True])
def test_the_window_is_the_recurrent_state(float64, factored):
    """`past` unfolds all frames at once; drawing moves the state a frame at a time."""
    model, x = shaken(factored), walks(3)
    s = torch.zeros(3, N * D)
    for t, before in enumerate(model.past(x).unbind(1)):
        torch.testing.assert_close(before, s, atol=0, rtol=0)
        s = model.f(model.drive(x[:, t]) + s @ model.R)


@pytest.mark.system("A18", "A19")
@pytest.mark.parametrize("factored", [False, True])
def test_draws_have_the_moments_of_the_mixture(float64, factored):
    model, n = shaken(factored, Sequence((2,), of=Real((D,))), size=0.4), 5000
    given = {"condition": [1] * n} if factored else {}
    x = model.sample(n, seed=5, **given)
    c = torch.ones(n, dtype=torch.long) if factored else None
    # given the first frame drawn, the second has the expectation of its mixture
    rest = (x - model.expected(x, c)).mean(0) / (x.std(0) / n**0.5)
    assert float(rest.abs().max()) < 4.5


@pytest.mark.system("A18", "A19")
@pytest.mark.parametrize("factored", [False, True])
def test_annealing_finds_the_exact_score(factored):
    x = walks(60).float()
    styles = {"c": torch.arange(60) % 3, "condition": STYLES} if factored else {}
    data = from_tensors(x, WALKS, "walks", **styles)
    model = shaken(factored)
    expected = likelihood(model, data)
    model.remove(HasDensity)
    found = likelihoods(model, data, seed=1, annealing=Annealing(100, 100, 50))
    for estimate in (found.estimate, found.pessimistic):
        assert float((estimate.values - expected.values).abs().max()) < 0.25
    assert not found.bracket.doubts


def circles(styled: bool, n: int = 80, steps: int = 16):
    """A limit cycle of two phases in five entries, with a little noise; two styles of different speed."""
    rng = Rng(8, "circles", rows=range(n))
    style = (rng.uniform("style", 1) > 0.5).squeeze(1).long()
    speed = torch.tensor([0.35, 0.9])[style].view(-1, 1)
    phase = 6.3 * rng.uniform("phase", 1) + speed * torch.arange(steps)
    x = torch.stack([phase.sin(), phase.cos(), (2 * phase).sin(), phase.cos() ** 3, phase.sin().abs()], 2)
    x = x + 0.05 * rng.normal("noise", steps, 5)
    styles = {"c": style, "condition": Categorical((), 2)} if styled else {}
    return from_tensors(x, Sequence((steps,), of=Real((5,))), "circles", **styles)


@pytest.mark.system("A18", "A19")
@pytest.mark.parametrize("factored", [False, True])
def test_one_step_is_predicted_better_than_by_the_last_frame_and_by_a_line(tmp_path, factored):
    data = circles(factored)
    options = {"hidden": 6, "order": 2, "estimator": "exact", "lr": 0.01}
    model = (
        FactoredCRBM(data.space, data.condition, factors=12, features=4, **options)
        if factored
        else CRBM(data.space, **options)
    )
    run = simulacra.fit(model, data, out=tmp_path, epochs=40, batch_size=16, progress=False)
    x, c = data.test.x, data.test.c if factored else None
    A, b, _ = regression(data.train, Rng(0), 2)
    error = lambda guess: float((guess - x)[:, 2:].square().mean())
    found = error(run.model.expected(x, c))
    line = error((run.model.past(x).double() @ A + b).float())
    last = error(torch.cat([x[:, :1], x[:, :-1]], 1))
    assert found < 0.9 * line < last
