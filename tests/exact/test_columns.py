"""Columns of a table on their own scales: the change of variables, its inverse, what standardizing finds."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from placed import by_place
from scipy.special import logsumexp
from tables import table_rows, values

from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.preprocessing.chain import Preprocessing, preprocessing_from
from simulacra.core.preprocessing.column_scales import Columns, as_they_are, standardizing
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Positive, Real
from simulacra.models.variational import IWAE, VAE

TABLE = Table({"a b": Real(), "c": Ordinal((), 3), "p": Positive(), "n": Count(), "r": Real()})


def rows(n: int = 37, seed: int = 3) -> torch.Tensor:
    """Rows of TABLE whose columns have places and scales of their own, float64."""
    g = np.random.default_rng(seed)
    real, positive, other = 30 + 7 * g.normal(size=n), np.exp(5 + 2 * g.normal(size=n)), g.normal(size=n)
    columns = [real, g.integers(0, 3, n), positive, g.poisson(4, n), -0.01 + 0.002 * other]
    return torch.tensor(np.stack(columns, 1))


def a_mask(n: int = 37, seed: int = 5) -> torch.Tensor:
    return torch.rand(n, 5, generator=torch.Generator().manual_seed(seed)) < 0.7


def test_known_entries_get_mean_0_and_deviation_1(float64):
    x, known = rows(), a_mask()
    junk = torch.where(known, x, torch.tensor([1e6, 2, 1e-9, 900, -1e5]))
    for data, mask in ((x, None), (junk, known)):
        columns = standardizing(TABLE, data, mask)
        y = columns.forward(data, Rng(0))
        for j in range(5):
            seen = slice(None) if mask is None else mask[:, j]
            column = y[seen, j].log() if j == 2 else y[seen, j]
            if j in (0, 2, 4):
                assert column.mean().item() == pytest.approx(0, abs=1e-12)
                assert column.std(correction=0).item() == pytest.approx(1, abs=1e-12)
            else:
                torch.testing.assert_close(y[seen, j], data[seen, j], rtol=0, atol=0)
        np.testing.assert_allclose(columns.inverse(y), data, rtol=1e-12)
    # what stands at a missing entry does not move a scale
    assert standardizing(TABLE, junk, known) == standardizing(TABLE, torch.where(known, x, 1.0), known)
    every, none = (standardizing(TABLE, x, m) for m in (torch.ones_like(known), None))
    np.testing.assert_allclose([every.shift, every.scale], [none.shift, none.scale], rtol=1e-14)


def test_the_equation_of_each_kind(float64):
    columns = Columns(("shift", "power", "keep"), (3.0, 7.0, 0.0), (0.5, 2.0, 1.0))
    x = torch.tensor([[1.0, 5.0, 4.0], [-2.0, 90.0, 0.0]])
    y = columns.forward(x, Rng(0))
    expected = np.stack([(x[:, 0] - 3) / 0.5, np.exp((np.log(x[:, 1]) - np.log(7)) / 2), x[:, 2]], 1)
    np.testing.assert_allclose(y, expected, rtol=1e-13)
    np.testing.assert_allclose(columns.inverse(y), x, rtol=1e-12)
    # the slope is the finite difference of the map
    h = 1e-6
    slope = (columns.forward(x + h, Rng(0)) - columns.forward(x - h, Rng(0))) / (2 * h)
    log_slope = columns.log_slope(x, y).expand_as(x)
    np.testing.assert_allclose(log_slope, slope.log(), atol=1e-7)
    assert columns.exact and not columns.random


@pytest.mark.parametrize("size", [1e-6, 0.1, 1.0, 40.0])
def test_a_density_integrates_to_one_over_the_raw_variable(float64, size):
    """log p_x = log p_y(T(x)) + log |dT/dx| for a real and for a positive column."""
    for space, shift, spread in (
        (Table(a=Real()), 3.0 * size, 2.5 * size),
        (Table(a=Positive()), size, 1.7),
    ):
        kind = "shift" if isinstance(space.fields[0][1], Real) else "power"
        chain = Preprocessing(space, (Columns((kind,), (shift,), (spread,)),))
        head = likelihood_head(chain.space)
        law = head.build(torch.tensor([0.4, -0.3]).view(1, *head.output))
        grid, log_w = values(space.fields[0][1], 4001)
        if kind == "shift":
            grid, log_w = grid * size + shift, log_w + math.log(size)
        x = torch.tensor(grid).unsqueeze(1)
        y, log_det = chain.forward(x, Rng(0, rows=range(len(x))))
        assert log_det.dtype == torch.float64 and log_det.shape == (len(x),)
        assert logsumexp((law.log_prob(y) + log_det).numpy() + log_w) == pytest.approx(0, abs=1e-8)


def test_the_jacobian_is_that_of_the_known_entries(float64):
    x, known = rows(), a_mask()
    chain = Preprocessing(TABLE, (standardizing(TABLE, x, known),))
    rng = Rng(0, rows=range(len(x)))
    y, log_det = chain.forward(x, rng)
    h = torch.tensor([1e-5, 0, 1e-6, 0, 1e-8])
    difference = chain.forward(x + h * x.abs(), rng)[0] - chain.forward(x - h * x.abs(), rng)[0]
    slope = torch.where(h > 0, difference / (2 * h * x.abs()), torch.ones(()))
    np.testing.assert_allclose(log_det, slope.log().sum(1), atol=1e-6)
    some, masked = chain.forward(x, rng, known)
    torch.testing.assert_close(some[known], y[known], rtol=0, atol=0)
    np.testing.assert_allclose(masked, torch.where(known, slope.log(), 0.0).sum(1), atol=1e-6)
    # whatever stands where nothing is known
    _, junk = chain.forward(torch.where(known, x, torch.ones_like(x)), rng, known)
    torch.testing.assert_close(junk, masked, rtol=0, atol=1e-12)
    nothing = chain.forward(x, rng, torch.zeros_like(known))[1]
    assert (nothing == 0).all()


def test_two_steps_add_their_jacobians(float64):
    space = Table(a=Real(), b=Positive())
    first = Columns(("shift", "power"), (1.0, 2.0), (3.0, 0.5))
    second = Columns(("shift", "power"), (-2.0, 5.0), (0.1, 3.0))
    x, rng = torch.tensor([[0.3, 4.0], [9.0, 0.2]]), Rng(0, rows=range(2))
    known = torch.tensor([[True, False], [False, True]])
    chain = Preprocessing(space, (first, second))
    y, log_det = chain.forward(x, rng, known)
    np.testing.assert_allclose(chain.inverse(y)[known], x[known], rtol=1e-12)
    h = 1e-6
    slope = (chain.forward(x * (1 + h), rng)[0] - chain.forward(x * (1 - h), rng)[0]) / (2 * h * x)
    np.testing.assert_allclose(log_det, slope.log()[known], atol=1e-7)


@pytest.mark.parametrize("build", [VAE, IWAE])
def test_rescaling_a_column_shifts_scores_by_its_logarithm(float64, build):
    """Raw in, raw out: a table in other units has other densities, by exactly the unit."""
    x, known = rows(11), a_mask(11)
    torch.manual_seed(6)
    model = build(TABLE, latent=2, hidden=(5,))
    scores = {}
    for factor in (1.0, 0.1):
        scaled = x * torch.tensor([factor, 1, 1, 1, 1])
        both = x * torch.tensor([factor, 1, factor, 1, 1])
        for name, data in (("real", scaled), ("both", both)):
            model.preprocessing = Preprocessing(TABLE, (standardizing(TABLE, data, None),))
            scores[name, factor] = by_place(model, data).value
            gaps = TABLE.filled(data, known)
            scores[name, factor, "masked"] = by_place(model, gaps, known=known).value
            done = model.complete(data, known, seed=2)
            torch.testing.assert_close(done[known], data[known], rtol=0, atol=0)
            TABLE.check(done)
    log10 = math.log(10)
    for name, scaled in (("real", [0]), ("both", [0, 2])):
        shift = scores[name, 0.1] - scores[name, 1.0]
        np.testing.assert_allclose(shift, len(scaled) * log10, atol=1e-9)
        shift = scores[name, 0.1, "masked"] - scores[name, 1.0, "masked"]
        np.testing.assert_allclose(shift, known[:, scaled].sum(1) * log10, atol=1e-9)


def test_constant_columns_single_values_and_empty_columns_stay_finite(float64):
    space = Table(a=Real(), p=Positive(), b=Real(), q=Positive())
    x = torch.tensor([[4.0, 9.0, 1.0, 3.0], [4.0, 9.0, 5.0, 0.1], [4.0, 9.0, 8.0, 7.0]])
    known = torch.tensor([[True, True, False, False], [True, True, True, True], [True, True, False, False]])
    for mask in (None, known, known & torch.tensor([False, True, True, True])):
        columns = standardizing(space, x, mask)
        assert all(s > 0 and math.isfinite(s) for s in columns.scale)
        y = columns.forward(x, Rng(0))
        assert y.isfinite().all()
        np.testing.assert_allclose(columns.inverse(y), x, rtol=1e-12)
        assert columns.log_slope(x, y).isfinite().all()
    assert y[:, 1].log().abs().max() < 1e-12  # a constant goes to the centre
    assert columns.scale[1] == 1.0 and columns.scale[2] == 1.0
    # one row, and rounding that is no spread
    assert standardizing(space, x[:1], None).scale == (1.0,) * 4
    tenth = torch.full((10, 1), 0.1)
    assert standardizing(Table(a=Real()), tenth, None).scale == (1.0,)
    assert standardizing(Table(a=Positive()), tenth, None).scale == (1.0,)


@pytest.mark.parametrize("unit", [1e-20, 1e-12, 1e9])
def test_no_unit_is_too_small_to_be_standardized(float64, unit):
    space, x = Table(a=Real(), b=Positive()), rows()[:, [0, 2]] * unit
    y = standardizing(space, x, None).forward(x, Rng(0))
    np.testing.assert_allclose([y[:, 0].std(correction=0), y[:, 1].log().std(correction=0)], 1, rtol=1e-9)


def test_a_table_of_one_kind_needs_no_names(float64):
    real, binary = Table(a=Real(), b=Real(), c=Real()), Table(a=Binary(), b=Binary())
    x = torch.randn(5, 3)
    assert Preprocessing(real, (as_they_are(real),)).space == Real((3,))
    assert Preprocessing(real, (standardizing(real, x, None),)).space == Real((3,))
    assert Preprocessing(binary, (as_they_are(binary),)).space == Binary((2,))
    for mixed in (
        TABLE,
        Table(a=Real(), b=Binary()),
        Table(a=Positive(), b=Positive()),
        Table(a=Real(), b=Positive()),
        Table(a=Count(), b=Count()),
        Table(a=Categorical((), 2), b=Categorical((), 2)),
    ):
        assert Preprocessing(mixed, (as_they_are(mixed),)).space == mixed
    torch.testing.assert_close(as_they_are(real).forward(x, Rng(0)), x, rtol=0, atol=0)


def test_columns_come_back_from_their_json(float64):
    chain = Preprocessing(TABLE, (standardizing(TABLE, rows(), None),))
    again = preprocessing_from(json.loads(json.dumps(chain.spec())))
    assert again == chain and again.space == chain.space == TABLE
    y, log_det = again.forward(rows(), Rng(0, rows=range(37)))
    torch.testing.assert_close(y, chain.forward(rows(), Rng(0, rows=range(37)))[0], rtol=0, atol=0)
    assert again.label == chain.label and log_det.shape == (37,)


def test_classes_and_counts_are_never_moved(float64):
    x = table_rows("count and binary", 9)
    columns = standardizing(Table(a=Count(), b=Binary()), x, None)
    assert set(columns.kinds) == {"keep"} and columns == as_they_are(Table(a=Count(), b=Binary()))
