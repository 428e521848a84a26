"""Tables that generators write: a value that is read is the one that was written, or the file is refused."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_writing import Written, tables, write_table

from simulacra.core.inputs.to_frames import columns_of
from simulacra.data import load_data
from simulacra.data.dataset import Dataset


def read_back(data: Dataset) -> dict[str, list]:
    """The raw rows by column, None where an entry is missing."""
    split = data.train
    columns = columns_of(data.preprocessing.raw, split.x)
    if split.known is None:
        return columns
    return {
        name: [value if here else None for value, here in zip(values, known)]
        for (name, values), known in zip(columns.items(), split.known.T.tolist())
    }


def loaded(given, **options) -> Dataset | None:
    """The data with all rows in one split, or None where they are refused in one sentence."""
    try:
        return load_data(given, validation=0, test=0, missing="mask", **options)
    except ValueError as error:
        said = str(error)
        assert "\n" not in said and said.endswith(".") and len(said) < 1000, said
        return None


def assert_holds(data: Dataset, names: list[str], columns: list[Written]) -> None:
    """Every column is there with its values, or is said to be left out."""
    back, left_out = read_back(data), data.notes.get("columns left out", "")
    missing, classes = data.notes.get("missing", ""), data.notes.get("classes", "")
    for name, column in zip(names, columns):
        if name not in back:
            assert f"{name} (" in left_out, (name, data.notes)
            continue
        assert len(back[name]) == len(column.cells), (data.notes, back[name])
        for i, value in enumerate(back[name]):
            cell = column.cells[i].strip()
            if value is None:
                assert i in column.gaps or repr(cell) in missing, (name, cell, data.notes)
            elif i in column.gaps:
                assert value == cell and repr(cell) in classes, (name, cell, value)
            elif column.numbers[i] is not None and not isinstance(value, str):
                assert float(value) == column.numbers[i], (name, cell, value)
            else:
                assert str(value) == cell or plain(value) == plain(cell), (name, cell, value)
    assert set(back) <= set(names)


def plain(value) -> float | str:
    """The number that a text of digits without zeros in front says."""
    try:
        return float(value) if not str(value).startswith(("0", "+")) or value == "0" else str(value)
    except ValueError:
        return str(value)


@pytest.mark.property
@given(table=tables())
def test_a_text_table_of_any_dialect_holds_what_was_written(table):
    style, columns = table
    names = [c.name if style.header else str(j) for j, c in enumerate(columns, 1)]
    with tempfile.TemporaryDirectory() as folder:
        data = loaded(str(write_table(Path(folder), style, columns)), **style.told)
    if data is not None:
        assert_holds(data, names, columns)


def frame_columns(draw, n: int) -> dict[str, list]:
    """Columns of a data frame by name, None where an entry is missing."""
    kinds = {
        "real": st.floats(-1e9, 1e9, allow_nan=False),
        "whole": st.integers(-(2**53), 2**53),
        "grade": st.integers(1, 5),
        "truth": st.booleans(),
        "text": st.sampled_from(("a", "B c", "02139", "none", "x,y", 'q"', "1.0 kg", "Łódź")),
    }
    chosen = ["real", *draw(st.lists(st.sampled_from(tuple(kinds)), max_size=4))]
    columns = {}
    for j, kind in enumerate(chosen):
        values = draw(st.lists(kinds[kind], min_size=n, max_size=n))
        gone = draw(st.frozensets(st.integers(0, n - 1), max_size=n // 4)) if j else frozenset()
        columns[f"{kind} {j}"] = [None if i in gone else value for i, value in enumerate(values)]
    return columns


@st.composite
def frames(draw):
    """A data frame with columns of every type, and its values."""
    n = draw(st.integers(6, 20))
    columns = frame_columns(draw, n)
    kinds = {"whole": "Int64", "grade": "Int64", "truth": "boolean", "real": "float64", "text": object}
    series = {name: pd.Series(v, dtype=kinds[name.split()[0]]) for name, v in columns.items()}
    for name in columns:
        if name.startswith("text") and draw(st.booleans()):
            series[name] = series[name].astype("category")
    frame = pd.DataFrame(series)
    if draw(st.booleans()):
        frame.columns = range(len(columns))
        columns = {str(j): values for j, values in enumerate(columns.values())}
    return frame, columns


def assert_frame_holds(data: Dataset, columns: dict[str, list]) -> None:
    back = read_back(data)
    for name, values in columns.items():
        if name not in back:
            assert f"{name} (" in data.notes["columns left out"], data.notes
            continue
        for value, wanted in zip(back[name], values, strict=True):
            same = str(value) == wanted if isinstance(wanted, str) else value == wanted
            assert same or (isinstance(wanted, bool) and value == str(wanted)), (name, value, wanted)


@pytest.mark.property
@given(given_frame=frames())
def test_a_data_frame_holds_what_was_written(given_frame):
    frame, columns = given_frame
    data = loaded(frame)
    if data is not None:
        assert_frame_holds(data, columns)


@pytest.mark.property
@given(given_frame=frames(), data_of=st.data())
def test_a_data_frame_saved_as_text_holds_what_was_written(given_frame, data_of):
    frame, columns = given_frame
    draw = data_of.draw
    options = {
        "index": draw(st.booleans()),
        "sep": draw(st.sampled_from((";", "\t"))),
        "decimal": draw(st.sampled_from((".", ","))),
        "na_rep": draw(st.sampled_from(("", "NA", "nan", "<NA>"))),
        "quoting": draw(st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.csv"
        frame.to_csv(path, **options)
        data = loaded(str(path), header=True)
    if data is None:
        return
    back = read_back(data)
    for name, values in columns.items():
        for value, wanted in zip(back.get(name, []), values):
            if wanted is None:
                assert value is None or value == options["na_rep"], (name, value)
            elif value is None:
                assert repr(wanted) in data.notes["missing"], (name, wanted, data.notes)
            else:
                assert value == wanted or str(value) == str(wanted), (name, value, wanted)
