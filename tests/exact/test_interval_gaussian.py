"""The mass that a Gaussian gives to a cell of normal scores: digits, sums over all cells, gradients."""

from __future__ import annotations

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import torch
from oracles import chi_square

from simulacra.core.distributions.elementary import Mixture
from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.distributions.intervals import IntervalGaussian, log_mass
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.numeric import Grid, Scores

INF = math.inf


def exact(a: float, b: float, m: float, log_s: float) -> float:
    """log (Phi((b - m) / s) - Phi((a - m) / s)) with as many digits as the tails take."""
    with mpmath.workdps(60):
        u, v = ((mpmath.mpf(end) - m) / mpmath.exp(mpmath.mpf(log_s)) for end in (a, b))
        if u > 0:
            u, v = -v, -u
        # erfc keeps the digits of a lower tail
        below = lambda t: mpmath.mpf(0) if t == -mpmath.inf else mpmath.erfc(-t / mpmath.sqrt(2)) / 2
        # far out both are tiny numbers of their own exponent
        with mpmath.workdps(80):
            return float(mpmath.log(below(v) - below(u)))


def cells(k: int, seed: int = 0) -> Scores:
    """K cells whose sizes are random shares, some of them small."""
    shares = np.random.default_rng(seed).dirichlet(np.full(k, 0.4)) + 1e-5
    edges = torch.special.ndtri(torch.tensor(shares / shares.sum()).cumsum(0)[:-1])
    return Scores(edges=tuple(edges.tolist()))


def inside(space: Scores) -> torch.Tensor:
    """A number within each cell: the middle, or 1 off the only end."""
    ends = [-INF, *space.edges, INF]
    return torch.tensor([_middle(a, b) for a, b in pairwise(ends)])


def _middle(a: float, b: float) -> float:
    if math.isinf(a) and math.isinf(b):
        return 0.3
    return b - 1 if math.isinf(a) else a + 1 if math.isinf(b) else (a + b) / 2


ENDS = [
    *((c - h, c + h) for c in (0.0, 0.7, -3.0, 6.0) for h in (1e-7, 0.003, 0.049, 0.051, 0.5, 4.0)),
    (-INF, -2.5),
    (-INF, 3.0),
    (-2.0, INF),
    (1.5, INF),
]


@pytest.mark.parametrize("log_s", [-5.0, -1.2, 0.0, 0.4, 3.0])
@pytest.mark.parametrize("m", [-8.0, 0.0, 0.31, 8.0])
def test_the_log_of_a_mass_has_nine_digits_in_narrow_and_wide_cells_and_far_tails(float64, m, log_s):
    a, b = torch.tensor(ENDS).unbind(1)
    loc, log_scale = torch.full_like(a, m), torch.full_like(a, log_s)
    due = np.array([exact(*ends, m, log_s) for ends in ENDS])
    # the ends themselves are rounded: a relative 1e-16 of u moves log P by u^2 1e-16
    np.testing.assert_allclose(log_mass(a, b, loc, log_scale), due, rtol=1e-9, atol=1e-9)


def test_the_series_and_the_difference_meet_where_one_gives_way_to_the_other(float64):
    for c in (0.0, 0.4, 1.7, 5.0, 30.0):
        h = 0.1 / (1 + c) * torch.tensor([1 - 1e-9, 1 + 1e-9])
        zero = torch.zeros(2)
        below, above = (log_mass(c - h, c + h, zero, zero) - torch.log(h)).tolist()
        assert below == pytest.approx(above, abs=1e-10 * max(1, c * c / 2))


def test_gradients_are_finite_everywhere_and_those_of_finite_differences(float64):
    pairs = [(-0.3, -0.2), (-1.0, 2.0), (-INF, 0.4), (0.4, INF), (0.1, 0.1 + 1e-6), (2.0, 2.03)]
    a, b = torch.tensor(pairs).unbind(1)
    loc = torch.tensor([0.1, -0.7, 1.0, 0.2, 0.5, -1.0], requires_grad=True)
    log_scale = torch.tensor([0.2, -0.5, 0.0, -1.0, 0.3, 0.4], requires_grad=True)
    assert torch.autograd.gradcheck(lambda m, s: log_mass(a, b, m, s), (loc, log_scale))
    for dtype in (torch.float64, torch.float32):
        grid = torch.cartesian_prod(
            torch.arange(len(ENDS), dtype=dtype),
            torch.tensor([-8.0, 0.0, 0.003, 8.0], dtype=dtype),
            torch.tensor([-5.0, 0.0, 3.0], dtype=dtype),
        )
        a, b = torch.tensor([*ENDS, (-INF, INF)], dtype=dtype)[grid[:, 0].long()].unbind(1)
        there = a < b  # single precision rounds the narrowest to nothing
        m, s = (grid[there, j].clone().requires_grad_() for j in (1, 2))
        value = log_mass(a[there], b[there], m, s)
        gradients = torch.autograd.grad(value.sum(), (m, s))
        assert value.isfinite().all() and (value <= 0).all()
        assert all(g.isfinite().all() for g in gradients)


def test_the_only_cell_holds_everything_and_moves_no_parameter(float64):
    loc, log_scale = torch.tensor([3.0], requires_grad=True), torch.tensor([-5.0], requires_grad=True)
    p = IntervalGaussian(loc, log_scale, 0, Scores())
    value = p.log_prob(torch.tensor([12.0]))
    assert value.item() == 0
    assert [g.item() for g in torch.autograd.grad(value.sum(), (loc, log_scale))] == [0, 0]


@pytest.mark.system("H6")
@pytest.mark.parametrize("k", [1, 2, 3, 50])
@pytest.mark.parametrize("name", ["interval-gaussian", "interval-mixture"])
def test_the_masses_of_all_cells_sum_to_one(float64, k, name):
    space = cells(k)
    head = likelihood_head(space, name, mixtures=3)
    torch.manual_seed(1)
    p = torch.randn(70, *head.output) * torch.tensor([2.0, 0.5, 20.0, 7.0, 0.0]).repeat(14).view(70, 1)
    x = inside(space).unsqueeze(1)
    log_p = head.build(p.unsqueeze(1)).log_prob(x.squeeze(1).expand(70, k))
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(70), atol=1e-12, rtol=0)
    # each mass is the difference of scipy's distribution functions
    ends = [-INF, *space.edges, INF]
    if name == "interval-gaussian":
        m, s = p[0].tolist()
        due = [exact(a, b, m, min(max(s, -5), 3)) for a, b in pairwise(ends)]
        np.testing.assert_allclose(log_p[0], due, atol=1e-9)


@pytest.mark.parametrize("k", [2, 50])
@pytest.mark.parametrize("m", [-8.0, 8.0, 0.0])
@pytest.mark.parametrize("log_s", [-5.0, 3.0])
def test_extreme_gaussians_and_their_mixtures_sum_to_one(float64, k, m, log_s):
    space, x = cells(k, 4), inside(cells(k, 4))
    wide = lambda v: torch.tensor([v])
    one = IntervalGaussian(wide(m), wide(log_s), 0, space)
    assert one.log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-12)
    both = IntervalGaussian(torch.tensor([[m, 0.4]]), torch.tensor([[log_s, -2.0]]), 0, space)
    log_p = Mixture(torch.tensor([[0.3, -0.9]]), both, 0).log_prob(x)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-12)
    weight = 1 / (1 + math.exp(-1.2))
    ends = [-INF, *space.edges, INF]
    due = [
        np.logaddexp(math.log(weight) + exact(a, b, m, log_s), math.log1p(-weight) + exact(a, b, 0.4, -2.0))
        for a, b in pairwise(ends)
    ]
    np.testing.assert_allclose(log_p, due, rtol=1e-9, atol=1e-9)


def test_any_number_of_a_cell_stands_for_it_and_its_lower_end_belongs_to_it(float64):
    space = Scores(edges=(-0.5, 1.0))
    p = IntervalGaussian(torch.tensor([0.2]), torch.tensor([-0.3]), 0, space)
    at = lambda *x: p.log_prob(torch.tensor(x))
    assert at(-9.0, -0.6).unique().numel() == 1
    assert at(-0.5, 0.3, 0.999).unique().numel() == 1
    assert at(1.0, 50.0).unique().numel() == 1
    assert at(-9.0, 0.0, 1.0).unique().numel() == 3


def test_columns_of_a_grid_are_scored_as_each_alone(float64):
    columns = (cells(3), cells(50, 1), cells(1), cells(2, 2))
    torch.manual_seed(2)
    x, loc, log_scale = torch.randn(7, 4), torch.randn(7, 4), torch.randn(7, 4)
    grid = Grid(columns)
    together = IntervalGaussian(loc, log_scale, 1, grid).entries(x)
    for j, column in enumerate(columns):
        alone = IntervalGaussian(loc[:, j], log_scale[:, j], 0, column).entries(x[:, j])
        torch.testing.assert_close(together[:, j], alone, rtol=0, atol=1e-14)
        assert torch.equal(grid.cell(x)[:, j], column.cell(x[:, j]))
        torch.testing.assert_close(grid.features(x)[:, j], column.features(x[:, j]), rtol=0, atol=0)


def test_draws_fall_into_the_cells_by_their_masses(float64):
    space, n = cells(7, 5), 20000
    loc, log_scale = torch.tensor([0.3, -1.0]), torch.tensor([0.2, -0.8])
    both = IntervalGaussian(loc.expand(n, 2), log_scale.expand(n, 2), 0, space)
    x = Mixture(torch.tensor([0.0, 0.7]).expand(n, 2), both, 0).sample(Rng(3, rows=range(n)))
    weight = 1 / (1 + math.exp(0.7))
    ends = [-INF, *space.edges, INF]
    masses = [
        weight * math.exp(exact(a, b, 0.3, 0.2)) + (1 - weight) * math.exp(exact(a, b, -1.0, -0.8))
        for a, b in pairwise(ends)
    ]
    assert chi_square(space.cell(x).numpy(), np.array(masses)) > 1e-3


def test_half_precision_scores_the_cell_of_single_precision():
    """As autocast gives parameters: neighbouring ends are one number in bfloat16."""
    space = Scores(edges=(0.5, 0.501, 0.502))
    loc, log_scale = torch.tensor([0.25, 1.0]), torch.tensor([-1.0, 0.5])  # the same in both
    x = torch.tensor([0.5015, 0.5005])
    due = IntervalGaussian(loc, log_scale, 0, space).entries(x)
    found = IntervalGaussian(loc.bfloat16(), log_scale.bfloat16(), 0, space).entries(x)
    assert torch.equal(found, due) and due.exp().max() < 0.01
