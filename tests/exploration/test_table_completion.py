"""Completions of tables as a picture: which cells are hidden, the exact interval, shares of classes."""

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.completion import completion_picture, completions
from simulacra.exploration.pictures.registry import pictures
from simulacra.exploration.pictures.table_completion import (
    DRAWS,
    Column,
    completed_table,
    hidden_cells,
    hidden_columns,
    rows_of_picture,
    scattered,
)
from simulacra.exploration.rendering.figure import render

R = np.array([[1, 0.8, -0.3], [0.8, 1, 0.1], [-0.3, 0.1, 1]])


def gaussian(n=600, gaps=0.0):
    """Rows of N(0, R), and a copula that was solved on them."""
    rng = np.random.default_rng(0)
    z = rng.multivariate_normal(np.zeros(3), R, n)
    z[rng.random(z.shape) < gaps] = np.nan
    data = simulacra.load_data(
        {name: z[:, j] for j, name in enumerate("abc")}, missing="mask", validation=0, test=0.5
    )
    return simulacra.fit(simulacra.GaussianCopula(data.space), data).model, data


def mixed():
    rng = np.random.default_rng(1)
    sex = rng.choice(["f", "m"], 200)
    table = {
        "size": rng.normal(size=200) + (sex == "m"),
        "sex": sex,
        "town": rng.choice(["a", "b", "c"], 200),
    }
    data = simulacra.load_data(table, validation=0, test=0.3)
    return simulacra.fit(simulacra.GaussianCopula(data.space), data).model, data


@pytest.mark.fault("tables 15.a")
def test_completions_of_a_table_are_one_of_its_pictures_and_private(tmp_path):
    model, data = mixed()
    drawn = pictures(model, data, tmp_path, only="completions")
    assert drawn["completions"].parent.name == "private"


def test_a_quarter_of_the_cells_of_each_row_is_hidden():
    keep = scattered(400, 9, 3)
    assert ((~keep).sum(1) == 2).all() and torch.equal(keep, scattered(400, 9, 3))
    assert not torch.equal(keep, scattered(400, 9, 4))
    share = (~keep).double().mean(0)
    assert ((share - 2 / 9).abs() < 4.5 * (2 / 9 * 7 / 9 / 400) ** 0.5).all()
    assert ((~scattered(5, 2, 0)).sum(1) == 1).all()
    seen = torch.zeros(400, 9, dtype=torch.bool)
    seen[:, 4] = True
    # a row that shows a single cell keeps it
    assert torch.equal(hidden_cells(seen, 3), seen)


def test_of_wide_tables_fewer_rows_are_completed():
    assert [rows_of_picture(d) for d in (2, 20, 40, 1000)] == [200, 200, 100, 20]


@pytest.mark.parametrize("m", [19, 39])
def test_the_interval_holds_the_truth_nine_times_in_ten(m):
    """Truth and draws from one distribution: an exact probability, whatever the distribution is."""
    rng = np.random.default_rng(5)
    x = rng.gamma(0.5, size=(m + 1, 20000))
    column = Column(x[0], x[1:])
    assert column.held() == pytest.approx(0.9, abs=4.5 * (0.09 / 20000) ** 0.5)
    if m == 19:
        low, high = column.interval()
        np.testing.assert_array_equal(low, x[1:].min(0))
        np.testing.assert_array_equal(high, x[1:].max(0))


@pytest.mark.system("D2", "H19")
def test_draws_beside_the_truth_are_those_of_the_conditional_gaussian():
    """Given the others, cell j has the mean sum_i b_i z_i and the variance 1 / K_jj, K the inverse of R."""
    model, data = gaussian(4000)
    batch = data.test.rows(torch.arange(300))
    keep = scattered(300, 3, 0)
    drawn = completions(model, batch.x, keep, DRAWS, 0)
    _, found = hidden_columns(data.preprocessing.raw, batch.x, ~keep, drawn)
    K = np.linalg.inv(R)
    for j, name in enumerate("abc"):
        at = ~keep[:, j].numpy()
        others = [i for i in range(3) if i != j]
        z = batch.x[at].numpy()
        mean = -z[:, others] @ K[j, others] / K[j, j]
        np.testing.assert_array_equal(found[name].truth, z[:, j])
        off, n = found[name].drawn.mean(0) - mean, at.sum()
        # the draws' own spread, and the errors of R and of the cells from 2,000 rows
        due = (1 / K[j, j] / DRAWS) ** 0.5
        assert abs(off.mean()) < 4.5 * due / n**0.5 + 0.05 and off.std() < 1.2 * due + 0.05
        assert found[name].held() == pytest.approx(0.9, abs=4.5 * (0.09 / n) ** 0.5)


def test_shares_of_classes_are_those_of_the_draws():
    column = Column(np.array([0.0, 2.0, 2.0]), np.array([[0.0, 2.0, 0.0], [1.0, 2.0, 2.0]]))
    np.testing.assert_allclose(column.shares(3), [[0.5, 0.5, 0], [np.nan] * 3, [0.25, 0, 0.75]])


def test_panels_show_numbers_as_intervals_and_classes_as_shares():
    model, data = mixed()
    figure = render(completion_picture(Album(model, data, 0, []), n=30, draws=4))
    size, sex, town = figure.axes[:3]
    assert [axes.get_title(loc="left") for axes in figure.axes[:3]] == ["size", "sex", "town"]
    assert "in their 90% interval" in size.texts[0].get_text() and len(size.collections) == 1
    assert [label.get_text() for label in sex.get_xticklabels()] == ["f", "m"]
    assert town.images[0].get_array().shape[1] == 3
    assert np.allclose(town.images[0].get_array().sum(1), 1)


def test_a_part_by_name_and_missing_cells():
    model, data = gaussian(gaps=0.3)
    album = Album(model, data, 0, [])
    figure = render(completion_picture(album, known="first", n=40, draws=3))
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["b", "c"]
    assert "given the first half" in figure.get_suptitle()
    batch = data.test.rows(torch.arange(40))
    cells = len(figure.axes[0].lines[-1].get_xdata())
    assert 0 < cells < 40 and cells <= int(batch.known[:, 1].sum()) + 40
    with pytest.raises(ValueError, match="first, last, noise"):
        completion_picture(album, known="upper")
    with pytest.raises(ValueError, match="needs more rows"):
        x, nothing = batch.x, torch.zeros(40, 3, dtype=torch.bool)
        completed_table(data.preprocessing.raw, x, nothing, x.unsqueeze(0), "")


def test_a_model_that_fills_in_by_its_expectation_has_no_intervals():
    space = Table(a=Real(), b=Real(), g=Categorical((), 2))
    x = torch.rand(5, 3).round()
    hidden = torch.zeros(5, 3, dtype=torch.bool)
    hidden[:, 0] = True
    figure = render(completed_table(space, x, hidden, x.unsqueeze(0), "", "expected"))
    (axes,) = (axes for axes in figure.axes if axes.get_visible())
    assert not axes.collections and axes.get_ylabel() == "expected" and axes.texts[0].get_text() == "5 cells"
