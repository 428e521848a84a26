"""Toys: what they claim of their density is what they draw."""

import math

import pytest
import torch

from simulacra.core.spaces.plain import Binary, Real
from simulacra.data import load_data
from simulacra.data.toys import TOYS, BarsAndStripes, Grid, LinearGaussian, Ring, SwissRoll


@pytest.mark.parametrize("name", TOYS)
def test_load_data_draws_them_with_their_truth(name):
    data = load_data(name)
    assert data.truth.name == name and data.space == data.truth.space
    assert len(data.train) == 8000 and not data.preprocessing.steps
    data.space.check(data.train.x)
    assert bool(torch.isfinite(data.truth.log_density(data.test.x)).all())
    assert load_data(name, seed=1).train.digest() != data.train.digest()


@pytest.mark.parametrize("name", TOYS)
def test_row_i_is_the_same_whatever_n(name):
    toy = TOYS[name]()
    assert torch.equal(toy.sample(300, 5)[:50], toy.sample(50, 5))


@pytest.mark.parametrize("toy", [Ring(std=0.3), Grid(std=0.3), SwissRoll(std=0.2)], ids=lambda t: t.name)
def test_plane_densities_integrate_to_one(toy):
    grid = torch.linspace(-4.5, 4.5, 181, dtype=torch.float64)
    x = torch.cartesian_prod(grid, grid)
    step = float(grid[1] - grid[0])
    assert float(toy.log_density(x).exp().sum()) * step**2 == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("toy", [Ring(), Grid(), LinearGaussian(), SwissRoll()], ids=lambda t: t.name)
def test_score_is_the_gradient_and_has_mean_zero(toy):
    x = toy.sample(5000).double()
    score = toy.score(x)
    e = torch.zeros_like(x[:5])
    e[:, 0] = 1e-5
    numeric = (toy.log_density(x[:5] + e) - toy.log_density(x[:5] - e)) / 2e-5
    assert torch.allclose(score[:5, 0], numeric, rtol=1e-4, atol=1e-4)
    # E_p[score] = 0 and E_p[x . score] = -d
    assert bool((score.mean(0).abs() < 5 * score.std(0) / math.sqrt(len(x))).all())
    stein = (x * score).sum(1)
    assert abs(float(stein.mean()) + x.shape[1]) < 5 * float(stein.std()) / math.sqrt(len(x))


def test_the_swiss_rolls_quadrature_is_converged():
    toy = SwissRoll()
    x = torch.cat([toy.sample(50), torch.tensor([[0.0, -0.66], [0.0, 2.0], [0.0, 0.0], [3.0, 1.0]])]).double()
    u = (torch.arange(400_000, dtype=torch.float64) + 0.5) / 400_000
    curve = toy.curve(u)
    exact = torch.stack(
        [(-(curve - row).square().sum(1) / (2 * toy.std**2)).logsumexp(0) for row in x]
    ) - math.log(400_000 * 2 * math.pi * toy.std**2)
    assert torch.allclose(toy.log_density(x), exact, rtol=0, atol=1e-6)


def test_linear_gaussian_draws_its_mean_and_covariance():
    toy = LinearGaussian()
    x = toy.sample(50_000).double()
    assert torch.allclose(x.mean(0), toy.mu, atol=0.05)
    assert torch.allclose(x.T.cov(), toy.covariance, atol=0.1)
    normal = torch.distributions.MultivariateNormal(toy.mu, toy.covariance)
    assert torch.allclose(toy.log_density(x[:20]), normal.log_prob(x[:20]), rtol=1e-10)


def test_ring_covers_its_modes_and_notices_a_lost_one():
    toy = Ring()
    x = toy.sample(4000)
    assert toy.coverage(x)["modes"] == 8 and toy.coverage(x)["good"] > 0.98
    near_first = (x.double() - toy.modes[0]).norm(dim=1) < 0.5
    assert toy.coverage(x[~near_first])["modes"] == 7
    assert toy.coverage(torch.zeros(10, 2)) == {"modes": 0, "good": 0.0}


def test_grid_covers_its_modes_and_notices_a_lost_row():
    toy = Grid()
    x = toy.sample(4000)
    assert toy.coverage(x)["modes"] == 25 and toy.coverage(x)["good"] > 0.98
    assert toy.modes.abs().max() == 2 and len(toy.modes.unique(dim=0)) == 25
    assert toy.coverage(x[x[:, 0] < 1.5])["modes"] == 20
    assert toy.coverage(toy.modes + 0.5) == {"modes": 0, "good": 0.0}


def test_bars_and_stripes_are_drawn_with_their_probabilities():
    toy = BarsAndStripes()
    patterns, p = toy.patterns()
    assert toy.space == Binary((1, 4, 4)) and len(patterns) == 30
    assert len(patterns.flatten(1).unique(dim=0)) == 30
    assert torch.allclose(toy.log_density(patterns).exp(), p) and float(p.sum()) == pytest.approx(1)
    x = toy.sample(30_000)
    counts = (x.flatten(1).unsqueeze(1) == patterns.flatten(1)).all(-1).double().sum(0)
    chi2 = float(((counts - 30_000 * p) ** 2 / (30_000 * p)).sum())
    assert counts.sum() == 30_000 and chi2 < 58  # 29 degrees of freedom, p = 0.001
    odd = torch.zeros(1, 1, 4, 4)
    odd[0, 0, 0, 0] = 1
    assert float(toy.log_density(odd)) == -math.inf
    with pytest.raises(ValueError, match="no gradient"):
        toy.score(odd)


def test_real_toys_are_standardized_only_when_asked():
    data = load_data("linear-gaussian", standardize=True)
    y = data.train.all().x
    assert data.space == Real((8,)) and torch.allclose(y.mean(0), torch.zeros(8), atol=1e-5)
