"""Super-resolution as a user types it: a folder of photos, `downscale:2`, and what srgan refuses."""

import numpy as np
import pytest
from PIL import Image

import simulacra

SMALL = ["--model.channels", 3, "--model.blocks", 1, "--model.critic_channels", 2, "--batch_size", 4]


@pytest.fixture
def photos(tmp_path):
    """Fifteen pictures of 12 x 8 pixels."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(15):
        Image.fromarray(rng.integers(0, 256, (8, 12, 3), dtype=np.uint8)).save(
            tmp_path / "photos" / f"{i:02}.png"
        )
    return tmp_path


def test_a_folder_of_photos_is_enlarged(cli, photos):
    done = cli(
        "train", "srgan", "photos", "--data.condition", "downscale:2", *SMALL, "--epochs", 10, "--out", "run"
    )
    assert done.code == 0, done.err
    run = simulacra.load_run("run")
    x = run.model.sample(2, condition=run.data.test.c[:1], seed=0)
    assert x.shape == (2, 3, 8, 12)
    assert cli("evaluate", "run").code == 0


def test_photos_without_smaller_ones_are_refused_with_the_option_that_makes_them(cli, photos):
    done = cli("train", "srgan", "photos", *SMALL, "--epochs", 1, "--out", "run")
    assert done.code == 2 and "--data.condition downscale:4" in done.err.splitlines()[-1]
