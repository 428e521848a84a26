"""The convolutional RBM against the dense RBM of its unrolled filters, and against all its states."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from conv_maps import at_most_one, draws, randomise, unrolled
from oracles import states
from scipy.special import logsumexp

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann import RBM, GaussianRBM
from simulacra.models.boltzmann.convolutional.conv_rbm import ConvRBM
from simulacra.models.boltzmann.machine.energy_model import Machine


def random_machine(space=None, scale: float = 1.0, **options) -> ConvRBM:
    model = ConvRBM(space or Binary((2, 5, 6)), **{"filters": 3, "kernel": 2, "pool": 1} | options)
    randomise(model, scale)
    return model


def dense(model: ConvRBM):
    """The dense machine with the unrolled filters as its weights and every bias at each of its places."""
    channels, *size = model.space.shape
    maps, d = model.maps[0], model.space.dims
    t = unrolled(maps.W.detach().numpy(), tuple(size), maps.pool).reshape(d, -1)
    kind = GaussianRBM if isinstance(model.space, Real) else RBM
    options = {"scale": model.units["v"].scale} if isinstance(model.space, Real) else {}
    same = kind(type(model.space)((d,)), hidden=t.shape[1], **options)
    with torch.no_grad():
        same.W.copy_(torch.tensor(t))
        same.b.copy_(model.b.flatten().repeat_interleave(d // channels))
        same.c.copy_(maps.c.repeat_interleave(t.shape[1] // len(maps.c)))
    return same


def scores(model: ConvRBM) -> tuple[np.ndarray, np.ndarray]:
    """All v, and -E(v, h) of each with every allowed h, from equation (1)."""
    channels, *size = model.space.shape
    maps = model.maps[0]
    w, c, b = (t.detach().numpy() for t in (maps.W, maps.c, model.b))
    v, h = states(model.space.dims), at_most_one(*maps.shape)
    t = unrolled(w, tuple(size), maps.pool).reshape(model.space.dims, -1)
    flat = h.reshape(len(h), -1)
    visible = v.reshape(len(v), channels, -1).sum(2) @ b.ravel()
    return v.reshape(-1, *model.space.shape), visible[:, None] + h.sum((2, 3)) @ c + v @ t @ flat.T


SHAPES = pytest.mark.parametrize(
    ("space", "options"),
    [
        (Binary((2, 5, 6)), {"kernel": 2, "pool": 1}),
        (Binary((2, 5, 7)), {"kernel": 2, "pool": 2}),
        (Binary((1, 7, 8)), {"kernel": 2, "pool": 1, "filters": 1}),
        (Binary((1, 4, 7)), {"kernel": 2, "pool": 3}),
        (Real((3, 4, 6)), {"kernel": 3, "pool": 2, "scale": 0.6}),
    ],
    ids=str,
)


@pytest.mark.system("A13")
@SHAPES
def test_energy_and_fields_are_those_of_the_dense_machine(float64, space, options):
    model = random_machine(space, **options)
    same, layers = dense(model), draws(model.shapes, model.units)
    flat = {name: x.flatten(1) for name, x in layers.items()}
    torch.testing.assert_close(model.energy(layers), same.energy(flat), atol=1e-11, rtol=0)
    for name in ("v", "h"):
        torch.testing.assert_close(
            model.field(name, layers).flatten(1), same.field(name, flat), atol=1e-11, rtol=0
        )
    if options["pool"] == 1:
        assert model.shapes["h"][2] == 1
        torch.testing.assert_close(model.free_energy(layers["v"]), same.free_energy(flat["v"]))


@pytest.mark.system("A13")
@SHAPES
def test_fields_are_slopes_of_the_energy(float64, space, options):
    model = random_machine(space, **options)
    layers = draws(model.shapes, model.units)
    for name in ("v", "h"):
        torch.testing.assert_close(model.field(name, layers), Machine.field(model, name, layers))
    (e, fields), (e2, fields2) = model.opened(layers), Machine.opened(model, layers)
    torch.testing.assert_close((e, fields["h"]), (e2, fields2["h"]))


@pytest.mark.system("A13")
@pytest.mark.parametrize("pool", [1, 2])
def test_a_shifted_image_gives_shifted_maps(float64, pool):
    """What is in the middle of an image moves by (2, 4) pixels; so does all that the filters see."""
    model = random_machine(Binary((2, 11, 13)), kernel=4, pool=pool)
    v = torch.zeros(3, 2, 11, 13)
    v[:, :, 3:6, 3:6] = torch.tensor(np.random.default_rng(2).integers(0, 2, (3, 2, 3, 3)).astype(float))
    rows, columns = 2 // pool, 4 // pool
    there, here = (model.pooled(x) for x in (v.roll((2, 4), (2, 3)), v))
    assert here.std() > 0.05
    torch.testing.assert_close(there[:, :, rows:, columns:], here[:, :, :-rows, :-columns])
    h = model.units["h"].mean(model.field("h", {"v": v}))
    down = lambda x: model.field("v", {"h": x})
    size = model.maps[0].pooled_size
    inside = torch.zeros_like(h.unflatten(2, size))
    inside[:, :, 1:-rows, :-columns] = h.unflatten(2, size)[:, :, 1:-rows, :-columns]
    moved = inside.roll((rows, columns), (2, 3))
    torch.testing.assert_close(down(moved.flatten(2, 3)), down(inside.flatten(2, 3)).roll((2, 4), (2, 3)))


@pytest.mark.system("A13", "A14")
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((1, 3, 3), {"kernel": 2, "pool": 2, "filters": 2}),
        ((2, 2, 3), {"kernel": 2, "pool": 1, "filters": 3}),
        ((1, 2, 4), {"kernel": 1, "pool": 2, "filters": 2}),
    ],
)
def test_law_and_pooled_probabilities_are_enumerated(float64, shape, options):
    model = random_machine(Binary(shape), **options)
    v, score = scores(model)
    x = torch.tensor(v)
    log_p = logsumexp(score, axis=1) - logsumexp(score)
    estimate = model.log_prob(x)
    assert estimate.kind == "exact"
    np.testing.assert_allclose(estimate.values.numpy(), log_p, atol=1e-10)
    # p is 1 if any unit of its block is on
    maps = model.maps[0]
    any_on = at_most_one(*maps.shape).max(3).reshape(-1, maps.shape[0], *maps.pooled_size)
    given_v = np.exp(score - logsumexp(score, axis=1, keepdims=True))
    expected = np.einsum("vh,hkyx->vkyx", given_v, any_on)
    np.testing.assert_allclose(model.pooled(x).detach().numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(model.encode(x).numpy(), expected.reshape(len(v), -1), atol=1e-12)


@pytest.mark.system("A14")
def test_a_pooling_unit_is_off_with_probability_one_by_one_plus_the_sum(float64):
    model = random_machine(Binary((2, 5, 8)), kernel=3, pool=3)
    v = torch.tensor(np.random.default_rng(7).integers(0, 2, (4, 2, 5, 8)).astype(float))
    w, c = (t.detach().numpy() for t in (model.maps[0].W, model.maps[0].c))
    off = 1 - model.pooled(v).detach().numpy()
    for k in range(3):
        for block in range(2):
            patch = lambda y, x: v[:, :, y : y + 3, x : x + 3].numpy()
            fields = [
                c[k] + (w[k] * patch(y, x)).sum((1, 2, 3))
                for y in range(3)
                for x in range(3 * block, 3 * block + 3)
            ]
            np.testing.assert_allclose(off[:, k, 0, block], 1 / (1 + np.exp(fields).sum(0)), atol=1e-12)


@pytest.mark.system("A16")
def test_a_block_of_nine_costs_ten_energies_and_not_512():
    """Values of the energy that p given v takes for each block: all states of its units."""
    any_pooling, one_at_most = (
        ConvRBM(Binary((1, 5, 5)), filters=1, kernel=k, pool=p) for k, p in ((3, 1), (3, 3))
    )
    assert any_pooling.shapes["h"] == (1, 9, 1) and one_at_most.shapes["h"] == (1, 1, 9)
    assert round(math.exp(any_pooling.log_states(("h",)))) == 512
    assert round(math.exp(one_at_most.log_states(("h",)))) == 10
    assert len(one_at_most.units["h"].states(0, 10, (1, 1, 9)).unique(dim=0)) == 10


@pytest.mark.system("A13")
def test_the_exact_gradient_is_the_finite_difference(float64):
    model = random_machine(Binary((1, 3, 3)), filters=2, kernel=2, pool=2, estimator="exact")
    chosen = [3, 77, 77, 400]
    x = torch.tensor(states(9)[chosen].reshape(-1, 1, 3, 3))
    terms = model.stage(0, []).updates[0].loss(model, Batch.of(x), Rng(0, rows=range(4))).loss
    terms["nll"].mean().backward()

    def enumerated() -> float:
        _, score = scores(model)
        return float((logsumexp(score) - logsumexp(score, axis=1))[chosen].mean())

    h = 1e-5
    for p in model.parameters():
        for i in range(p.numel()):
            flat, kept = p.data.view(-1), p.data.view(-1)[i].item()
            flat[i] = kept + h
            up = enumerated()
            flat[i] = kept - h
            down = enumerated()
            flat[i] = kept
            assert p.grad.view(-1)[i].item() == pytest.approx((up - down) / (2 * h), abs=1e-8)


@pytest.mark.system("A13")
@pytest.mark.parametrize("pool", [1, 2])
def test_the_sparsity_term_moves_biases_by_the_mean_less_the_target(float64, pool):
    model = random_machine(kernel=2, space=Binary((2, 5, 7)), pool=pool, sparsity_target=0.1, sparsity_cost=3)
    x = torch.tensor(np.random.default_rng(3).integers(0, 2, (11, 2, 5, 7)).astype(float))
    terms = model.stage(0, []).updates[0].loss(model, Batch.of(x), Rng(0, rows=range(11))).loss
    q = model.units["h"].mean(model.field("h", {"v": x}))
    of_c, of_w = torch.autograd.grad(
        terms["sparsity"].mean(), [model.maps[0].c, model.maps[0].W], allow_unused=True
    )
    assert of_w is None
    torch.testing.assert_close(of_c, 3 * (q.mean((0, 2, 3)) - 0.1))


def diagonals() -> tuple[np.ndarray, np.ndarray]:
    """All images of 3x3, and how often each is among some 2000 of a machine that likes diagonals."""
    model = ConvRBM(Binary((1, 3, 3)), filters=1, kernel=2, pool=2)
    with torch.no_grad():
        model.maps[0].W.copy_(torch.tensor([[[[4.0, -5], [-5, 4]]]]))
        model.maps[0].c.fill_(-1)
        model.b.fill_(-0.5)
    v, score = scores(model)
    p = np.exp(logsumexp(score, axis=1) - logsumexp(score))
    return v, np.round(2000 * p).astype(int)


def divergence(counts: np.ndarray, log_p: np.ndarray) -> float:
    """KL of the law of the counts from another, in nats."""
    q = counts[counts > 0] / counts.sum()
    return float((q * (np.log(q) - log_p[counts > 0])).sum())


@pytest.mark.system("A13")
def test_persistent_chains_learn_the_law_of_another(float64, tmp_path):
    v, counts = diagonals()
    x = torch.tensor(np.repeat(v, counts, axis=0))
    model = ConvRBM(Binary((1, 3, 3)), filters=1, kernel=2, pool=2, chains=300, momentum=0.9, lr=0.1)
    randomise(model.maps, 0.1)
    data = from_tensors(x, Binary((1, 3, 3)), valid=0.0, test=0.0)
    fit(model, data, out=tmp_path, epochs=150, batch_size=len(x), schedule="linear", progress=False)
    pixels = np.tensordot(counts / counts.sum(), v, 1)
    alone = (np.log(pixels) * v + np.log(1 - pixels) * (1 - v)).sum((1, 2, 3))
    kl = divergence(counts, model.log_prob(torch.tensor(v)).values.numpy())
    assert kl < 0.1 * divergence(counts, alone)
    assert (model.filters().sign() == torch.tensor([[1, -1], [-1, 1]])).all()


@pytest.mark.system("A13")
@pytest.mark.parametrize("space", [Binary((1, 5, 6)), Real((2, 6, 5))], ids=str)
def test_it_trains_samples_and_comes_back_from_a_file(space, tmp_path):
    rng = np.random.default_rng(8)
    raw = rng.integers(0, 2, (53, *space.shape)) if space.discrete else rng.normal(size=(53, *space.shape))
    x = torch.tensor(raw.astype(np.float32))
    model = ConvRBM(space, filters=3, kernel=2, pool=1, chains=7, burn_in=9, sparsity_target=0.1)
    before = model.filters().clone()
    assert before.shape == (3, space.shape[0], 2, 2)
    fit(model, from_tensors(x, space), out=tmp_path / "run", epochs=2, batch_size=10, progress=False)
    assert not torch.equal(before, model.filters()) and torch.isfinite(model.filters()).all()
    # the data's mean: one bias a channel, and one field a pixel for free units
    assert model.b.shape == (space.shape[0], 1, 1) and model.base.std() > 0
    model.save(tmp_path / "model")
    again = simulacra.load(tmp_path / "model", kind=ConvRBM)
    assert torch.equal(again.sample(5, seed=3), model.sample(5, seed=3))
