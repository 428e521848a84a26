"""Splits as written: a column of words or a file of rows is obeyed, and a wrong one is refused."""

import numpy as np
import pytest
from data_files import write, write_classes
from refusal import assert_refused
from split_sources import write_table

from simulacra.data import load_data


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
