"""Data that are no pairs: one sentence each that names what was given and what to do."""

import numpy as np
import pytest
from pair_files import pixels, write_folders, write_halves, write_image, write_wave

from simulacra import load_data
from simulacra.core.spaces.plain import Levels


def refused(at, condition, words, **options):
    with pytest.raises(ValueError, match=words) as caught:
        load_data(at, condition=condition, **options)
    assert str(caught.value).count(". ") == 0 and str(caught.value).endswith(".")


def test_unpaired_names_are_counted_and_some_are_named(tmp_path):
    write_folders(tmp_path, 12)
    for i in (2, 3, 5, 7):
        (tmp_path / "c" / f"{i:02d}.png").unlink()
    write_image(tmp_path / "c" / "more.png", pixels(9, 6, 5))
    said = r"4 of 12 files .* \(02, 03, 05, \.\.\.\), and 1 of .* \(more\): a pair is two files of one name"
    refused(tmp_path / "x", f"folder:{tmp_path / 'c'}", said)


def test_folders_without_pairs(tmp_path):
    write_folders(tmp_path, 12)
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "x", f"folder:{tmp_path / 'empty'}", "holds no images")
    refused(tmp_path / "x", f"folder:{tmp_path / 'x'}", "the folder of the data themselves")
    write_wave(tmp_path / "sound" / "00.wav", 0, 50)
    refused(tmp_path / "x", f"folder:{tmp_path / 'sound'}", "holds recordings, but")
    refused("digits", f"folder:{tmp_path / 'c'}", "pairs the files of two folders")


def test_a_condition_has_one_depth_of_its_own(tmp_path):
    write_folders(tmp_path, 12)
    for i in range(12):
        write_image(tmp_path / "deep" / f"{i:02d}.png", pixels(i, 6, 5).astype(np.uint16) * 200)
    data = load_data(tmp_path / "x", condition=f"folder:{tmp_path / 'deep'}")
    assert data.space == Levels((3, 6, 5), 256) and data.conditioning.raw == Levels((1, 6, 5), 2**16)
    write_image(tmp_path / "deep" / "03.png", pixels(3, 6, 5))
    refused(tmp_path / "x", f"folder:{tmp_path / 'deep'}", "differ in depth")


def test_an_odd_width_and_rows_without_halves(tmp_path):
    write_halves(tmp_path / "both", 12, 6, 9)
    refused(tmp_path / "both", "left", "9x6, and an odd width has no two halves")
    refused(pixels(0, 12, 4, 5), "right", "odd width")
    refused(np.random.default_rng(0).normal(size=(12, 4)), "right", "needs pictures")


def test_arrays_of_unequal_length_or_one_name(tmp_path):
    np.savez(tmp_path / "a.npz", photo=pixels(0, 12, 4, 4), sketch=pixels(1, 11, 4, 4))
    refused(tmp_path / "a.npz", "sketch", "11 conditions 'sketch' for 12 rows", key="photo")
    refused(tmp_path / "a.npz", "photo", "both name 'photo'", key="photo")
    refused(tmp_path / "a.npz", "depth", "which has photo, sketch: name one of them", key="photo")


def test_gaps_have_no_conditions():
    x = np.random.default_rng(0).normal(size=(24, 3))
    x[2, 1] = np.nan
    for condition in ("mask:0.3", "past:2"):
        refused(x, condition, "has gaps", missing="mask")
