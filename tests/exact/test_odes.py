"""Solvers of differential equations and the densities of continuous flows, against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from simulacra.core.densities.continuous import Continuous, estimate, log_density
from simulacra.core.numerics.odes import SOLVERS, solve, with_trace
from simulacra.core.random.keyed import Rng

ORDERS = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}
A = torch.tensor([[0.3, -0.8, 0.1], [0.5, -0.2, 0.4], [-0.3, 0.6, 0.7]], dtype=torch.float64)


def turning(h, t):
    """A linear equation whose matrix changes with time: dh / dt = (1 + t) A h."""
    return (1 + t) * h @ A.T


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_error_falls_by_the_order_of_the_method(float64, solver):
    """The matrices commute, so that h(1) = exp(3/2 A) h(0)."""
    h = torch.randn(4, 3)
    due = h @ torch.linalg.matrix_exp(1.5 * A).T
    errors = [float((solve(turning, h, 0.0, 1.0, n, solver) - due).norm()) for n in (32, 64)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(ORDERS[solver], abs=0.15)


def test_the_way_back_leads_to_the_start(float64):
    h = torch.randn(4, 3)
    there = solve(turning, h, 0.0, 1.0, 64, "rk4")
    torch.testing.assert_close(solve(turning, there, 1.0, 0.0, 64, "rk4"), h, rtol=0, atol=1e-7)


def test_traces_are_exact_and_signs_estimate_them(float64):
    f = lambda h, t: torch.sin(h @ A.T) * t + h**3
    h, t = torch.randn(5, 3), torch.full((5, 1), 0.7)
    J = torch.stack([torch.autograd.functional.jacobian(lambda v: f(v[None], t[:1])[0], row) for row in h])
    due = J.diagonal(dim1=1, dim2=2).sum(1)
    state = torch.cat([h, torch.zeros(5, 1)], 1)
    torch.testing.assert_close(with_trace(f)(state, t)[:, -1], due)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    # the mean over all signs is the trace
    found = [with_trace(f, e.expand(5, 3))(state, t)[:, -1] for e in signs]
    torch.testing.assert_close(torch.stack(found).mean(0), due)


def test_the_density_of_a_linear_flow_is_that_of_its_gaussian(float64):
    B, x = torch.linalg.matrix_exp(1.5 * A), torch.randn(6, 3)
    due = torch.distributions.MultivariateNormal(torch.zeros(3), B @ B.T).log_prob(x)
    flow = Continuous(turning, 64)
    torch.testing.assert_close(log_density(flow, x), due, rtol=0, atol=1e-6)
    found = estimate(flow, x, Rng(0))
    assert not found.off.requires_grad and found.method == "ODE, 64 steps of rk4, exact trace"
    # half of the steps are off by 15 times the error, and so says the tolerance
    coarse = (log_density(Continuous(turning, 32), x) - due).abs().detach()
    assert bool(((found.value - due).abs() < found.off.abs()).all())
    assert float((found.off.abs() - coarse).abs().max()) < 0.2 * float(coarse.max())


def test_signs_give_the_density_on_average_and_belong_to_the_row(float64):
    """A matrix of 65 entries with off-diagonal parts, whose trace one draw of signs misses."""
    C = 0.05 * torch.randn(65, 65)
    flow = Continuous(lambda h, t: h @ C.T, 4)
    x = torch.randn(1, 65)
    exact = log_density(flow, x)
    many = estimate(flow, x.expand(4000, 65), Rng(0, rows=range(4000)))
    assert many.method.endswith("trace by one draw of signs a row")
    error = float(many.value.std()) / 4000**0.5
    assert float(many.value.std()) > 0.1 and abs(float(many.value.mean() - exact)) < 4 * error
    for n in (2, 3):
        part = estimate(flow, x.expand(n, 65), Rng(0, rows=range(n)))
        torch.testing.assert_close(part.value, many.value[:n])
