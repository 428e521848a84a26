"""cycle-gan from the command line: two folders, from training to translations of files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

SMALL = ["--model.channels", 2, "--model.patch", 1, "--epochs", 1, "--out", "run"]


@pytest.fixture
def folders(tmp_path):
    """Dark and bright noise."""
    rng = np.random.default_rng(4)
    for name, low in (("night", 0), ("day", 120)):
        (tmp_path / name).mkdir()
        for i in range(15):
            picture = rng.integers(low, low + 100, (6, 7), dtype=np.uint8)
            Image.fromarray(picture).save(tmp_path / name / f"{i}.png")


@pytest.mark.thorough
def test_two_folders_from_training_to_translated_files(cli, folders, tmp_path):
    done = cli("train", "cycle-gan", "night", "--data.condition", "domain:day", "--data.test", 12, *SMALL)
    assert done.code == 0, done.err
    done = cli("evaluate", "run")
    assert done.code == 0, done.err
    assert "led to the class" in done.out and "cycle error" in done.out
    assert json.loads((tmp_path / "run" / "report.json").read_text())["crossed"]["classes"] == [
        "night",
        "day",
    ]
    done = cli("explore", "translations", "run")
    assert done.code == 0, done.err
    done = cli("doctor", "run")
    assert "translations" in done.out
    done = cli("translate", "run", "night", "--to", "day", "--out", "led")
    assert done.code == 0, done.err
    assert len([*(tmp_path / "led").iterdir()]) == 15
    done = cli("translate", "run", "night/3.png", "--to", "day", "--out", "one.png")
    assert done.code == 0, done.err
    assert np.array_equal(np.array(Image.open("one.png")), np.array(Image.open("led/3.png")))
    done = cli("translate", "run", "night", "--to", "dya", "--out", "more")
    assert done.code == 2
    assert "did you mean" in done.err.splitlines()[-1]


def test_one_class_or_no_condition_is_refused_with_what_works(cli, folders):
    done = cli("train", "cycle-gan", "night", *SMALL)
    assert done.code == 2
    assert "--data.condition label" in done.err.splitlines()[-1]
