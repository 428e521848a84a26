"""`downscale:4` as a condition: a smaller picture, the one that Pillow makes, in memory and streamed."""

import numpy as np
import pytest
import torch
from PIL import Image

import simulacra
from simulacra.core.spaces.plain import Levels


@pytest.fixture
def photos(tmp_path):
    """Twelve pictures of 24 x 16 pixels, in which neighbors are alike."""
    rng = np.random.default_rng(0)
    for i in range(12):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
        coarse.resize((24, 16), Image.Resampling.BICUBIC).save(tmp_path / f"{i:02}.png")
    return tmp_path


@pytest.mark.parametrize("stream", [False, True])
def test_the_condition_is_the_picture_that_pillow_makes(photos, stream):
    data = simulacra.load_data(photos, condition="downscale:4", stream=stream)
    assert (data.space, data.condition) == (Levels((3, 16, 24), 256), Levels((3, 4, 6), 256))
    for name, split in data.splits.items():
        rows = split.rows(torch.arange(len(split)))
        for x, c in zip(rows.x, rows.c):
            picture = Image.fromarray(x.permute(1, 2, 0).byte().numpy())
            small = np.array(picture.resize((6, 4), Image.Resampling.BICUBIC), dtype=int)
            # halves may be rounded to either side
            apart = np.abs(small - c.permute(1, 2, 0).long().numpy())
            assert apart.max() <= 1 and apart.mean() < 0.02, name


def test_tiles_are_shrunk_each(photos):
    data = simulacra.load_data(photos, condition="downscale:2", tile=8)
    assert (data.space.shape, data.condition.shape) == ((3, 8, 8), (3, 4, 4))
    assert sum(map(len, data.splits.values())) == 12 * 6


def test_sides_that_do_not_divide_are_refused_with_a_factor_that_does(photos):
    with pytest.raises(ValueError, match=r"sides are multiples of that number.*condition='downscale:4'"):
        simulacra.load_data(photos, condition="downscale:5")


def test_the_tile_that_is_suggested_for_a_photo_that_is_too_small_can_be_shrunk(photos):
    Image.new("RGB", (30, 14)).save(photos / "small.png")
    with pytest.raises(ValueError, match=r"small.png is 30x14, smaller than tile=16") as caught:
        simulacra.load_data(photos, condition="downscale:4", tile=16)
    assert "tile=8 or" in str(caught.value)
    data = simulacra.load_data(photos, condition="downscale:4", tile=8)
    assert data.condition.shape == (3, 2, 2)
