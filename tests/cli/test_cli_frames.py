"""Frames and volumes from the command line: from training to films and solids, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

SMALL = ["--model.channels", 2, "--epochs", 1, "--out", "run", "--batch-size", 8]


@pytest.fixture
def film(tmp_path):
    """A folder of 40 frames in which a bright column walks to the right."""
    folder = tmp_path / "film"
    folder.mkdir()
    for t in range(40):
        x = np.zeros((6, 8), np.uint8)
        x[:, t % 8] = 255
        Image.fromarray(x).save(folder / f"{t}.png")
    return folder


@pytest.fixture
def solids(tmp_path):
    """An array file of blocks of voxels that begin in front."""
    rng = np.random.default_rng(4)
    x = np.zeros((40, 5, 6, 5), np.uint8)
    for row, (d, h, w) in zip(x, rng.integers(1, 5, (40, 3))):
        row[:d, :h, :w] = 1
    np.save(tmp_path / "solids.npy", x)
    return x


def test_a_film_from_training_to_its_next_frames(cli, film, tmp_path):
    data = ["--data.condition", "past:2", "--data.validation", 6, "--data.test", 12]
    done = cli("train", "next-frame-gan", "film", *data, "--model.blocks", 1, *SMALL)
    assert done.code == 0, done.err
    done = cli("evaluate", "run")
    assert done.code == 0, done.err
    assert "the last frame" in done.out and "sharpness" in done.out
    done = cli("explore", "films", "run", "--steps", 3)
    assert done.code == 0, done.err
    assert (tmp_path / "run" / "private" / "films.png").is_file()


def test_solids_from_training_to_those_of_new_pictures(cli, solids, tmp_path):
    done = cli("train", "voxel-gan", "solids.npy", "--data.condition", "view", "--model.latent", 2, *SMALL)
    assert done.code == 0, done.err
    done = cli("evaluate", "run")
    assert done.code == 0, done.err
    assert "IoU of translations" in done.out and "IoU with the nearest solid" in done.out
    np.save(tmp_path / "pictures.npy", np.zeros((3, 6, 5), np.uint8))
    done = cli("translate", "run", "pictures.npy", "--out", "found.npy")
    assert done.code == 0, done.err
    assert np.load(tmp_path / "found.npy").shape == (3, 1, 5, 6, 5)
    done = cli("explore", "translations", "run")
    assert done.code == 0, done.err


def test_frames_of_two_sizes_are_refused_with_what_works(cli, film):
    Image.fromarray(np.zeros((6, 7), np.uint8)).save(film / "40.png")
    done = cli("train", "next-frame-gan", "film", "--data.condition", "past:2", *SMALL)
    assert done.code == 2
    said = done.err.splitlines()[-1]
    assert "40.png is 7x6" in said and "--data.size" in said


def test_frames_without_the_frames_before_are_refused(cli, film):
    done = cli("train", "next-frame-gan", "film", *SMALL)
    assert done.code == 2
    assert "--data.condition past:4" in done.err.splitlines()[-1]


def test_images_are_no_volumes(cli, film):
    done = cli("train", "voxel-gan", "film", *SMALL)
    assert done.code == 2
    assert "draws volumes (1, D, H, W)" in done.err.splitlines()[-1]
