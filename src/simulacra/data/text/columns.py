"""Texts in a column of a table, and the numbers and classes of the other columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from simulacra.data.labels import encode
from simulacra.data.tables.columns import label_number
from simulacra.data.tables.files import Columns, columns_of, read_table
from simulacra.data.tables.options import TableOptions

TABLES = (".csv", ".tsv", ".tab")


@dataclass(frozen=True)
class TextColumn:
    """The texts of a column.

    Args:
        texts: the texts, without empty cells.
        lines: line of each in the file, from 1.
        labels: class number of each, shape (N,), or None.
        label_names: names of the classes.
        beside: values of the other columns by name, shape (N,): float64 with NaN where missing if all are
            numbers, otherwise text, empty where missing.
    """

    texts: list[str]
    lines: list[int]
    labels: Tensor | None = None
    label_names: tuple[str, ...] = ()
    beside: dict[str, np.ndarray] = field(default_factory=dict)


def texts_of_column(path: Path, column: str, label: str | None, encoding: str | None) -> TextColumn:
    """Reads a column of a text table as texts.

    Args:
        path: the table, plain or gzipped.
        column: the column of the texts, by name or number from 1.
        label: the column of the labels, by name or number from 1; None: no labels.
        encoding: of the file; None: inferred.

    Raises:
        ValueError: if the file is no table, or has no such column, or no text in it.
    """
    table = read_table(path, TableOptions(encoding=encoding))
    place = label_number(str(path), table.names, column, "column")
    kept = [i for i, cells in enumerate(table.cells) if cells[place].strip()]
    if not kept:
        raise ValueError(f"column {column!r} of {path} holds no text: name another one with column=.")
    texts, lines = [table.cells[i][place] for i in kept], [table.lines[i] for i in kept]
    beside = _beside(table, place, kept)
    if label is None:
        return TextColumn(texts, lines, beside=beside)
    at = label_number(str(path), table.names, label)
    numbers, names = encode(np.array([table.cells[i][at] for i in kept]), f"column {label!r} of {path}")
    return TextColumn(texts, lines, numbers, names, beside)


def _beside(table: Columns, place: int, kept: list[int]) -> dict[str, np.ndarray]:
    """Returns the values of all columns except the texts by name; the last of several with the same name."""
    columns, _, _ = columns_of(table, None, {})
    found = {}
    for column in columns[:place] + columns[place + 1 :]:
        given = column.numbers
        values = np.array([value or "" for value in column.values], object) if given is None else given
        found[column.name] = values[kept]
    return found
