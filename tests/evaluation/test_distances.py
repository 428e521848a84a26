"""Distances of feature rows against closed forms, naive loops and another way to take a square root."""

import math

import numpy as np
import pytest
import scipy
import torch

from simulacra.evaluation.samples.coverage import precision_recall_density_coverage
from simulacra.evaluation.samples.distances import (
    Moments,
    frechet_distance,
    frechet_error,
    frechet_of_moments,
    inception_score,
    kernel_distance,
    moments,
)

pytestmark = pytest.mark.system("G15")


def rows(n, d, seed=0, scale=1.0, shift=0.0):
    """Gaussian rows with correlated entries, float64, shape (n, d)."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=generator, dtype=torch.float64) / math.sqrt(d)
    return shift + scale * torch.randn(n, d, generator=generator, dtype=torch.float64) @ mix


def by_square_root(x, y):
    """The Frechet distance as it is written, with a square root of a matrix."""
    x, y = x.double().numpy(), y.double().numpy()
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2)
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * root.real))


@pytest.mark.parametrize(("n", "m", "d"), [(50, 80, 3), (400, 301, 35), (300, 500, 149)])
def test_frechet_is_that_of_the_matrix_square_root(n, m, d):
    x, y = rows(n, d, 1), rows(m, d, 2, scale=1.5, shift=0.3)
    assert frechet_distance(x, y) == pytest.approx(by_square_root(x, y), abs=1e-6)
    assert frechet_distance(x.float(), y.float()) == pytest.approx(by_square_root(x, y), rel=1e-5)


def test_moments_are_numpys():
    x = rows(200, 150, 3, shift=100.0)
    found = moments(x)
    assert torch.allclose(found.mean, x.mean(0)) and found.rows == 200
    assert np.allclose(found.covariance.numpy(), np.cov(x.numpy(), rowvar=False), atol=1e-12)
    assert torch.equal(found.covariance, found.covariance.T)


def test_frechet_of_diagonal_gaussians_has_a_closed_form():
    a, b = torch.tensor([4.0, 1.0, 9.0]).double(), torch.tensor([1.0, 1.0, 25.0]).double()
    m = torch.tensor([1.0, 2.0, -2.0]).double()
    found = frechet_of_moments(
        Moments(torch.zeros(3).double(), torch.diag(a), 9), Moments(m, torch.diag(b), 9)
    )
    # |m|^2 + sum (s1 - s2)^2
    assert found == pytest.approx(9 + 1 + 0 + 4, abs=1e-12)


def test_frechet_is_zero_for_equal_rows_symmetric_and_blind_to_rotation():
    x, y = rows(300, 17, 4), rows(250, 17, 5, scale=0.7)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-10)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-10)
    turn, _ = torch.linalg.qr(rows(17, 17, 6))
    assert frechet_distance(x @ turn, y @ turn) == pytest.approx(frechet_distance(x, y), rel=1e-10)


def test_features_that_never_change_do_no_harm():
    x, y = rows(300, 9, 7), rows(300, 9, 8, scale=2.0)
    still = torch.full((300, 3), 0.4, dtype=torch.float64)
    wide = frechet_distance(torch.cat([x, still], 1), torch.cat([y, still], 1))
    assert wide == pytest.approx(frechet_distance(x, y), abs=1e-6)


def test_too_few_rows_are_counted_in_the_sentence():
    with pytest.raises(
        ValueError, match="9 features needs at least 10 rows on each side, but one side has 9"
    ):
        frechet_distance(rows(50, 9), rows(9, 9))


def naive_kernel(x, y):
    """The unbiased MMD^2 with two loops."""
    k = lambda a, b: (float(a @ b) / len(a) + 1) ** 3
    within = lambda r: (
        sum(k(a, b) for i, a in enumerate(r) for j, b in enumerate(r) if i != j) / (len(r) * (len(r) - 1))
    )
    between = sum(k(a, b) for a in x for b in y) / (len(x) * len(y))
    return within(x) + within(y) - 2 * between


def test_kernel_distance_is_the_double_loop():
    x, y = rows(23, 5, 1), rows(31, 5, 2, shift=0.5)
    one = kernel_distance(x, y, subsets=1)
    assert one.value == pytest.approx(naive_kernel(x, y), rel=1e-10) and math.isnan(one.error)


def test_kernel_distance_has_no_bias_and_an_honest_error():
    generator = torch.Generator().manual_seed(0)
    pairs = torch.randn(40, 2, 400, 6, generator=generator)
    found = [kernel_distance(x, y, seed=seed) for seed, (x, y) in enumerate(pairs)]
    values, errors = torch.tensor([f.value for f in found]), torch.tensor([f.error for f in found])
    assert abs(float(values.mean())) < 4 * float(values.std()) / math.sqrt(40)
    assert 0.7 < float(errors.mean() / values.std()) < 1.4
    with pytest.raises(ValueError, match="at least 20 rows"):
        kernel_distance(rows(19, 2), rows(50, 2))


def test_parts_of_many_rows_are_made_smaller():
    x = rows(2500, 2, 3)
    assert kernel_distance(x, x + 1, subsets=1) == kernel_distance(x, x + 1, subsets=3)


def test_inception_scores_lie_between_one_and_the_number_of_classes():
    assert inception_score(torch.eye(7), splits=1).value == pytest.approx(7)
    assert inception_score(torch.full((50, 7), 1 / 7)).value == pytest.approx(1)
    assert inception_score(torch.eye(7)[:1].expand(50, -1)).value == pytest.approx(1)
    p = rows(60, 4, 9).softmax(1)
    marginal = p.mean(0)
    expected = (p * (p / marginal).log()).sum(1).mean().exp()
    assert inception_score(p, splits=1).value == pytest.approx(float(expected), rel=1e-12)
    with pytest.raises(ValueError, match="over 10 splits"):
        inception_score(p[:5])


def naive_shares(real, fake, k):
    """Precision, recall, density and coverage with loops."""
    far = lambda a, b: float((a - b).norm())
    radius = lambda r: [sorted(far(a, b) for j, b in enumerate(r) if j != i)[k - 1] for i, a in enumerate(r)]
    rx, ry, n, m = radius(real), radius(fake), len(real), len(fake)
    inside = [[far(x, y) <= rx[i] for y in fake] for i, x in enumerate(real)]
    return (
        sum(any(inside[i][j] for i in range(n)) for j in range(m)) / m,
        sum(any(far(x, y) <= ry[j] for j, y in enumerate(fake)) for x in real) / n,
        sum(map(sum, inside)) / (k * m),
        sum(map(any, inside)) / n,
    )


@pytest.mark.parametrize(("n", "m", "k"), [(150, 40, 3), (37, 150, 5)])
def test_shares_are_those_of_the_loops(n, m, k):
    # more rows than a block holds
    x, y = rows(n, 4, 1), rows(m, 4, 2, scale=1.3)
    found = precision_recall_density_coverage(x, y, k)
    expected = naive_shares(x, y, k)
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(expected)
    assert 0 < found.recall < 1 and 0 < found.precision < 1


def test_shares_of_equal_apart_and_collapsed_sets():
    x = rows(200, 3, 5)
    same = precision_recall_density_coverage(x, x)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    apart = precision_recall_density_coverage(x, x + 100)
    assert (apart.precision, apart.recall, apart.density, apart.coverage) == (0, 0, 0, 0)
    # one mode of the data, sampled well: every sample is good, most of the data are missing
    lost = precision_recall_density_coverage(torch.cat([x, x + 50]), rows(200, 3, 5))
    assert lost.precision == 1 and lost.recall == 0.5 and lost.coverage == 0.5
    with pytest.raises(ValueError, match="at least 6 rows"):
        precision_recall_density_coverage(x[:5], x)


def test_rows_that_occur_often_are_inside_their_own_ball():
    x = rows(1, 12, 6, shift=1e3).repeat(30, 1)
    found = precision_recall_density_coverage(x, x.clone())
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_the_error_of_a_frechet_distance_is_its_spread_over_draws(shift):
    g = torch.Generator().manual_seed(11)
    d, n, mix = 3, 500, torch.randn(3, 3, generator=g, dtype=torch.float64)
    # no Gaussian: the error must not take the rows for one
    draw = lambda: (torch.rand(n, d, generator=g, dtype=torch.float64) ** 2 - 0.3) @ mix
    other = moments(torch.randn(4000, d, generator=g, dtype=torch.float64) * 0.5 + shift)
    rows = [draw() for _ in range(300)]
    found = torch.tensor([frechet_of_moments(moments(x), other) for x in rows])
    told = torch.tensor([frechet_error(x, other) for x in rows[:20]]).mean()
    # 300 draws know a standard deviation to 4 per cent
    assert float(told) == pytest.approx(float(found.std()), rel=0.15)


def test_a_feature_that_never_varies_adds_nothing_to_the_error():
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    dead = torch.cat([x, torch.ones(200, 1, dtype=torch.float64)], 1)
    other = moments(torch.cat([x + 1, torch.randn(200, 1, dtype=torch.float64)], 1))
    alone = Moments(other.mean[:2], other.covariance[:2, :2], 200)
    assert frechet_error(dead, other) == pytest.approx(frechet_error(x, alone), rel=1e-6)
