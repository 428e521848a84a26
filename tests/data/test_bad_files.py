"""Damaged files of one's own: one sentence that names file, field and mend."""

import gzip
import struct
import zipfile

import numpy as np
import pytest
from data_files import (
    RNG,
    write,
    write_classes,
    write_folder,
    write_image,
)
from PIL import Image
from refusal import assert_refused

from simulacra.data import load_data

PIXELS = RNG.integers(0, 256, (20, 6, 5), np.uint8)


# ---- arrays


def test_an_npz_with_several_arrays_needs_a_key(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=PIXELS, kind=np.zeros(20), short=np.zeros(19))
    np.savez(tmp_path / "b.npz", images=PIXELS, masks=PIXELS > 9, kind=np.zeros(20))
    assert_refused(tmp_path / "b.npz", "2 arrays", "images (20, 6, 5)", "load it with key='images'")
    assert load_data(path).space.shape == (1, 6, 5)
    assert_refused(path, "no array 'imges'", "images", key="imges")
    assert_refused(path, "no array 'kinds'", key="images", label="kinds")
    assert_refused(path, "'short' of shape (19,)", "20 rows", key="images", label="short")
    assert_refused(path, "must be (N, D)", "reshape(-1, 1)", key="kind")


def test_labels_that_are_no_classes(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=PIXELS, y=np.linspace(0, 1, 20))
    assert_refused(path, "array 'y'", "row 1", "whole numbers or text", label="y")


def test_pickles_are_never_read(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (print, ("boom",))

    np.save(tmp_path / "a.npy", np.array([Bomb()], object), allow_pickle=True)
    assert_refused(tmp_path / "a.npy", "Python objects", "pickle")
    np.savez(tmp_path / "a.npz", x=np.array([{}, []], object))
    assert_refused(tmp_path / "a.npz", "Python objects", "'x'")


def header_of(shape) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def test_damaged_npy_and_npz(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    whole = (tmp_path / "a.npy").read_bytes()
    for content in (b"", b"abc", whole[:50], whole[:-1]):
        assert_refused(write(tmp_path / "b.npy", content), "b.npy is truncated or damaged")
    lie = header_of("(1000000, 1000000, 1000)") + bytes(100)
    assert_refused(write(tmp_path / "b.npy", lie), "promises (1000000, 1000000, 1000)")
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        archive.writestr("x.npy", lie)
    assert_refused(tmp_path / "lie.npz", "lie.npz", "promises (1000000, 1000000, 1000)")
    np.savez_compressed(tmp_path / "a.npz", x=PIXELS)
    whole = (tmp_path / "a.npz").read_bytes()
    middle = len(whole) // 2
    for content in (b"", whole[:middle], whole[:middle] + bytes(20) + whole[middle + 20 :]):
        assert_refused(write(tmp_path / "b.npz", content), "b.npz is truncated")


def test_arrays_that_hold_no_observations(tmp_path):
    def saved(array):
        np.save(tmp_path / "a.npy", array)
        return tmp_path / "a.npy"

    assert_refused(saved(np.zeros((0, 4))), "shape (0, 4)")
    assert_refused(saved(np.zeros(5)), "must be (N, D)")
    assert_refused(saved(np.zeros((5, 6, 7, 2))), "C 1 or 3")
    assert_refused(saved(np.zeros((5, 8, 8, 4), np.uint8)), "alpha")
    assert_refused(saved(np.arange(12).reshape(3, 4) * 1000), "from 0 to 11000", "0..255")
    assert_refused(saved(np.full((3, 4), -1)), "from -1 to -1")
    assert_refused(saved(np.array([["a", "b"]])), "text")
    assert_refused(saved(np.ones((2, 2), complex)), "complex")
    bad = np.random.rand(5, 3)
    bad[3, 1] = np.nan
    assert_refused(saved(bad), "missing or infinite", "row 3", "(1,)", "missing='mask'")


def test_mat_files_that_cannot_be_read(tmp_path):
    from scipy.io import savemat

    assert_refused(write(tmp_path / "a.mat", b""), "a.mat is empty")
    assert_refused(write(tmp_path / "a.mat", b"MATLAB 7.3 MAT-file" + bytes(600)), "7.3", "-v7")
    cells = np.empty(2, object)
    cells[:] = [np.zeros(2), np.ones(3)]
    savemat(tmp_path / "a.mat", {"c": cells})
    assert_refused(tmp_path / "a.mat", "cells of arrays of shapes (1, 2), (1, 3)")
    savemat(tmp_path / "a.mat", {"z": np.ones((2, 2), complex), "s": "text"})
    assert_refused(tmp_path / "a.mat", "z (complex array)", "s (text)")
    savemat(tmp_path / "a.mat", {"x": PIXELS}, do_compression=True)
    whole = (tmp_path / "a.mat").read_bytes()
    assert_refused(write(tmp_path / "a.mat", whole[: len(whole) // 2]), "a.mat is truncated")
    assert_refused(write(tmp_path / "a.mat", RNG.bytes(500)), "a.mat")


# ---- tables


@pytest.mark.parametrize(
    "content, options, words",
    [
        (b"", {}, ["is empty"]),
        (b"\n \n", {}, ["no rows"]),
        (b"a,b\n", {}, ["a header but no rows"]),
        (b"a,b\n1,2\n3\n", {}, ["1 cell in line 3", "2 in line 1"]),
        (b"a,b\n1,2\n\n3,x\n", {}, ["'x' in line 4", "column 'b'", "label='b'"]),
        (b"a,b\n1,2\n3,\n", {}, ["missing value in line 3", "column 'b'", "missing='mask'"]),
        (b"1,2\n3,NaN\n", {}, ["missing value in line 2", "column '2'"]),
        (b"1,2\n3,NA\n4,5\n", {}, ["missing value in line 2"]),
        (b"1,2\n3,inf\n", {}, ["'inf' in line 2", "not finite"]),
        (b"1,2\n3,1e300\n", {}, ["beyond single precision"]),
        (b"a,b\n1,2\n3,4\n", {"label": "c"}, ["no column 'c'", "a, b"]),
        (b"1,2\n3,4\n", {"label": "3"}, ["no column '3'"]),
        (b"1,2\n3,4\n", {"label": "0"}, ["no column '0'"]),
        (b"a,b\n1,x\n2,\n", {"label": "b"}, ["missing value in line 3"]),
        (b"a,b\n1,0.5\n2,1\n", {"label": "b"}, ["column 'b'", "0.5"]),
        (b"a\n1\n2\n", {"label": "a"}, ["no column beside"]),
        (b"\xff\xfe1\x00\x32", {}, ["UTF-8"]),
        (b'a,b\n1,"2\n', {}, ["line 2"]),
    ],
    ids=str,
)
def test_damaged_tables(tmp_path, content, options, words):
    assert_refused(write(tmp_path / "t.csv", content), "t.csv", *words, **options)


def test_a_truncated_table(tmp_path):
    whole = gzip.compress(b"1,2\n" * 5000)
    assert_refused(write(tmp_path / "t.csv.gz", whole[:-20]), "t.csv.gz is truncated")


# ---- folders


def test_images_of_mixed_sizes_name_two_files(tmp_path):
    write_folder(tmp_path, n=3)
    write_image(tmp_path / "z.png", 9, (10, 12))
    assert_refused(tmp_path, "image_00.png is 8x8", "z.png is 10x12", "size=")
    assert load_data(tmp_path, size=8, test=0, validation=0).train.x.shape == (4, 1, 8, 8)


def test_empty_folders_and_classes(tmp_path):
    (tmp_path / "none").mkdir()
    assert_refused(tmp_path / "none", "holds no images", ".png")
    write_classes(tmp_path / "p")
    (tmp_path / "p" / "cow").mkdir()
    assert_refused(tmp_path / "p", "class folder", "cow", "remove it")
    write_image(tmp_path / "q" / "a" / "0.png", 0)
    write_image(tmp_path / "q" / "0.png", 0)
    assert_refused(tmp_path / "q", "both directly and in class folders")


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda b: b"", ["is empty (0 bytes)"]),
        (lambda b: b"not a picture", ["no image that can be read"]),
        (lambda b: b[: len(b) // 2], ["truncated"]),
        (lambda b: b[:20], ["no image that can be read"]),
    ],
    ids=["empty", "text", "half", "head"],
)
def test_damaged_images(tmp_path, spoil, words):
    write_folder(tmp_path, n=3, size=(40, 40))
    path = tmp_path / "image_01.png"
    path.write_bytes(spoil(path.read_bytes()))
    assert_refused(tmp_path, "image_01.png", *words)


def test_transparent_images_are_refused(tmp_path):
    image = Image.new("RGBA", (4, 4), (1, 2, 3, 255))
    image.putpixel((0, 0), (0, 0, 0, 7))
    image.save(tmp_path / "a.png")
    assert_refused(tmp_path, "a.png is partly transparent", validation=0, test=0)


@pytest.mark.parametrize("limit", [30, 60])
def test_decompression_bombs_are_refused(tmp_path, monkeypatch, limit):
    write_folder(tmp_path, n=1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)  # 64 pixels: over the limit, or over twice of it
    assert_refused(tmp_path, "image_00.png is larger than Pillow's guard", "resize")
