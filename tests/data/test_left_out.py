"""Files beside images: which kinds are read, and how many of other kinds are left out."""

import logging

import numpy as np
import pytest
from data_files import write, write_folder, write_image
from image_writers import pam_bytes, pbm_bytes, pnm_bytes
from PIL import Image
from refusal import assert_refused

from simulacra.data import load_data
from simulacra.data.images.summary import describe_images
from simulacra.data.inspection.facts import inspect_data
from simulacra.data.listing import list_folder

KEEP = {"validation": 0, "test": 0}
GREY = np.arange(0, 240, 5, dtype=np.uint8).reshape(6, 8)
READ = {
    ".png": {},
    ".apng": {"format": "PNG"},
    ".bmp": {},
    ".dib": {},
    ".gif": {},
    ".tif": {},
    ".tiff": {},
    ".jp2": {"irreversible": False},
    ".j2k": {"irreversible": False},
    ".pgm": {},
    ".pnm": {},
}
LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif")


@pytest.mark.fault("f18")
@pytest.mark.parametrize("upper", [False, True])
def test_every_kind_that_is_read_in_letters_of_either_size(tmp_path, upper):
    for i, (suffix, options) in enumerate(READ.items()):
        name = f"{i:02d}{suffix.upper() if upper else suffix}"
        Image.fromarray(GREY).save(tmp_path / f"x{suffix}", **options)
        (tmp_path / f"x{suffix}").rename(tmp_path / name)
    for suffix in LOSSY:
        Image.fromarray(GREY).save(tmp_path / f"z{suffix.upper() if upper else suffix}", format="JPEG")
    write(tmp_path / "y.pam", pam_bytes(GREY[..., None], 255))
    data = load_data(tmp_path, **KEEP)
    exact = data.train.x[: len(READ)].numpy()
    assert len(data.train) == len(READ) + 5 and (exact == GREY).all() and list_folder(tmp_path).left_out == {}


@pytest.mark.fault("f18")
def test_what_is_left_out_is_counted_and_said(tmp_path, caplog):
    write_folder(tmp_path)
    for i in range(12):
        write(tmp_path / f"{i}.heic", b"not read")
        write(tmp_path / f"{i}.PSD", b"not read")
    write(tmp_path / "LICENSE", b"text")
    for hidden in (".DS_Store", "Thumbs.db", "desktop.ini", "._image_00.png", ".thumbnails/a.png"):
        write(tmp_path / hidden, b"x")
    assert list_folder(tmp_path).left_out == {".heic": 12, ".psd": 12, "without suffix": 1}
    said = "12 images, 8 bit, 8x8; 25 other files left out (.heic, .psd, without suffix)"
    with caplog.at_level(logging.INFO, "simulacra"):
        load_data(tmp_path)
    assert said in caplog.text and describe_images(tmp_path) == said
    assert inspect_data(tmp_path).facts["images"] == said


@pytest.mark.fault("f18")
def test_files_in_class_folders_and_beside_official_parts_count_too(tmp_path):
    for part in ("train", "test"):
        for label in ("ant", "bee"):
            write_folder(tmp_path / part / label, n=3)
    write(tmp_path / "train" / "ant" / "raw" / "1.cr2", b"x")
    write(tmp_path / "train" / "notes.txt", b"x")
    write_image(tmp_path / "beside.png", 0)
    write_image(tmp_path / "train" / "ant" / ".ipynb_checkpoints" / "0.png", 0)
    write_image(tmp_path / "train" / "__MACOSX" / "0.png", 0)
    listing = list_folder(tmp_path)
    assert len(listing.paths) == 12 and listing.left_out == {".cr2": 1, ".png": 1, ".txt": 1}
    assert listing.said_left_out == "3 other files left out (.cr2, .png, .txt)"


def test_recordings_say_what_is_beside_them(tmp_path, caplog):
    from simulacra.core.spaces.audio import write_wav

    for i in range(12):
        write_wav(np.sin(np.arange(40) + i), 8000, tmp_path / f"{i}.wav")
    write(tmp_path / "1.mp3", b"x")
    with caplog.at_level(logging.INFO, "simulacra"):
        load_data(tmp_path)
    assert "left out: 1 other file (.mp3)" in caplog.text


def test_folders_without_anything_that_is_read_name_what_is_there(tmp_path):
    write(tmp_path / "1.heic", b"x")
    assert_refused(tmp_path, "holds no images (.png", "1 other file left out (.heic)")
    write_folder(tmp_path / "ant", n=2)
    write(tmp_path / "bee" / "1.heic", b"x")
    assert_refused(tmp_path, "bee holds no images that can be read", ".heic")


def test_the_content_decides_whatever_the_name_says(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png", format="BMP")
    write(tmp_path / "b.jpg", pnm_bytes(GREY, 255))
    Image.fromarray(GREY).save(tmp_path / "c.tif", format="PNG")
    assert (load_data(tmp_path, **KEEP).train.x.numpy() == GREY).all()
    for kind in ("EPS", "PCX", "ICO", "TGA"):
        Image.fromarray(GREY).convert("RGB").save(tmp_path / "d.png", format=kind)
        assert_refused(tmp_path, "d.png is no image that can be read", "another kind than its name", **KEEP)


def test_transparent_and_opaque_gifs(tmp_path):
    image = Image.fromarray(GREY // 60)
    image.putpalette([0, 0, 0, 80, 10, 0, 90, 90, 90, 7, 7, 255])
    image.save(tmp_path / "a.gif", transparency=200)
    x = load_data(tmp_path, **KEEP).train.x
    assert np.array_equal(x[0].permute(1, 2, 0).numpy(), np.array(image.convert("RGB")))
    image.save(tmp_path / "a.gif", transparency=2)
    assert_refused(tmp_path, "a.gif is partly transparent", **KEEP)


def test_bitmaps_keep_black_and_white(tmp_path):
    write(tmp_path / "a.pbm", pbm_bytes(GREY % 2))
    Image.fromarray(GREY % 2 == 0).save(tmp_path / "b.png")
    Image.fromarray(GREY % 2 == 0).save(tmp_path / "c.bmp")
    x = load_data(tmp_path, **KEEP).train.x.numpy()
    assert (x == 1 - GREY % 2).all() and "1 whose 0 is white, turned over" in describe_images(tmp_path)
