"""Langevin and Hamiltonian moves: reversible, volume preserving, and they leave a law invariant."""

from __future__ import annotations

import math

import pytest
import torch

from simulacra.core.kernels.hamiltonian import RANGE, leapfrog, move, slope_of
from simulacra.core.random.keyed import Rng

pytestmark = pytest.mark.system("A30")


def bent(u: torch.Tensor) -> torch.Tensor:
    """A banana with two modes: U(u) = (u_1^2 - 1)^2 + (u_2 - u_1^2)^2."""
    return (u[:, 0] ** 2 - 1) ** 2 + (u[:, 1] - u[:, 0] ** 2) ** 2


def slope(u: torch.Tensor) -> torch.Tensor:
    """The gradient of `bent`, by hand."""
    bend = u[:, 1] - u[:, 0] ** 2
    return torch.stack([4 * u[:, 0] * (u[:, 0] ** 2 - 1) - 4 * u[:, 0] * bend, 2 * bend], 1)


def start(n: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions and momenta."""
    rng = Rng(3, rows=range(n))
    return rng.normal("u", 2), rng.normal("v", 2)


def test_the_slope_is_the_derivative_of_the_energy(float64):
    u, _ = start()
    torch.testing.assert_close(slope_of(bent)(u), slope(u), rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 7])
def test_leapfrog_steps_go_back_when_the_momentum_is_turned(float64, steps):
    u, v = start()
    there, momentum = leapfrog(u, v, slope, 0.11, steps, torch.tensor([0.7, 1.3]))
    assert float((there - u).abs().max()) > 0.01
    back, turned = leapfrog(there, -momentum, slope, 0.11, steps, torch.tensor([0.7, 1.3]))
    torch.testing.assert_close(back, u, rtol=0, atol=1e-12)
    torch.testing.assert_close(-turned, v, rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 7])
def test_leapfrog_steps_preserve_volume(float64, steps):
    u, v = start(1)

    def step(both: torch.Tensor) -> torch.Tensor:
        return torch.cat(leapfrog(both[None, :2], both[None, 2:], slope, 0.2, steps, 0.8), 1)[0]

    J = torch.autograd.functional.jacobian(step, torch.cat([u, v], 1)[0])
    assert float(torch.linalg.det(J)) == pytest.approx(1.0, abs=1e-11)
    assert float((J - torch.eye(4)).abs().max()) > 0.1


def test_one_leapfrog_step_is_the_langevin_proposal(float64):
    u, v = start()
    e, s = 0.3, torch.tensor([0.5, 2.0])
    # u' = u - e^2/2 s^2 dU + e s v
    torch.testing.assert_close(
        leapfrog(u, v, slope, e, 1, s)[0], u - e**2 / 2 * s**2 * slope(u) + e * s * v, rtol=0, atol=1e-12
    )


def test_the_probability_is_that_of_metropolis_and_hastings_for_the_langevin_proposal(float64):
    u, _ = start(50)
    rng, size = Rng(1, rows=range(50)), 0.9
    made = move(u, bent, rng, size)
    v = rng.normal("momentum", 2)
    e = size * RANGE ** -rng.uniform("size", 1)
    proposal = u - e**2 / 2 * slope(u) + e * v

    def log_q(to: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return -((to - at + e**2 / 2 * slope(at)) / e).square().sum(1) / 2

    ratio = bent(u) - bent(proposal) + log_q(u, proposal) - log_q(proposal, u)
    torch.testing.assert_close(made.acceptance, ratio.exp().clamp_max(1), rtol=0, atol=1e-10)
    moved = (made.state - u).abs().sum(1) > 0
    assert 0 < int(moved.sum()) < 50
    torch.testing.assert_close(made.state[moved], proposal[moved], rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 5], ids=["langevin", "hamiltonian"])
def test_moves_leave_the_law_of_a_double_well_invariant(float64, steps):
    """Draws of the law by its inverse CDF on a grid, moved three times: moments within 4 standard errors."""

    def well(u: torch.Tensor) -> torch.Tensor:
        return ((u**2 - 1) ** 2 + 0.5 * u).sum(1)

    grid = torch.linspace(-4, 4, 8001)
    p = torch.softmax(-well(grid.unsqueeze(1)), 0)
    n, cdf = 20_000, p.cumsum(0)
    rng = Rng(0, "well", rows=range(n))
    u = grid[torch.searchsorted(cdf, rng.uniform("u", 1)).clamp_max(8000)]
    held = u.clone()
    for t in range(3):
        u = move(u, well, rng.at(t), 0.8, steps).state
    assert float((u != held).double().mean()) > 0.5
    for power in (1, 2, 3, 4):
        mean = float((p * grid**power).sum())
        spread = math.sqrt(float((p * grid ** (2 * power)).sum()) - mean**2)
        assert abs(float((u**power).mean()) - mean) < 4 * spread / math.sqrt(n) + 1e-3
    left = float(p[grid < 0].sum())
    assert abs(float((u < 0).double().mean()) - left) < 4 * math.sqrt(left * (1 - left) / n) + 1e-3


def test_entries_of_scale_zero_stay_and_the_others_have_their_conditional(float64):
    """Two correlated Gaussian entries, one held: the mean of the other is its conditional mean."""
    P = torch.tensor([[2.0, 1.2], [1.2, 1.5]])

    def energy(u: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bi,ij,bj->b", u, P, u) / 2

    n = 1500
    rng, u = Rng(0, rows=range(n)), torch.tensor([[0.0, 1.0]]).repeat(n, 1)
    for t in range(30):
        u = move(u, energy, rng.at(t), 1.0, 3, torch.tensor([1.0, 0.0])).state
    assert bool((u[:, 1] == 1.0).all())
    assert abs(float(u[:, 0].mean()) + 0.6) < 4 / math.sqrt(2 * n)
    assert abs(float(u[:, 0].var()) - 0.5) < 4 * 0.5 * math.sqrt(2 / n)


def test_a_proposal_without_energy_is_refused(float64):
    def walled(u: torch.Tensor) -> torch.Tensor:
        return torch.where(u[:, 0] > 0, u.square().sum(1) / 2, u[:, 0] * math.nan)

    rng, u = Rng(0, rows=range(50)), torch.full((50, 1), 0.05)
    u = move(u, walled, rng, 2.0).state
    assert bool((u > 0).all()) and float((u == 0.05).double().mean()) > 0.1


@pytest.mark.parametrize("n", [2, 3, 50])
def test_a_row_moves_alike_in_any_batch(float64, n):
    u, _ = start(50)
    whole = move(u, bent, Rng(0, rows=range(50)), 0.5, 3).state
    torch.testing.assert_close(move(u[:n], bent, Rng(0, rows=range(n)), 0.5, 3).state, whole[:n])
