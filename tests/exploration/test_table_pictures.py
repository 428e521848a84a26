"""Pictures of tables: which columns they choose, what they draw, and where they go."""

import numpy as np
import pytest
import torch
from PIL import Image

import simulacra
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Count, Real
from simulacra.exploration.pictures.correlations import as_columns, correlations, in_order, matrix, tables_of
from simulacra.exploration.pictures.pairs import pairs
from simulacra.exploration.pictures.registry import album_of, pictures
from simulacra.exploration.rendering.figure import render
from simulacra.tables.associations import associations


def table(n=150, more=0, known=None):
    """b goes with a, g with a; c and what else there is goes by itself."""
    r = np.random.default_rng(0)
    a = r.normal(size=n)
    columns = {"a": a, "c": r.poisson(2, n), "b": 2 * a + 0.1 * r.normal(size=n), "g": a > 0}
    fields = {"a": Real(), "c": Count(), "b": Real(), "g": Categorical((), 2, ("no", "yes"))}
    for i in range(more):
        columns[f"m{i}"], fields[f"m{i}"] = r.normal(size=n), Real()
    x = torch.from_numpy(np.stack(list(columns.values()), 1).astype(float))
    return simulacra.from_tensors(x, Table(fields), known=known, valid=0, test=0.2)


def small(data):
    torch.manual_seed(0)
    model = simulacra.VAE(data.space, latent=2, hidden=(8,))
    model.preprocessing = data.preprocessing
    return model


def test_a_table_gets_both_and_the_one_with_rows_is_private(tmp_path):
    data = table()
    drawn = pictures(small(data), data, tmp_path)
    assert drawn["pairs"].parent.name == "private" and drawn["correlations"].parent == tmp_path
    for name in ("pairs", "correlations"):
        with Image.open(drawn[name]) as image:
            assert min(image.size) > 300 and max(image.size) < 2600


def test_the_most_associated_columns_are_chosen():
    data = table(more=6)
    found = associations(tables_of(album_of(small(data), data, 0, ()), 200)[0])
    assert in_order(found, 2) == ["a", "b"] and in_order(found, 3) == ["a", "b", "g"]
    assert in_order(found, 99) == ["a", "c", "b", "g", *(f"m{i}" for i in range(6))]


def test_the_three_matrices_are_those_of_data_samples_and_their_difference():
    data = table()
    album = album_of(small(data), data, 0, ())
    figure = render(correlations(album))
    left, middle, right = (axes.images[0].get_array().filled(np.nan) for axes in figure.axes[:3])
    train, drawn = tables_of(album, 2000)
    assert len(train) == len(drawn) == len(data.train)
    names = ["a", "c", "b", "g"]
    assert np.allclose(left, matrix(associations(train), names), equal_nan=True)
    assert np.allclose(right, middle - left, equal_nan=True)
    assert left[0, 2] == left[2, 0] > 0.9 and np.isnan(left[0, 0])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == names
    assert {image.get_clim() for axes in figure.axes[:3] for image in axes.images} == {(-1.0, 1.0)}


def test_pairs_have_data_on_the_left_and_samples_on_the_right_with_the_same_limits():
    data = table(more=3)
    figure = render(pairs(album_of(small(data), data, 0, ())))
    left, right = (part.axes for part in figure.subfigs)
    assert len(left) == len(right) == 16
    scatters = [i for i, axes in enumerate(left) if axes.collections]
    assert len(scatters) == 6 and all(left[i].get_xlim() == right[i].get_xlim() for i in scatters)
    assert "4 most associated of 7" in figure.get_suptitle()


@pytest.mark.parametrize("draw", [pairs, correlations])
def test_missing_cells_and_constant_columns_can_be_drawn(draw):
    known = torch.ones(150, 4, dtype=torch.bool)
    known[::3, 0] = known[::4, 3] = False
    data = table(known=known)
    data.train.x[:, 1] = 2
    assert draw(album_of(small(data), data, 0, ())) is not None


def test_what_is_no_table_of_two_columns_has_neither(tmp_path):
    ring = simulacra.load_data("ring")
    model = simulacra.PPCA(ring.space, latent=1)
    with pytest.raises(ValueError, match="pairs needs a table of two columns or more"):
        pictures(model, ring, tmp_path, only="pairs")


@pytest.mark.thorough
@pytest.mark.fault("doors 2.1")
def test_long_vectors_have_the_pairs_of_their_most_dependent_entries(tmp_path):
    """An array of 16 columns is shown as a table: training rows beside samples."""
    r = np.random.default_rng(0)
    x = r.normal(size=(150, 16))
    x[:, 11] = x[:, 2] + 0.1 * r.normal(size=150)
    data = simulacra.load_data(x)
    model = small(data)
    drawn = pictures(model, data, tmp_path)
    assert drawn["pairs"].parent.name == "private" and drawn["correlations"].parent == tmp_path
    figure = simulacra.plot(model, "pairs", data=data).figure
    names = {axes.get_xlabel() for axes in figure.axes} - {""}
    assert {"x3", "x12"} <= names and len(names) == 4
    data_side, samples_side = (part.axes for part in figure.subfigs)
    assert len(data_side) == len(samples_side) == 16


@pytest.mark.fault("doors 2.1")
def test_short_vectors_and_images_have_no_pairs_of_columns():
    assert as_columns(Real((5,))) is None and as_columns(Real((1, 8, 8))) is None
    assert as_columns(Audio((50,), 100)) is None
    assert as_columns(Real((7,))).names == tuple(f"x{i}" for i in range(1, 8))
