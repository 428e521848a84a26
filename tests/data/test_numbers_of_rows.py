"""Rows have the numbers of their file, where rows without content count."""

from __future__ import annotations

import csv

import pytest

import simulacra

ALL = {"validation": 0, "test": 0}
GAPS = (1, 4, 5)
TESTED = [3, 8, 13, 19, 22]


def cells(i):
    return ["", ""] if i in GAPS else [f"row {i}", i / 7]


@pytest.fixture(params=["column", "lines", "table", "sheet"])
def gappy(request, tmp_path):
    """24 rows, of which three hold nothing: path, options, and the number in each row that is left."""
    if request.param == "lines":
        path = tmp_path / "t.txt"
        path.write_text("\n".join(cells(i)[0] for i in range(24)))
        return path, {"tokens": "characters"}
    if request.param == "sheet":
        book = pytest.importorskip("openpyxl").Workbook()
        for row in [["said", "x"], *([None if c == "" else c for c in cells(i)] for i in range(24))]:
            book.active.append(row)
        path = tmp_path / "t.xlsx"
        book.save(path)
        return path, {"types": {"said": "categorical"}}
    path = tmp_path / "t.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["said", "x"], *map(cells, range(24))])
    if request.param == "table":
        return path, {"types": {"said": "categorical"}}
    return path, {"tokens": "characters", "column": "said"}


def told(data, split):
    """Returns the number that is written in each row."""
    if isinstance(data.space, simulacra.Tokens):
        return [int(text.split()[1]) for text in data.space.texts(split.x)]
    return [round(7 * x) for x in split.x[:, -1].double().tolist()]


@pytest.mark.fault("outside 2.7")
def test_rows_are_numbered_as_in_the_file(gappy):
    path, options = gappy
    data = simulacra.load_data(path, standardize=False, **options, **ALL)
    assert data.train.source_rows.numbers.tolist() == [i for i in range(24) if i not in GAPS]
    assert told(data, data.train) == data.train.source_rows.numbers.tolist()


@pytest.mark.fault("outside 2.7")
def test_splits_of_a_file_are_those_of_its_rows(gappy, tmp_path):
    path, options = gappy
    words = ["test" if i in TESTED else "train" for i in range(24)]
    for name, rows in (("all.csv", range(24)), ("some.csv", [i for i in range(24) if i not in GAPS])):
        lines = "".join(f"{i},{words[i]}\n" for i in rows)
        (tmp_path / name).write_text(f"row,split\n{lines}")
        data = simulacra.load_data(path, standardize=False, splits=str(tmp_path / name), **options)
        assert told(data, data.test) == data.test.source_rows.numbers.tolist() == TESTED
    (tmp_path / "more.csv").write_text(f"row,split\n{lines}24,test\n")
    with pytest.raises(ValueError, match="'24' in line 23, which is no row from 0 to 23"):
        simulacra.load_data(path, splits=str(tmp_path / "more.csv"), **options)
    (tmp_path / "fewer.csv").write_text("row,split\n0,train\n2,test\n3,train\n")
    with pytest.raises(ValueError, match="does not name row 6: every row"):
        simulacra.load_data(path, splits=str(tmp_path / "fewer.csv"), **options)


@pytest.mark.fault("outside 2.7")
def test_dropped_copies_move_no_row_to_another_split(tmp_path):
    said = ["a b", "a b", "b a", "b b", "a a", "a b c"]
    (tmp_path / "s.csv").write_text(
        "row,split\n" + "".join(f"{i},{'test' if i == 3 else 'train'}\n" for i in range(6))
    )
    options = {"tokens": "spaces", "least": 1, "duplicates": "drop"}
    data = simulacra.load_data(said, splits=str(tmp_path / "s.csv"), **options)
    assert data.space.texts(data.test.x) == ["b b"] and len(data.train) == 4


@pytest.mark.fault("outside 2.7")
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("time", "missing in 1 row, the first of them row 7"),
        ("groups", "no value in row 7"),
        ("label", "line 9"),
    ],
)
def test_errors_name_the_row_of_the_file(tmp_path, option, words):
    rows = [["" if i in GAPS else f"row {i}", "" if i == 7 or i in GAPS else 5 + i % 6] for i in range(24)]
    with open(tmp_path / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows([["said", "day"], *rows])
    with pytest.raises(ValueError, match=words):
        simulacra.load_data(tmp_path / "t.csv", tokens="words", column="said", least=1, **{option: "day"})


@pytest.mark.fault("outside 2.7")
def test_each_part_of_a_collection_counts_its_own_lines(tmp_path):
    from simulacra.data.splits.options import SplitOptions
    from simulacra.data.text.options import TextOptions
    from simulacra.data.text.reader import read_lines, text_source

    parts = {"train": "a\n\nb\na", "test": "\n\na\nb\n"}
    for name, text in parts.items():
        (tmp_path / name).write_text(text)
    read = {name: read_lines(tmp_path / name) for name in parts}
    source = text_source("t", "t", read, TextOptions("spaces", least=1), SplitOptions())
    found = {name: part.source_rows.numbers.tolist() for name, part in source.parts.items()}
    assert found == {"train": [0, 2, 3], "test": [2, 3]}
