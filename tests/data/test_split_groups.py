"""Groups of rows stay whole in every split: columns, folders, patterns, files and side arrays."""

import logging

import numpy as np
import pytest
import torch
from data_files import write_folder, write_image
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from refusal import assert_refused
from split_sources import NAMES, QUICK, SHARES, rows_of, source_of, wish_of, write_table

from simulacra.core.random.keyed import Rng
from simulacra.data import load_data
from simulacra.data.splits.cut import cut
from simulacra.data.splits.grouping import by_group
from simulacra.data.splits.options import SplitOptions


@QUICK
@given(
    groups=st.lists(st.integers(1, 9), min_size=8, max_size=60),
    valid=SHARES,
    test=SHARES,
    seed=st.integers(0, 9),
)
def test_groups_never_straddle_and_shares_are_near_the_wish(groups, valid, test, seed):
    of_row = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(groups)), groups))
    wish = wish_of(len(of_row), valid, test)
    pieces = by_group(of_row, np.zeros_like(of_row), wish, Rng(seed))
    held = [set(of_row[index.numpy()].tolist()) for index in pieces.values()]
    assert all(held) and sum(map(len, held)) == len(groups)
    for split, index in pieces.items():
        assert abs(len(index) - wish[split]) <= max(groups)


def test_equal_groups_give_the_shares_exactly():
    found = rows_of(
        cut(source_of(100, patient=np.repeat(np.arange(20), 5)), SplitOptions(0.1, 0.2, "patient", seed=7))
    )
    assert [len(found[name]) for name in NAMES] == [70, 10, 20]


def test_other_seeds_give_other_groups():
    held = {
        tuple(rows_of(cut(source_of(60, g=np.arange(60) // 3), SplitOptions(groups="g", seed=seed)))["test"])
        for seed in range(8)
    }
    assert len(held) > 3


def test_groups_and_strata_together():
    """Patients are whole, and each split has nearly the share of each class."""
    patient = np.arange(600) // 5
    labels = torch.from_numpy((patient % 4 == 0).astype(np.int64))
    done = cut(source_of(600, labels, patient=patient), SplitOptions(0.2, 0.2, "patient", "label", seed=3))
    held = [set(part.sides["patient"].tolist()) for part in done.parts.values()]
    assert sum(map(len, held)) == 120
    for part in done.parts.values():
        assert abs(int(part.labels.sum()) - 0.25 * len(part)) <= 5


def test_too_few_groups_are_refused_and_large_ones_named(tmp_path, caplog):
    path = write_table(tmp_path / "t.csv", {"x": np.arange(40) / 7, "site": ["a"] * 36 + ["b"] * 4})
    assert_refused(path, "2 groups", "groups='site'", "train and valid and test", groups="site")
    with caplog.at_level(logging.WARNING, "simulacra"):
        data = load_data(path, groups="site", validation=0, test=0.2)
    assert "group a holds 36 of 40 rows" in caplog.text and len(data.test) == 4


def test_a_row_without_group_is_named(tmp_path):
    path = write_table(tmp_path / "t.csv", {"x": np.arange(9) / 7, "site": [*"aabbccdd", ""]})
    assert_refused(path, "groups='site'", "row 8", groups="site", missing="mask")


# ---- images, arrays, names


def test_images_by_folder_by_pattern_and_by_file(tmp_path):
    for i in range(12):
        write_image(tmp_path / f"p{i % 4}" / f"scan{i % 3}_{i}.png", i)
    by_folder = load_data(tmp_path, groups="folder", validation=0, test=0.25)
    held = [{file.split("/")[0] for file in s.source_rows.files} for s in by_folder.splits.values()]
    assert len(held) == 2 and not held[0] & held[1]
    by_scan = load_data(tmp_path, groups=r"(scan\d)", validation=0, test=0.25)
    assert {file.split("/")[1][:5] for file in by_scan.test.source_rows.files} != {"scan0", "scan1", "scan2"}
    assert_refused(tmp_path, "groups='patient'", "regular expression", groups="patient")
    assert_refused(tmp_path, "groups='(b)'", "does not match", groups="(b)")


def test_tiles_of_one_image_stay_in_one_split(tmp_path):
    write_folder(tmp_path, n=10, size=(12, 12))
    data = load_data(tmp_path, tile=4)
    held = [set(split.source_rows.files) for split in data.splits.values()]
    assert sum(map(len, held)) == 10 and [len(data[name]) for name in NAMES] == [72, 9, 9]


def test_pages_of_one_file_stay_in_one_split(tmp_path):
    rng = np.random.default_rng(5)
    for i in range(6):
        pages = [Image.fromarray(rng.integers(0, 256, (5, 7), np.uint8)) for _ in range(4)]
        pages[0].save(tmp_path / f"{i}.tiff", save_all=True, append_images=pages[1:])
    data = load_data(tmp_path, validation=0, test=0.3)
    assert sum(len(set(split.source_rows.files)) for split in data.splits.values()) == 6


def test_groups_in_two_official_splits_are_named(tmp_path, caplog):
    for split, patients in (("train", ("anna", "ben")), ("test", ("ben", "cleo"))):
        for patient in patients:
            write_folder(tmp_path / split / patient, n=3)
    with caplog.at_level(logging.WARNING, "simulacra"):
        load_data(tmp_path, groups="folder", validation=0)
    assert "group ben stands in train and in test" in caplog.text


def test_arrays_beside_the_observations(tmp_path):
    x = np.random.default_rng(6).normal(size=(40, 3))
    np.savez(tmp_path / "a.npz", x=x, slide=np.arange(40) // 4, when=np.arange(40)[:, None])
    data = load_data(tmp_path / "a.npz", key="x", groups="slide")
    assert len(data.train) == 32 and len(data.test) == 4
    late = load_data(tmp_path / "a.npz", key="x", time="when").test.source_rows.numbers
    assert late.tolist() == [36, 37, 38, 39]
    assert_refused(tmp_path / "a.npz", "'lab'", "groups=", "slide, when", key="x", groups="lab")


def test_named_data_have_labels_only():
    data = load_data("digits", groups="label", validation=0)
    assert not set(data.train.labels.tolist()) & set(data.test.labels.tolist())
    assert_refused("digits", "'patient'", "label", groups="patient")


@pytest.mark.parametrize(
    "options", [{"time": "a", "groups": "b"}, {"splits": "a", "stratify": "b"}, {"time": "a", "splits": "b"}]
)
def test_options_that_exclude_each_other(options):
    assert_refused("digits", "exclude each other", *(f"{name}=" for name in options), **options)
