"""Sources of translations in files that hold pairs: the half of a picture, the array of a file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra import Levels
from simulacra.core.preprocessing.images import Geometry
from simulacra.data.new_rows.opening import open_rows
from simulacra.data.new_rows.wanted import Wanted

DRAW = np.random.default_rng(5)
COLOUR = Levels((3, 6, 6), 256)


@pytest.fixture
def wide(tmp_path):
    """Pictures of twice the width of a source, and their pixels."""
    pixels = DRAW.integers(0, 256, (3, 10, 20, 3), np.uint8)
    (tmp_path / "wide").mkdir()
    for i, x in enumerate(pixels):
        Image.fromarray(x).save(tmp_path / f"wide/{i}.png")
    return tmp_path / "wide", torch.tensor(pixels).movedim(-1, 1)


def rows_in(path, **more):
    rows = open_rows(str(path), Wanted(COLOUR, source=True, **more))
    return rows, torch.cat([chunk.x for chunk in rows.chunks(8)])


@pytest.mark.parametrize(("side", "columns"), [("left", slice(10)), ("right", slice(10, 20))])
def test_of_pictures_that_are_pairs_the_half_is_taken_that_was_the_source(wide, side, columns):
    path, pixels = wide
    rows, x = rows_in(path, whole=True, half=side)
    assert rows.half == side and torch.equal(x, pixels[..., columns])
    # resized as the data of the run were, each half by itself
    rows, small = rows_in(path, half=side, geometry=Geometry(size=6))
    expected = [Geometry(size=6).cut(y.numpy(), 0, 0, 256) for y in pixels[..., columns]]
    assert rows.half == side and torch.equal(small, torch.tensor(np.stack(expected)))


def test_pictures_are_whole_where_one_is_no_pair_or_the_run_had_no_halves(wide):
    path, pixels = wide
    assert torch.equal(rows_in(path, whole=True)[1], pixels)
    Image.fromarray(DRAW.integers(0, 256, (10, 19, 3), np.uint8)).save(path / "3.png")
    rows = open_rows(str(path), Wanted(COLOUR, whole=True, source=True, half="right"))
    widths = [chunk.x.shape[-1] for chunk in rows.chunks(8)]
    assert rows.half == "" and widths == [20, 20, 20, 19]


def test_the_array_of_the_sources_is_read_with_all_its_parts(tmp_path):
    photo, label = DRAW.integers(0, 256, (2, 7, 6, 6, 3), np.uint8)
    parts = {
        "train_photo": photo[:5],
        "test_photo": photo[5:],
        "train_label": label[:5],
        "test_label": label[5:],
    }
    np.savez(tmp_path / "a.npz", **parts)
    np.savez(tmp_path / "b.npz", photo=photo, label=label)
    expected = torch.tensor(label).movedim(-1, 1)
    for name in ("a.npz", "b.npz"):
        assert torch.equal(rows_in(tmp_path / name, spec={"key": "label"})[1], expected)
