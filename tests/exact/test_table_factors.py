"""The VAE of a table begins at the factors of its normal scores: their equations, and files without them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mixed_rows import Rows

import simulacra
from simulacra.core.artifact.weights import digest
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.storage.files import read_tensors, write_tensors
from simulacra.models.variational import VAE
from simulacra.models.variational.factors_from_data import factors, factors_from_data

EDGES = tuple(np.linspace(-2.4, 2.4, 49).tolist())
TABLE = Table(a=Scores(edges=EDGES), c=Categorical((), 3), b=Scores(edges=EDGES), d=Scores(edges=EDGES))
NUMBERS, MEANS = [0, 4, 5], [0, 5, 7]  # places among the features, and of the means among the parameters


def correlations(d: int, seed: int = 0) -> torch.Tensor:
    return torch.tensor(np.corrcoef(np.random.default_rng(seed).normal(size=(d, 2 * d))))


def table(n: int = 300) -> torch.Tensor:
    """Rows of TABLE, of which the scores depend on each other."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=n)
    scores = [0.8 * z + 0.6 * rng.normal(size=n) for _ in range(3)]
    return torch.tensor(np.stack([scores[0], rng.integers(0, 3, n), scores[1], scores[2]], 1))


def begun(latent: int, known: torch.Tensor | None = None) -> VAE:
    """A VAE at its start, of which the last layers see nothing of the hidden ones."""
    model = VAE(TABLE, latent=latent, hidden=(5,))
    with torch.no_grad():
        factors_from_data(model, Rows(table(), known), Rng(0))
        for network in (model.encoder, model.decoder):
            network.body[-1].weight.zero_()
    return model.eval()


@pytest.mark.system("E1")
@pytest.mark.parametrize(("d", "q"), [(5, 2), (4, 4), (3, 8), (2, 1)])
def test_factors_are_those_of_probabilistic_pca(d, q):
    """Tipping and Bishop: maximum likelihood W and s^2, and p(z | y) by solving for M = W'W + s^2 I."""
    R = correlations(d)
    W, E, log_sigma = factors(R, q)
    values = torch.linalg.eigvalsh(R)
    s2 = values[: d - q].mean() if q < d else values[0]
    M = W.T @ W + s2 * torch.eye(min(d, q), dtype=R.dtype)
    torch.testing.assert_close(E, torch.linalg.solve(M, W.T), atol=1e-10, rtol=0)
    posterior = s2 * torch.linalg.inv(M)
    torch.testing.assert_close(torch.diag((2 * log_sigma).exp()), posterior, atol=1e-10, rtol=0)
    if q >= d:
        torch.testing.assert_close(W @ W.T + s2 * torch.eye(d, dtype=R.dtype), R, atol=1e-10, rtol=0)
    else:
        # the first q eigenvalues are kept
        largest = torch.linalg.eigvalsh(W @ W.T).flip(0)[:q] + s2
        torch.testing.assert_close(largest, values.flip(0)[:q], atol=1e-10, rtol=0)


@pytest.mark.system("E1")
@pytest.mark.parametrize("latent", [1, 3, 6])
def test_both_networks_begin_at_the_factors(float64, latent):
    model, x = begun(latent), table()
    f = model.space.features(x, torch.float64)[:, NUMBERS]
    y = (f - f.mean(0)) / f.std(0, correction=0)
    W, E, log_sigma = factors(torch.tensor(np.corrcoef(y.T.numpy())), latent)
    q = model.posterior(x)
    torch.testing.assert_close(q.loc[:, : len(E)].detach(), y @ E.T, atol=1e-8, rtol=0)
    torch.testing.assert_close(q.log_scale[0, : len(E)].detach(), log_sigma, atol=1e-8, rtol=0)
    z = torch.randn(7, latent)
    p = model.decoder(z).detach()
    torch.testing.assert_close(p[:, MEANS], z[:, : W.shape[1]] @ W.T, atol=1e-8, rtol=0)
    variance = (2 * p[:, [i + 1 for i in MEANS]]).exp() + W.square().sum(1)
    torch.testing.assert_close(variance, torch.ones(7, 3), atol=1e-8, rtol=0)


def test_hidden_cells_change_no_factor_of_what_is_shown(float64):
    """Any value may stand where a cell is missing."""
    known = torch.rand(300, 4) < 0.7
    a = begun(2, known)
    x = torch.where(known, table(), torch.tensor([2.0, 1.0, -2.0, 2.0]))
    b = VAE(TABLE, latent=2, hidden=(5,))
    with torch.no_grad():
        factors_from_data(b, Rows(x, known), Rng(0))
    assert a.decoder.linear.abs().sum() > 0.1
    torch.testing.assert_close(a.decoder.linear, b.decoder.linear)
    torch.testing.assert_close(a.encoder.linear, b.encoder.linear)


@pytest.mark.fault("15.vae")
def test_a_file_without_linear_maps_scores_as_before(tmp_path):
    """As files of earlier versions; without data the maps are zero, and the networks are those of before."""
    model, x = VAE(TABLE, latent=2, hidden=(5,), seed=3), table(5).float()
    assert not model.encoder.linear.any() and not model.decoder.linear.any()
    model.save(tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    tensors, header = read_tensors(path)
    kept = {name: t for name, t in tensors.items() if not name.endswith(".linear")}
    assert len(kept) == len(tensors) - 2
    write_tensors(path, kept, {**header, "digest": digest(kept)})
    found = simulacra.load(tmp_path / "m").log_prob(x, k=4, seed=1).values
    torch.testing.assert_close(found, model.log_prob(x, k=4, seed=1).values, rtol=0, atol=0)


def test_single_distributions_of_a_table_are_built_when_they_are_used():
    """One joint distribution is sufficient for the columns of normal scores."""
    p = VAE(TABLE, latent=2, hidden=(5,)).likelihood(torch.zeros(3, 2))
    x = table(3).float()
    joint = p.entries(x)
    assert sorted(p.parts.built) == [1]
    alone = torch.stack([part.entries(column) for part, column in zip(p.parts, x.unbind(1))], 1)
    torch.testing.assert_close(joint, alone, rtol=0, atol=1e-6)
    assert len(p.parts.built) == len(p.parts) == 4
