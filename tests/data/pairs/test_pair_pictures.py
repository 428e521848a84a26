"""Halves of pictures, two folders, and arrays of a file as pairs: x and c are what was written."""

import numpy as np
import pytest
import torch
from pair_files import KEEP, ROWS, chw, pixels, write_folders, write_halves, write_image, write_keys

from simulacra import load_data
from simulacra.core.spaces.plain import Levels


def rows_and_conditions(split):
    batch = split.rows(torch.arange(len(split)))
    return batch.x.numpy(), batch.c.numpy()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("stream", [False, True])
def test_halves_are_those_of_the_pictures(tmp_path, side, stream):
    whole = chw(write_halves(tmp_path))
    data = load_data(tmp_path, condition=side, stream=stream, **KEEP)
    x, c = rows_and_conditions(data.train)
    halves = {"left": whole[..., :5], "right": whole[..., 5:]}
    assert np.array_equal(c, halves.pop(side)) and np.array_equal(x, next(iter(halves.values())))
    assert data.space == Levels((3, 6, 5), 256) == data.condition


@pytest.mark.parametrize("cut", [{"size": 4}, {"crop": 4}, {"crop": "6x3"}, {"size": 4, "grey": True}])
@pytest.mark.parametrize("kind", ["halves", "folders"])
def test_sizes_and_grey_act_on_both_alike(tmp_path, cut, kind):
    if kind == "halves":
        whole, given, at = write_halves(tmp_path / "both"), {"condition": "right"}, tmp_path / "both"
        left, right = whole[:, :, :5], whole[:, :, 5:]
    else:
        left, right = write_folders(tmp_path, other=(6, 5, 3))
        given, at = {"condition": f"folder:{tmp_path / 'c'}"}, tmp_path / "x"
    data = load_data(at, **given, **cut, **KEEP)
    for name, half in (("a", left), ("b", right)):
        for i, x in enumerate(half):
            write_image(tmp_path / name / f"{i:02d}.png", x)
    x, c = rows_and_conditions(data.train)
    assert np.array_equal(x, load_data(tmp_path / "a", **cut, **KEEP).train.x)
    assert np.array_equal(c, load_data(tmp_path / "b", **cut, **KEEP).train.x)


@pytest.mark.parametrize("stream", [False, True])
def test_tiles_of_a_condition_follow_those_of_x(tmp_path, stream):
    x, c = write_folders(tmp_path)
    given = f"folder:{tmp_path / 'c'}"
    data = load_data(tmp_path / "x", condition=given, tile=2, stream=stream, validation=0.2, test=0.2)
    for split in data.splits.values():
        rows, conditions = rows_and_conditions(split)
        for i, file in enumerate(split.source_rows.files):
            at = i - int(np.argmax(split.source_rows.files == file))
            top, left = 2 * (at // 2), 2 * (at % 2)
            n = int(file.split(".")[0])
            assert np.array_equal(rows[i], chw(x)[n, :, top : top + 2, left : left + 2])
            assert np.array_equal(conditions[i], chw(c)[n, :, top : top + 2, left : left + 2])
    files = [set(split.source_rows.files) for split in data.splits.values()]
    assert sum(map(len, files)) == len(set.union(*files)) == ROWS


def test_another_folder_may_have_other_channels_suffixes_and_a_whole_ratio(tmp_path):
    x, _ = write_folders(tmp_path, other=(3, 2))
    with pytest.raises(ValueError, match="5x6, but its partner"):
        load_data(tmp_path / "x", condition=f"folder:{tmp_path / 'c'}")
    for i in range(ROWS):
        write_image(tmp_path / "small" / f"{i:02d}.bmp", pixels(i, 3, 5)[:, ::2])
        write_image(tmp_path / "large" / f"{i:02d}.png", pixels(i, 12, 10))
    large = load_data(tmp_path / "x", condition=f"folder:{tmp_path / 'large'}", **KEEP)
    assert large.condition == Levels((1, 12, 10), 256) and np.array_equal(large.train.x, chw(x))
    both = load_data(tmp_path / "x", condition=f"folder:{tmp_path / 'small'}", size=4, **KEEP)
    assert both.space.shape == (3, 4, 4) and both.condition.shape == (1, 4, 4)


@pytest.mark.parametrize(
    "given",
    [{"condition": "label"}, {"condition": "train_label"}, {"key": "photo", "condition": "label"}],
)
def test_arrays_keep_their_official_parts(tmp_path, given):
    arrays = write_keys(tmp_path / "a.npz")
    data = load_data(tmp_path / "a.npz", validation=0, **given)
    for part in ("train", "test"):
        x, c = rows_and_conditions(data[part])
        assert np.array_equal(x, chw(arrays[f"{part}_photo"])) and np.array_equal(
            c, chw(arrays[f"{part}_label"])
        )
    swapped = load_data(tmp_path / "a.npz", key="label", condition="photo", validation=0)
    assert torch.equal(swapped.train.x, data.train.c) and torch.equal(swapped.train.c, data.train.x)


def test_arrays_of_numbers_and_of_one_value_a_row(tmp_path):
    angle = np.arange(ROWS, dtype=np.int16) % 4
    pose = np.random.default_rng(0).normal(size=(ROWS, 70))
    np.savez(tmp_path / "a.npz", images=pixels(0, ROWS, 4, 4), pose=pose, angle=angle)
    data = load_data(tmp_path / "a.npz", key="images", condition="pose", **KEEP)
    assert np.allclose(data.train.c, pose) and data.condition.shape == (70,)
    classes = load_data(tmp_path / "a.npz", key="images", condition="angle", **KEEP)
    same = load_data(tmp_path / "a.npz", key="images", label="angle", condition="label", **KEEP)
    assert classes.condition == same.condition and classes.train.digest() == same.train.digest()


def test_pictures_in_memory_have_halves(tmp_path):
    whole = pixels(0, ROWS, 4, 8)
    data = load_data(whole, condition="left", crop=2, **KEEP)
    assert np.array_equal(data.train.c[:, 0], whole[:, 1:3, 1:3])
    assert np.array_equal(data.train.x[:, 0], whole[:, 1:3, 5:7])
