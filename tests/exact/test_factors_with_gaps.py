"""Codes of rows with gaps given the factors, beside conditionals of the Gaussian of codes and features."""

from __future__ import annotations

import pytest
import torch
from mixed_rows import Rows

import simulacra
from simulacra.core.artifact.weights import digest
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.storage.files import read_tensors, write_tensors
from simulacra.models.variational import VAE
from simulacra.models.variational.factors_from_data import factors_from_data
from simulacra.models.variational.factors_with_gaps import FactorsWithGaps

D, Q, S2 = 5, 2, 0.3
TABLE = Table(**{name: Scores(edges=(-1.0, -0.3, 0.2, 0.9)) for name in "abcd"})


def made(seed: int = 0) -> tuple[FactorsWithGaps, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Factors of the features 1..D of D + 1, of which the first has none; W, the means and the deviations."""
    torch.manual_seed(seed)
    W, center, scale = torch.randn(D, Q), torch.randn(D), torch.rand(D) + 0.5
    factors = FactorsWithGaps(D + 1, Q)
    factors.set(torch.arange(1, D + 1), W, S2, center, scale)
    return factors, W, center, scale


def conditional(W: torch.Tensor, y: torch.Tensor, o: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and covariance of (z, y) given y_o, from the blocks of their joint covariance."""
    d, q = W.shape
    joint = torch.cat([torch.cat([torch.eye(q), W.T], 1), torch.cat([W, W @ W.T + S2 * torch.eye(d)], 1)])
    at = q + o.nonzero().squeeze(1)
    gain = joint[:, at] @ torch.linalg.inv(joint[at][:, at])
    return gain @ y[o], joint - gain @ joint[at]


@pytest.mark.system("E1")
@pytest.mark.fault("15.gaps")
def test_missing_features_and_variances_are_conditional_ones(float64):
    factors, W, center, scale = made()
    f, known = torch.randn(40, D + 1), torch.rand(40, D + 1) < 0.6
    filled, wider = factors(f, known)
    y = (f[:, 1:] - center) / scale
    for i in range(40):
        o = known[i, 1:]
        mean, covariance = conditional(W, y[i], o)
        every = conditional(W, y[i], torch.ones(D, dtype=torch.bool))[1]
        expected = torch.where(known[i, 1:], f[i, 1:], center + scale * mean[Q:])
        torch.testing.assert_close(filled[i, 1:], expected, atol=1e-10, rtol=0)
        ratio = covariance.diagonal()[:Q] / every.diagonal()[:Q]
        torch.testing.assert_close((2 * wider[i]).exp(), ratio, atol=1e-10, rtol=0)
        assert filled[i, 0] == (f[i, 0] if known[i, 0] else 0)


def test_rows_without_gaps_and_models_without_factors_keep_what_they_had():
    factors, *_ = made()
    f = torch.randn(3, D + 1)
    filled, wider = factors(f, torch.ones(3, D + 1, dtype=torch.bool))
    assert torch.equal(filled, f) and not wider.any()
    known = torch.rand(3, D + 1) < 0.5
    filled, wider = FactorsWithGaps(D + 1, Q)(f, known)
    assert torch.equal(filled, torch.where(known, f, torch.zeros_like(f))) and not wider.any()


@pytest.mark.parametrize("rows", [2, 3, 50])
def test_a_row_does_not_depend_on_the_others(rows):
    factors, *_ = made()
    f, known = torch.randn(50, D + 1), torch.rand(50, D + 1) < 0.6
    for whole, part in zip(factors(f, known), factors(f[:rows], known[:rows])):
        torch.testing.assert_close(part, whole[:rows], atol=1e-5, rtol=1e-5)


@pytest.mark.fault("15.gaps")
def test_a_vae_begins_at_the_posterior_given_what_is_observed(float64):
    """p(z | y_o) of probabilistic PCA, as long as the networks are linear."""
    torch.manual_seed(1)
    z = torch.randn(400, 1)
    x = 0.8 * z + 0.6 * torch.randn(400, 4)
    model = VAE(TABLE, latent=2, hidden=(5,)).eval()
    with torch.no_grad():
        factors_from_data(model, Rows(x), Rng(0))
        model.encoder.body[-1].weight.zero_()
    known = torch.tensor([[True, False, True, True], [False, False, True, False]])
    q, held = model.posterior(x[:2], None, known), model.factors
    y = (TABLE.features(x[:2], torch.float64) - held.center) / held.scale
    for i, o in enumerate(known):
        A = held.W[o]
        P = torch.eye(2) + A.T @ A / held.noise
        torch.testing.assert_close(
            q.loc[i].detach(), torch.linalg.solve(P, A.T @ y[i, o] / held.noise), atol=1e-8, rtol=0
        )
        variance = (2 * q.log_scale[i]).exp().detach()
        torch.testing.assert_close(variance, torch.linalg.inv(P).diagonal(), atol=1e-8, rtol=0)


@pytest.mark.fault("15.vae")
def test_a_file_without_factors_scores_rows_with_gaps_as_before(tmp_path):
    """The missing features of files of earlier versions are 0."""
    model = VAE(TABLE, latent=2, hidden=(5,), seed=3, dropout=0.0)
    model.save(tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    tensors, header = read_tensors(path)
    kept = {name: t for name, t in tensors.items() if not name.startswith("factors.")}
    assert len(kept) == len(tensors) - 4
    write_tensors(path, kept, {**header, "digest": digest(kept)})
    x, known = torch.randn(3, 4), torch.tensor([[True, False, True, True]]).expand(3, 4)
    f = model.space.features(x) * known
    expected = model.encoder(f).chunk(2, 1)
    q = simulacra.load(tmp_path / "m").posterior(x, None, known)
    torch.testing.assert_close(q.loc, expected[0])
    torch.testing.assert_close(q.log_scale, expected[1])
