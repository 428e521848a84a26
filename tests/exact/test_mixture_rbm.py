"""The implicit mixture of RBMs against enumeration of all its states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from machines import joint, log_law, numbers, random_rbm, randomise
from oracles import chi_square, states
from scipy.special import logsumexp, softmax

from simulacra.api import fit
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.likelihood.annealing import bracket
from simulacra.models.boltzmann.machine.energy_model import Machine
from simulacra.models.boltzmann.restricted.mixture_rbm import MixtureRBM


def random_mixture(d: int, k: int, m: int, scale: float = 1.0, **options) -> MixtureRBM:
    """Components with weights of their own."""
    model = MixtureRBM(Binary((d,)), components=k, hidden=m, **options)
    randomise(model, scale)
    model.base.copy_(torch.randn(d))
    return model


def scores(model: MixtureRBM, beta: float = 1.0) -> np.ndarray:
    """-E of all (v, k, h), shape (2^d, K, 2^m)."""
    t = numbers(model)
    _, d, m = t["W"].shape
    v, h = states(d), states(m)
    score = (v @ t["b"].T)[:, :, None] + (h @ t["c"].T).T[None] + np.einsum("ni,kij,mj->nkm", v, t["W"], h)
    return beta * score + (1 - beta) * (v @ t["base"])[:, None, None]


@pytest.mark.system("A26")
def test_responsibilities_are_the_enumerated_ones(float64):
    model = random_mixture(4, 3, 2)
    by_component = logsumexp(scores(model), axis=2)
    found = model.responsibilities(torch.tensor(states(4))).detach()
    np.testing.assert_allclose(found, softmax(by_component, axis=1), atol=1e-12)
    torch.testing.assert_close(model.encode(states(4)), found)
    # softmax of minus the free energies of the components, each an RBM of its own
    free = []
    for k in range(3):
        rbm = random_rbm(4, 2)
        with torch.no_grad():
            for own, whole in ((rbm.W, model.W), (rbm.b, model.b), (rbm.c, model.c)):
                own.copy_(whole[k])
        free.append(rbm.free_energy(torch.tensor(states(4))).detach().numpy())
    np.testing.assert_allclose(found, softmax(-np.stack(free, 1), axis=1), atol=1e-12)


@pytest.mark.system("A26")
def test_log_probability_is_the_enumerated_one(float64):
    for sizes in ((4, 3, 2), (7, 2, 3)):  # either side is the smaller one
        model = random_mixture(*sizes)
        score = scores(model).reshape(2 ** sizes[0], -1)
        expected = logsumexp(score, axis=1) - logsumexp(score)
        found = model.log_prob(torch.tensor(states(sizes[0])))
        assert found.kind == "exact"
        np.testing.assert_allclose(found.values, expected, atol=1e-10)


@pytest.mark.system("A26")
def test_one_component_is_an_rbm(float64):
    model, rbm = random_mixture(5, 1, 3), random_rbm(5, 3)
    with torch.no_grad():
        for own, whole in ((rbm.W, model.W), (rbm.b, model.b), (rbm.c, model.c)):
            own.copy_(whole[0])
    x = torch.tensor(states(5))
    np.testing.assert_allclose(model.log_prob(x).values, log_law(joint(rbm)[2]), atol=1e-10)
    torch.testing.assert_close(model.free_energy(x), rbm.free_energy(x))
    assert bool((model.responsibilities(x) == 1).all())


@pytest.mark.system("A26")
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_fields_and_paths_are_those_of_the_energy(float64, beta):
    model = random_mixture(4, 3, 2)
    layers = {"v": torch.rand(6, 4), "h": torch.rand(6, 3, 3)}
    for name in layers:
        torch.testing.assert_close(model.field(name, layers), Machine.field(model, name, layers))
    e, fields = model.opened(layers)
    expected, slopes = Machine.opened(model, layers)
    torch.testing.assert_close(e, expected)
    torch.testing.assert_close(fields["h"], slopes["h"])
    law = lambda beta: logsumexp(scores(model, beta), axis=(1, 2))
    found = model.log_ratio(torch.tensor(states(4)), beta, 0.7)
    np.testing.assert_allclose(found.detach(), law(0.7) - law(beta), atol=1e-12)


@pytest.mark.system("A26")
def test_chains_reach_the_enumerated_law(float64):
    n, model = 8000, random_mixture(3, 3, 2, burn_in=60)
    score = scores(model).reshape(8, -1)
    x = model.draw(Rng(8, rows=range(n))).detach().numpy()
    assert chi_square(x @ [4, 2, 1], np.exp(logsumexp(score, axis=1) - logsumexp(score))) > 0.001
    found = bracket(model, 80, chains=300, sweeps=60)
    for side in (found.forward, found.reverse):
        assert side.log_z == pytest.approx(logsumexp(score), abs=4 * side.error)


@pytest.mark.system("A26")
def test_components_take_clusters_apart(float64, tmp_path):
    """Two prototypes with noise: training lowers -log p, and each cluster gets a component."""
    g = torch.Generator().manual_seed(3)
    first = torch.rand(60, 6, generator=g) < torch.tensor([0.95] * 3 + [0.05] * 3)
    x = torch.cat([first, ~first]).double()
    model = MixtureRBM(Binary((6,)), components=2, hidden=1, estimator="exact", lr=0.5, momentum=0.9)
    with torch.no_grad():
        model.W.mul_(30)
    fit(model, from_tensors(x, Binary((6,)), valid=0.0, test=0.0), out=tmp_path, epochs=150, batch_size=120,
        progress=False)  # fmt: skip
    # a product of the marginals says 6 log 2 = 4.16 nats
    assert model.log_prob(x).mean > -2.1
    on = model.responsibilities(x)[:, 0]
    assert abs(on[:60].mean() - on[60:].mean()) > 0.9


def test_a_short_training_is_saved_and_loaded(tmp_path):
    x = (torch.rand(60, 9, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    model = MixtureRBM(Binary((9,)), components=3, hidden=4, chains=13, burn_in=20)
    run = fit(model, from_tensors(x, Binary((9,))), out=tmp_path / "run", epochs=2, progress=False)
    again = MixtureRBM(Binary((9,)), components=3, hidden=4, chains=13, burn_in=20)
    again.load_state_dict(run.model.state_dict())
    assert torch.equal(again.sample(5, seed=3), run.model.sample(130, seed=3)[:5])
    large = MixtureRBM(Binary((30,)), components=3, hidden=20)
    assert can.HasDensity not in large.capabilities() and can.HasEnergy in large.capabilities()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": Real((4,))}, "a mixture of RBMs needs binary data"),
        ({"components": 0}, "components is 0, but it must be at least 1"),
        ({"estimator": "best"}, "estimator is 'best'; choose from"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError) as error:
        MixtureRBM(**{"space": Binary((4,))} | options)
    assert message in str(error.value)
