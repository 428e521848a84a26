"""pix2pix from the command line: pictures of two halves, from training to samples, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

SMALL = ["--model.channels", 2, "--epochs", 1, "--out", "run"]


@pytest.fixture
def pictures(tmp_path):
    """Photos of noise on the left, and their bright places on the right."""
    rng = np.random.default_rng(4)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(20):
        photo = rng.integers(0, 256, (6, 7), dtype=np.uint8)
        Image.fromarray(np.hstack([photo, 255 * (photo > 127).astype(np.uint8)])).save(folder / f"{i}.png")
    return folder


def test_halves_of_pictures_from_training_to_samples(cli, pictures):
    done = cli("train", "pix2pix", "pictures", "--data.condition", "right", *SMALL)
    assert done.code == 0, done.err
    done = cli("evaluate", "run")
    assert done.code == 0, done.err
    assert "accuracy" in done.out


def test_a_label_or_no_condition_is_refused_with_what_works(cli, pictures):
    done = cli("train", "pix2pix", "pictures", *SMALL)
    assert done.code == 2
    said = done.err.splitlines()[-1]
    assert "pix2pix makes an image" in said
    assert "--data.condition right" in said


def test_a_patch_that_is_too_large_is_refused_before_the_training(cli, pictures):
    words = ["--data.condition", "right", "--model.patch", 70, *SMALL]
    done = cli("train", "pix2pix", "pictures", *words)
    assert done.code == 2
    assert "take patch=16." in done.err.splitlines()[-1]
