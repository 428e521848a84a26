"""Restricted machines: fields written out, offsets that leave the law, and a start from the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from machines import joint, log_law, numbers, offset, random_rbm, randomise
from oracles import states, within
from scipy.special import expit

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann import RBM, GaussianRBM
from simulacra.models.boltzmann.machine.energy_model import Machine
from simulacra.models.boltzmann.machine.learning import replicas
from simulacra.models.boltzmann.restricted.bipartite import recentre


def restricted() -> list[tuple[Machine, int | None]]:
    """Machines of each kind, with offsets, and the size of their condition."""
    options = {"hidden": 3, "centred": True}
    models = [
        (RBM(Binary((5,)), **options), None),
        (RBM(Binary((5,)), Real((2,)), **options), 2),
        (GaussianRBM(Real((5,)), scale=0.6, **options), None),
        (GaussianRBM(Real((5,)), Real((2,)), scale=1.7, **options), 2),
    ]
    for model, _ in models:
        randomise(model)
        offset(model)
    return models


@pytest.mark.parametrize("i", range(4))
def test_fields_written_out_are_those_of_the_energy(float64, i):
    model, size = restricted()[i]
    layers = {"v": torch.randn(7, 5), "h": torch.rand(7, 3)}
    c = None if size is None else torch.randn(7, size)
    for name in ("v", "h"):
        torch.testing.assert_close(model.field(name, layers, c), Machine.field(model, name, layers, c))
    e, fields = model.opened({"v": layers["v"]}, c)
    expected, slopes = Machine.opened(model, {"v": layers["v"]}, c)
    torch.testing.assert_close(e, expected)
    torch.testing.assert_close(fields["h"], slopes["h"])
    # the field is minus the difference that one unit makes
    for name in ("v", "h"):
        for j in range(model.shapes[name][0]):
            on, off = ({**layers, name: layers[name].clone()} for _ in range(2))
            on[name][:, j], off[name][:, j] = 1, 0
            difference = model.energy(off, c) - model.energy(on, c)
            torch.testing.assert_close(model.field(name, layers, c)[:, j], difference)


@pytest.mark.system("A2")
def test_a_centred_machine_is_an_uncentred_one_with_moved_biases(float64):
    """b' = b - W lam and c' = c - W'mu; log p(v) and both conditionals are the same."""
    centred = offset(random_rbm(5, 4))
    t = numbers(centred)
    plain = random_rbm(5, 4)
    with torch.no_grad():
        plain.W.copy_(centred.W)
        plain.b.copy_(torch.tensor(t["b"] - t["W"] @ t["lam"]))
        plain.c.copy_(torch.tensor(t["c"] - t["W"].T @ t["mu"]))
    v, h = torch.tensor(states(5)), torch.tensor(states(4))
    expected = log_law(joint(centred)[2])
    np.testing.assert_allclose(expected, log_law(joint(plain)[2]), atol=1e-12)
    for model in (centred, plain):
        np.testing.assert_allclose(model.log_prob(v).values, expected, atol=1e-12)
        np.testing.assert_allclose(
            model.hidden_given_visible(v).detach(),
            expit(numbers(plain)["c"] + v.numpy() @ t["W"]),
            atol=1e-12,
        )
        np.testing.assert_allclose(
            model.visible_given_hidden(h).detach(),
            expit(numbers(plain)["b"] + h.numpy() @ t["W"].T),
            atol=1e-12,
        )


@pytest.mark.system("A2")
@pytest.mark.parametrize("i", range(4))
def test_moving_the_centre_leaves_the_law(float64, i):
    model, size = restricted()[i]
    x, c = torch.rand(9, 5).round(), None if size is None else torch.randn(9, size)
    v = torch.tensor(states(5)[::3])
    u = None if size is None else torch.randn(1, size).expand(len(v), size)
    log_p = lambda: model.log_density(v, u).detach()
    before, mu = log_p(), model.mu.clone()
    for _ in range(5):
        with torch.no_grad():
            recentre(model, Batch.of(x, c), Rng(0))
    assert not torch.allclose(model.mu, mu)
    torch.testing.assert_close(log_p(), before, rtol=0, atol=1e-10)
    # it moves towards the means of the batch
    assert ((model.mu - x.mean(0)).abs() < (mu - x.mean(0)).abs()).all()


def test_offsets_come_to_the_means_of_the_layers(float64):
    model = random_rbm(5, 3, centred=True)
    x = torch.rand(11, 5).round()
    for _ in range(3000):
        with torch.no_grad():
            recentre(model, Batch.of(x), Rng(0))
    torch.testing.assert_close(model.mu, x.mean(0), rtol=0, atol=1e-8)
    # of the hidden layer an eighth of each batch is looked at: two rows of eleven, here always the same
    torch.testing.assert_close(model.lam, model.hidden_given_visible(x[:2]).mean(0), rtol=0, atol=1e-8)


@pytest.mark.parametrize("estimator", ["pcd", "tempering"])
@pytest.mark.parametrize(("space", "options"), [(Binary((3,)), {}), (Real((3,)), {"scale": 0.4})])
def test_machines_begin_at_the_means_of_the_data(float64, estimator, space, options):
    """E[v] of free units is the data's mean, in the biases as in the chains of every temperature."""
    torch.manual_seed(3)
    n, share = 4000, torch.tensor([0.2, 0.7, 0.5])
    x = (torch.rand(500, 3) < share).double()
    kind = RBM if isinstance(space, Binary) else GaussianRBM
    model = kind(space, hidden=2, estimator=estimator, temperatures=3, chains=n, centred=True, **options)
    data = from_tensors(x, space, valid=0.0, test=0.0)
    with torch.no_grad():
        model.stage(0, []).start(model, data.train, Rng(4))
    mean = data.train.x.double().mean(0)
    torch.testing.assert_close(model.visible_given_hidden(model.lam.unsqueeze(0))[0].detach(), mean)
    torch.testing.assert_close(model.mu, mean)
    assert torch.equal(model.lam, torch.full((2,), 0.5))
    for chain in replicas(model):
        for i in range(3):
            assert within(chain[:, i].mean(), mean[i], chain[:, i].std() / math.sqrt(n))
    # temperatures have chains of their own
    assert len({tuple(chain[:50].flatten().tolist()) for chain in replicas(model)}) == len(replicas(model))
