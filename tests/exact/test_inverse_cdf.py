"""Inverse transform sampling: F(F^-1(u)) = u, scipy's laws, implicit gradients, tables."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from placed_laws import N, drawn_from, rows_do_not_depend_on_the_batch

from simulacra.core.densities.inverse_cdf import Cauchy, Exponential, Pareto, Rayleigh, open_uniform
from simulacra.core.densities.tabulated import Tabulated, from_density
from simulacra.core.random.keyed import Rng

S, A, M = 1.7, 2.3, -0.4
LAWS = {
    "exponential": (lambda s, a, m: Exponential(s, 1), scipy.stats.expon(scale=S)),
    "rayleigh": (lambda s, a, m: Rayleigh(s, 1), scipy.stats.rayleigh(scale=S)),
    "pareto": (lambda s, a, m: Pareto(s, a, 1), scipy.stats.pareto(A, scale=S)),
    "cauchy": (lambda s, a, m: Cauchy(m, s, 1), scipy.stats.cauchy(M, S)),
}
ALL = [
    pytest.param(name, marks=[pytest.mark.system("C8" if name == "exponential" else "C4")]) for name in LAWS
]
NAMED = pytest.mark.parametrize("name", ALL)
U = torch.tensor([1e-9, 1e-4, 0.1, 0.3, 0.5, 0.77, 0.999, 1 - 1e-9], dtype=torch.float64).unsqueeze(1)


def made(name: str, rows: int = 1, dtype=torch.float64):
    """The law in `rows` rows, and its parameters as leaves."""
    values = [torch.full((rows, 1), v, dtype=dtype) for v in (math.log(S), A, M)]
    leaves = [v.requires_grad_() for v in values]
    return LAWS[name][0](*leaves), leaves


@NAMED
def test_the_distribution_function_undoes_its_inverse(name):
    p, _ = made(name)
    x = p.quantile(U)
    torch.testing.assert_close(p.cdf(x), U, rtol=0, atol=1e-10)
    np.testing.assert_allclose(x.detach().numpy(), LAWS[name][1].ppf(U.numpy()), rtol=1e-6)
    # a number in the middle of its cells to the last digits
    inner = U[2:6]
    np.testing.assert_allclose(
        p.quantile(inner).detach().numpy(), LAWS[name][1].ppf(inner.numpy()), rtol=1e-12
    )


@NAMED
def test_the_density_is_scipys_and_integrates_to_one(name):
    p, _ = made(name)
    law = LAWS[name][1]
    x = np.array([-3.0, 0.2, S + 1e-9, 2.5, 40.0, 1e4]).reshape(-1, 1)
    found = p.entries(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(found, law.logpdf(x), rtol=1e-10)
    density = lambda v: p.log_prob(torch.tensor([[v]], dtype=torch.float64)).exp().item()
    edges = [law.ppf(0), law.ppf(0.5), law.ppf(1)]
    whole = sum(scipy.integrate.quad(density, a, b)[0] for a, b in itertools.pairwise(edges))
    assert whole == pytest.approx(1, abs=1e-6)


@NAMED
def test_draws_follow_the_law(name):
    law = LAWS[name][1]
    x = made(name, N)[0].sample(Rng(1, name, rows=range(N)))
    drawn_from(x, law.cdf, lambda v: law.cdf(1.2 * v))


@NAMED
def test_gradients_are_those_of_the_implicit_function(name):
    """dx / dtheta = -(dF / dtheta) / p(x) at a fixed u."""
    for k in range(3):
        p, leaves = made(name)
        for u in U:
            x = p.quantile(u.unsqueeze(1))
            (slope,) = torch.autograd.grad(x.sum(), leaves[k], allow_unused=True)
            level = p.cdf(x.detach())
            (other,) = torch.autograd.grad(level.sum(), leaves[k], allow_unused=True)
            assert (slope is None) == (other is None)
            if slope is not None and 1e-6 < float(u) < 1 - 1e-6:
                torch.testing.assert_close(slope, -other / p.entries(x).exp(), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("end", [0.0, 1.0])
@NAMED
def test_no_uniform_number_gives_infinity(name, dtype, end):
    """The smallest and the largest number that a generator can give."""
    bits = {torch.float32: 24, torch.float64: 53}[dtype]
    ends = lambda key, kind, draw: torch.full_like(draw(), end * (1 - 2.0**-bits))
    rng = Rng(0, rows=range(2), source=ends)
    assert bool(((u := open_uniform(rng, "u", 3, dtype=dtype)) > 0).all()) and bool((u < 1).all())
    p, leaves = made(name, 2, dtype)
    x = p.sample(rng)
    assert x.dtype == dtype and bool(x.isfinite().all())
    found = torch.autograd.grad(x.sum(), leaves, allow_unused=True)
    assert all(bool(g.isfinite().all()) for g in found if g is not None)


@NAMED
def test_a_row_is_the_same_in_every_batch(name):
    rows_do_not_depend_on_the_batch(lambda rng: made(name, len(rng.rows))[0].sample(rng).detach())


@pytest.mark.system("C4")
def test_means_are_scipys_where_they_exist():
    for name in ("exponential", "rayleigh", "pareto"):
        assert made(name)[0].mean.item() == pytest.approx(LAWS[name][1].mean(), rel=1e-12)
    one = torch.ones(1, 1)
    assert Pareto(one, one, 1).mean.isinf().all() and Cauchy(one, one, 1).mean.isnan().all()


# ---- tables

BOTH = pytest.mark.parametrize("interpolation", ["linear", "monotone"])


def two_peaks(x: torch.Tensor) -> torch.Tensor:
    """An unnormalized density with an empty middle."""
    return torch.exp(-0.5 * ((x + 2) / 0.5) ** 2) + 3 * torch.exp(-0.5 * ((x - 2) / 0.3) ** 2)


def peaks_cdf(x):
    """Its exact distribution function: weights 0.5 and 0.9 of the two areas."""
    first, second = scipy.stats.norm(-2, 0.5), scipy.stats.norm(2, 0.3)
    return (0.5 * first.cdf(x) + 0.9 * second.cdf(x)) / 1.4


@BOTH
@pytest.mark.system("C8")
def test_draws_of_a_tabulated_density_follow_it(float64, interpolation):
    p = from_density(two_peaks, torch.linspace(-6, 6, 601), (1,), interpolation)
    x = p.sample(Rng(4, "peaks", rows=range(N)))
    assert x.shape == (N, 1)
    drawn_from(x, peaks_cdf, lambda v: peaks_cdf(1.02 * v))


@BOTH
@pytest.mark.system("C8")
def test_a_table_is_a_distribution(float64, interpolation):
    """F(F^-1(u)) = u, F' = p, mass 1 and the mean of quadrature, with a flat bin and uneven ones."""
    points = torch.tensor([-1.0, 0.0, 0.3, 1.0, 2.5, 4.0])
    levels = torch.tensor([0.0, 0.2, 0.6, 0.6, 0.9, 1.0])
    p = Tabulated(points, levels, (), interpolation)
    u = torch.cat([torch.linspace(0, 1, 101), torch.tensor([1e-9, 1 - 1e-9])])
    torch.testing.assert_close(p.cdf(p.quantile(u)), u, rtol=0, atol=1e-10)
    torch.testing.assert_close(p.cdf(points), levels, rtol=0, atol=1e-12)
    x, h = torch.linspace(-0.97, 3.93, 61), 1e-6
    slope = (p.cdf(x + h) - p.cdf(x - h)) / (2 * h)
    torch.testing.assert_close(p.entries(x).exp(), slope, rtol=1e-5, atol=1e-7)
    nodes, weights = np.polynomial.legendre.leggauss(5)
    total = mean = 0.0
    for a, b in itertools.pairwise(points.tolist()):
        at = torch.from_numpy((a + b) / 2 + (b - a) / 2 * nodes)
        mass = p.entries(at).exp() * torch.from_numpy(weights) * (b - a) / 2
        total, mean = total + float(mass.sum()), mean + float((mass * at).sum())
    assert total == pytest.approx(1, abs=1e-12) and p.mean.item() == pytest.approx(mean, abs=1e-12)


@BOTH
@pytest.mark.system("C8")
def test_no_draw_lies_in_a_flat_bin_or_outside(float64, interpolation):
    p = Tabulated(torch.tensor([0.0, 1.0, 2.0, 5.0]), torch.tensor([0.0, 0.5, 0.5, 1.0]), (7,), interpolation)
    x = p.sample(Rng(0, rows=range(500)))
    assert bool(((x > 0) & (x < 5)).all()) and not bool(((x > 1) & (x < 2)).any())
    outside = torch.tensor([[-0.1] * 7, [1.5] * 7, [5.1] * 7])
    assert bool((p.entries(outside) == -math.inf).all())
    # the least x whose level is u; a cubic ends with slope 0 there, which halves the digits of its inverse
    assert p.quantile(torch.tensor([0.0, 0.5, 1.0])).tolist() == pytest.approx([0.0, 1.0, 5.0], abs=1e-7)
    rows_do_not_depend_on_the_batch(p.sample)


@pytest.mark.system("C8")
@pytest.mark.parametrize(
    ("points", "levels", "words"),
    [
        ([0.0, 1.0], [0.0, 0.5, 1.0], "same length"),
        ([0.0, 0.0, 1.0], [0.0, 0.5, 1.0], "increase"),
        ([0.0, 1.0, 2.0], [0.0, 0.7, 0.6], "increases from 0 to 1"),
        ([0.0, 1.0], [0.1, 1.0], "from 0.1 to 1"),
    ],
)
def test_what_is_no_distribution_function_is_refused(points, levels, words):
    with pytest.raises(ValueError, match=words):
        Tabulated(torch.tensor(points), torch.tensor(levels))
    with pytest.raises(ValueError, match="at least 0"):
        from_density(lambda x: x, torch.linspace(-1, 1, 5))
    with pytest.raises(ValueError, match="'linear' or 'monotone'"):
        Tabulated(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0]), (), "cubic")  # type: ignore[arg-type]
