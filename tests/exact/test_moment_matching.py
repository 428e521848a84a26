"""Moment matching: the loss by enumeration, its bias and its noise, and what finitely many moments miss."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.distributions.divergences import mmd2, squared_distances
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.moments.gmmn import GMMN
from simulacra.models.moments.gmmn_autoencoder import GMMNAutoencoder
from simulacra.models.moments.matching import discrepancy, median_bandwidths

S = (0.6, 1.7)
POINTS = torch.tensor([[0.0, 1.0], [1.3, -0.4], [-0.8, 0.2]], dtype=torch.float64)
P, Q = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]], dtype=torch.float64)


def gram(points):
    """k(x, y) of all pairs, summed over the kernels."""
    squared = ((points[:, None] - points[None]) ** 2).sum(-1)
    return sum(torch.exp(-squared / (2 * s * s)) for s in S)


def expected(n: int, p, q, unbiased: bool) -> float:
    """The mean of MMD^2 over all samples of n rows of each distribution."""
    total = 0.0
    for a, b in itertools.product(itertools.product(range(3), repeat=n), repeat=2):
        weight = float(p[list(a)].prod() * q[list(b)].prod())
        total += weight * mmd2(POINTS[list(a)], POINTS[list(b)], S, unbiased=unbiased).item()
    return total


@pytest.mark.system("H1")
def test_the_estimate_is_unbiased_by_enumeration():
    due = float((P - Q) @ gram(POINTS) @ (P - Q))
    assert expected(2, P, Q, unbiased=True) == pytest.approx(due, rel=1e-12)
    assert expected(2, P, P, unbiased=True) == pytest.approx(0, abs=1e-12)
    # with the diagonals: k(x, x) - E k(x, x') too much, 1/n of each side
    k = gram(POINTS)
    extra = sum(0.5 * float(len(S) - p @ k @ p) for p in (P, Q))
    assert expected(2, P, Q, unbiased=False) == pytest.approx(due + extra, rel=1e-12)


@pytest.mark.system("H1")
def test_the_loss_is_the_root_of_the_sums(float64):
    x, y = torch.randn(5, 2) + 40, torch.randn(7, 2) + 40.5
    k = lambda a, b: sum(math.exp(-sum((a - b) ** 2) / (2 * s * s)) for s in S)
    mean = lambda a, b: np.mean([k(i, j) for i in a.numpy() for j in b.numpy()])
    due = math.sqrt(mean(x, x) + mean(y, y) - 2 * mean(x, y))
    assert discrepancy(x, y, torch.tensor(S)).item() == pytest.approx(due, rel=1e-9)
    quick, slow = (squared_distances(x, y, quick) for quick in (True, False))
    torch.testing.assert_close(quick, slow, rtol=0, atol=1e-9)


@pytest.mark.system("H1")
def test_the_gradient_of_the_generator_by_finite_differences(float64):
    model = GMMN(Real((2,)), latent=2, hidden=(3,), bandwidths=S, activation="tanh").double()
    x, rng = torch.randn(6, 2), Rng(0, "u", rows=range(7))
    loss = lambda: discrepancy(x, model.generate(model.prior(rng)), model.widths)
    loss().backward()
    for p in model.G.parameters():
        flat, i = p.data.view(-1), p.numel() // 2
        values = []
        for step in (1e-5, -2e-5):
            flat[i] += step
            values.append(loss().item())
        flat[i] += 1e-5
        assert p.grad.view(-1)[i].item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5, abs=1e-9)


@pytest.mark.system("H3")
def test_the_variance_of_the_estimate_falls_as_one_over_n():
    """n Var MMD^2 -> 4 (Var w(x) + Var w(y)) with the witness w; at equal distributions it falls as 1/n^2."""
    points, p, q = torch.tensor([[0.0], [1.0]]).double(), 0.3, 0.7
    k = gram(points)
    a, d = float(k[0, 0]), float(k[0, 0] - k[0, 1])

    def variance(n: int, p: float, q: float) -> float:
        i = np.arange(n + 1)
        law = [np.array([math.comb(n, j) * r**j * (1 - r) ** (n - j) for j in i]) for r in (p, q)]
        # of two points: the sum over different rows follows from the counts alone
        pairs = lambda c: (c * (c - 1) + (n - c) * (n - c - 1)) * a + 2 * c * (n - c) * (a - d)
        u, v = np.meshgrid(i, i, indexing="ij")
        cross = (u * v + (n - u) * (n - v)) * a + (u * (n - v) + (n - u) * v) * (a - d)
        value = (pairs(u) + pairs(v)) / (n * (n - 1)) - 2 * cross / n**2
        weight = np.outer(*law)
        return float((weight * value**2).sum() - (weight * value).sum() ** 2)

    # w(1) - w(0) = 2 d (p - q)
    limit = 4 * (2 * d * (p - q)) ** 2 * (p * (1 - p) + q * (1 - q))
    scaled = [n * variance(n, p, q) for n in (32, 64, 128)]
    assert scaled[2] == pytest.approx(limit, rel=0.03)
    assert abs(scaled[1] / limit - 1) < abs(scaled[0] / limit - 1)
    same = [n * n * variance(n, p, p) for n in (32, 64, 128)]
    assert same[2] == pytest.approx(same[1], rel=0.03) and same[1] == pytest.approx(same[0], rel=0.06)


@pytest.mark.system("H3")
def test_finitely_many_moments_do_not_tell_distributions_apart():
    """Gauss-Hermite rules of 3 and 4 nodes share the moments up to 5; the kernel sees that they differ."""
    (a, u), (b, v) = (np.polynomial.hermite_e.hermegauss(n) for n in (3, 4))
    u, v = u / u.sum(), v / v.sum()
    for order in range(6):
        assert u @ a**order == pytest.approx(v @ b**order, abs=1e-12)
    assert abs(u @ a**6 - v @ b**6) > 5
    points = torch.tensor(np.concatenate([a, b])).unsqueeze(1)
    w = torch.tensor(np.concatenate([u, -v]))
    assert float(w @ gram(points) @ w) > 0.05
    # all moments of 784 pixels up to order 4 are billions: matching them one by one is no way
    assert math.comb(784 + 4, 4) > 1.5e10


@pytest.mark.system("H2")
def test_the_distance_of_codes_falls_and_codes_decode():
    x = torch.cat([torch.randn(100, 6) * 0.3 + side for side in (-1.0, 1.0)])
    data = simulacra.from_tensors(x, Real((6,)), "two clusters")
    model = GMMNAutoencoder(data.space, code=2, coder=(8,), latent=2, hidden=(8,), activation="tanh")
    fresh = copy.deepcopy(model.G)
    run = simulacra.fit(model, data, epochs=60, batch_size=100, lr=0.01, doctor=False)
    end = code_distance(run.model, x)
    run.model.G = fresh
    assert end < 0.5 * code_distance(run.model, x)
    assert run.model.decode(run.model.encode(x)).shape == x.shape


def code_distance(model, x) -> float:
    """The loss between codes of rows and drawn codes."""
    with torch.no_grad():
        rng = Rng(1, "codes", rows=range(len(x)))
        return discrepancy(model.infer(x), model.prior(rng), model.widths).item()


@pytest.mark.parametrize("space", [Binary((5,)), Levels((1, 2, 3), 7), Real((4,))], ids=str)
@pytest.mark.parametrize("kind", [GMMN, GMMNAutoencoder])
def test_samples_lie_in_the_space_in_any_batch(kind, space):
    model = kind(space, latent=2, hidden=(5,))
    whole = model.draw(Rng(0, "x", rows=range(50)))
    space.check(whole.detach())
    for n in (2, 3):
        torch.testing.assert_close(model.draw(Rng(0, "x", rows=range(n))), whole[:n], rtol=0, atol=1e-5)


def test_bandwidths_are_those_of_the_median_or_given():
    rows = torch.tensor([[0.0], [3.0], [4.0]]).double()
    # distances 3, 4 and 1
    assert median_bandwidths(rows).tolist() == [0.375, 0.75, 1.5, 3.0]
    assert GMMN(Real((2,)), bandwidths=(0.5, 2.0)).widths.tolist() == [0.5, 2.0]
    with pytest.raises(ValueError, match=r"bandwidths is \(0.0,\), but each is a distance above 0"):
        GMMN(Real((2,)), bandwidths=(0.0,))
    with pytest.raises(ValueError, match=r"all training rows are equal"):
        median_bandwidths(torch.ones(3, 2))
