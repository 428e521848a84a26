"""R-hat and autocorrelation time against the formulas on chains whose values are known."""

import math

import numpy as np
import pytest
import scipy
import torch

import simulacra
from simulacra.evaluation.diagnostics.mixing import (
    autocorrelation_time,
    autocovariances,
    mixing,
    normal_scores,
    r_hat,
)


def by_the_formula(theta):
    """Rank-normalized split R-hat of Vehtari et al. 2021, equations 1 to 4 and 14, in loops."""

    def plain(chains):
        n = len(chains[0])
        means = [sum(c) / n for c in chains]
        grand = sum(means) / len(means)
        between = n / (len(chains) - 1) * sum((a - grand) ** 2 for a in means)
        variances = [sum((v - a) ** 2 for v in c) / (n - 1) for c, a in zip(chains, means)]
        within = sum(variances) / len(chains)
        return math.sqrt(((n - 1) / n * within + between / n) / within)

    def scored(chains):
        flat = np.concatenate(chains)
        z = scipy.stats.norm.ppf((scipy.stats.rankdata(flat) - 3 / 8) / (len(flat) + 1 / 4))
        return np.split(z, len(chains))

    half = theta.shape[1] // 2
    chains = [c for row in theta for c in (row[:half], row[half : 2 * half])]
    folded = [np.abs(c - np.median(np.concatenate(chains))) for c in chains]
    return max(plain(scored(chains)), plain(scored(folded)))


def ar1(rho, chains=5, n=4001, seed=3):
    """Stationary chains x_t = rho x_t-1 + sqrt(1 - rho^2) e_t."""
    noise = np.random.default_rng(seed).standard_normal((chains, n))
    x = noise.copy()
    for t in range(1, n):
        x[:, t] = rho * x[:, t - 1] + math.sqrt(1 - rho**2) * noise[:, t]
    return x


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.95])
def test_r_hat_is_the_formula(rho):
    for x in (ar1(rho, n=302), ar1(rho, 3, 50) + np.arange(3)[:, None], np.round(ar1(rho, 2, 90))):
        assert r_hat(torch.tensor(x)) == pytest.approx(by_the_formula(x), rel=1e-9)
    flat = np.round(ar1(rho, 3, 40), 1)
    scores = scipy.stats.norm.ppf((scipy.stats.rankdata(flat) - 3 / 8) / (flat.size + 1 / 4)).reshape(
        flat.shape
    )
    np.testing.assert_allclose(normal_scores(torch.tensor(flat)).numpy(), scores, atol=1e-12)


def test_r_hat_of_known_chains():
    assert r_hat(torch.tensor(ar1(0.0))) == pytest.approx(1, abs=0.005)
    apart = ar1(0.0, n=501) + 3 * np.arange(5)[:, None]
    assert r_hat(torch.tensor(apart)) > 2
    # the same mean, another spread: only the folded half sees it
    spread = ar1(0.0, n=501) * np.array([1, 1, 1, 1, 4.0])[:, None]
    assert r_hat(torch.tensor(spread)) > 1.05
    # one chain that drifts is found by its halves
    drifting = np.linspace(-2, 2, 500)[None] + 0.1 * ar1(0.0, 1, 500)
    assert r_hat(torch.tensor(drifting)) > 1.5
    frozen = torch.tensor([[0.0] * 40, [1.0] * 40])
    assert r_hat(frozen) == math.inf and autocorrelation_time(frozen) == math.inf


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, 0.97])
def test_the_autocorrelation_time_of_ar1(rho):
    found = autocorrelation_time(torch.tensor(ar1(rho, chains=20)))
    assert found == pytest.approx((1 + rho) / (1 - rho), rel=0.15)


def test_autocovariances_by_fourier_are_the_sums():
    x = ar1(0.7, 2, 51)
    centred = x - x.mean(1, keepdims=True)
    sums = [[(c[: 51 - t] * c[t:]).sum() / 51 for t in range(51)] for c in centred]
    np.testing.assert_allclose(autocovariances(torch.tensor(x)).numpy(), sums, atol=1e-12)


@pytest.fixture(scope="module")
def bars():
    return simulacra.load_data("bars-and-stripes")


def rbm(data, w, hidden=7):
    """A ferromagnet: the larger w, the more all units agree, and the rarer they change sides."""
    model = simulacra.RBM(data.space, hidden=hidden)
    with torch.no_grad():
        model.W.fill_(w)
        model.b.fill_(-w * hidden / 2)
        model.c.fill_(-w * data.space.dims / 2)
    return model.eval()


def test_chains_that_are_stuck_and_chains_that_mix(bars):
    loose = mixing(rbm(bars, 0.1), bars, sweeps=600)
    assert loose.from_data == 4 and loose.kept == 300
    assert loose.r_hat < 1.05 and loose.effective > 500
    stuck = mixing(rbm(bars, 1.0), bars, sweeps=600)
    assert stuck.r_hat > 1.2 and stuck.effective < 0.1 * loose.effective


def test_a_state_that_cannot_begin_at_rows_begins_free(bars, monkeypatch):
    model = rbm(bars, 0.1)
    monkeypatch.setattr(type(model), "chain_at", lambda self, x, rng, c=None: None)
    assert mixing(model, bars, sweeps=100).from_data == 0
