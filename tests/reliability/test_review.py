"""What a review found: near-singular densities, scores on the raw space, chains of each process."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann.restricted.bipartite import biases_from_data
from simulacra.training.callbacks.validation import validation_score


@pytest.mark.system("D2")
def test_ppca_in_float32_agrees_with_float64_where_the_noise_is_small():
    generator = torch.Generator().manual_seed(5)
    model = simulacra.PPCA(Real((10,)), latent=3)
    model.W.copy_(torch.randn(10, 3, generator=generator))
    model.variance.fill_(1e-6)
    z = torch.randn(40, 3, generator=generator)
    x = z @ model.W.T + 1e-3 * torch.randn(40, 10, generator=generator)
    covariance = model.W.double() @ model.W.double().T + 1e-6 * torch.eye(10, dtype=torch.float64)
    law = torch.distributions.MultivariateNormal(torch.zeros(10, dtype=torch.float64), covariance)
    torch.testing.assert_close(model.log_density(x), law.log_prob(x.double()), rtol=1e-4, atol=1e-3)


@pytest.mark.system("I5")
def test_validation_scores_are_on_the_raw_space():
    data = simulacra.load_data("digits", dequantize="uniform")
    model = simulacra.PPCA(data.space, latent=2)
    model.location.fill_(0.5)
    model.preprocessing = data.preprocessing
    raw = float(model.log_prob(data.valid.x).mean)
    assert validation_score(model, data.valid, seed=0) == pytest.approx(raw, abs=0.05 * abs(raw))


@torch.no_grad()
def test_chains_begin_as_in_one_process_whatever_the_shard():
    x = (torch.arange(60 * 5).reshape(60, 5) % 3 == 0).to(torch.uint8)
    train = from_tensors(x, Binary((5,))).train
    whole, part = (simulacra.RBM(Binary((5,)), hidden=3, chains=n) for n in (7, 3))
    biases_from_data(whole, train, Rng(0, "start"))
    biases_from_data(part, train, Rng(0, "start", shards={"persistent": range(4, 7)}))
    assert torch.equal(whole.persistent[4:], part.persistent)
