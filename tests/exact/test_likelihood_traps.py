"""Good scores that mislead: constant pixels (I7), memorized and missing modes (I8), 99 % noise (I10)."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy
import torch
from recipe_files import recipe

import simulacra
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.evaluation import likelihood, memorization, sample_scores
from simulacra.evaluation.likelihood.controls import Mixture, Windows

LOG_100 = math.log(100)


@pytest.fixture(scope="module")
def traps():
    """The recipe that prints the tables."""
    return recipe("likelihood_traps")


@pytest.fixture(scope="module")
def ring():
    """A ring of eight modes, and the models that are wrong about it."""
    return simulacra.load_data("ring")


# ---- I7


@pytest.mark.system("I7")
def test_each_constant_pixel_gains_log_10_for_a_floor_ten_times_lower(traps):
    digits = simulacra.load_data("digits")
    pixels = int(traps.constant(digits).sum())
    assert pixels == 3
    rows = digits.train.x.flatten(1).double() / 16
    nats = [float(traps.diagonal(rows, 10.0**-k).log_prob(rows).mean()) for k in range(3, 130, 21)]
    for gained in (b - a for a, b in itertools.pairwise(nats)):
        assert gained == pytest.approx(21 * pixels * math.log(10), rel=1e-12)
    assert nats[-1] > 800, "without limit"


@pytest.mark.system("I7")
def test_the_dequantized_bound_stays_on_its_side(traps):
    table = traps.floors(simulacra.load_data("digits"))
    assert table[-1][1] > table[2][1] + 30 and table[-1][2] == pytest.approx(table[2][2], abs=1e-6)
    assert all(bits > 0 for _, _, bits in table)


@pytest.mark.system("I7")
def test_no_gaussian_gets_more_than_a_certain_pixel_after_dequantization():
    # E_u log N((k + u) / L; m, s^2) - log L in closed form, at most log P(level k) <= 0 by Jensen
    L, k = 17, 5
    generator = torch.Generator().manual_seed(2)
    m = torch.rand(4000, generator=generator, dtype=torch.float64)
    s = 10 ** (-5 * torch.rand(4000, generator=generator, dtype=torch.float64))
    middle = (k + 0.5) / L
    squares = (m - middle).square() + 1 / (12 * L**2)
    bound = -0.5 * (2 * math.pi * s**2).log() - squares / (2 * s**2) - math.log(L)
    low, high = (((k + end) / L - m.numpy()) / s.numpy() for end in (0, 1))
    # the tail on the left, where the logarithm of the distribution function keeps its digits
    low, high = np.where(low > 0, -high, low), np.where(low > 0, -low, high)
    below, above = scipy.stats.norm.logcdf(low), scipy.stats.norm.logcdf(high)
    log_p = torch.from_numpy(above + np.log(-np.expm1(below - above)))
    assert bool((bound <= log_p + 1e-9).all()) and float(bound.max()) < 0
    # the best one has the mean and the deviation of the noise itself, and pays a quarter of a bit
    best = Gaussian(torch.tensor([[middle]]).double(), torch.tensor([[1 / (L * 12**0.5)]]).double().log(), 1)
    nodes = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    found = float(best.log_prob((k + nodes).unsqueeze(1) / L).mean()) - math.log(L)
    assert found == pytest.approx(-0.5 * math.log(2 * math.pi * math.e / 12), abs=1e-6)
    assert float(bound.max()) < found


@pytest.mark.system("I7")
def test_densities_on_grey_levels_are_refused():
    with pytest.raises(ValueError, match="load the data with dequantize='uniform'"):
        simulacra.PPCA(simulacra.load_data("digits").space, latent=2)


# ---- I8


@pytest.mark.system("I8")
def test_a_memorizer_looks_perfect_and_is_found(ring):
    rows = ring.train.all().x[:500]
    found = Windows(ring.space, rows, sigma=1e-9)
    copied = memorization(found, ring, n=300)
    assert float(copied.distances.max()) < 1e-6 and copied.copies and int(copied.flagged.sum()) == 300
    looks = ring.truth.coverage(found.sample(300))
    assert looks["modes"] == 8 and looks["good"] > 0.97
    # what its samples hide: held-out rows are impossible, at a rate of distance^2 / (2 sigma^2)
    at = {sigma: likelihood(Windows(ring.space, rows, sigma), ring).mean for sigma in (1e-3, 1e-4, 0.1)}
    truth = float(ring.truth.log_density(ring.test.x).mean())
    assert at[1e-4] < 50 * at[1e-3] < -1000 and abs(at[0.1] - truth) < 0.5


@pytest.mark.system("I8")
def test_good_samples_of_half_the_modes_miss_the_other_half(ring):
    half = Windows(ring.space, ring.truth.modes[:4].float(), ring.truth.std)
    whole = Windows(ring.space, ring.truth.modes.float(), ring.truth.std)
    looks = ring.truth.coverage(half.sample(400))
    assert looks["modes"] == 4 and looks["good"] > 0.97
    judged, fair = (sample_scores(model, ring, n=400).model.coverage for model in (half, whole))
    assert judged.precision > 0.9 and judged.recall < 0.6 and judged.coverage < 0.6
    assert fair.recall > 0.9 and fair.coverage > 0.9
    # it invents nothing, so it copies nothing; it is the likelihood that pays
    assert not memorization(half, ring, n=300).copies
    lost = likelihood(whole, ring).mean - likelihood(half, ring).mean
    assert lost > 50


@pytest.mark.system("I8", "F28")
def test_a_model_over_and_underfits_at_once_on_digits(traps):
    data = simulacra.load_data("digits", dequantize="uniform")
    cats = traps.memorizer(data, classes=5)
    found = memorization(cats, data, n=200)
    assert found.copies and float(found.distances.max()) == 0
    assert bool((data.train.labels[found.nearest] < 5).all())
    values = likelihood(cats, data, k=1).values
    dogs = data.test.labels >= 5
    assert float(values[dogs].mean()) < 1.5 * float(values[~dogs].mean()) < -10_000


# ---- I10


@pytest.mark.system("I10")
def test_99_percent_noise_costs_at_most_log_100(float64):
    generator = torch.Generator().manual_seed(9)
    for d in (1, 7, 300):
        x = torch.randn(60, d, generator=generator)
        good, noise = Windows(Real((d,)), x[:5], 0.4), Windows(Real((d,)), torch.zeros(1, d), 6.0)
        mixed = Mixture((good, noise), (0.01, 0.99))
        p, both, n = (model.log_density(x) for model in (good, mixed, noise))
        assert bool((p - both <= LOG_100 + 1e-12).all())
        # the identity behind it, in plain ratios where they do not overflow
        near = (n - p).abs() < 600
        lost = -torch.log(0.01 + 0.99 * (n - p)[near].exp())
        assert torch.allclose((p - both)[near], lost, atol=1e-10) and bool(near.any()) == (d < 300)
    # in 300 dimensions the noise helps no row of p, and the loss is log 100 itself
    assert float((p - both)[:5].mean()) == pytest.approx(LOG_100, abs=1e-9)


@pytest.mark.system("I10")
def test_while_99_percent_of_the_samples_are_noise():
    space = Real((50,))
    good, noise = Windows(space, torch.zeros(1, 50), 0.1), Windows(space, torch.zeros(1, 50), 3.0)
    mixed = Mixture((good, noise), (0.01, 0.99))
    samples = mixed.sample(5000, seed=4)
    noisy = samples.square().mean(1).sqrt() > 1
    assert abs(float(noisy.double().mean()) - 0.99) < 4 * (0.01 * 0.99 / 5000) ** 0.5
    assert torch.equal(noisy, mixed.part_of(Rng(4, "sample", rows=range(5000))) == 1)
    rows = good.sample(400, seed=5)
    assert float((good.log_density(rows) - mixed.log_density(rows)).mean()) == pytest.approx(
        LOG_100, abs=1e-9
    )


@pytest.mark.system("I10")
def test_the_mixture_is_a_distribution():
    space = Real((1,))
    mixed = Mixture(
        (Windows(space, torch.tensor([[-1.0], [2.0]]), 0.3), Windows(space, torch.zeros(1, 1), 2.0)),
        (0.3, 0.7),
    )
    line = torch.linspace(-15, 15, 6001, dtype=torch.float64).unsqueeze(1)
    p = mixed.log_density(line).exp()
    assert float(p.sum() * 0.005) == pytest.approx(1, abs=1e-9)
    drawn = mixed.sample(4000, seed=1).double().flatten()
    assert scipy.stats.kstest(drawn.numpy(), lambda x: _cdf(x)).pvalue > 1e-3


def _cdf(x):
    narrow = (scipy.stats.norm.cdf(x, -1, 0.3) + scipy.stats.norm.cdf(x, 2, 0.3)) / 2
    return 0.3 * narrow + 0.7 * scipy.stats.norm.cdf(x, 0, 2)
