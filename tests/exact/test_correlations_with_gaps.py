"""Strong correlations where cells are missing completely at random."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mixed_rows import Rows

import simulacra
from simulacra.core.preprocessing.normal_scores import cells_of
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.spaces.plain import Real
from simulacra.models.autoencoders.gaussian_copula import GaussianCopula, solve


def rows_with_gaps(n: int, rho: float, share: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A Gaussian pair, and True where a cell is known."""
    rng = np.random.default_rng(seed)
    z = rng.multivariate_normal(np.zeros(2), [[1, rho], [rho, 1]], n)
    return torch.tensor(z), torch.tensor(rng.random((n, 2)) >= share)


def ranked(z: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Normal scores of the known values, 0 elsewhere."""
    n, found = int(known.sum()), torch.zeros_like(z)
    found[known] = torch.special.ndtri((z[known].argsort().argsort() + 0.5) / n)
    return found


@pytest.mark.system("D2")
@pytest.mark.fault("tables 15.b")
@pytest.mark.parametrize("rho", [0.8, 0.95])
def test_the_copula_takes_the_variances_of_the_rows_that_show_both(float64, rho):
    """At 40 % a third of the rows do: they alone give an error of (1 - rho^2) / sqrt(.36 n), EM one below."""
    n, found = 1000, []
    for seed in range(20):
        z, known = rows_with_gaps(n, rho, 0.4, seed)
        space = Table({str(j): Scores(edges=cells_of(z[known[:, j], j].numpy())[1]) for j in range(2)})
        scored = torch.stack([ranked(z[:, j], known[:, j]) for j in range(2)], 1)
        model = GaussianCopula(space)
        solve(model, Rows(scored, known), Rng(0))
        found.append(model.R[0, 1].item())
    rmse = float(np.sqrt(np.mean((np.array(found) - rho) ** 2)))
    # the error of a root mean square of 20 is a sixth of it
    assert rmse < 1.5 * (1 - rho**2) / (0.36 * n) ** 0.5
    assert all(abs(r - rho) < 0.05 for r in found)


def test_the_encoder_sees_missing_entries_behind_the_condition(float64):
    space, condition = Table(a=Real(), b=Categorical((), 3)), Categorical((), 2)
    model = simulacra.VAE(space, condition=condition, latent=2, hidden=(5,), gaps=True)
    x, c = torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 1])
    seen = []
    model.encoder.body.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.posterior(x, c, torch.tensor([[False, True], [True, False]]))
    model.posterior(x, c)
    assert seen[0].tolist() == [[0, 0, 1, 0, 1, 0, 1, 0], [0, 0, 0, 0, 0, 1, 0, 1]]
    assert seen[1][:, -2:].tolist() == [[0, 0], [0, 0]]
    plain = simulacra.VAE(space, latent=2, hidden=(5,), gaps=True)
    # zero is the mean of a: only the mark tells them apart
    hidden, there = (
        plain.posterior(x[:1], None, torch.tensor([[False, True]])).loc,
        plain.posterior(x[:1]).loc,
    )
    assert not torch.allclose(hidden, there)
    before = simulacra.VAE(space, latent=2, hidden=(5,))
    a = before.posterior(x[:1], None, torch.tensor([[False, True]])).loc
    torch.testing.assert_close(a, before.posterior(x[:1]).loc)
