"""Divergences against quadrature and double loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy
import torch
from oracles import log_normal

from simulacra.core.distributions.divergences import kl_gaussian, kl_to_standard_normal, mmd2
from simulacra.core.distributions.elementary import Gaussian


def quad_kl(m, s, a, b) -> float:
    """The integral of q log q / p."""
    f = lambda z: math.exp(log_normal(z, m, s)) * (log_normal(z, m, s) - log_normal(z, a, b))
    return scipy.integrate.quad(f, m - 14 * s, m + 14 * s, points=[m], epsabs=1e-12, limit=200)[0]


@pytest.mark.system("E2")
def test_gaussian_kl_is_the_integral(float64):
    m, log_s, a, log_b = torch.randn(4, 3, 2).unbind()
    q, p = Gaussian(m, log_s, 1), Gaussian(a, log_b, 1)
    for i in range(3):
        pieces = [
            (m[i, j].item(), math.exp(log_s[i, j]), a[i, j].item(), math.exp(log_b[i, j])) for j in (0, 1)
        ]
        assert kl_gaussian(q, p)[i].item() == pytest.approx(sum(quad_kl(*v) for v in pieces), rel=1e-8)
        standard = sum(quad_kl(v[0], v[1], 0.0, 1.0) for v in pieces)
        assert kl_to_standard_normal(q)[i].item() == pytest.approx(standard, rel=1e-8)
    assert kl_gaussian(q, q).abs().max() < 1e-12


@pytest.mark.system("E2")
def test_gaussian_kl_of_scales_far_apart_is_finite():
    zero = torch.zeros(1, 1)
    q, p = Gaussian(zero, torch.full((1, 1), -60.0), 1), Gaussian(zero, zero, 1)
    # 1/2 (s^2 - 1 - log s^2) at s = e^-60
    assert kl_gaussian(q, p).item() == pytest.approx(59.5)
    assert kl_to_standard_normal(q).item() == pytest.approx(59.5)


@pytest.mark.system("D16")
@pytest.mark.parametrize("unbiased", [True, False])
def test_mmd_is_the_double_loop(float64, unbiased):
    x, y, s = (
        np.random.default_rng(0).normal(size=(7, 3)),
        np.random.default_rng(1).normal(size=(5, 3)),
        (0.5, 2.0),
    )
    k = lambda a, b: sum(math.exp(-((a - b) ** 2).sum() / (2 * t * t)) for t in s)

    def within(a):
        pairs = [(i, j) for i, j in itertools.product(range(len(a)), repeat=2) if i != j or not unbiased]
        return sum(k(a[i], a[j]) for i, j in pairs) / len(pairs)

    cross = sum(k(a, b) for a in x for b in y) / 35
    expected = within(x) + within(y) - 2 * cross
    ours = mmd2(torch.tensor(x), torch.tensor(y), s, unbiased=unbiased)
    assert ours.item() == pytest.approx(expected, rel=1e-12)
