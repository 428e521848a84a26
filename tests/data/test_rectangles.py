"""Rows that are no squares: height and width of size=, crop= and tile=."""

import json

import numpy as np
import pytest
import torch
from data_files import write_folder, write_image
from deep_files import write_slides
from PIL import Image
from refusal import assert_refused

import simulacra
from simulacra.cli import main
from simulacra.core.preprocessing.chain import preprocessing_from
from simulacra.core.preprocessing.images import Geometry, fit
from simulacra.core.spaces.plain import Levels
from simulacra.data import load_data
from simulacra.data.images.summary import describe_images

KEEP = {"validation": 0, "test": 0}


@pytest.mark.parametrize("given", ["4x6", (4, 6), [4, 6], "(4, 6)", "4,6"], ids=str)
def test_height_and_width_are_given_in_several_forms(tmp_path, given):
    write_folder(tmp_path, n=3, size=(12, 8))  # 12 wide
    data = load_data(tmp_path, size=given, **KEEP)
    assert data.space == Levels((1, 4, 6), 256) and data.applied == ("resized to 6x4",)
    blocks = np.array([np.array(Image.open(p)) for p in sorted(tmp_path.iterdir())]).reshape(3, 4, 2, 6, 2)
    assert np.abs(data.train.x[:, 0].numpy() - blocks.mean((2, 4))).max() <= 1  # Pillow rounds twice
    again = preprocessing_from(json.loads(json.dumps(data.preprocessing.spec())))
    assert again == data.preprocessing and again.geometry == Geometry(size=given)
    assert load_data(**json.loads(json.dumps(data.spec))).train.digest() == data.train.digest()


def test_equal_sides_are_a_square_and_old_geometries_load():
    assert Geometry(size="5x5") == Geometry(size=5) == Geometry(size=5, crop=None, tile=None)
    assert Geometry(crop=(3, 3)).crop == 3 and Geometry(tile=7).side == (7, 7) and Geometry().side is None


@pytest.mark.parametrize("option", ["crop", "tile"])
def test_crops_and_tiles_are_parts_as_they_are(tmp_path, option):
    arrays = write_slides(tmp_path, [(9, 11), (12, 7)])
    x = load_data(tmp_path, **{option: (4, 3)}, **KEEP).train.x[:, 0].numpy()
    if option == "crop":
        wanted = [a[(len(a) - 4) // 2 :, (a.shape[1] - 3) // 2 :][:4, :3] for a in arrays]
    else:
        wanted = [
            a[i : i + 4, j : j + 3]
            for a in arrays
            for i in range(0, a.shape[0] - 3, 4)
            for j in range(0, a.shape[1] - 2, 3)
        ]
    assert np.array_equal(x, wanted)
    assert describe_images(tmp_path, tile=(4, 3)).endswith("; tiles of 3x4: 12")


@pytest.mark.parametrize("height, width", [(3, 4), (4, 3), (1, 7), (5, 2), (6, 6)])
@pytest.mark.parametrize("shape", [(60, 60), (48, 64), (33, 70), (71, 20)])
def test_nothing_is_distorted(shape, height, width):
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    for ramp in (rows, columns):
        flat = (ramp * 500).astype(np.uint16)[None]
        seen = fit(flat, height, width, 2**16)[0] / 500
        scale = min(shape[0] / height, shape[1] / width)
        side, count = (shape[0], height) if ramp is rows else (shape[1], width)
        wanted = side / 2 + (np.arange(count) - (count - 1) / 2) * scale
        wanted = wanted[:, None] if ramp is rows else wanted[None]
        # a whole part may stand half a pixel beside the middle; Lanczos bends a ramp at its ends
        assert np.abs(seen - wanted).max() < 0.5 + 0.06 * scale


@pytest.mark.parametrize("side", [1, 4, 7, 30])
def test_squares_are_what_they_were(side):
    x = np.random.default_rng(3).integers(0, 256, (21, 33), np.uint8)
    square = Image.fromarray(np.ascontiguousarray(x[:, 6:27]))
    how = Image.Resampling.BOX if 21 % side == 0 else Image.Resampling.LANCZOS
    assert np.array_equal(fit(x[None], side, side, 256)[0], np.array(square.resize((side, side), how)))


NO_SIZES = ["abc", "4x", "4x5x6", (), (4, 5, 6), "4.5", 4.5, True, {}, float("inf")]


@pytest.mark.parametrize("given", NO_SIZES, ids=str)
def test_what_is_no_size_is_refused(tmp_path, given):
    write_folder(tmp_path, n=3)
    assert_refused(tmp_path, f"size={given!r} is no size", "size='48x64'", size=given)


def test_refusals_give_options_that_work(tmp_path):
    write_folder(tmp_path, n=3, size=(12, 8))
    assert_refused(tmp_path, "tile=(0, 4) must be 1 or more", tile=(0, 4))
    assert_refused(tmp_path, "is 12x8, smaller than crop='9x10'", "crop='8x10'", "size='9x10'", crop=(9, 10))
    assert load_data(tmp_path, crop="8x10", **KEEP).space.shape == (1, 8, 10)
    assert_refused("digits", "8x8, smaller than crop='4x9'", "crop='4x8'", crop="4x9")
    assert load_data("digits", crop="4x8", **KEEP).space.shape == (1, 4, 8)
    assert load_data("digits", size="4x8", **KEEP).applied == ("resized to 8x4",)
    assert load_data("digits", size="8x8", **KEEP).applied == ()


def test_the_command_line_takes_both_and_pictures_are_cut_alike(tmp_path, capsys):
    for i in range(12):
        write_image(tmp_path / "photos" / f"{i}.png", i, (12, 8))
    command = ["train", "vae", str(tmp_path / "photos"), "--epochs", "1", "--out", str(tmp_path / "run")]
    assert main([*command, "--data.size", "4x6"]) == 0
    run = simulacra.load(tmp_path / "run")
    assert run.preprocessing.geometry == Geometry(size=(4, 6))
    data = load_data(tmp_path / "photos", size="4x6", **KEEP)
    opened = [Image.open(path) for path in sorted((tmp_path / "photos").iterdir())]
    values = run.log_prob(opened, k=2, seed=0).values
    assert torch.equal(values, run.log_prob(data.train.x, k=2, seed=0).values)
    assert main(["data", "inspect", str(tmp_path / "photos"), "--data.crop", "9x10"]) != 0
    assert "--data.crop 8x10" in capsys.readouterr().err


def test_rectangles_and_arrays_load(tmp_path):
    for i in range(10):
        pixels = np.random.default_rng(i).integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    assert simulacra.load_data(tmp_path, size=(16, 24)).space.shape == (3, 16, 24)
    assert simulacra.load_data(np.random.default_rng(0).normal(size=(50, 3))).space.shape == (3,)
