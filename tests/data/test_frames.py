"""Frames of animated files are rows, as they are shown, and those of one file stay in one split."""

import logging

import numpy as np
import pytest
import torch
from image_writers import chunk, moving, planes, png_bytes, pnm_bytes, with_chunk
from PIL import Image
from refusal import assert_refused

from simulacra.core.spaces.plain import Levels
from simulacra.data import load_data
from simulacra.data.images.summary import describe_images

KEEP = {"validation": 0, "test": 0}
KINDS = {"png": {}, "apng": {"format": "PNG"}, "webp": {"lossless": True}, "gif": {}, "tif": {}}


def frames(seed: int, count: int = 3, colours: bool = True) -> list[np.ndarray]:
    """Pictures of few colours, so that a palette keeps them."""
    x = np.random.default_rng(seed).integers(0, 6, (count, 7, 6, 3) if colours else (count, 7, 6))
    return list((x * 40 + seed).astype(np.uint8))


@pytest.mark.fault("f17")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_is_a_row_in_the_order_that_is_shown(tmp_path, kind, stream):
    shown = [frame for i in range(3) for frame in frames(i, colours=kind != "gif")]
    for i in range(3):
        moving(tmp_path / f"{i}.{kind}", shown[3 * i : 3 * i + 3], **KINDS[kind])
    train = load_data(tmp_path, stream=stream, **KEEP).train
    assert np.array_equal(train.rows(torch.arange(9)).x.numpy(), [planes(frame) for frame in shown])
    some = torch.tensor([8, 0, 4])
    assert np.array_equal(train.rows(some).x.numpy(), [planes(shown[i]) for i in some])


@pytest.mark.fault("f17")
@pytest.mark.parametrize("kind", ["png", "webp", "gif"])
def test_frames_of_one_file_stay_in_one_split_and_are_counted(tmp_path, kind, caplog):
    for i in range(12):
        moving(tmp_path / f"{i}.{kind}", frames(i, 2 + i % 3, colours=kind != "gif"), **KINDS[kind])
    with caplog.at_level(logging.INFO, "simulacra"):
        data = load_data(tmp_path)
    assert "12 images of 36 frames, 8 bit, 6x7" in caplog.text and sum(map(len, data.splits.values())) == 36
    files = [set(split.source_rows.files) for split in data.splits.values()]
    assert sum(map(len, files)) == 12


@pytest.mark.fault("f17")
def test_an_image_that_stands_in_for_an_animation_is_no_frame(tmp_path):
    shown = frames(1, 4)
    moving(tmp_path / "a.png", shown, default_image=True)
    assert np.array_equal(load_data(tmp_path, **KEEP).train.x.numpy(), [planes(x) for x in shown[1:]])
    said = describe_images(tmp_path)
    assert "1 image of 3 frames" in said and "1 without their default images, which are no frames" in said


@pytest.mark.fault("f17")
def test_frames_that_change_a_part_of_the_picture_are_composed(tmp_path):
    first = frames(2, 1)[0]
    second, third = first.copy(), first.copy()
    second[2:4, 1:3], third[0, 0] = 7, 9
    for kind in ("png", "webp"):
        moving(tmp_path / f"a.{kind}", [first, second, third], **KINDS[kind])
    rows = load_data(tmp_path, **KEEP).train.x.numpy()
    assert np.array_equal(rows, [planes(x) for x in (first, second, third)] * 2)
    # a frame of a GIF file that is transparent where nothing changes
    (tmp_path / "gif").mkdir()
    flat = np.full((6, 6, 3), 40, np.uint8)
    patch = flat.copy()
    patch[1:3, 1:3] = (90, 0, 10)
    moving(tmp_path / "gif" / "a.gif", [flat, patch, flat], optimize=True)
    rows = load_data(tmp_path / "gif", **KEEP).train.x.numpy()
    assert np.array_equal(rows, [planes(x) for x in (flat, patch, flat)])


@pytest.mark.fault("f17")
def test_photos_of_one_jpeg_are_rows_and_its_previews_are_not(tmp_path):
    pictures = [Image.fromarray(x).resize((24, 16)) for x in frames(3, 3)]
    pictures[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=pictures[1:])
    x = load_data(tmp_path, **KEEP).train.x
    with Image.open(tmp_path / "a.jpg") as image:
        for i in range(3):
            image.seek(i)
            assert np.array_equal(x[i].numpy(), planes(np.array(image.convert("RGB"))))
    small = pictures[1].resize((6, 4))
    pictures[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[small, pictures[2]])
    assert len(load_data(tmp_path, **KEEP).train) == 2
    assert "1 without their previews" in describe_images(tmp_path)


@pytest.mark.parametrize("promised", [1, 5, 2**31 - 1])
def test_an_animation_has_the_frames_that_are_there(tmp_path, promised):
    moving(tmp_path / "a.png", frames(4))
    content = (tmp_path / "a.png").read_bytes()
    at = content.index(b"acTL") - 4
    said = chunk(b"acTL", promised.to_bytes(4, "big") + bytes(4))
    (tmp_path / "a.png").write_bytes(content[:at] + said + content[at + len(said) :])
    try:
        assert len(load_data(tmp_path, **KEEP).train) == 3
    except ValueError as error:
        assert "a.png is truncated or damaged" in str(error)


def test_animations_that_break_off_or_are_transparent_are_refused(tmp_path):
    for name, options in (("a.png", {}), ("a.gif", {}), ("a.webp", {"lossless": True})):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        moving(tmp_path / name, frames(5, colours=name != "a.gif"), **options)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) * 2 // 3])
        assert_refused(tmp_path, name, "remove it or copy it again", **KEEP)
        (tmp_path / name).unlink()
    clear = [np.dstack([x, np.full((7, 6), 255 - 9 * (k == 1), np.uint8)]) for k, x in enumerate(frames(6))]
    moving(tmp_path / "b.png", clear)
    assert_refused(tmp_path, "b.png is partly transparent", **KEEP)


def test_a_still_png_with_marks_of_an_animation_is_one_row(tmp_path):
    content = with_chunk(png_bytes(frames(7, 1)[0]), chunk(b"acTL", bytes([0, 0, 0, 1, 0, 0, 0, 0])), False)
    (tmp_path / "a.png").write_bytes(content)
    assert len(load_data(tmp_path, **KEEP).train) == 1


def test_maps_that_follow_each_other_are_pages_and_what_follows_else_is_refused(tmp_path):
    x = np.arange(12).reshape(3, 4)
    (tmp_path / "a.pgm").write_bytes(pnm_bytes(x, 11) + pnm_bytes(x[::-1], 11) + b"\n")
    data = load_data(tmp_path, **KEEP)
    assert data.space == Levels((1, 3, 4), 12) and np.array_equal(data.train.x[1, 0].numpy(), x[::-1])
    assert describe_images(tmp_path).startswith("1 image of 2 pages, 12 levels, 4x3")
    (tmp_path / "a.pgm").write_bytes(pnm_bytes(x, 11) + b"more")
    assert_refused(tmp_path, "a.pgm", "4 bytes more than its header promises", **KEEP)
