"""Normal scores of a table's numbers: cells, expected scores by quadrature, and the way back."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy
import torch
from scipy.integrate import quad

from simulacra.core.preprocessing.chain import Preprocessing, preprocessing_from
from simulacra.core.preprocessing.normal_scores import NormalScores, cells_of, scoring
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Numeric, Scores
from simulacra.core.spaces.plain import Binary

NO_NOISE = Rng(0)


def step_of(*columns, known=None, tails="observed", decimals=None) -> NormalScores:
    """The step for columns of numbers."""
    x = torch.tensor(np.stack(columns, 1), dtype=torch.float64)
    fields = Table({f"c{j}": Numeric((), decimals, tails) for j in range(len(columns))})
    step = scoring(fields, x, known)
    assert step is not None
    return step


def there_and_back(step: NormalScores, column) -> np.ndarray:
    x = torch.tensor(np.asarray(column, dtype=float)).unsqueeze(1)
    return step.inverse(step.forward(x, NO_NOISE))[:, 0].numpy()


def skewed(n: int, seed: int = 3) -> np.ndarray:
    """A column with an atom, ties and a long tail."""
    rng = np.random.default_rng(seed)
    x = np.exp(rng.normal(size=n)).round(2)
    x[rng.random(n) < 0.3] = 0.0
    return x


@pytest.mark.parametrize("n", [2, 3, 50, 400])
def test_every_number_of_a_column_comes_back_as_it_is_written(float64, n):
    for column in (skewed(n), np.arange(n) / 10, -np.geomspace(1e-9, 1e9, n)):
        assert (there_and_back(step_of(column), column) == column).all()


def test_cells_have_the_shares_of_their_values_and_scores_are_their_expectations(float64):
    column = skewed(211)
    values, counts = np.unique(column, return_counts=True)
    found, edges, _ = cells_of(column)
    assert found == tuple(values.tolist())
    space = Scores(edges=edges)
    np.testing.assert_allclose(space.masses, counts / 211, atol=1e-8)
    ends = [-np.inf, *scipy.stats.norm.ppf(counts.cumsum()[:-1] / 211), np.inf]
    # E[z | z in cell] by quadrature
    due = [
        quad(lambda z: z * scipy.stats.norm.pdf(z), a, b, epsabs=1e-13)[0] / (count / 211)
        for a, b, count in zip(ends, ends[1:], counts, strict=False)
    ]
    np.testing.assert_allclose(space.centres, due, atol=2e-6)
    y = step_of(column).forward(torch.tensor(column).unsqueeze(1), NO_NOISE)[:, 0]
    np.testing.assert_allclose(y, np.array(due)[np.searchsorted(values, column)], atol=2e-6)
    # scores have mean 0: no cell is lost
    assert abs(y.mean().item()) < 1e-7


def test_every_score_lies_within_its_own_cell_also_in_single_precision(float64):
    rng = np.random.default_rng(1)
    column = np.concatenate([np.zeros(90000), rng.normal(size=60000).round(3)])
    _, edges, _ = cells_of(column)
    space = Scores(edges=edges)
    for dtype in (torch.float64, torch.float32):
        f = space.centres.to(dtype)
        assert torch.equal(space.cell(f), torch.arange(space.cells))


def test_an_atom_keeps_its_share_exactly_and_draws_return_it(float64):
    rng = np.random.default_rng(5)
    column = np.concatenate([np.zeros(53), np.round(rng.normal(3, 1, 47), 2)])
    step = step_of(column)
    cells = Scores(edges=step.edges[0])
    zero = step.values[0].index(0.0)
    assert cells.masses[zero].item() == pytest.approx(0.53, abs=1e-8)
    grid = torch.special.ndtri((torch.arange(100000) + 0.5) / 100000).unsqueeze(1)
    assert (step.inverse(grid) == 0).double().mean().item() == pytest.approx(0.53, abs=1e-5)


def test_the_way_back_never_falls(float64):
    y = torch.linspace(-9, 9, 7001).unsqueeze(1)
    for tails in ("observed", "continued"):
        for column in (skewed(70), np.array([2.0, 5.0]), np.arange(3.0), np.array([1.0])):
            x = step_of(column, tails=tails).inverse(y)[:, 0]
            assert (x.diff() >= 0).all()


def test_a_number_that_was_not_seen_goes_to_the_nearest_value(float64):
    column = np.array([1.0, 2.0, 4.0, 8.0])
    step = step_of(column)
    new = np.array([-1e9, 1.49, 1.51, 2.9, 3.1, 5.9, 6.1, 1e9])
    nearest = column[abs(new[:, None] - column).argmin(1)]
    assert (there_and_back(step, new) == nearest).all()
    assert step.forward(torch.tensor([[3.1]]), NO_NOISE) == step.forward(torch.tensor([[4.0]]), NO_NOISE)


def test_of_many_values_a_thousand_are_kept_and_the_extremes_among_them(float64):
    rng = np.random.default_rng(2)
    column = np.unique(rng.standard_t(3, size=6000))[:5000]
    rng.shuffle(column)
    values, edges, recurring = cells_of(column)
    assert 1000 < len(values) <= 1024 and not recurring
    assert values[0] == column.min() and values[-1] == column.max() and set(values) <= set(column)
    masses = Scores(edges=edges).masses
    assert masses.sum().item() == pytest.approx(1) and masses.max() < 12 / 5000
    # the share of a cell is that of the rows that are nearest to it
    nearest = abs(column[:, None] - np.array(values)).argmin(1)
    np.testing.assert_allclose(masses, np.bincount(nearest) / 5000, atol=1e-8)
    # what comes back is one of the values, and near
    back = there_and_back(step_of(column), column)
    assert set(back) == set(values) and scipy.stats.spearmanr(back, column)[0] > 0.99999


def test_an_atom_among_thousands_of_values_is_kept(float64):
    rng = np.random.default_rng(2)
    column = np.concatenate([np.zeros(4000), rng.exponential(size=6000)])
    values, edges, _ = cells_of(column)
    zero = Scores(edges=edges).masses[values.index(0.0)].item()
    # beside the zeros the cell has the rows that are nearer to 0 than to the next value
    assert zero == pytest.approx(0.4, abs=2 / 1024)


def test_continued_tails_go_between_and_beyond_and_round_to_the_decimals(float64):
    column = np.random.default_rng(4).gamma(2.0, 10.0, 300).round(1)
    assert len(np.unique(column)) > 150
    step = step_of(column, tails="continued", decimals=1)
    y = torch.linspace(-4, 4, 4001).unsqueeze(1)
    x = step.inverse(y)[:, 0].numpy()
    assert (np.diff(x) >= 0).all() and x.max() > column.max() and x.min() < column.min()
    np.testing.assert_allclose(x * 10, (x * 10).round(), atol=1e-9)
    assert not set(x.round(1)) <= set(column)
    # within the extremes it is the line through (f_k, v_k)
    cells, values = Scores(edges=step.edges[0]), np.array(step.values[0])
    f = cells.centres.numpy()
    inner = (y[:, 0].numpy() >= f[0]) & (y[:, 0].numpy() <= f[-1])
    due = np.interp(y[:, 0].numpy()[inner], f, values)
    assert abs(x[inner] - due).max() <= 0.05 + 1e-9
    # each value's own score returns it
    np.testing.assert_allclose(step.inverse(cells.centres.unsqueeze(1))[:, 0], values, atol=1e-9)


def test_tails_go_on_as_steep_as_the_outer_twentieth(float64):
    column = np.arange(97.0) ** 2
    step = step_of(column, tails="continued")
    f = Scores(edges=step.edges[0]).centres
    share = np.arange(1, 98) / 97
    low, high = int((share < 0.05).sum()), int((share < 0.95).sum())
    above = (column[-1] - column[high]) / (f[-1] - f[high])
    below = (column[0] - column[low]) / (f[0] - f[low])
    x = step.inverse(torch.stack([f[-1] + 0.7, f[0] - 0.7]).unsqueeze(1))[:, 0]
    assert x[0].item() == pytest.approx(column[-1] + 0.7 * above.item())
    assert x[1].item() == pytest.approx(column[0] - 0.7 * below.item())


def test_continued_tails_stay_on_values_where_most_recur(float64):
    column = np.repeat([1.0, 2.5, 7.0, 11.0], 25)
    step = step_of(column, tails="continued", decimals=1)
    assert step.continued == (False,)
    assert set(step.inverse(torch.linspace(-9, 9, 501).unsqueeze(1))[:, 0].tolist()) == {1.0, 2.5, 7.0, 11.0}


def test_neighbouring_doubles_stay_apart(float64):
    """0.1 * 7 and 0.7 differ in the last bit: their middle is one of the two."""
    for column in ([0.1, 0.7, 0.1 * 7, 0.9], [1.1 + 2.2, 3.3, 4.0, 5.0], [0.3, 0.1 + 0.2, 0.5]):
        column = np.array(column)
        step = step_of(column)
        cells = Scores(edges=step.edges[0])
        np.testing.assert_allclose(cells.masses, np.full(len(column), 1 / len(column)), atol=1e-8)
        assert cells.centres.isfinite().all()
        assert (there_and_back(step, column) == column).all()


def test_time_stamps_stay_apart(float64):
    column = 1.7e9 + np.arange(40.0)
    step = step_of(column)
    assert step.double and (there_and_back(step, column) == column).all()
    assert not step_of(np.arange(40.0)).double
    torch.set_default_dtype(torch.float32)
    y = step.forward(torch.tensor(column).unsqueeze(1), NO_NOISE).float()
    assert (step.inverse(y)[:, 0].numpy() == column).all()


def test_missing_entries_count_for_nothing(float64):
    a, b = skewed(60), skewed(60, 8)
    known = torch.rand(60, 2) < 0.6
    holes = np.where(known.numpy(), np.stack([a, b], 1), np.nan)
    whole = step_of(*holes.T, known=known)
    for j, column in enumerate((a, b)):
        alone = step_of(column[known[:, j].numpy()])
        assert whole.values[j] == alone.values[0] and whole.edges[j] == alone.edges[0]
    # a column of which nothing is known has one cell
    empty = step_of(a, known=torch.zeros(60, 1, dtype=torch.bool))
    assert empty.values == ((0.0,),) and empty.edges == ((),)


@pytest.mark.parametrize("tails", ["observed", "continued"])
def test_a_column_with_one_value_has_one_cell(float64, tails):
    step = step_of(np.full(9, 4.5), tails=tails)
    cells = Scores(edges=step.edges[0])
    assert cells.masses.tolist() == [1] and cells.centres.tolist() == [0]
    y = step.forward(torch.tensor([[4.5], [9.0]]), NO_NOISE)
    assert y.tolist() == [[0], [0]]
    assert step.inverse(torch.tensor([[-3.0], [0.0], [7.0]])).tolist() == [[4.5]] * 3
    assert step.restore(torch.tensor([[-3.0], [7.0]])).tolist() == [[4.5]] * 2


def test_a_mean_score_is_restored_between_the_values_and_within_them(float64):
    step = step_of(np.array([0.0, 10.0, 20.0]))
    f = Scores(edges=step.edges[0]).centres
    at = torch.stack([f[0] - 3, f[0], (f[0] + f[1]) / 2, f[1], (f[1] + 3 * f[2]) / 4, f[2] + 3])
    np.testing.assert_allclose(step.restore(at.unsqueeze(1))[:, 0], [0, 0, 5, 10, 17.5, 20], atol=1e-9)


def test_other_columns_are_kept_and_the_step_comes_back_from_its_json(float64):
    raw = Table(a=Numeric((), 2, "continued"), b=Binary(), c=Numeric((2,)))
    x = torch.randn(50, 4).round(decimals=2)
    x[:, 1] = (x[:, 1] > 0).double()
    chain = Preprocessing(raw, (scoring(raw, x, None),))
    assert [type(space).__name__ for _, space in chain.space.fields] == ["Scores", "Binary", "Scores"]
    again = preprocessing_from(json.loads(json.dumps(chain.spec())))
    assert again == chain and again.space == chain.space and again.label == "normal scores"
    y, log_det = again.forward(x, NO_NOISE)
    assert torch.equal(y[:, 1], x[:, 1]) and not log_det.any()
    assert torch.equal(y, chain.forward(x, NO_NOISE)[0])
    drawn = torch.randn(90, 4)
    drawn[:, 1] = 1
    assert torch.equal(again.inverse(drawn), chain.inverse(drawn))
    assert scoring(Table(b=Binary()), x[:, 1:2], None) is None
    with pytest.raises(ValueError, match="load the table again"):
        chain.steps[0].space(Table(a=Numeric()))


def test_the_mark_tells_apart_other_cells(float64):
    a, b = step_of(np.arange(5.0)), step_of(np.array([0.0, 0.0, 1.0, 2.0, 3.0, 4.0]))
    assert a.mark != b.mark and a.mark == step_of(np.arange(5.0)[::-1]).mark and a.label == b.label
