"""Inference that is trained end to end: belief propagation and mean field in pairwise fields."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from machines import numbers, randomise
from oracles import chi_square, states
from scipy.special import expit, logsumexp

from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann.pairwise.unrolled import UnrolledMRF

CHAIN = [(0, 1), (1, 2)]
GRID = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]


def random_field(shape: tuple[int, ...], edges: str, scale: float = 1.0, **options) -> UnrolledMRF:
    """Random biases and couplings."""
    model = UnrolledMRF(Binary(shape), edges=edges, **options)
    randomise(model, scale)
    return model


def scores(model: UnrolledMRF, pairs: list[tuple[int, int]]) -> np.ndarray:
    """b'x + sum w_ij x_i x_j of all states, over edges that the test lists."""
    t = numbers(model)
    x = states(len(t["b"]))
    return x @ t["b"] + sum(w * x[:, i] * x[:, j] for w, (i, j) in zip(t["w"], pairs))


def enumerated(score: np.ndarray, x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """P(x_i = 1 | the known entries of x), shape (d,)."""
    s = states(len(x))
    p = np.exp(score - score.max()) * (s[:, known] == x[known]).all(1)
    return p @ s / p.sum()


@pytest.mark.system("A12")
@pytest.mark.parametrize("steps", [1, 2, 3, 9])
def test_belief_propagation_on_a_chain_is_exact_once_it_reaches_the_ends(float64, steps):
    """3 nodes, diameter 2: with every set of known entries."""
    model = random_field((3,), "chain", 1.5, steps=steps)
    score, x = scores(model, CHAIN), states(3)
    worst = 0.0
    for known in states(3).astype(bool):
        there = torch.tensor(known).expand(8, 3)
        found = model.marginals(torch.tensor(x), there).detach().numpy()
        expected = np.stack([enumerated(score, row, known) for row in x])
        worst = max(worst, abs(found - expected).max())
    assert worst < 1e-12 if steps >= 2 else worst > 0.01


@pytest.mark.system("A12")
def test_the_field_on_a_grid_is_the_enumerated_one(float64):
    model = random_field((1, 2, 3), "grid", burn_in=60)
    score = scores(model, GRID)
    x = torch.tensor(states(6)).view(-1, 1, 2, 3)
    np.testing.assert_allclose(model.log_prob(x).values, score - logsumexp(score), atol=1e-10)
    drawn = model.sample(8000, seed=2).flatten(1).numpy() @ 2 ** np.arange(5, -1, -1)
    assert chi_square(drawn, np.exp(score - logsumexp(score))) > 0.001
    flat = x.flatten(1)
    for i in range(6):
        on, off = flat.clone(), flat.clone()
        on[:, i], off[:, i] = 1, 0
        torch.testing.assert_close(model.differences(flat, [i])[:, 0], model.score(on) - model.score(off))
    assert sorted(model.even + model.odd) == list(range(6))
    colour = [i in model.even for i in range(6)]
    assert all(colour[i] != colour[j] for i, j in GRID)


@pytest.mark.system("A12")
def test_mean_field_is_a_fixed_point_and_exact_without_couplings(float64):
    model = random_field((1, 2, 3), "grid", 0.6, steps=200, inference="mean-field")
    x, known = torch.tensor(states(6)[[9, 40]]).view(2, 1, 2, 3), torch.zeros(2, 6, dtype=torch.bool)
    known[:, 2] = True
    q = model.marginals(x, known.view(2, 1, 2, 3)).detach().numpy()
    t = numbers(model)
    w = np.zeros((6, 6))
    for value, (i, j) in zip(t["w"], GRID):
        w[i, j] = w[j, i] = value
    expected = expit(t["b"] + q @ w)
    expected[:, 2] = states(6)[[9, 40], 2]
    np.testing.assert_allclose(q, expected, atol=1e-10)
    with torch.no_grad():
        model.w.zero_()
    free = model.marginals(x, torch.zeros_like(known)).detach()
    np.testing.assert_allclose(free, expit(t["b"])[None].repeat(2, 0), atol=1e-12)


@pytest.mark.system("A12")
@pytest.mark.parametrize("inference", ["bp", "mean-field"])
def test_the_gradient_through_all_rounds_is_the_finite_difference(float64, inference):
    model = random_field((2, 3), "grid", steps=3, inference=inference)
    batch, rng = Batch.of(torch.tensor(states(6)[[3, 20, 45]]).view(3, 2, 3)), Rng(6, rows=range(3))
    update = model.stage(0, []).updates[0]
    loss = lambda: update.loss(model, batch, rng).loss["entries"].mean()
    loss().backward()
    for p in model.parameters():
        for i in range(len(p)):
            kept, ends = p.data[i].item(), []
            for step in (1e-5, -1e-5):
                p.data[i] = kept + step
                ends.append(loss().item())
            p.data[i] = kept
            assert p.grad[i].item() == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)
    assert (model.w.grad != 0).sum() >= 5


@pytest.mark.system("A12")
def test_the_loss_is_that_of_the_entries_that_are_asked_for(float64):
    """On a chain: -log of the enumerated marginals, summed over a set that the generator draws."""
    model = random_field((3,), "chain", steps=4)
    score, x = scores(model, CHAIN), states(3)
    rng = Rng(2, rows=range(8))
    asked = rng.bernoulli("ask", torch.full((8, 3), 0.5)).numpy().astype(bool)
    expected = []
    for row, hidden in zip(x, asked):
        p = enumerated(score, row, ~hidden)
        expected.append(-np.log(np.where(row == 1, p, 1 - p))[hidden].sum())
    found = model.stage(0, []).updates[0].loss(model, Batch.of(torch.tensor(x)), rng).loss["entries"]
    np.testing.assert_allclose(found.detach(), expected, atol=1e-10)
    assert asked.any(1).sum() > 4 and not asked.all()


@pytest.mark.system("A12")
@pytest.mark.parametrize("inference", ["bp", "mean-field"])
def test_training_learns_to_complete(float64, tmp_path, inference):
    """Stripes: rows of pixels that agree. From a half the rest can be told."""
    rng = np.random.default_rng(3)
    x = np.repeat(rng.random((300, 3, 1)) < 0.5, 3, 2) ^ (rng.random((300, 3, 3)) < 0.03)
    x = torch.tensor(x, dtype=torch.float64)
    model = UnrolledMRF(Binary((3, 3)), steps=4, inference=inference)
    data = from_tensors(x, Binary((3, 3)), valid=0.0, test=0.0)
    fit(model, data, out=tmp_path, epochs=60, batch_size=50, lr=0.05, progress=False)
    known = torch.tensor([[True, False, False]] * 3)
    q = model.marginals(x, known.expand(300, 3, 3)).view(300, 3, 3)
    right = ((q > 0.5) == (x == 1))[:, ~known]
    assert right.double().mean() > 0.9
    filled = model.complete(x, known, seed=1)
    assert torch.equal(filled[:, known], x[:, known])
    assert (filled == x)[:, ~known].double().mean() > 0.8


def test_a_short_training_is_saved_and_loaded(tmp_path):
    x = (torch.rand(60, 1, 3, 5, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    model = UnrolledMRF(Binary((1, 3, 5)), steps=2, burn_in=20)
    run = fit(model, from_tensors(x, Binary((1, 3, 5))), out=tmp_path / "run", epochs=2, progress=False)
    again = UnrolledMRF(Binary((1, 3, 5)), steps=2, burn_in=20)
    again.load_state_dict(run.model.state_dict())
    assert torch.equal(again.sample(5, seed=3), run.model.sample(130, seed=3)[:5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": Real((4, 4))}, "a pairwise field needs binary data"),
        ({"space": Binary((3, 4, 4))}, "a grid needs images of one channel; take edges='chain'"),
        ({"space": Binary((9,))}, "a grid needs images of one channel"),
        ({"space": Binary((1,)), "edges": "chain"}, "at least two entries"),
        ({"edges": "torus"}, "edges is 'torus'; choose from chain, grid."),
        ({"inference": "gibbs"}, "inference is 'gibbs'; choose from bp, mean-field."),
        ({"predicted": 0.0}, "predicted is 0.0, but a share to predict"),
        ({"steps": 0}, "steps is 0, but it must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError) as error:
        UnrolledMRF(**{"space": Binary((4, 4))} | options)
    assert message in str(error.value)
