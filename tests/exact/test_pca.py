"""PCA against the singular value decomposition, PPCA against the multivariate normal."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy
import torch

from simulacra.api import fit
from simulacra.core.spaces.plain import Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.autoencoders import PCA, PPCA


def correlated(n: int = 300, d: int = 6, seed: int = 0) -> torch.Tensor:
    """Rows with distinct variances along random directions, off centre."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(d, d)) * np.array([3, 2, 1.3, 0.6, 0.4, 0.3][:d])
    return torch.tensor(rng.normal(size=(n, d)) @ mix.T + rng.normal(size=d) * 4)


def trained(model, x, folder):
    """The model fitted to all rows of x, and these rows in numpy."""
    fit(model, from_tensors(x, Real(tuple(x.shape[1:])), valid=0.0, test=0.0), out=folder, progress=False)
    return model, x.flatten(1).numpy()


@pytest.mark.system("D1")
@pytest.mark.parametrize("q", [1, 3, 6])
def test_pca_is_the_truncated_svd(float64, tmp_path, q):
    model, x = trained(PCA(Real((6,)), latent=q), correlated(), tmp_path / "run")
    mean = x.mean(0)
    u, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    truncated = mean + (u[:, :q] * s[:q]) @ vt[:q]
    rebuilt = model.reconstruct(torch.tensor(x)).numpy()
    np.testing.assert_allclose(rebuilt, truncated, atol=1e-9)
    # Eckart and Young: what is lost are the discarded singular values
    assert ((rebuilt - x) ** 2).sum() == pytest.approx((s[q:] ** 2).sum(), rel=1e-9, abs=1e-9)
    codes = model.encode(torch.tensor(x)).numpy()
    np.testing.assert_allclose(abs(codes), abs(u[:, :q] * s[:q]), atol=1e-8)
    np.testing.assert_allclose(model.variances.numpy(), s[:q] ** 2 / len(x), rtol=1e-9)
    # no other plane of that size does better
    for seed in range(20):
        basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(6, q)))
        other = (x - mean) - (x - mean) @ basis @ basis.T
        assert (other**2).sum() >= (s[q:] ** 2).sum() - 1e-9


def random_ppca(d: int = 5, q: int = 2) -> tuple[PPCA, np.ndarray, np.ndarray]:
    """A PPCA with chosen parameters, its mean and covariance."""
    model = PPCA(Real((d,)), latent=q)
    model.location.copy_(torch.randn(d))
    model.W.copy_(torch.randn(d, q))
    model.variance.fill_(0.37)
    w = model.W.numpy()
    return model, model.location.numpy(), w @ w.T + 0.37 * np.eye(d)


@pytest.mark.system("D2")
def test_ppca_density_is_the_multivariate_normal(float64):
    model, m, c = random_ppca()
    x = 2 * torch.randn(30, 5)
    estimate = model.log_prob(x)
    assert estimate.kind == "exact"
    expected = scipy.stats.multivariate_normal(m, c).logpdf(x.numpy())
    np.testing.assert_allclose(estimate.values.numpy(), expected, rtol=1e-10)


@pytest.mark.system("D2")
def test_ppca_posterior_mean_conditions_the_joint_gaussian(float64):
    model, m, c = random_ppca()
    x = torch.randn(8, 5)
    # joint of (z, x): cov(z, x) = W', so E[z|x] = W' C^-1 (x - m)
    expected = (x.numpy() - m) @ np.linalg.inv(c) @ model.W.numpy()
    np.testing.assert_allclose(model.encode(x).numpy(), expected, atol=1e-12)
    z = torch.randn(4, 2)
    np.testing.assert_allclose(model.decode(z).numpy(), z.numpy() @ model.W.numpy().T + m, atol=1e-12)


@pytest.mark.system("D2")
def test_ppca_samples_have_its_mean_and_covariance(float64):
    model, m, c = random_ppca()
    n = 40_000
    x = model.sample(n, seed=3).numpy()
    assert (abs(x.mean(0) - m) < 4 * np.sqrt(np.diag(c) / n)).all()
    # variance of a product of two Gaussians: c_ii c_jj + c_ij^2
    error = np.sqrt((np.outer(np.diag(c), np.diag(c)) + c**2) / n)
    assert (abs(np.cov(x.T) - c) < 4 * error).all()


@pytest.mark.system("D2")
def test_ppca_closed_form_is_the_limit_of_em_and_the_maximum(float64, tmp_path):
    x, q = correlated(seed=2), 2
    closed, rows = trained(PPCA(Real((6,)), latent=q), x, tmp_path / "closed")
    em, _ = trained(PPCA(Real((6,)), latent=q, solver="em", iterations=3000), x, tmp_path / "em")
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))
    s2 = values[: 6 - q].mean()
    u = vectors[:, 6 - q :]
    c = u @ np.diag(values[6 - q :] - s2) @ u.T + s2 * np.eye(6)
    for model in (closed, em):
        assert model.variance.item() == pytest.approx(s2, rel=1e-8)
        ours = (model.W @ model.W.T).numpy() + model.variance.item() * np.eye(6)
        np.testing.assert_allclose(ours, c, atol=1e-7)
        np.testing.assert_allclose(model.location.numpy(), rows.mean(0), atol=1e-10)
    # Tipping and Bishop's maximum: -n/2 (d log 2 pi + log |C| + d), as tr(C^-1 S) = d
    best = -0.5 * (6 * math.log(2 * math.pi) + np.linalg.slogdet(c)[1] + 6)
    assert closed.log_prob(x).mean == pytest.approx(best, rel=1e-9)
    assert em.log_prob(x).mean == pytest.approx(best, rel=1e-9)
    short, _ = trained(PPCA(Real((6,)), latent=q, solver="em", iterations=3), x, tmp_path / "short")
    assert short.log_prob(x).mean < best - 1e-6


@pytest.mark.system("D2", "I5")
def test_ppca_of_scaled_data_is_the_scaled_ppca(float64, tmp_path):
    x = correlated(seed=4)
    a, _ = trained(PPCA(Real((6,)), latent=2), x, tmp_path / "a")
    b, _ = trained(PPCA(Real((6,)), latent=2), 0.1 * x, tmp_path / "b")
    shift = b.log_prob(0.1 * x).values - a.log_prob(x).values
    torch.testing.assert_close(shift, torch.full((300,), 6 * math.log(10)), atol=1e-8, rtol=0)
