"""Pictures as data: every picture becomes JSON, arrays come back, and the renderer draws what they hold."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch

import simulacra
from contract.toys import Diffusion
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.exploration.drawing import marks
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.scale import ClassColours
from simulacra.exploration.drawing.views import view_data
from simulacra.exploration.live.sample_history import History, Snapshot
from simulacra.exploration.pictures.registry import PICTURES, album_of, possible
from simulacra.exploration.rendering import style
from simulacra.exploration.rendering.axes import DRAW
from simulacra.exploration.rendering.figure import render


def array(entry) -> np.ndarray:
    """An array of the JSON of a picture."""
    if isinstance(entry, list):
        return np.array(entry)
    found = np.frombuffer(base64.b64decode(entry["base64"]), np.dtype(entry["dtype"]).newbyteorder("<"))
    return found.reshape(entry["shape"])


def album(model, data, metrics=(), history=None):
    """The album of a model that was not trained."""
    model.preprocessing = data.preprocessing
    return album_of(model, data, 0, metrics, history)


def albums():
    """Albums whose pictures are, together, all of the registry."""
    torch.manual_seed(0)
    digits, ring, bars = (simulacra.load_data(name) for name in ("digits", "ring", "bars-and-stripes"))
    rows = [{"a": k % 7 / 2, "b": k % 11 / 3, "c": "xyz"[k % 3], "d": k % 5 * 1.5} for k in range(90)]
    table = simulacra.load_data(rows)
    points = torch.randn(50, 2, dtype=torch.float64)
    kept = History(torch.tensor([[-2.0, -2.0], [2.0, 2.0]]), (Snapshot(0, points, torch.rand(40, 40)),))
    metrics = [{"epoch": k, "loss": 1 / (k + 1), "valid_score": -1.0 * k} for k in range(4)]
    squares = simulacra.from_tensors(torch.randn(50, 1, 3, 3), Real((1, 3, 3)))
    small = {"latent": 2, "hidden": (4,)}
    three = Categorical((), 3)
    given = simulacra.from_tensors(
        torch.randn(60, 1, 3, 3), Real((1, 3, 3)), c=torch.arange(60) % 3, condition=three
    )
    waves = simulacra.from_tensors(torch.rand(50, 21) - 0.5, simulacra.Audio((21,), 8000))
    twice = torch.randn(40, 1, 3, 3)
    paired = simulacra.from_tensors(twice, Real((1, 3, 3)), c=-twice, condition=Real((1, 3, 3)))
    letters, number = simulacra.Tokens((4,), 3, ("<end>", "a", "b")), Real((1,))
    measured = simulacra.from_tensors(
        torch.randint(1, 3, (40, 4)), letters, c=torch.randn(40, 1), condition=number
    )
    few = {"latent": 2, "hidden": 3, "width": 2, "property_hidden": (3,)}
    return {
        "texts": album(simulacra.ChemicalVAE(letters, number, **few), measured),
        "pairs": album(simulacra.GAN(paired.space, paired.condition, **small), paired),
        "recordings": album(simulacra.GAN(waves.space, **small), waves),
        "VAE": album(simulacra.VAE(digits.space, **small), digits, metrics),
        "classes": album(simulacra.VAE(given.space, three, **small), given),
        "images": album(simulacra.GAN(digits.space, **small), digits),
        "points": album(simulacra.GAN(ring.space, **small), ring, (), kept),
        "RBM": album(simulacra.RBM(bars.space, hidden=4), bars),
        "table": album(simulacra.GaussianCopula(table.space), table),
        "denoising": album(simulacra.Autoencoder(digits.space, corruption="gaussian:0.5", **small), digits),
        "finite chain": album(Diffusion(squares.space, length=3), squares),
    }


@pytest.fixture(scope="module")
def drawn():
    """Every picture of every album, by album and name."""
    pairs = ((key, kind, album) for key, album in albums().items() for kind in possible(album))
    return {(key, kind.name): kind.draw(album) for key, kind, album in pairs}


def test_every_picture_of_the_registry_is_data_and_json(drawn):
    assert {name for _, name in drawn} == {kind.name for kind in PICTURES}
    for picture in drawn.values():
        assert isinstance(picture, Picture)
        text = json.dumps(picture.json(), allow_nan=False)
        assert json.loads(text)["title"] == picture.title


def arrays(value, entry):
    """Each array of a value, with its entry in the JSON."""
    if isinstance(value, np.ndarray):
        yield value, array(entry)
    elif isinstance(value, tuple):
        for a, b in zip(value, entry, strict=True):
            yield from arrays(a, b)
    elif hasattr(value, "__dataclass_fields__"):
        assert entry["kind"] == type(value).__name__
        for name in value.__dataclass_fields__:
            yield from arrays(getattr(value, name), entry[name])


def test_arrays_come_back_from_json(drawn):
    for (_, name), picture in drawn.items():
        found = list(arrays(picture, picture.json()))
        # a picture of texts has none
        assert found or "words" in json.dumps(picture.json()), name
        for before, after in found:
            np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-30, equal_nan=True)


def test_whole_numbers_are_exact_and_small():
    levels = torch.randint(0, 2**16, (9, 1, 6, 6), generator=torch.Generator().manual_seed(0))
    picture = view_data(Levels((1, 6, 6), 2**16), levels)
    entry = picture.json()["panels"][0]
    assert entry["values"]["dtype"] == "uint16" and np.array_equal(array(entry["values"]), levels.numpy())
    assert entry["scale"]["kind"] == "Scale" and entry["scale"]["white"] == picture.panels[0].scale.white


def test_a_picture_that_is_too_large_is_refused_with_a_limit_that_works():
    picture = view_data(Real((2,)), torch.randn(500, 2), "many")
    with pytest.raises(ValueError, match="'many' take 5,336 bytes as base64, but limit is 999") as caught:
        picture.json(limit=999)
    assert f"json(limit={5336})" in str(caught.value) and picture.json(limit=5336)


def test_what_is_missing_stays_missing():
    x = torch.ones(3, 9)
    x[1, 4] = torch.nan
    (panel,) = view_data(Binary((9,)), x).panels
    entry = array(view_data(Binary((9,)), x).json()["panels"][0]["marks"][0]["values"])
    assert np.array_equal(entry, panel.marks[0].values, equal_nan=True) and np.isnan(entry[1, 4])


def test_histograms_leave_out_what_is_missing():
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    whole = x[1:].clone()
    x[0, 1] = torch.nan
    marks = [view_data(Real((3,)), rows).panels[4].marks[0] for rows in (x, whole)]
    np.testing.assert_array_equal(marks[0].heights, marks[1].heights)
    np.testing.assert_allclose((marks[0].heights[0] * np.diff(marks[0].edges)).sum(), 1)


def test_single_numbers_have_a_histogram_and_classes_no_note_of_greys():
    (mark,) = view_data(Real(), torch.arange(9.0)).panels[0].marks
    assert mark.edges[0] == 0 and mark.edges[-1] == 8
    picture = view_data(Categorical((1, 4, 4), 3), torch.randint(0, 3, (4, 1, 4, 4)))
    assert picture.layout.note == "" and picture.panels[0].scale == ClassColours(3)


def test_a_plot_has_its_data_and_the_figure_of_them():
    data = simulacra.load_data("ring", limit=100)
    made = simulacra.plot(simulacra.PPCA(data.space, latent=1), "samples", data=data)
    (points,) = made.data.panels[0].marks
    np.testing.assert_array_equal(
        made.figure.axes[0].collections[0].get_offsets(), np.stack([points.x, points.y], 1)
    )
    assert made.data.panels[0].x.name == made.figure.axes[0].get_xlabel() == "x1"


def test_the_renderer_draws_every_mark_and_every_role():
    assert set(DRAW) == set(marks.Mark.__args__)
    assert all(style.colour(role).startswith("#") for role in style.ROLES)
    assert style.colour(marks.ClassColour(1, 3)) == style.class_colours(3)[1]


def test_histograms_draw_the_heights_that_they_hold():
    edges, heights = np.array([0.0, 1.0, 4.0]), np.array([[2.0, 0.5], [1.0, 3.0]])
    mark = marks.Histogram(edges, heights, ("samples", "data"), ("a", "b"))
    figure = render(grid([Panel((mark,), x=Axis("x"))], 1, 3.0, 2.0))
    tops = [(p.get_x(), p.get_width(), p.get_y() + p.get_height()) for p in figure.axes[0].patches]
    assert tops == [(0, 1, 2), (1, 3, 0.5), (0, 1, 3), (1, 3, 3.5)]
