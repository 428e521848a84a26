"""Tables that generators write: a value that is read is the value that was written, or the file is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from table_writing import Written, tables, write_table

from simulacra.core.frames import columns_of
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
