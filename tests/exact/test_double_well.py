"""Gradient noise and a double well: the share of escapes is that of the chain's transition densities."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from recipe_files import recipe

pytestmark = pytest.mark.system("I2")
RUNS, STEPS = 4000, 60


@pytest.fixture(scope="module")
def well():
    """The recipe."""
    return recipe("gradient_noise")


def share(well, eta: float, start: float) -> float:
    """The share of trained runs that end in the other basin."""
    w = well.descended(eta, start, RUNS, STEPS)
    assert len(w) == RUNS
    return float(((w > well.barrier()) if start < 0 else (w < well.barrier())).double().mean())


def chance(well, eta: float, start: float) -> float:
    """The same by quadrature: w' ~ N(w - r U'(w), r^2 eta / (1 + t)^0.55), step by step on a grid."""
    # half of the least deviation apart, and as far as the runs get
    h, reach = 0.03 * math.sqrt(eta), 3 + 1.5 * eta
    w = torch.arange(-reach, reach + 1, h, dtype=torch.float64)

    def moved(points: torch.Tensor) -> torch.Tensor:
        points = points.clone().requires_grad_()
        return (points - well.RATE * torch.autograd.grad(well.energy(points).sum(), points)[0]).detach()

    def density(means: torch.Tensor, t: int) -> torch.Tensor:
        s = well.RATE * math.sqrt(eta / (1 + t) ** 0.55)
        return torch.exp(-0.5 * ((w.unsqueeze(1) - means) / s) ** 2) / (s * math.sqrt(2 * math.pi))

    p = density(moved(torch.tensor([start], dtype=torch.float64)), 0)[:, 0]
    means = moved(w)
    for t in range(1, STEPS):
        p = density(means, t) @ p * h
    assert float(p.sum() * h) == pytest.approx(1.0, abs=1e-3)
    there = (w > well.barrier()) if start < 0 else (w < well.barrier())
    return float(p[there].sum() * h)


@pytest.mark.parametrize("start", [-1.0, 1.0], ids=["narrow", "wide"])
@pytest.mark.parametrize("eta", [0.3, 1.0, 3.0])
def test_as_many_runs_escape_as_the_transition_densities_say(well, eta, start):
    told = chance(well, eta, start)
    found = share(well, eta, start)
    assert abs(found - told) < 4 * math.sqrt(told * (1 - told) / RUNS) + 2e-3


def test_noise_raises_the_rate_of_escape_from_the_narrow_basin_above_that_from_the_wide_one(well):
    shares = [share(well, eta, -1.0) for eta in (0.0, 0.3, 1.0, 3.0)]
    assert shares[0] == 0.0, "descent alone stays"
    for less, more in pairwise(shares):
        assert more - less > 4 * math.sqrt(more / RUNS)
    assert shares[3] > 2 * share(well, 3.0, 1.0)


def test_the_barrier_is_where_the_energy_is_highest(well):
    at = torch.tensor([-1.0, well.barrier(), 1.0], dtype=torch.float64, requires_grad=True)
    u = well.energy(at)
    slope = torch.autograd.grad(u.sum(), at, create_graph=True)[0]
    curvature = torch.autograd.grad(slope.sum(), at)[0]
    assert abs(float(slope[1].detach())) < 1e-4 and float(curvature[1]) < 0
    # each minimum has the curvature of its own basin: h / a^2 and h / b^2
    assert float(curvature[0]) == pytest.approx(well.DEPTH / well.NARROW**2, rel=0.05)
    assert float(curvature[2]) == pytest.approx(well.DEPTH / well.WIDE**2, rel=0.05)
    assert float(u[1].detach()) > max(float(u[0].detach()), float(u[2].detach()))
