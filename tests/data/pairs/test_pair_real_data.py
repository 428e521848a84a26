"""Facades in five ways, spoken digits with noise, and frames of a film, where SIMULACRA_DATA has them."""

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra import load_data
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Levels

pytestmark = pytest.mark.thorough


def test_facades_load_in_five_ways(real_data, tmp_path):
    facades = real_data("facades")
    whole = load_data(facades / "facades_64.npz", condition="label")
    assert {k: len(v) for k, v in whole.splits.items()} == {"train": 360, "valid": 40, "test": 100}
    assert whole.space == whole.condition == Levels((3, 64, 64), 256)
    chosen = load_data(facades / "facades_64.npz", key="photo", condition="label")
    swapped = load_data(facades / "facades_64.npz", key="label", condition="photo")
    assert torch.equal(chosen.test.c, whole.test.c) and torch.equal(swapped.test.c, whole.test.x)
    right, left = (load_data(facades / "pairs", condition=side, size=16) for side in ("right", "left"))
    assert torch.equal(right.test.x, left.test.c) and torch.equal(right.test.c, left.test.x)
    for path in sorted((facades / "pairs").glob("*.jpg"))[:20]:
        pixels = np.asarray(Image.open(path))
        for name, half in (("A", pixels[:, :256]), ("B", pixels[:, 256:])):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(half).save(tmp_path / name / f"{path.stem}.png")
    folders = load_data(tmp_path / "A", condition=f"folder:{tmp_path / 'B'}", size=16, validation=0, test=0)
    every = load_data(facades / "pairs", condition="right", size=16, validation=0, test=0)
    assert torch.equal(folders.train.x, every.train.x[:20]) and torch.equal(
        folders.train.c, every.train.c[:20]
    )


def test_spoken_digits_with_a_noise_that_is_held_out(real_data):
    real_data("fsdd")
    given = f"mix:{real_data('noise')}:5:running_tap"
    data = load_data("fsdd", tile=1024, limit=50, condition=given)
    assert data.condition == Audio((1024,), 8000)
    for split in data.splits.values():
        loud = split.x.square().mean(1) > 1e-6
        x, noise = split.x[loud].double(), (split.c - split.x)[loud].double()
        ratio = 10 * torch.log10(x.square().mean(1) / noise.square().mean(1))
        assert abs(float(ratio.median()) - 5) < 0.01


def test_frames_of_a_film(real_data):
    real_data("freyfaces")
    data = load_data("frey", condition="past:4")
    assert data.condition == Levels((4, 28, 20), 256)
    for split in data.splits.values():
        numbers = split.source_rows.numbers.tolist()
        assert numbers == list(range(numbers[0], numbers[0] + len(split)))
        # of frames that follow each other, three of four frames before are the same
        assert torch.equal(split.c[1:, :3], split.c[:-1, 1:]) and torch.equal(split.c[1:, 3], split.x[:-1, 0])
