"""The operations of a training step of wide tables with gaps, and that fewer of them change no number."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from simulacra.core.distributions.intervals import log_mass
from simulacra.core.preprocessing.normal_scores import NormalScores
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.models.autoregressive.tables.tabular import Tabular
from simulacra.nets.columnwise import ColumnNets


def wide(columns: int) -> Tabular:
    """Columns of a hundred fine cells each, in one order."""
    edges = tuple(torch.special.ndtri(torch.arange(1, 100, dtype=torch.float64) / 100).tolist())
    return Tabular(Table({f"c{j}": Scores(edges=edges) for j in range(columns)}), hidden=(16,), orders=1)


def test_arranged_features_give_the_parameters_of_each_column(float64):
    nets = ColumnNets([1, 3, 2, 1], [2, 4, 3, 2], [2, 0, 3, 1], (5, 4), condition=2)
    f = torch.randn(6, 3, 9)
    for j in range(4):
        torch.testing.assert_close(nets.arranged(f[..., nets.arrangement], j), nets.column(f, j))
    # the condition, then the columns in their order
    assert nets.arrangement.tolist() == [7, 8, 4, 5, 0, 6, 1, 2, 3]
    assert "arrangement" not in nets.state_dict()


@pytest.mark.fault("tables 15.c")
def test_guesses_multiply_only_what_their_columns_see():
    """Sum over columns of rows x (seen x 16 + 16 x parameters): half of all features in the mean."""
    d, k, model = 90, 3, wide(90)
    x, known = torch.randn(8, d), torch.rand(8, d) > 0.3
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        model.weighted(0, x, known, Rng(0, rows=range(8)), k, None)
    due = sum(2 * 8 * k * 16 * (j + model.heads.outputs[j]) for j in range(d))
    assert counted.get_total_flops() == pytest.approx(due, rel=0.02)


@pytest.mark.fault("tables 15.c")
def test_narrow_cells_take_no_tails(monkeypatch):
    """Of 2,000 fine cells under wide components, none is wide: only the ends ask for log Phi."""
    seen, real = [], torch.special.log_ndtr
    monkeypatch.setattr(torch.special, "log_ndtr", lambda x: (seen.append(x.numel()), real(x))[1])
    ends = torch.linspace(-2, 2, 2001)
    a, b = ends[:-1].clone(), ends[1:].clone()
    a[0], b[-1] = -torch.inf, torch.inf
    with torch.no_grad():
        log_mass(a, b, torch.zeros(()), torch.zeros(()))
    # three sides of each of the two ends at most
    assert sum(seen) <= 6


def test_masses_are_the_same_with_and_without_gradients():
    torch.manual_seed(0)
    a = torch.randn(500) * 3
    b = a + torch.logspace(-6, 1, 500)
    a[:20], b[10:30] = -torch.inf, torch.inf
    loc, log_scale = torch.randn(4, 1), torch.randn(4, 1)
    with torch.no_grad():
        quick = log_mass(a, b, loc, log_scale)
    torch.testing.assert_close(quick, log_mass(a, b, loc, log_scale), rtol=0, atol=0)


@pytest.mark.fault("tables 15.c")
def test_normal_scores_write_themselves_without_a_copy():
    step = NormalScores(((0.0, 5.0), ()), ((0.0,), ()), decimals=(1, None))
    assert step.spec()["values"] is step.values
    assert json.dumps(step.spec()) == json.dumps({"kind": "NormalScores", **asdict(step)})
