"""Completion by pseudo-Gibbs steps: exact where the encoder is the posterior, unlike a single pass of it."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra import Binary, Real
from simulacra.core.random.keyed import Rng
from simulacra.models.variational.pseudo_gibbs import pseudo_gibbs

S = 0.7  # deviation of x given z


def with_posterior():
    """A linear VAE whose encoder is its posterior, and W of x = W z + s e, with orthogonal columns."""
    model = simulacra.VAE(Real((3,)), latent=2, hidden=(), likelihood="gaussian", scale=S)
    W = torch.tensor([[1.0, 0.5], [0.8, -1.0], [0.6, 0.5]])
    W[:, 1] -= W[:, 0] * (W[:, 0] @ W[:, 1]) / (W[:, 0] @ W[:, 0])
    M = (W.T @ W).diagonal() + S**2
    decoder, encoder = (net.body[0] for net in (model.decoder, model.encoder))
    with torch.no_grad():
        decoder.weight.copy_(torch.cat([W, decoder.weight[3:]])[: len(decoder.weight)])
        decoder.bias.zero_()
        # z | x ~ N(M^-1 W' x, s^2 M^-1)
        encoder.weight.copy_(torch.cat([W.T / M.unsqueeze(1), torch.zeros(2, 3)]))
        encoder.bias.copy_(torch.cat([torch.zeros(2), 0.5 * (S**2 / M).log()]))
    return model, W


@pytest.mark.system("E15")
def test_the_chain_of_an_exact_encoder_draws_from_the_conditional(float64):
    model, W = with_posterior()
    C = W @ W.T + S**2 * torch.eye(3)
    known, at = torch.tensor([True, False, False]), 1.5
    mean = C[1:, 0] * at / C[0, 0]
    covariance = C[1:, 1:] - C[1:, :1] * C[:1, 1:] / C[0, 0]
    n = 20_000
    x = torch.tensor([[at, 0.0, 0.0]]).repeat(n, 1)
    drawn = model.complete(x, known.repeat(n, 1), seed=0, method="pseudo-gibbs")
    assert bool((drawn[:, 0] == at).all())
    found = drawn[:, 1:]
    near = 5 / n**0.5
    torch.testing.assert_close(
        found.mean(0), mean, atol=near * float(covariance.diagonal().max()) ** 0.5, rtol=0
    )
    size = float(covariance.diagonal().max())
    torch.testing.assert_close(torch.cov(found.T), covariance, atol=2 * near * size, rtol=0)
    # one pass of the encoder takes missing features for zeros: this is not inference given a part
    once = pseudo_gibbs(model, x, known.repeat(n, 1), Rng(0, rows=range(n)), steps=1)[:, 1:]
    assert float((once.mean(0) - mean).abs().max()) > 5 * near


@pytest.mark.system("E15")
def test_a_chain_of_bits_keeps_what_is_known_and_rows_do_not_depend_on_the_batch():
    for model in (
        simulacra.VAE(Binary((5,)), latent=2, hidden=(7,)),
        simulacra.HierarchicalVAE(Binary((5,)), latents=(3, 2), hidden=(7,), between=(3,)),
    ):
        x = torch.tensor([[1, 0, 1, 1, 0]] * 7)
        known = torch.tensor([True, True, False, False, False])
        whole = model.complete(x, known.repeat(7, 1), seed=3, method="pseudo-gibbs")
        assert torch.equal(whole[:, :2], x[:, :2].to(whole)) and set(whole.flatten().tolist()) <= {0, 1}
        few = model.complete(x[:3], known.repeat(3, 1), seed=3, method="pseudo-gibbs")
        assert torch.equal(few, whole[:3])
        assert len(whole[:, 2:].unique(dim=0)) > 1


@pytest.mark.fault("completion")
def test_a_way_that_a_model_lacks_is_refused():
    x, known = torch.zeros(1, 3), torch.tensor([[True, False, False]])
    with pytest.raises(ValueError, match="possible are resampling, pseudo-gibbs"):
        simulacra.VAE(Real((3,)), latent=2, hidden=()).complete(x, known, method="gibbs")
    with pytest.raises(ValueError, match="PPCA does not complete by method='gibbs'; it completes in one way"):
        simulacra.PPCA(Real((3,)), latent=2).complete(x, known, method="gibbs")
