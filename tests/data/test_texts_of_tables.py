"""Texts in a column of a table: one reader of tables with its options, notes, rows and labels."""

from __future__ import annotations

import csv
import dataclasses

import pytest
import torch

import simulacra
from simulacra.core.errors.suggestion import Refusal
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.tables.options import FrameOptions, TableOptions
from simulacra.data.text.new_lines import open_lines
from simulacra.data.text.options import TextOptions

ALL = {"validation": 0, "test": 0}
READ = {"tokens": "spaces", "least": 1, "column": "said"}


def table(path, rows, names):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return str(path)


def texts(split, data):
    return data.space.texts(split.x)


@pytest.mark.fault("outside 2.2")
@pytest.mark.parametrize("mark", ["#", "%", "//"])
@pytest.mark.parametrize("more", [(), (0.5,)])
def test_a_text_that_begins_with_a_mark_is_lost_only_if_the_user_says_so(tmp_path, mark, more):
    said = [f"{mark} {i} of all" if i % 9 == 4 else f"word {i % 5} and more" for i in range(45)]
    path = table(tmp_path / "said.csv", [(text, *more) for text in said], ["said", "a"][: 1 + len(more)])
    with pytest.raises(Refusal, match="may be a row or a comment"):
        simulacra.load_data(path, **READ, **ALL)
    every = simulacra.load_data(path, comment="none", **READ, **ALL)
    assert texts(every.train, every) == said
    few = simulacra.load_data(path, comment=mark, **READ, **ALL)
    assert texts(few.train, few) == [text for text in said if not text.startswith(mark)]
    assert few.notes["left out"] == f"5 comment lines ({mark})"
    again = simulacra.load_data(**every.spec)
    assert torch.equal(again.train.x, every.train.x) and again.space == every.space


@pytest.mark.fault("outside 2.2")
def test_each_way_of_writing_a_table_is_an_option_of_texts(tmp_path):
    tables = {f.name for f in dataclasses.fields(TableOptions)}
    of_columns = {f.name for f in dataclasses.fields(FrameOptions)} - {"label", "missing_values"}
    assert tables - of_columns <= {f.name for f in dataclasses.fields(TextOptions)}
    (tmp_path / "one.csv").write_text("said\n" + "so, he said\n" * 8)
    data = simulacra.load_data(tmp_path / "one.csv", separator="none", **READ, **ALL)
    assert texts(data.train, data) == ["so, he said"] * 8
    (tmp_path / "bars.csv").write_text("a title\n\nso; he|1,5\nshe; said|2,5\n")
    options = {"separator": "|", "decimal": ",", "header": False, "column": "1"}
    data = simulacra.load_data(tmp_path / "bars.csv", **{**READ, **options}, **ALL, condition="2")
    assert texts(data.train, data) == ["so; he", "she; said"] and data.train.c.tolist() == [[1.5], [2.5]]
    assert data.notes["left out"] == "1 line above the table"
    assert "bar" in data.notes["read as"] and "no header" in data.notes["read as"]


@pytest.mark.fault("outside 2.2")
def test_new_texts_are_read_as_those_of_the_run(tmp_path, caplog):
    said = ["# one", "two", "three", "# two", "one", "two"] * 2
    path = table(tmp_path / "said.csv", [[text] for text in said], ["said"])
    raw = simulacra.load_data(["# one two three"], tokens="spaces", least=1, **ALL).space
    for spec, kept in (
        ({"comment": "none"}, said),
        ({"comment": "#"}, [t for t in said if t[0] != "#"]),
        ({}, said),
    ):
        caplog.clear()
        rows = open_lines(
            tmp_path / "said.csv", Wanted(raw, spec and {"column": "said", **spec, "header": 1})
        )
        read = [text for chunk in rows.chunks(5) for text in raw.texts(chunk.x)]
        read = read if spec else [text for text in read if text != "<unknown>"]
        assert read == kept
        assert ("4 comment lines (#)" in caplog.text) is (len(kept) < len(said))
    assert path.endswith(".csv")


@pytest.mark.fault("outside 2.6")
def test_windows_keep_the_labels_and_columns_of_their_texts(tmp_path):
    rows = [(f"{w} {w} {w}", k, day) for day, (w, k) in enumerate([("a", 10), ("b", 2), ("c", 1)] * 8)]
    path = table(tmp_path / "t.csv", rows, ["said", "kind", "day"])
    data = simulacra.load_data(path, window=2, label="kind", condition="label", **READ, **ALL)
    assert data.label_names == ("1", "2", "10")
    named = {"a": "10", "b": "2", "c": "1"}
    assert [data.label_names[k] for k in data.train.labels] == [named[t[0]] for t in texts(data.train, data)]
    assert torch.equal(data.train.c, data.train.labels) and len(data.train) == 48
    data = simulacra.load_data(path, window=2, condition="day", time="day", **READ)
    days = [split.c.flatten().tolist() for split in data.splits.values()]
    assert sorted([*days[0], *days[1], *days[2]]) == sorted([*range(24)] * 2)
    assert max(days[0]) < min(days[1]) <= max(days[1]) < min(days[2])


@pytest.mark.fault("outside 2.6")
def test_classes_beside_texts_are_numbered_as_those_of_tables(tmp_path):
    rows = [("ab"[i % 2], [7, 11, 100, 2][i % 4]) for i in range(24)]
    path = table(tmp_path / "t.csv", rows, ["said", "kind"])
    beside = simulacra.load_data(path, label="kind", **READ, **ALL)
    of_table = simulacra.load_data(path, label="kind", types={"said": "categorical"}, **ALL)
    assert beside.label_names == of_table.label_names == ("2", "7", "11", "100")
    assert torch.equal(beside.train.labels, of_table.train.labels)


@pytest.mark.fault("outside 2.6")
@pytest.mark.parametrize(
    ("name", "value"), [("label", "kind"), ("comment", "#"), ("separator", ";"), ("header", True)]
)
def test_options_of_tables_are_refused_where_texts_are_lines(tmp_path, name, value):
    (tmp_path / "t.txt").write_text("a b\nb a\n" * 9)
    with pytest.raises(
        ValueError, match=rf"{name}=.* option of tables, but .*t\.txt is plain text: name the col"
    ):
        simulacra.load_data(tmp_path / "t.txt", tokens="words", **{name: value})
    for more in ({name: value}, {"column": "said"}, {"encoding": "cp1252"}):
        with pytest.raises(ValueError, match="option of files, but the list is plain text: leave it out"):
            simulacra.load_data(["a b", "b a"] * 9, tokens="words", **more)


@pytest.mark.fault("outside 2.6")
def test_the_column_of_the_texts_is_no_label(tmp_path):
    path = table(tmp_path / "t.csv", [("a b", 1), ("b a", 2)] * 4, ["said", "kind"])
    with pytest.raises(ValueError, match=r"label='1' names the column of .* that holds the texts"):
        simulacra.load_data(path, label="1", **READ)


@pytest.mark.fault("outside 2.6")
@pytest.mark.parametrize("recorded", ["kind", "2", "-1"])
@pytest.mark.parametrize("given", [None, "label", "kind"])
def test_new_texts_are_given_the_label_beside_them(tmp_path, recorded, given):
    raw = simulacra.Tokens((3,), 4, ("<end>", "<unknown>", "a", "b"), unknown=1, unit="spaces")
    table(tmp_path / "new.csv", [("a", 11), ("b", 2), ("", 2), ("a b", 2)], ["said", "kind"])
    kinds = simulacra.Categorical((), 3, ("1", "2", "11"))
    wanted = Wanted(raw, {"column": "said", "label": recorded}, condition=kinds, given=given)
    rows = open_lines(tmp_path / "new.csv", wanted)
    chunks = list(rows.chunks(2))
    assert [chunk.c.tolist() for chunk in chunks] == [[2, 1], [1]]
    assert [chunk.places.tolist() for chunk in chunks] == [[0, 1], [1]] and rows.unused == 1
    assert [chunk.heads for chunk in chunks] == [["a", "b"], ['""', "a b"]]


@pytest.mark.fault("outside 2.8")
@pytest.mark.parametrize("window", [None, 2])
def test_rows_of_texts_are_split_by_any_column(tmp_path, window):
    rows = [(f"so {'abcde'[i % 5]} said", f"2031-05-{28 - i:02d}", f"P{i % 6}") for i in range(24)]
    path = table(tmp_path / "t.csv", rows, ["said", "when", "who"])
    options, pieces = {**READ, "window": window}, 2 if window else 1
    by_time = simulacra.load_data(path, time="when", **options)
    train = by_time.train.source_rows.numbers // pieces
    assert train.tolist() == [24 - len(train) // pieces + i // pieces for i in range(len(train))]
    by_text = simulacra.load_data(path, groups="said", **options)
    held = [set((split.source_rows.numbers // pieces % 5).tolist()) for split in by_text.splits.values()]
    assert sum(map(len, held)) == len(set.union(*held)) == 5
    for more in ({"groups": "who"}, {"stratify": "who"}):
        data = simulacra.load_data(path, **more, **options)
        assert sum(map(len, data.splits.values())) == 24 * pieces
