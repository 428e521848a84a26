"""Two ways of giving samples: a generator that emits x, and one that emits the parameters of p(x|z).

Over a finite space the second has probabilities,

    p(x) = E_z p(x|z),   sum_x p(x) = 1,                                         (1)

here by quadrature over a 2-D code and over all 2^6 x. The first has samples alone.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import states

from simulacra.core.capabilities.general import MissingCapability
from simulacra.core.spaces.plain import Binary
from simulacra.models.adversarial import GAN
from simulacra.models.variational import VAE

SPACE = Binary((6,))
ALL = states(6)
DRAWS = 120_000


@torch.no_grad()
def stir(network):
    """Random weights and biases, so that what the network says depends on its code."""
    for p in network.parameters():
        p.normal_(std=0.7)


@pytest.fixture
def emits_parameters(float64):
    model = VAE(SPACE, latent=2, hidden=(7,), activation="tanh")
    stir(model.decoder)
    return model


def hermite(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes (n^2, 2) and weights of E f(z), z ~ N(0, I) in two dimensions, by Gauss and Hermite."""
    z, w = np.polynomial.hermite_e.hermegauss(n)
    w = w / np.sqrt(2 * np.pi)
    grid = np.stack(np.meshgrid(z, z, indexing="ij"), -1).reshape(-1, 2)
    return torch.from_numpy(grid), torch.from_numpy(np.outer(w, w).ravel())


@torch.no_grad()
def masses(model, nodes: int = 64) -> np.ndarray:
    """p(x) of (1) for all x, shape (64,)."""
    z, w = hermite(nodes)
    p = model.likelihood(z)
    return np.array([(w * p.log_prob(torch.tensor(x).expand(len(z), -1)).exp()).sum() for x in ALL])


def frequencies(model, n: int = DRAWS) -> np.ndarray:
    """How often each x was drawn, shape (64,)."""
    place = (model.sample(n, seed=5).numpy() @ 2 ** np.arange(5, -1, -1)).astype(int)
    return np.bincount(place, minlength=64) / n


@pytest.mark.system("C11")
def test_emitted_parameters_give_probabilities_that_sum_to_one(emits_parameters):
    p = masses(emits_parameters)
    assert abs(p.sum() - 1) < 1e-12 and (p > 0).all()
    # the quadrature has converged
    assert np.abs(p - masses(emits_parameters, 96)).max() < 1e-7
    # and p(x) is no product of its marginals: the code couples the entries
    ones = p @ ALL
    independent = np.where(ALL == 1, ones, 1 - ones).prod(1)
    assert np.abs(p - independent).max() > 0.01


@pytest.mark.system("C11")
def test_samples_are_as_frequent_as_the_probabilities_say(emits_parameters):
    p = masses(emits_parameters)
    errors = np.abs(frequencies(emits_parameters) - p) / np.sqrt(p * (1 - p) / DRAWS)
    assert errors.max() < 5


@pytest.mark.system("C11")
def test_the_bound_of_the_model_comes_near_these_probabilities(emits_parameters):
    x, p = torch.tensor(ALL), masses(emits_parameters)
    # q(z|x) is the prior, so that the codes of the bound are those of (1)
    for weight in emits_parameters.encoder.parameters():
        torch.nn.init.zeros_(weight)
    found = emits_parameters.log_prob(x, k=5000)
    assert found.kind == "lower"
    assert np.abs(found.values.numpy() - np.log(p)).max() < 0.1


@pytest.mark.system("C11")
def test_emitted_samples_have_frequencies_and_no_probabilities(float64):
    model = GAN(SPACE, latent=2, hidden=(7,))
    stir(model.G)
    found = frequencies(model, 5000)
    assert found.sum() == pytest.approx(1) and (found > 0).sum() > 2
    for ask in (model.log_prob, model.score_samples, model.anomaly_score):
        with pytest.raises(MissingCapability, match="GAN cannot do log_prob"):
            ask(torch.tensor(ALL))
