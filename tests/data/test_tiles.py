"""Rows as tiles, central squares and pages: which pixels, of which file, said before training."""

import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from data_files import write_classes, write_folder, write_image
from deep_files import RAMP, deep, write_slides, write_tiff
from refusal import assert_refused

from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.plain import Levels
from simulacra.data import load_data
from simulacra.data.images import files as images
from simulacra.data.images.files import ImageFiles, PageCache
from simulacra.data.images.summary import describe_images

KEEP = {"validation": 0, "test": 0}
SIZES = [(9, 11), (13, 7), (8, 8), (30, 21)]


def tiles_of(x: np.ndarray, side: int) -> list[np.ndarray]:
    height, width = x.shape
    return [
        x[i : i + side, j : j + side]
        for i in range(0, height - side + 1, side)
        for j in range(0, width - side + 1, side)
    ]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("side", [1, 3, 5, 7])
def test_tiles_are_the_pixels_of_the_images_in_order(tmp_path, side, stream):
    arrays = write_slides(tmp_path, SIZES)
    wanted = np.stack([tile for x in arrays for tile in tiles_of(x, side)])
    data = load_data(tmp_path, tile=side, stream=stream, **KEEP)
    assert data.space == Levels((1, side, side), 2**16) and len(data.train) == len(wanted)
    assert np.array_equal(data.train.rows(torch.arange(len(wanted))).x[:, 0].numpy(), wanted)
    assert data.applied == (f"tiles of {side}x{side}",)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("options", [{"tile": 4}, {"crop": 7}, {"tile": 3, "binarize": "static"}], ids=str)
def test_streamed_tiles_agree_with_those_in_memory(tmp_path, options, workers):
    write_slides(tmp_path, SIZES)
    streamed, memory = (load_data(tmp_path, stream=s, **KEEP, **options) for s in (True, False))
    streamed.train.workers = workers
    order = torch.randperm(len(memory.train), generator=torch.Generator().manual_seed(3)).split(5)
    for a, b in zip(streamed.train.read(order), memory.train.read(order), strict=True):
        assert torch.equal(a.x, b.x) and torch.equal(a.index, b.index)
    assert streamed.protocol("train") == memory.protocol("train")
    index = torch.tensor([3, 0])
    a, b = streamed.train.select(index), memory.train.select(index)
    assert torch.equal(a.all().x, b.all().x) and a.digest() != streamed.train.digest()


@pytest.mark.parametrize("crop", [1, 4, 7])
def test_a_crop_is_the_central_square_as_it_is(tmp_path, crop):
    arrays = write_slides(tmp_path, SIZES)
    x = load_data(tmp_path, crop=crop, **KEEP).train.x
    for row, whole in zip(x[:, 0].numpy(), arrays):
        top, left = (whole.shape[0] - crop) // 2, (whole.shape[1] - crop) // 2
        assert np.array_equal(row, whole[top : top + crop, left : left + crop])


def test_pages_are_rows_and_previews_are_not(tmp_path):
    pages = np.stack([RAMP[i : i + 6, :7] for i in range(5)])
    write_tiff(tmp_path / "stack.tif", pages, photometric="minisblack")
    with tifffile.TiffWriter(tmp_path / "preview.tif") as file:
        file.write(RAMP[50:56, :7])
        file.write(RAMP[50:53, :3], subfiletype=1)
    for stream in (False, True):
        train = load_data(tmp_path, stream=stream, **KEEP).train
        x = train.rows(torch.arange(6)).x[:, 0].numpy()
        assert len(train) == 6 and np.array_equal(x, [RAMP[50:56, :7], *pages])
    assert load_data(tmp_path, tile=3, **KEEP).train.x.shape == (24, 1, 3, 3)


def test_labels_and_files_follow_their_tiles(tmp_path):
    write_classes(tmp_path, ("ant", "bee"), n=3, size=(9, 6))
    data = load_data(tmp_path, tile=3, condition="label", **KEEP)
    assert data.train.c.tolist() == [0] * 18 + [1] * 18
    files = load_data(tmp_path, tile=3, stream=True, **KEEP).train.files
    assert [path.name for path in files.origins()[:12]] == ["00.png"] * 6 + ["01.png"] * 6
    chosen = files[torch.tensor([35, 6, 7])]
    assert [path.parent.name + path.stem for path in chosen.origins()] == ["bee02", "ant01", "ant01"]
    assert torch.equal(chosen.read([2, 0]), files.read([7, 35]))


def test_bits_of_a_tile_do_not_depend_on_which_rows_are_kept(tmp_path):
    write_folder(tmp_path, n=4, size=(10, 10))
    whole = load_data(tmp_path, tile=5, binarize="static", **KEEP).train
    streamed = load_data(tmp_path, tile=5, binarize="static", stream=True, **KEEP).train
    index = torch.tensor([9, 2, 15])
    assert torch.equal(streamed.select(index).all().x, whole.all().x[index])


def test_each_page_is_decoded_once_for_all_its_tiles(tmp_path, monkeypatch):
    write_folder(tmp_path, n=3, size=(12, 12))
    asked, decode = [], images.decode
    monkeypatch.setattr(images, "decode", lambda p, *a: asked.append(p.name) or decode(p, *a))
    load_data(tmp_path, tile=3, stream=False, **KEEP)
    assert sorted(asked) == ["image_00.png", "image_01.png", "image_02.png"]
    asked.clear()
    train = load_data(tmp_path, tile=3, stream=True, **KEEP).train
    for i in (0, 20, 1, 40, 21):
        train.rows(torch.tensor([i]))
    assert len(asked) == 3


def test_the_cache_forgets_old_pages_and_changed_files(tmp_path, monkeypatch):
    paths = [write_image(tmp_path / f"{i}.png", i) for i in range(3)]
    monkeypatch.setattr(images, "CACHED", 130)  # two pages of 64 bytes
    cache = PageCache()
    for path in paths:
        cache.page(path, 1, 0)
    assert len(cache.pages) == 2 and cache.bytes == 128
    before = cache.page(paths[2], 1, 0)
    write_image(paths[2], 9, (8, 9))
    assert cache.page(paths[2], 1, 0).shape != before.shape


def test_the_digest_covers_geometry_depth_and_page(tmp_path):
    write_tiff(tmp_path / "a.tif", np.stack([deep(0, below=4096)] * 2), photometric="minisblack")
    digests = {
        load_data(tmp_path, **options, **KEEP).train.digest()
        for options in ({}, {"size": 4}, {"crop": 4}, {"tile": 4}, {"tile": 4, "levels": 4096})
    }
    files = load_data(tmp_path, stream=True, **KEEP).train.files
    digests |= {files[torch.tensor([i])].digest() for i in (0, 1)}
    assert len(digests) == 7


# ---- said before training


def test_the_log_says_sizes_depth_and_rows(tmp_path, caplog):
    write_slides(tmp_path, SIZES)
    with caplog.at_level(logging.INFO, "simulacra"):
        load_data(tmp_path, tile=4, **KEEP)
    said = "4 images, 16 bit, 4 sizes (8x8 to 21x30); tiles of 4: 46"
    assert said in caplog.text and describe_images(tmp_path, tile=4) == said
    assert describe_images(tmp_path, size=5).endswith("; resized to 5x5")
    write_tiff(tmp_path / "5.tif", np.zeros((3, 4, 4), np.uint8), photometric="minisblack")
    assert describe_images(tmp_path).startswith("5 images of 7 pages, 8 and 16 bit, 5 sizes (4x4 to")


def test_mixed_sizes_propose_what_these_images_allow(tmp_path):
    arrays = write_slides(tmp_path, SIZES)
    count = sum(len(tiles_of(x, 4)) for x in arrays)
    words = ["0.png is 11x9", "1.tif is 7x13", "size=7", "crop=7", f"{count} tiles", "tile=4"]
    assert_refused(tmp_path, *words, **KEEP)
    assert len(load_data(tmp_path, tile=4, **KEEP).train) == count


def test_options_that_do_not_go_together(tmp_path):
    write_folder(tmp_path)
    assert_refused(tmp_path, "size= and tile= exclude each other", size=4, tile=4)
    assert_refused(tmp_path, "crop= and tile=", crop=4, tile=4)
    assert_refused(tmp_path, "image_00.png is 8x8, smaller than tile=9", "tile=8", "size=9", tile=9)
    assert_refused(tmp_path, "image_00.png is 8x8, smaller than crop=9", "crop=8", crop=9)
    assert_refused(tmp_path, "tile=0", tile=0)
    assert_refused("digits", "tile=4", "leave it out", tile=4)
    assert_refused("digits", "8x8, smaller than crop=9", crop=9)
    assert_refused("ring", "crop=", crop=2)


def test_images_in_memory_are_cropped_alike():
    whole, cut = (load_data("digits", **KEEP, **o) for o in ({}, {"crop": 5}))
    assert torch.equal(cut.train.x, whole.train.x[:, :, 1:6, 1:6]) and cut.applied == ("cropped to 5x5",)


def test_a_geometry_has_no_rows_in_what_is_too_small():
    assert Geometry(tile=8).places(7, 30) == [] and len(Geometry(tile=8).places(16, 30)) == 6
    files = ImageFiles((Path("a.png"), Path("b.png")), (1, 2, 2))
    assert len(files) == 2 and files.origins() == [Path("a.png"), Path("b.png")] and files.bytes == 8
