"""PCA and probabilistic PCA of incomplete rows, against the marginals of the full Gaussian."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
import torch

import simulacra
from simulacra.core.spaces.plain import Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.autoencoders.factors import Linear, closed_form, expected_moments, maximize


def rows(n: int, d: int, q: int, noise: float, seed: int, gaps: float = 0.3):
    """Low-rank rows with noise, and a mask that leaves at least one entry a row."""
    make = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=make, dtype=torch.float64)
    W = draw(d, q) * torch.linspace(2.0, 0.7, q, dtype=torch.float64)
    x = draw(n, q) @ W.T + 3.0 + noise * draw(n, d)
    known = torch.rand(n, d, generator=make) >= gaps
    known[torch.arange(n), torch.randint(d, (n,), generator=make)] = True
    return x, known, W


def some(d: int, q: int, seed: int) -> Linear:
    make = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=make, dtype=torch.float64)
    return Linear(draw(d, q), draw(d), torch.tensor(0.37, dtype=torch.float64))


@pytest.mark.system("D2")
def test_the_marginal_density_is_that_of_the_full_gaussian():
    x, known, _ = rows(23, 5, 2, 0.5, seed=3)
    model = some(5, 2, seed=4)
    C = model.W @ model.W.T + model.variance * torch.eye(5, dtype=torch.float64)
    found = model.log_density(x, known)
    for i in range(len(x)):
        o = known[i].nonzero().flatten().numpy()
        exact = scipy.stats.multivariate_normal(model.location.numpy()[o], C.numpy()[np.ix_(o, o)])
        assert found[i].item() == pytest.approx(exact.logpdf(x[i].numpy()[o]), abs=1e-10)


def test_expected_moments_are_those_of_the_conditional_gaussians():
    x, known, _ = rows(17, 4, 2, 0.5, seed=5)
    model = some(4, 2, seed=6)
    C = (model.W @ model.W.T + model.variance * torch.eye(4, dtype=torch.float64)).numpy()
    m = model.location.numpy()
    means, squares = [], np.zeros((4, 4))
    for row, seen in zip(x.numpy(), known.numpy()):
        u, o = np.flatnonzero(~seen), np.flatnonzero(seen)
        gain = C[np.ix_(u, o)] @ np.linalg.inv(C[np.ix_(o, o)])
        full, spread = row.copy(), np.zeros((4, 4))
        full[u] = m[u] + gain @ (row[o] - m[o])
        spread[np.ix_(u, u)] = C[np.ix_(u, u)] - gain @ C[np.ix_(o, u)]
        means.append(full)
        squares += np.outer(full, full) + spread
    mean = np.mean(means, 0)
    found_m, found_S = expected_moments(model, lambda: iter([(x[:9], known[:9]), (x[9:], known[9:])]))
    np.testing.assert_allclose(found_m.numpy(), mean, atol=1e-12)
    np.testing.assert_allclose(found_S.numpy(), squares / 17 - np.outer(mean, mean), atol=1e-11)


@pytest.mark.system("D2")
def test_em_climbs_to_a_stationary_point_of_the_observed_likelihood():
    x, known, _ = rows(211, 5, 2, 0.6, seed=7)
    total = lambda model: model.log_density(x, known).sum()
    values = [total(maximize(lambda: iter([(x, known)]), 2, n)[0]).item() for n in (1, 2, 3, 5, 9, 30)]
    assert values == sorted(values)
    best, _ = maximize(lambda: iter([(x, known)]), 2, 2000)
    tensors = [t.clone().requires_grad_() for t in (best.W, best.location, best.variance)]
    total(Linear(*tensors)).backward()
    assert max(float(t.grad.abs().max()) for t in tensors) < 2e-4 * len(x)
    # on complete rows it is the closed form
    whole, _ = maximize(lambda: iter([(x, torch.ones_like(known))]), 2, 2000)
    W, variance = closed_form(torch.cov(x.T, correction=0), 2)
    torch.testing.assert_close(whole.W, W, atol=1e-6, rtol=0)
    torch.testing.assert_close(whole.variance, variance, atol=1e-6, rtol=0)


def fitted(kind, x, known, tmp_path, **arguments):
    data = from_tensors(x, Real((x.shape[1],)), known=known, valid=0.0, test=0.1)
    return simulacra.fit(kind(data.space, **arguments), data, out=tmp_path, progress=False).model


@pytest.mark.system("D1")
def test_pca_of_incomplete_rows_finds_the_plane_and_fills_in(float64, tmp_path):
    x, known, W = rows(307, 6, 2, 0.01, seed=8)
    known[:, 0] |= ~known.any(1)
    model = fitted(simulacra.PCA, x, known, tmp_path, latent=2, iterations=3000)
    basis = torch.linalg.qr(W).Q
    cosines = torch.linalg.svdvals(basis.T @ model.components)
    assert float(cosines.min()) > 0.9999
    seen = known.sum(1) >= 4
    filled = model.complete(x[seen], known[seen])
    assert torch.equal(filled[known[seen]], x[seen][known[seen]])
    error = (filled - x[seen])[~known[seen]].square().mean().sqrt()
    assert float(error) < 0.1 * float(x.std())
    # what stands at a missing entry plays no part
    other = torch.where(known, x, x + 5)
    torch.testing.assert_close(
        model.encode(other, known=known), model.encode(x, known=known), atol=1e-12, rtol=0
    )


@pytest.mark.system("D2")
def test_completions_are_draws_of_the_conditional_gaussian(float64, tmp_path):
    x, known, _ = rows(151, 4, 1, 0.7, seed=9)
    model = fitted(simulacra.PPCA, x, known, tmp_path, latent=1, iterations=50)
    C = (model.W @ model.W.T + model.variance * torch.eye(4)).numpy()
    m, o, u = model.location.numpy(), [0, 2], [1, 3]
    row, keep = x[0], torch.tensor([True, False, True, False])
    gain = C[np.ix_(u, o)] @ np.linalg.inv(C[np.ix_(o, o)])
    mean = m[u] + gain @ (row.numpy()[o] - m[o])
    spread = C[np.ix_(u, u)] - gain @ C[np.ix_(o, u)]
    draws = model.complete(row.repeat(4003, 1), keep, seed=2).numpy()[:, u]
    white = (draws - mean) @ np.linalg.inv(np.linalg.cholesky(spread)).T
    for column in (white[:, 0], white[:, 1], (white[:, 0] + white[:, 1]) / np.sqrt(2)):
        assert scipy.stats.kstest(column, "norm").pvalue > 1e-3
    score = model.log_prob(row[None], known=keep)
    exact = scipy.stats.multivariate_normal(m[o], C[np.ix_(o, o)]).logpdf(row.numpy()[o])
    assert score.kind == "exact" and score.values.item() == pytest.approx(exact, abs=1e-10)


def test_a_column_that_is_never_observed_is_named(tmp_path):
    x, known, _ = rows(31, 3, 1, 0.5, seed=1)
    known[:, 1] = False
    known[:, 0] = True
    with pytest.raises(ValueError, match="entry 2 of x has no observed value"):
        fitted(simulacra.PPCA, x, known, tmp_path, latent=1)
