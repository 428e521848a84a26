"""Change of variables: mass one on a grid, determinants by autograd, round trips."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from placed_laws import N, drawn_from, rows_do_not_depend_on_the_batch

from simulacra.core.densities.bijections import Affine, Bijection, Chain, Coupling, Planar, Transformed
from simulacra.core.densities.multivariate import MultivariateGaussian
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.random.keyed import Rng

L2 = [[1.4, 0.0], [-0.8, 0.6]]


def maps() -> dict[str, Bijection]:
    """One map of each kind in the plane; of the planar ones one presses (w'u = -0.7) and one pulls."""
    affine = Affine(torch.tensor([0.3, -1.0]), torch.tensor(L2))
    press = Planar(torch.tensor([-0.6, -0.5]), torch.tensor([1.0, 0.9]), torch.tensor(0.2))
    pull = Planar(torch.tensor([1.0, 0.5]), torch.tensor([-0.4, 1.5]), torch.tensor(-0.3))
    network = lambda z: (torch.tanh(2 * z.flip(1)) - 0.2, torch.sin(3 * z.flip(1)))
    coupling = Coupling(torch.tensor([True, False]), network)
    return {
        "affine": affine,
        "press": press,
        "pull": pull,
        "coupling": coupling,
        "chain": Chain((affine, pull, coupling, press)),
    }


def normal(rows: int = 1) -> Gaussian:
    """Standard normal vectors of two entries."""
    return Gaussian(torch.zeros(rows, 2), torch.zeros(rows, 2), 1)


NAMED = pytest.mark.parametrize("name", ["affine", "press", "pull", "coupling", "chain"])


def mass(log_p, edge: float = 14.0, n: int = 400) -> float:
    """The integral of a density in the plane over a square, by the midpoint rule."""
    line = torch.linspace(-edge, edge, n + 1)[:-1] + edge / n
    grid = torch.cartesian_prod(line, line)
    return float(log_p(grid).exp().sum()) * (2 * edge / n) ** 2


@NAMED
@pytest.mark.system("C9")
def test_the_density_integrates_to_one_because_the_determinant_divides(float64, name):
    g = maps()[name]
    p = Transformed(normal(), g)
    assert mass(p.log_prob) == pytest.approx(1, abs=1e-4)

    def multiplied(x):
        z = g.inverse(x)
        return normal().log_prob(z) + g.log_det(z)

    # the formula without its fraction bar
    assert abs(mass(multiplied) - 1) > 0.05


@NAMED
@pytest.mark.system("C9")
def test_the_determinant_is_that_of_autograd(float64, name):
    g, z = maps()[name], 2 * torch.randn(7, 2)
    for row, found in zip(z, g.log_det(z)):
        J = torch.autograd.functional.jacobian(lambda v: g.forward(v.unsqueeze(0))[0], row)
        torch.testing.assert_close(found, torch.linalg.slogdet(J)[1], rtol=1e-10, atol=1e-12)


@NAMED
@pytest.mark.system("C9")
def test_round_trips(float64, name):
    g, z = maps()[name], 3 * torch.randn(50, 2)
    x = g.forward(z)
    torch.testing.assert_close(g.inverse(x), z, rtol=0, atol=1e-8)
    torch.testing.assert_close(g.forward(g.inverse(z)), z, rtol=0, atol=1e-8)
    assert float((x - z).abs().max()) > 0.1


@NAMED
@pytest.mark.system("C9")
def test_inverses_have_the_gradients_of_the_inverse_function(float64, name):
    """d g^-1 / dx = (dg/dz)^-1, also where the inverse is found by bisection."""
    g, x = maps()[name], torch.randn(5, 2)
    for row in x:
        z = g.inverse(row.unsqueeze(0))[0]
        J = torch.autograd.functional.jacobian(lambda v: g.forward(v.unsqueeze(0))[0], z)
        found = torch.autograd.functional.jacobian(lambda v: g.inverse(v.unsqueeze(0))[0], row)
        torch.testing.assert_close(found, torch.linalg.inv(J), rtol=1e-7, atol=1e-8)


@pytest.mark.system("C9")
def test_gradients_of_the_density_reach_a_parameter_of_a_map(float64):
    """The gradient of log p in w by central differences, through inverse and determinant."""
    free, w, b = torch.tensor([0.5, -2.0]), torch.tensor([0.7, 0.4]), torch.tensor(0.1)
    x = torch.randn(5, 2)
    value = lambda w: Transformed(normal(), Planar(free, w, b)).log_prob(x).sum()
    (found,) = torch.autograd.grad(value(leaf := w.clone().requires_grad_()), leaf)
    step = 1e-5 * torch.eye(2)
    due = torch.stack([(value(w + h) - value(w - h)) / 2e-5 for h in step])
    torch.testing.assert_close(found, due, rtol=1e-6, atol=1e-8)


@pytest.mark.system("C9")
def test_the_planar_direction_keeps_the_map_invertible(float64):
    """w'u > -1 for any free vector, and u is free where that is far inside already."""
    w = torch.tensor([1.0, -2.0])
    for free in 20 * torch.randn(50, 2):
        p = Planar(free, w, torch.tensor(0.0))
        z = torch.randn(9, 2)
        assert float(w @ p.u) > -1 - 1e-12 and bool(p.log_det(z).isfinite().all())
        assert bool(((p.forward(z) @ w).diff() * (z @ w).diff() >= 0).all())
    far = Planar(torch.tensor([30.0, -30.0]), w, torch.tensor(0.0))
    torch.testing.assert_close(w @ far.u, torch.tensor(89.0), rtol=0, atol=1e-12)


@pytest.mark.system("C9")
def test_the_affine_flow_of_noise_is_the_gaussian(float64):
    g = maps()["affine"]
    p = MultivariateGaussian(g.loc.unsqueeze(0), g.L)
    x = torch.randn(6, 2)
    torch.testing.assert_close(Transformed(normal(), g).log_prob(x), p.log_prob(x), rtol=1e-12, atol=0)
    each = Affine(torch.zeros(3, 2), torch.stack([torch.tensor(L2) * k for k in (1.0, 2.0, -3.0)]))
    z = torch.randn(3, 2)
    torch.testing.assert_close(each.inverse(each.forward(z)), z, rtol=0, atol=1e-12)
    due = torch.linalg.slogdet(each.L)[1]
    torch.testing.assert_close(each.log_det(z), due, rtol=1e-12, atol=0)


@pytest.mark.system("C9")
def test_draws_follow_the_density(float64):
    """The first entry of a chain's draws against the marginal of its density on a grid."""
    p = Transformed(normal(), maps()["chain"])
    x = Transformed(normal(N), maps()["chain"]).sample(Rng(5, rows=range(N)))[:, 0]
    line = torch.linspace(-12, 12, 601)
    grid = torch.cartesian_prod(line, torch.linspace(-15, 15, 201))
    density = p.log_prob(grid).exp().reshape(601, 201).sum(1) * (30 / 200)
    steps = (density[1:] + density[:-1]) / 2 * (24 / 600)
    cdf = np.concatenate([[0.0], steps.cumsum(0).numpy()])
    assert cdf[-1] == pytest.approx(1, abs=1e-4)
    drawn_from(x, lambda v: np.interp(v, line.numpy(), cdf), lambda v: np.interp(1.2 * v, line.numpy(), cdf))
    draw = lambda rng: Transformed(normal(len(rng.rows)), maps()["chain"]).sample(rng)
    with pytest.raises(ValueError, match="mean of draws"):
        _ = p.mean
    whole = draw(Rng(3, rows=range(50)))
    for n in (2, 3):
        torch.testing.assert_close(draw(Rng(3, rows=range(n))), whole[:n], rtol=0, atol=1e-12)
    assert math.isfinite(float(p.log_prob(whole).mean()))
    rows_do_not_depend_on_the_batch(lambda rng: normal(len(rng.rows)).sample(rng))
