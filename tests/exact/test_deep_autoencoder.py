"""The deep autoencoder: a stack of RBMs, unrolled at the start of fine-tuning, against PCA (D5)."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann import DeepAutoencoder
from simulacra.models.boltzmann.machine.learning import contrastive_divergence
from simulacra.models.boltzmann.machine.units import Bernoulli, Gaussian

QUIET = {"progress": False, "doctor": False}
SPACES = [Binary((6,)), Levels((1, 2, 3), 17), Real((6,))]


def rows(space, n: int = 30) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    if isinstance(space, Real):
        return torch.randn(n, *space.shape, generator=g)
    return torch.randint(0, getattr(space, "levels", 2), (n, *space.shape), generator=g)


@pytest.mark.system("D5")
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_layers_have_the_shapes_and_units_of_the_paper(space):
    model = DeepAutoencoder(space, layers=(7, 5, 2))
    assert [tuple(rbm.W.shape) for rbm in model.stack] == [(6, 7), (7, 5), (5, 2)]
    assert [tuple(D.shape) for D in model.D] == [(6, 7), (7, 5), (5, 2)]
    first = Gaussian(1.0) if isinstance(space, Real) else Bernoulli()
    assert [rbm.units["v"] for rbm in model.stack] == [first, Bernoulli(), Bernoulli()]
    assert [rbm.units["h"] for rbm in model.stack] == [Bernoulli(), Bernoulli(), Gaussian(1.0)]
    stages = [model.stage(i, []) for i in range(5)]
    assert [s.name for s in stages[:4]] == ["layer-1", "layer-2", "layer-3", "fine-tune"] and stages[
        4
    ] is None
    assert [u.params for s in stages[:4] for u in s.updates] == [
        ("rbms.0.",),
        ("rbms.1.",),
        ("rbms.2.",),
        ("",),
    ]


@pytest.mark.system("D5")
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_unrolled_it_begins_as_the_passes_of_its_machines(space):
    """After all RBMs are trained, and before fine-tuning: bit for bit their means, up and down."""
    x = rows(space)
    data, first = from_tensors(x, space, "rows", valid=0, test=0), DeepAutoencoder(space, layers=(7, 5, 2))
    seen = {}

    def hook(loop, ended):
        if loop.stage.name != "fine-tune":
            seen["state"] = {k: v.clone() for k, v in loop.model.state_dict().items()}

    epochs = {"layer-1": 2, "layer-2": 2, "layer-3": 2, "fine-tune": 1}
    run = simulacra.fit(first, data, batch_size=10, stages=epochs, callbacks=[hook], **QUIET)
    model = DeepAutoencoder(space, layers=(7, 5, 2))
    model.load_state_dict(seen["state"])
    f = model.features(x).flatten(1)
    h = f
    for rbm in model.stack:
        h = rbm.hidden_given_visible(h)
    assert torch.equal(model.infer(x), h)
    g = h
    for rbm in reversed(model.stack):
        g = rbm.visible_given_hidden(g)
    expected = space.from_features(g.unflatten(1, space.shape))
    torch.testing.assert_close(model.emit(h), expected, rtol=0, atol=0)
    # fine-tuning parts encoder and decoder
    assert all(torch.equal(rbm.W, D) for rbm, D in zip(model.stack, model.D))
    assert not any(torch.equal(rbm.W, D) for rbm, D in zip(run.model.stack, run.model.D))


@pytest.mark.system("D5")
def test_a_layer_is_trained_as_an_rbm_on_the_means_of_the_layer_below(float64):
    model, x = DeepAutoencoder(Binary((6,)), layers=(5, 3)), rows(Binary((6,))).double()
    for p in model.parameters():
        p.data.normal_(generator=torch.Generator().manual_seed(len(p)))
    stage, rng = model.stage(1, []), Rng(0, rows=range(len(x)))
    below = stage.view(model, Batch.of(x), rng)
    rbm = model.stack[0]
    torch.testing.assert_close(below.x, torch.sigmoid(x @ rbm.W + rbm.c))
    loss = sum(stage.updates[0].loss(model, below, rng).loss.values())
    torch.testing.assert_close(loss, sum(contrastive_divergence(model.stack[1], below, rng).loss.values()))
    # F of binary units below Gaussian ones: the integral over h of exp(b'v + c'h + v'W h - |h|^2 / 2)
    top, v = model.stack[1], below.x
    a = top.c + v @ top.W
    F_v = -v @ top.b - a.square().sum(1) / 2 - 3 * math.log(2 * math.pi) / 2
    torch.testing.assert_close(top.free_energy(v), F_v)
    assert torch.autograd.grad(loss.sum(), model.D[1], allow_unused=True) == (None,)


@pytest.mark.system("D5")
def test_fine_tuning_lowers_the_error_of_what_it_rebuilds(float64):
    for space, error in (
        (Real((6,)), "squared"),
        (Levels((6,), 17), "squared"),
        (Binary((6,)), "cross-entropy"),
    ):
        x, model = rows(space), DeepAutoencoder(space, layers=(5, 2), error=error)
        f, rebuilt = model.features(x), space.features(model.emit(model.infer(x)))
        loss = model.stage(2, []).updates[0].loss(model, Batch.of(x), Rng(0)).loss["reconstruction"]
        if error == "squared":
            expected = (f - rebuilt).square().sum(1)
        else:
            expected = F.binary_cross_entropy(rebuilt, f, reduction="none").sum(1)
        torch.testing.assert_close(loss, expected)


def curve() -> Dataset:
    """A curve in 12 dimensions, 400 rows of training and 200 of test."""
    t = 2 * torch.rand(600, 1, generator=torch.Generator().manual_seed(0)) - 1
    angles = math.pi * t * torch.arange(1, 7) / 3
    x = torch.cat([angles.cos(), angles.sin()], 1)
    return from_tensors((x - x.mean(0)) / x.std(0), Real((12,)), "curve", valid=0, test=1 / 3)


def squared_error(model, data: Dataset) -> float:
    return float((model.reconstruct(data.test.x) - data.test.x).square().sum(1).mean())


@pytest.mark.system("D5")
def test_on_a_curve_its_error_is_below_that_of_pca_with_a_code_of_the_same_size():
    data = curve()
    pca = simulacra.fit(simulacra.PCA(data.space, latent=1), data, **QUIET).model
    model = DeepAutoencoder(data.space, layers=(32, 16, 1), scale=0.3, lr=1e-2, pretrain_lr=1e-3)
    epochs = {"layer-1": 20, "layer-2": 20, "layer-3": 20, "fine-tune": 150}
    deep = simulacra.fit(model, data, stages=epochs, batch_size=50, schedule="cosine", **QUIET).model
    assert squared_error(deep, data) < 0.5 * squared_error(pca, data)


def test_without_pretraining_there_is_one_stage_and_fewer_depths_leave_the_upper_layers_random():
    model = DeepAutoencoder(Binary((6,)), layers=(5, 4, 2), pretrain=0)
    assert model.stage(0, []).name == "fine-tune" and model.stage(1, []) is None
    model = DeepAutoencoder(Binary((6,)), layers=(5, 4, 2), pretrain=2)
    assert [model.stage(i, []).name for i in range(3)] == ["layer-1", "layer-2", "fine-tune"]


@pytest.mark.fault("depths")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layers": ()}, r"layers is \(\), but a deep autoencoder has at least one layer, .* use layers="),
        ({"layers": (5, 0)}, r"layers is \(5, 0\), but"),
        (
            {"layers": (5, 2), "pretrain": 3},
            "pretrain is 3, but there are 2 layers to train first: use pretrain=2",
        ),
        ({"layers": (5, 2), "pretrain": -1}, "pretrain is -1, but there are 2 layers"),
        ({"error": "cross-entropy"}, "error='cross-entropy' needs 0/1 or levels, .* use error='squared'"),
        ({"scale": 0.0}, "scale is 0.0, but a standard deviation is positive"),
        ({"gibbs_steps": 0}, "gibbs_steps is 0, but it must be at least 1"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(options, said):
    build = partial(DeepAutoencoder, Real((6,)))
    with pytest.raises(ValueError, match=said):
        build(**options)
    with pytest.raises(ValueError, match="needs 0/1, levels or numbers, but the space is Categorical"):
        DeepAutoencoder(Categorical((3,), 4))
