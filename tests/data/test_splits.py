"""Splits: every row in exactly one, groups whole, strata in equal shares, time in order, words obeyed."""

import logging
from itertools import pairwise

import numpy as np
import pytest
import torch
from data_files import write, write_classes, write_folder, write_image
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from refusal import assert_refused

from simulacra.core.random import Rng
from simulacra.core.space import Real
from simulacra.data import in_memory, load_data
from simulacra.data.source import Part, Source
from simulacra.data.splits.cut import cut
from simulacra.data.splits.grouping import by_group, by_stratum
from simulacra.data.splits.times import by_time, read_times

NAMES = ("train", "valid", "test")
QUICK = settings(max_examples=40, deadline=None)
SHARES = st.floats(0.05, 0.4)


def source_of(rows, labels=None, **sides):
    """Rows that are their own numbers, with side values."""
    x = torch.arange(rows, dtype=torch.float32).view(-1, 1)
    sides = {name: np.asarray(values) for name, values in sides.items()}
    return Source("mine", Real((1,)), {"train": Part(x, labels, sides=sides)}, ("a", "b", "c"))


def rows_of(source):
    """The rows of each part, by the values that they carry along."""
    return {name: part.rows[:, 0].long().tolist() for name, part in source.parts.items()}


def wish_of(rows, valid, test):
    n_valid, n_test = round(rows * valid), round(rows * test)
    wish = {"train": rows - n_valid - n_test, "valid": n_valid, "test": n_test}
    return {split: count for split, count in wish.items() if count}


def write_table(path, columns):
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values()))]
    return write(path, "\n".join(lines).encode())


# ---- every row once


@QUICK
@given(
    rows=st.integers(30, 150),
    valid=SHARES,
    test=SHARES,
    seed=st.integers(0, 99),
    options=st.fixed_dictionaries(
        {}, optional={"groups": st.just("g"), "stratify": st.sampled_from(["s", "label"])}
    ),
)
def test_every_row_is_in_one_split_and_numbers_say_which(rows, valid, test, seed, options):
    rng = np.random.default_rng(seed)
    labels = torch.from_numpy(rng.integers(0, 3, rows))
    source = source_of(rows, labels, g=np.arange(rows) % 11, s=rng.integers(0, 2, rows))
    done = cut(source, valid, test, seed, **options)
    found = rows_of(done)
    assert sorted(i for numbers in found.values() for i in numbers) == list(range(rows))
    for name, part in done.parts.items():
        assert part.source_rows.numbers.tolist() == found[name] == sorted(found[name])
        assert part.official == "train" and np.array_equal(part.sides["g"], np.array(found[name]) % 11)
    again = rows_of(cut(source, valid, test, seed, **options))
    assert again == found


def test_splits_at_random_are_those_of_before():
    """What seed 0 has always given: scores of old runs refer to it."""
    found = rows_of(cut(source_of(21), 0.1, 0.2, 0))
    order = Rng(0, "split").permutation("rows", 21).tolist()
    assert found == {"train": sorted(order[6:]), "valid": sorted(order[:2]), "test": sorted(order[2:6])}


# ---- groups


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
    found = rows_of(cut(source_of(100, patient=np.repeat(np.arange(20), 5)), 0.1, 0.2, 7, groups="patient"))
    assert [len(found[name]) for name in NAMES] == [70, 10, 20]


def test_other_seeds_give_other_groups():
    held = {
        tuple(rows_of(cut(source_of(60, g=np.arange(60) // 3), 0.1, 0.1, seed, groups="g"))["test"])
        for seed in range(8)
    }
    assert len(held) > 3


def test_groups_and_strata_together():
    """Patients are whole, and each split has nearly the share of each class."""
    patient = np.arange(600) // 5
    labels = torch.from_numpy((patient % 4 == 0).astype(np.int64))
    done = cut(source_of(600, labels, patient=patient), 0.2, 0.2, 3, groups="patient", stratify="label")
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


# ---- strata


@QUICK
@given(
    strata=st.lists(st.integers(0, 4), min_size=20, max_size=200),
    valid=SHARES,
    test=SHARES,
    seed=st.integers(0, 9),
)
def test_each_split_has_the_share_of_each_stratum_within_rounding(strata, valid, test, seed):
    _, of_row, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    wish = wish_of(len(strata), valid, test)
    pieces = by_stratum(of_row, wish, Rng(seed))
    for split in list(wish)[1:]:
        counts = np.bincount(of_row[pieces[split].numpy()], minlength=len(sizes))
        assert (np.abs(counts - sizes * wish[split] / len(strata)) < 1 + 1e-9).all()
        assert len(pieces[split]) == wish[split]


def test_digits_by_label():
    data = load_data("digits", stratify="label", validation=0.2)
    whole = torch.bincount(load_data("digits", validation=0, test=0).train.labels)
    for split, share in (("valid", 0.2), ("test", 0.1)):
        counts = torch.bincount(data[split].labels)
        assert ((counts - share * whole).abs() <= 1).all()


def test_a_column_of_many_values_is_no_stratum(tmp_path):
    path = write_table(tmp_path / "t.csv", {"x": np.arange(40) / 7, "y": np.arange(40)})
    assert_refused(path, "stratify='y'", "40 different values", stratify="y")


# ---- time


@QUICK
@given(
    times=st.lists(st.integers(0, 30), min_size=12, max_size=90).filter(lambda t: len(set(t)) >= 3),
    valid=SHARES,
    test=SHARES,
)
def test_time_orders_the_splits_and_ties_stay_together(times, valid, test):
    times = np.array(times)
    wish = wish_of(len(times), valid, test)
    pieces = by_time(times, wish, "t")
    assert list(pieces) == list(wish)
    ends = [(times[index.numpy()].min(), times[index.numpy()].max()) for index in pieces.values()]
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    assert sorted(torch.cat(list(pieces.values())).tolist()) == list(range(len(times)))


def test_times_without_ties_give_the_shares_exactly():
    days = np.array([f"2024-{1 + i // 25:02d}-{1 + i % 25:02d}" for i in range(50)])[::-1]
    pieces = by_time(days, {"train": 35, "valid": 5, "test": 10}, "day")
    assert pieces["test"].tolist() == list(range(9, -1, -1)) and len(pieces["valid"]) == 5


def test_dates_with_zones_are_ordered_by_the_moment():
    times = read_times(np.array(["2024-01-01T12:00+02:00", "2024-01-01T11:00+00:00"]), "t")
    assert np.diff(times).tolist() == [3_600_000_000]


@pytest.mark.parametrize(
    "values, words",
    [
        (["2024-01-01", "soon", "2024-02-01"], ("'soon'", "row 1")),
        (["2024-01-01", "2024-02-01T00:00+01:00", "2024-01-03"], ("time zone in row 1", "row 0")),
        (["1", "2", ""], ("''", "row 2")),
        (["1", "1", "2"], ("2 different times",)),
    ],
)
def test_times_that_cannot_be_used(values, words):
    with pytest.raises(ValueError) as caught:
        cut(source_of(3, t=values), 1, 1, 0, time="t")
    assert all(word in str(caught.value) for word in words) and "time='t'" in str(caught.value)


def test_a_table_by_time(tmp_path):
    year = np.random.default_rng(4).permutation(np.arange(1900, 1950))
    path = write_table(tmp_path / "t.csv", {"year": year, "x": np.sqrt(year)})
    data = load_data(path, time="year", test=10)
    assert data.preprocessing.raw.dims == 1
    assert float(data.train.x.max()) < float(data.valid.x.min()) < float(data.test.x.min())


# ---- splits as written


def test_a_column_of_words(tmp_path):
    words = ["train", "val", "Test", "training"] * 6
    path = write_table(tmp_path / "t.csv", {"x": np.arange(24) / 7, "part": words})
    data = load_data(path, splits="part")
    assert {name: split.source_rows.numbers.tolist() for name, split in data.splits.items()} == {
        "train": sorted([*range(0, 24, 4), *range(3, 24, 4)]),
        "valid": list(range(1, 24, 4)),
        "test": list(range(2, 24, 4)),
    }


def test_a_file_of_row_numbers(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(24.0).reshape(12, 2) / 7)
    lines = [f"{i},{'test' if i > 9 else 'train'}" for i in reversed(range(12))]
    path = write(tmp_path / "s.csv", "\n".join(["row,split", *lines]).encode())
    data = load_data(tmp_path / "a.npy", splits=str(path))
    assert list(data.splits) == ["train", "test"] and data.test.source_rows.numbers.tolist() == [10, 11]
    assert load_data(**data.spec).test.identity() == data.test.identity()


def test_a_file_of_image_paths(tmp_path):
    write_classes(tmp_path / "photos", n=4)
    chosen = {"ant/00.png": "valid", "bee/03.png": "test"}
    files = [f"{name}/{i:02d}.png" for name in ("ant", "bee") for i in range(4)]
    rows = "\n".join(["row,split", *(f"{file},{chosen.get(file, 'train')}" for file in files)])
    path = write(tmp_path / "s.csv", rows.encode())
    data = load_data(tmp_path / "photos", splits=str(path))
    assert data.test.source_rows.files.tolist() == ["bee/03.png"]
    assert data.valid.source_rows.name(0) == "ant/00.png" and len(data.train) == 6


@pytest.mark.parametrize(
    "lines, words",
    [
        (["0,train", "1,train"], ("does not name row 2",)),
        (["0,train", "1,trial", "2,test"], ("'trial'", "row 1")),
        (["0,train", "1,test", "3,test"], ("'3'", "line 4", "0 to 2")),
        (["0,train", "1,test", "1,test", "2,test"], ("'1'", "second time", "line 4")),
        (["0,test", "1,test", "2,test"], ("no row of train",)),
    ],
)
def test_files_of_splits_that_are_wrong(tmp_path, lines, words):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(3, 2) / 7)
    path = write(tmp_path / "s.csv", "\n".join(["row,split", *lines]).encode())
    assert_refused(tmp_path / "a.npy", *words, splits=str(path))


def test_other_files_of_splits_that_are_wrong(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(3, 2) / 7)
    assert_refused(tmp_path / "a.npy", "gone.csv", "row and split", splits=str(tmp_path / "gone.csv"))
    bare = write(tmp_path / "s.csv", b"0,train\n1,test\n")
    assert_refused(tmp_path / "a.npy", "columns row and split", splits=str(bare))
    binary = write(tmp_path / "b.csv", b"\xff\xfe\xfa")
    assert_refused(tmp_path / "a.npy", "UTF-8", splits=str(binary))


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


# ---- indices in the protocol


def test_two_splits_of_the_same_values_have_different_protocols():
    """Rows that are all equal: only their numbers tell the splits apart."""
    x = torch.ones(50, 2)
    first, second = (in_memory(x, Real((2,)), seed=seed) for seed in (0, 1))
    assert first.test.digest() == second.test.digest()
    assert first.protocol("test").digest != second.protocol("test").digest
    assert first.protocol("test") == in_memory(x, Real((2,)), seed=0).protocol("test")


def test_indices_survive_selection_moves_and_streaming(tmp_path):
    write_folder(tmp_path, n=11)
    memory, streamed = (load_data(tmp_path, stream=stream) for stream in (False, True))
    index = torch.tensor([4, 1])
    for data in (memory, streamed):
        chosen = data.train.select(index).source_rows
        assert chosen.numbers.tolist() == data.train.source_rows.numbers[index].tolist()
        assert data.train.to("cpu").identity() == memory.train.identity()
    assert memory.protocol("test") == streamed.protocol("test")
