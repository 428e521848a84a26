"""Pictures of held-out pairs: sources, draws and truth of images, frames, recordings and others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import simulacra
from simulacra import Audio, Levels, Real
from simulacra.exploration.drawing.picture import Beside, Grid, Sheet
from simulacra.exploration.pictures.answers.translated import translated_picture
from simulacra.exploration.pictures.registry import album_of, pictures, possible

N = 30
GREY, COLOUR = Levels((1, 4, 4), 256), Levels((3, 4, 4), 256)
SOUND = Audio((70,), 8000)


def pixels(*shape):
    return torch.randint(0, 256, (N, *shape), dtype=torch.uint8)


def waves(n=70):
    return torch.randn(N, n).clamp(-1, 1)


def album(x, space, c, condition, latent=2, **more):
    data = simulacra.from_tensors(x, space, c=c, condition=condition, **more)
    model = simulacra.GAN(data.space, condition=data.condition, latent=latent, hidden=(5,))
    model.preprocessing, model.conditioning = data.preprocessing, data.conditioning
    return album_of(model, data, 0, [])


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_images_stand_in_rows_of_source_draws_and_truth():
    of = album(pixels(3, 4, 4), COLOUR, pixels(1, 2, 4), Levels((1, 2, 4), 256))
    picture = translated_picture(of, n=3, draws=2)
    assert isinstance(picture.layout, Sheet)
    assert picture.layout.column_names == ("source", "draw 1", "draw 2", "truth")
    rows = of.varied(3)
    drawn = of.model.translate(rows.c, n=2)
    parts = [part.values for part in picture.panels]
    assert len(parts) == 12 and all(part.shape[2:] == (4, 4) for part in parts)
    for i in range(3):
        source, *draws, truth = parts[4 * i : 4 * i + 4]
        # the lower source has each of its rows twice
        np.testing.assert_array_equal(source[0], rows.c[i].repeat_interleave(2, 1))
        np.testing.assert_array_equal(np.concatenate(draws), drawn[i])
        np.testing.assert_array_equal(truth[0], rows.x[i])


def test_equal_draws_are_one_answer():
    picture = translated_picture(album(pixels(1, 4, 4), GREY, pixels(1, 4, 4), GREY, latent=0))
    assert picture.layout.column_names == ("source", "answer", "truth") and "answer" in picture.title


def test_frames_are_sources_one_by_one():
    of = album(pixels(1, 4, 4), GREY, pixels(3, 1, 4, 4), Levels((3, 1, 4, 4), 256))
    picture = translated_picture(of, n=2, draws=1)
    assert picture.layout.column_names == ("source 1", "source 2", "source 3", "answer", "truth")
    frames = of.varied(2).c
    np.testing.assert_array_equal(picture.panels[6].values[0], frames[1, 1])


def test_deep_sources_have_a_scale_of_their_own():
    c = torch.randint(400, 5000, (N, 1, 4, 4), dtype=torch.int32)
    picture = translated_picture(album(pixels(1, 4, 4), GREY, c, Levels((1, 4, 4), 2**16)))
    assert picture.layout.note.count("black") == 1 and picture.panels[1].scale.white == 255.0


def test_recordings_are_waves_above_spectrograms_on_one_scale():
    picture = translated_picture(album(waves(), SOUND, waves(), SOUND), n=2, draws=2)
    assert isinstance(picture.layout, Grid) and (picture.layout.rows, picture.layout.columns) == (4, 4)
    assert [panel.title for panel in picture.panels[:4]] == ["source", "draw 1", "draw 2", "truth"]
    heats = [panel.marks[0].values for row in (1, 3) for panel in picture.panels[4 * row : 4 * row + 4]]
    # the loudest cell of sources, draws and truth together
    assert max(heat.max() for heat in heats) == pytest.approx(60.0)
    assert len({panel.y.limits for panel in picture.panels[:4]}) == 1


def test_other_observations_are_drawn_as_their_space_asks_for():
    points, plane = torch.randn(N, 2), Real((2,))
    beside = translated_picture(album(points, plane, waves(), SOUND))
    assert isinstance(beside.layout, Beside) and len(beside.panels) == 2
    assert isinstance(translated_picture(album(points, plane, pixels(1, 4, 4), GREY)).layout, Grid)
    assert isinstance(translated_picture(album(pixels(1, 4, 4), GREY, waves(), SOUND)).layout, Sheet)


def test_rows_without_a_condition_are_left_out():
    known = torch.arange(N) % 2 == 0
    c = pixels(1, 4, 4)
    c[~known] = 0
    of = album(pixels(1, 4, 4), GREY, c, GREY, c_known=known)
    assert bool((of.paired(6).c.flatten(1).float().std(1) > 0).all())


def test_pictures_of_pairs_are_private_and_only_pairs_have_them(tmp_path):
    of = album(pixels(1, 4, 4), GREY, pixels(1, 4, 4), GREY)
    drawn = pictures(of.model, of.data, tmp_path, only="translations", n=2, draws=1)
    assert drawn["translations"].parent.name == "private"
    labels = torch.arange(N) % 3
    plain = album(pixels(1, 4, 4), GREY, labels, simulacra.Categorical((), 3))
    assert "translations" not in {kind.name for kind in possible(plain)}
    with pytest.raises(ValueError, match="translations needs a model whose condition is an image"):
        pictures(plain.model, plain.data, tmp_path, only="translations")
    with pytest.raises(ValueError, match="draws is 0, but a picture of translations needs at least 1"):
        pictures(of.model, of.data, tmp_path, only="translations", draws=0)
