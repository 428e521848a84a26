"""Texts in a column of a table, and the numbers and classes of the other columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from simulacra.data.tables.column import Column
from simulacra.data.tables.columns import label_number, labels_of
from simulacra.data.tables.files import Columns, columns_of, read_table
from simulacra.data.tables.options import FrameOptions, TableOptions
from simulacra.data.text.options import TextOptions

TABLES = (".csv", ".tsv", ".tab")
# options of text tables, as the reader of tables takes them; of its others, texts have only the label
WRITTEN = ("missing_values", *(f.name for f in fields(TableOptions) if f not in fields(FrameOptions)))


@dataclass(frozen=True)
class TextColumn:
    """The texts of a column.

    Args:
        name: name of the column.
        texts: the texts, without empty cells.
        lines: line of each in the file, from 1.
        numbers: number of each among the rows of the table, from 0.
        total: number of the rows of the table, with those that hold no text.
        labels: class number of each, shape (N,), or None.
        label_names: names of the classes.
        beside: values of the other columns by name, shape (N,): float64 with NaN where missing if all are
            numbers, otherwise text, empty where missing.
        notes: notes of the reader of tables, by topic.
        resolved: options of `load_data` that read the table in the same way again.
    """

    name: str
    texts: list[str]
    lines: list[int]
    numbers: list[int]
    total: int
    labels: Tensor | None = None
    label_names: tuple[str, ...] = ()
    beside: dict[str, np.ndarray] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    resolved: Mapping[str, Any] = field(default_factory=dict)


def texts_of_column(path: Path, own: TextOptions) -> TextColumn:
    """Reads a column of a text table as texts.

    Args:
        path: the table, plain or gzipped.
        own: options of texts; `column` is given.

    Raises:
        ValueError: if the file is no table, or has no such column, or no text in it.
    """
    return column_of(read_table(path, table_options(own)), own)


def table_options(own: TextOptions) -> TableOptions:
    """Returns the options with which the reader of tables reads a table of texts."""
    return TableOptions(**{name: getattr(own, name) for name in WRITTEN})


def column_of(table: Columns, own: TextOptions) -> TextColumn:
    """Returns a column of a table as texts.

    Args:
        table: the table.
        own: options of texts; `column` is given.

    Raises:
        ValueError: if it has no such column, or no text in it.
    """
    where = str(table.path)
    place = label_number(where, table.names, str(own.column), "column")
    at = None if own.label is None else label_number(where, table.names, own.label)
    if at == place:
        raise ValueError(
            f"label={own.label!r} names the column of {where} that holds the texts: name another one, or "
            "leave it out."
        )
    kept = [i for i, cells in enumerate(table.cells) if cells[place].strip()]
    if not kept:
        raise ValueError(f"column {own.column!r} of {where} holds no text: name another one with column=.")
    columns, _, words = columns_of(table, own.missing_values, {})
    found = TextColumn(
        table.names[place],
        [table.cells[i][place] for i in kept],
        [table.lines[i] for i in kept],
        [table.numbers[i] for i in kept],
        table.total,
        beside=_beside(columns, place, kept),
        notes={"read as": str(table.dialect), **table.notes},
        resolved={**table.dialect.options(), "missing_values": words},
    )
    if at is None:
        return found
    numbers, names = labels_of(_of_rows(columns[at], kept))
    return replace(found, labels=numbers, label_names=names)


def _of_rows(column: Column, kept: Sequence[int]) -> Column:
    lines = None if column.lines is None else [column.lines[i] for i in kept]
    return replace(column, values=[column.values[i] for i in kept], lines=lines)


def _beside(columns: Sequence[Column], place: int, kept: Sequence[int]) -> dict[str, np.ndarray]:
    """Returns the values of all columns except the texts by name; the last of several with the same name."""
    found = {}
    for column in [*columns[:place], *columns[place + 1 :]]:
        given = column.numbers
        values = np.array([value or "" for value in column.values], object) if given is None else given
        found[column.name] = values[list(kept)]
    return found
