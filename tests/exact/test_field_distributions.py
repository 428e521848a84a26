"""Laws on a table's columns: mass one, scipy's and mpmath's values, tails, draws, broadcasting, gradients."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy
import torch
from oracles import chi_square

from simulacra.core.distributions.tabular import CumulativeLogit, LogNormal, NegativeBinomial, Poisson
from simulacra.core.random.keyed import Rng

COUNTS = [(-3.0, -2.0), (1.1, 0.0), (3.7, -2.0), (3.7, 3.0), (5.0, 9.0)]
EXTREME = list(itertools.product([-15.0, -7.0, 0.0, 3.0, 8.0, 15.0], [-7.0, -2.0, 0.0, 2.0, 7.0, 15.0]))
LEVEL = 1e-4


def t(*values: float, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype)


def exact_negative_binomial(x: float, log_mean: float, log_size: float) -> float:
    """log P(x) from Gamma functions of sixty digits."""
    mp = pytest.importorskip("mpmath")
    with mp.workdps(60):
        n, m, r = mp.mpf(x), mp.exp(mp.mpf(log_mean)), mp.exp(mp.mpf(log_size))
        log_choose = mp.loggamma(n + r) - mp.loggamma(r) - mp.loggamma(n + 1)
        return float(log_choose + r * mp.log(r / (r + m)) + n * mp.log(m / (r + m)))


def exact_poisson(x: float, log_mean: float) -> float:
    """log P(x) with sixty digits."""
    mp = pytest.importorskip("mpmath")
    with mp.workdps(60):
        n, log_m = mp.mpf(x), mp.mpf(log_mean)
        return float(n * log_m - mp.exp(log_m) - mp.loggamma(n + 1))


def exact_classes(steps: list[float]) -> np.ndarray:
    """log of the differences of sigmoid(t_j) with 900 digits, shape (K,)."""
    mp = pytest.importorskip("mpmath")
    with mp.workdps(900):
        thresholds = [mp.mpf(steps[0])]
        for s in steps[1:]:
            thresholds.append(thresholds[-1] + mp.log1p(mp.exp(mp.mpf(s))))
        below = [mp.mpf(0), *(1 / (1 + mp.exp(-v)) for v in thresholds), mp.mpf(1)]
        return np.array([float(mp.log(b - a)) for a, b in itertools.pairwise(below)])


def counts_around(mean: float) -> list[int]:
    """Counts at both ends, around the mode and far from it."""
    return sorted({0, 1, 2, 5, 1000, 1000003, 9000001, *(round(mean * f) for f in (0.5, 1.0, 1.3))})


@pytest.mark.parametrize(("loc", "log_scale"), [(0.0, 0.0), (-3.0, -2.0), (11.5, 0.7), (2.0, -4.0)])
def test_log_normal_integrates_to_one_and_is_scipys(float64, loc, log_scale):
    u = torch.linspace(-12, 12, 4001) * math.exp(log_scale) + loc
    law = LogNormal(t(loc), t(log_scale), 0)
    x = u.exp()
    density, du = law.entries(x).exp() * x, u[1] - u[0]
    assert (density.sum() * du).item() == pytest.approx(1, abs=1e-12)
    assert law.mean.item() == pytest.approx(((density * x).sum() * du).item(), rel=1e-10)
    expected = scipy.stats.lognorm.logpdf(x.numpy(), math.exp(log_scale), scale=math.exp(loc))
    np.testing.assert_allclose(law.entries(x), expected, atol=1e-9)
    assert not law.discrete


@pytest.mark.parametrize(("log_mean", "log_size"), COUNTS)
def test_counts_sum_to_one_and_are_scipys(float64, log_mean, log_size):
    x = torch.arange(20001)
    m, r = math.exp(log_mean), math.exp(log_size)
    of_scipy = {"poisson": scipy.stats.poisson(m), "nb": scipy.stats.nbinom(r, r / (r + m))}
    laws = {"poisson": Poisson(t(log_mean), 0), "nb": NegativeBinomial(t(log_mean), t(log_size), 0)}
    for name, law in laws.items():
        log_p = law.entries(x.double())
        assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-10)
        assert (log_p.exp() * x).sum().item() == pytest.approx(law.mean.item(), rel=1e-9)
        keep = of_scipy[name].logpmf(x.numpy()) > -600
        np.testing.assert_allclose(log_p[keep], of_scipy[name].logpmf(x.numpy())[keep], atol=3e-9)
        assert law.discrete
    variance = (laws["nb"].entries(x.double()).exp() * (x - m) ** 2).sum().item()
    assert variance == pytest.approx(m + m**2 / r, rel=1e-8)


@pytest.mark.parametrize(
    ("dtype", "relative"), [(torch.float64, 1e-8), (torch.float32, 1e-5)], ids=["double", "single"]
)
def test_counts_keep_their_digits_at_extreme_parameters(dtype, relative):
    for log_mean, log_size in EXTREME:
        x = counts_around(math.exp(log_mean))
        given = torch.tensor(x, dtype=dtype)
        nb = NegativeBinomial(t(log_mean, dtype=dtype), t(log_size, dtype=dtype), 0).entries(given)
        expected = [exact_negative_binomial(v, log_mean, log_size) for v in x]
        np.testing.assert_allclose(nb.double(), expected, rtol=relative, atol=relative)
        poisson = Poisson(t(log_mean, dtype=dtype), 0).entries(given)
        expected = [exact_poisson(v, log_mean) for v in x]
        np.testing.assert_allclose(poisson.double(), expected, rtol=relative, atol=relative)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("log_size", [18.0, 21.0, 30.0, 40.0, 80.0])
def test_negative_binomial_of_large_size_is_the_poisson(dtype, log_size):
    n, p = 4001, [t(v, dtype=dtype).requires_grad_() for v in (2.3, log_size)]
    entries = NegativeBinomial(*p, 0).entries(torch.arange(60, dtype=dtype))
    np.testing.assert_allclose(
        entries.detach(), [exact_poisson(x, 2.3) for x in range(60)], rtol=1e-5, atol=1e-5
    )
    (entries.exp() * entries).sum().backward()
    assert abs(p[1].grad.item()) < 1e-5  # nothing is won by a larger size
    law = NegativeBinomial(*(v.detach().expand(n) for v in p), 0)
    draws = law.sample(Rng(12, rows=range(n))).numpy()
    assert chi_square(draws, scipy.stats.poisson.pmf(np.arange(80), math.exp(2.3))) > LEVEL


def test_log_normal_takes_numbers_beyond_single_precision():
    x = torch.tensor([1e-90, 1e-46, 1.0, 1e90], dtype=torch.float64)
    entries = LogNormal(t(0.5, dtype=torch.float32), t(1.5, dtype=torch.float32), 0).entries(x)
    np.testing.assert_allclose(
        entries, scipy.stats.lognorm.logpdf(x, math.exp(1.5), scale=math.exp(0.5)), rtol=1e-5
    )


STEPS = [
    [0.3],
    [-45.0],
    [45.0],
    [0.3, -1.0, 2.0],
    [-2.0, 0.5, 0.5, -3.0, 1.0, 4.0],
    [-40.0, 3.0, 30.0],
    [40.0, 3.0, -1.0],
    [-300.0, 500.0, 1.0],
    [500.0, 1.0, 1.0, -3.0],
    [-500.0, 1.0, 1.0, 2.0],
]
NARROW = [[1.0, -17.0, 0.0], [1.0, -40.0, 0.0], [-30.0, 3.0, -60.0], [500.0, 1.0, 1.0, -20.0]]


@pytest.mark.parametrize("steps", STEPS, ids=str)
def test_ordered_classes_are_differences_of_their_distribution_function(float64, steps):
    law = CumulativeLogit(torch.tensor([steps]), 0)
    expected = exact_classes(steps)
    log_probs = law.log_probs
    assert log_probs.shape == (1, len(steps) + 1)
    np.testing.assert_allclose(log_probs[0], expected, rtol=1e-11, atol=1e-300)
    rows = CumulativeLogit(torch.tensor([steps]).expand(len(expected), -1), 0)
    entries = rows.entries(torch.arange(len(expected)))
    np.testing.assert_allclose(entries, log_probs[0], rtol=1e-14, atol=1e-14)
    assert log_probs.exp().sum().item() == pytest.approx(1, abs=1e-14)
    assert law.mean.item() == pytest.approx((np.exp(expected) * np.arange(len(expected))).sum(), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("steps", NARROW, ids=str)
def test_narrow_classes_keep_their_mass_and_gradient(dtype, steps):
    p = torch.tensor([steps], dtype=dtype).expand(len(steps) + 1, -1).clone().requires_grad_()
    entries = CumulativeLogit(p, 0).entries(torch.arange(len(steps) + 1))
    relative = 1e-5 if dtype == torch.float32 else 1e-11
    np.testing.assert_allclose(entries.detach(), exact_classes(steps), rtol=relative, atol=relative)
    # log P of a narrow class rises as fast as the logarithm of its width, which is its step far down
    entries.sum().backward()
    low = int(np.argmin(steps[1:])) + 1
    assert p.grad[low, low].item() == pytest.approx(1, abs=1e-5)


def test_thresholds_rise_and_are_the_logits_of_the_distribution_function(float64):
    law = CumulativeLogit(torch.randn(5, 6, 3) * 2, 1)
    thresholds = law.thresholds
    assert thresholds.shape == (5, 6, 3)
    assert (thresholds.diff(dim=1) > 0).all()
    below = law.log_probs.exp().cumsum(1)[:, :-1]
    np.testing.assert_allclose(below.logit(), thresholds, atol=1e-8)
    # a thermometer's weights: the mean is what stands above each threshold
    np.testing.assert_allclose(law.mean, (1 - below).sum(1), atol=1e-13)


def of(name: str, p: torch.Tensor, events: int):
    """The law `name` from its numbers, the first dimension of p."""
    if name == "ordinal":
        return CumulativeLogit(p, events)
    return {"log-normal": LogNormal, "poisson": Poisson, "nb": NegativeBinomial}[name](*p, events)


WIDTH = {"log-normal": 2, "poisson": 1, "nb": 2}


def example(name: str, *shape: int) -> torch.Tensor:
    x = torch.randint(0, 7, shape)
    return torch.rand(shape) * 5 + 0.1 if name == "log-normal" else x


@pytest.mark.parametrize("name", WIDTH)
def test_leading_sample_dimensions_equal_a_loop(float64, name):
    p, x = torch.randn(WIDTH[name], 5, 3, 2), example(name, 5, 1, 2)
    together = of(name, p, 1).log_prob(x)
    assert together.shape == (5, 3)
    for i, j in itertools.product(range(5), range(3)):
        alone = of(name, p[:, i : i + 1, j], 1).log_prob(x[i])
        assert together[i, j].item() == pytest.approx(alone.item(), abs=1e-12)
    # more leading dimensions in x than in the parameters
    few, xs = of(name, p[:, :, 0], 1), example(name, 4, 5, 2)
    np.testing.assert_allclose(few.log_prob(xs), torch.stack([few.log_prob(v) for v in xs]), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 7])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_ordered_classes_broadcast_as_a_loop(float64, classes, shape):
    steps, x = torch.randn(5, 3, classes - 1, *shape), torch.randint(0, classes, (5, 1, *shape))
    together = CumulativeLogit(steps, len(shape)).log_prob(x)
    assert together.shape == (5, 3)
    for i, j in itertools.product(range(5), range(3)):
        alone = CumulativeLogit(steps[i : i + 1, j], len(shape)).log_prob(x[i])
        assert together[i, j].item() == pytest.approx(alone.item(), abs=1e-12)


@pytest.mark.parametrize("name", WIDTH)
def test_gradients_are_finite_differences(float64, name):
    p, x = torch.randn(WIDTH[name], 3, 2, requires_grad=True), example(name, 3, 2)
    assert torch.autograd.gradcheck(lambda p: of(name, p, 1).entries(x), p)


@pytest.mark.parametrize("classes", [2, 7])
def test_gradients_of_ordered_classes_are_finite_differences(float64, classes):
    steps = (torch.randn(3, classes - 1, 2) * 3).requires_grad_()
    x = torch.randint(0, classes, (3, 2))
    assert torch.autograd.gradcheck(lambda s: CumulativeLogit(s, 1).entries(x), steps)
    assert torch.autograd.gradcheck(lambda s: CumulativeLogit(s, 1).mean, steps)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_far_out_are_finite(dtype):
    for log_mean, log_size in EXTREME:
        p = t(log_mean, log_size, dtype=dtype).requires_grad_()
        NegativeBinomial(p[:1], p[1:], 0).entries(t(0, 3, 9000001, dtype=dtype)).sum().backward()
        assert p.grad.isfinite().all(), (log_mean, log_size)
    for steps in STEPS:
        p = torch.tensor([steps], dtype=dtype).expand(len(steps) + 1, -1).clone().requires_grad_()
        value = CumulativeLogit(p, 0).entries(torch.arange(len(steps) + 1))
        value.sum().backward()
        assert value.isfinite().all() and p.grad.isfinite().all(), steps


def test_draws_have_their_distribution(float64):
    n = 20003
    rng, x = Rng(17, rows=range(n)), np.arange(2001)
    log_normal = LogNormal(t(0.7).expand(n), t(-0.4).expand(n), 0).sample(rng)
    assert (
        scipy.stats.kstest(log_normal.log().numpy(), scipy.stats.norm(0.7, math.exp(-0.4)).cdf).pvalue > LEVEL
    )
    for log_mean, log_size in [(-1.0, -1.0), (1.1, 0.3), (4.0, 2.0)]:
        m, r = math.exp(log_mean), math.exp(log_size)
        poisson = Poisson(t(log_mean).expand(n), 0).sample(rng).numpy()
        assert chi_square(poisson, scipy.stats.poisson.pmf(x, m)) > LEVEL
        nb = NegativeBinomial(t(log_mean).expand(n), t(log_size).expand(n), 0).sample(rng).numpy()
        assert chi_square(nb, scipy.stats.nbinom.pmf(x, r, r / (r + m))) > LEVEL
    for steps in ([0.3], [-2.0, 0.5, 0.5, -3.0, 1.0, 4.0]):
        classes = CumulativeLogit(torch.tensor([steps]).expand(n, -1), 0).sample(rng).numpy()
        assert chi_square(classes, np.exp(exact_classes(steps))) > LEVEL


def test_draws_belong_to_their_rows(float64):
    p = torch.randn(2, 9, 3)
    steps = torch.randn(9, 4, 3)
    for build in (lambda s: of("log-normal", p[:, s], 1), lambda s: of("poisson", p[:1, s], 1),
                  lambda s: of("nb", p[:, s], 1), lambda s: CumulativeLogit(steps[s], 1)):  # fmt: skip
        whole = build(slice(0, 9)).sample(Rng(4, rows=range(9)))
        part = build(slice(3, 7)).sample(Rng(4, rows=range(3, 7)))
        assert whole.shape == (9, 3)
        np.testing.assert_array_equal(whole[3:7], part)
        assert len(whole.unique()) > 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draws_of_extreme_counts_are_counts(dtype):
    for log_mean, log_size in EXTREME:
        p = [torch.full((50,), v, dtype=dtype) for v in (log_mean, log_size)]
        for law in (Poisson(p[0], 0), NegativeBinomial(*p, 0)):
            x = law.sample(Rng(3, rows=range(50))).double()
            assert (x >= 0).all() and (x == x.floor()).all() and x.isfinite().all()
            if log_size > 2 or isinstance(law, Poisson):
                spread = math.sqrt(math.exp(log_mean) + math.exp(2 * log_mean - log_size))
                assert abs(x.mean().item() - math.exp(log_mean)) < 6 * spread / math.sqrt(50) + 1
