"""Tables of your own: .csv and its relatives, with commas, semicolons, tabs or blanks; plain or .gz."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.data.catalog.formats import read_all
from simulacra.data.source import Source
from simulacra.data.tables.columns import source_of
from simulacra.data.tables.kinds import Column

MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}
LOOK = 50  # rows that tell a header from data


@dataclass
class Table:
    """Cells as text.

    Args:
        path: the file.
        names: of the columns, from the header or numbered from 1.
        cells: row by row.
        lines: line of each row in the file, from 1.
    """

    path: Path
    names: list[str]
    cells: list[list[str]]
    lines: list[int]


def open_table(path: Path, options: Mapping[str, Any]) -> Source:
    """The source in a table file: one named field a column.

    Args:
        path: the file.
        options: of `load_data`: `label`, `types`, `missing` and those of the splits.

    Raises:
        ValueError: naming file, row and column where the table is ragged, a cell is missing, or a
            column fits no kind.
    """
    table = read_table(path)
    columns = [
        Column(name, _values(table, j), f"{path}, column {name!r},", lines=table.lines)
        for j, name in enumerate(table.names)
    ]
    label = None if options["label"] is None else _column(table, options["label"])
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return source_of(name, str(path), columns, label, options)


def _values(table: Table, j: int) -> list[str | None]:
    """Cells of a column, None where they are missing."""
    cells = [row[j].strip() for row in table.cells]
    # few different cells are tested for the words that stand for a missing one
    gone = {cell for cell in set(cells) if cell.lower() in MISSING}
    return [None if cell in gone else cell for cell in cells] if gone else list(cells)


def read_table(path: Path) -> Table:
    """The cells of a table; separator and header are found out.

    Raises:
        ValueError: if the file is no text, is empty, or its rows differ in length.
    """
    try:
        text = read_all(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text ({error}): save it as UTF-8.") from error
    rows = list(_rows(path, text))
    if not rows:
        raise ValueError(f"{path} holds no rows: a table needs at least one.")
    width = len(rows[0][1])
    for line, row in rows:
        if len(row) != width:
            raise ValueError(
                f"{path} has {len(row)} cells in line {line}, but {width} in line {rows[0][0]}: "
                "every row needs the same columns."
            )
    cells = [row for _, row in rows]
    header = _has_header(cells)
    names = [c.strip() for c in cells[0]] if header else [str(j) for j in range(1, width + 1)]
    table = Table(path, names, cells[header:], [line for line, _ in rows][header:])
    if not table.cells:
        raise ValueError(f"{path} holds a header but no rows: a table needs at least one.")
    return table


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row that is not blank."""
    separator = _separator(text)
    if separator is None:
        for line, content in enumerate(text.splitlines(), 1):
            if content.strip():
                yield line, content.split()
        return
    reader = csv.reader(
        text.splitlines(keepends=True), delimiter=separator, skipinitialspace=True, strict=True
    )
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read at line {reader.line_num} ({error}).") from error


def _separator(text: str) -> str | None:
    """What stands between cells; None: any blanks."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    counts = {mark: first.count(mark) for mark in (";", "\t", ",")}
    best = max(counts, key=lambda mark: counts[mark])
    if counts[best]:
        return best
    return None if len(first.split()) > 1 else ","


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _has_header(cells: list[list[str]]) -> bool:
    """Whether the first row is text above numbers, or, where all is text, above classes that recur."""
    below = cells[1 : LOOK + 1]
    if not below:
        return all(_number(cell) is None for cell in cells[0])
    columns = [
        [c for row in below if (c := row[j].strip()).lower() not in MISSING] for j in range(len(cells[0]))
    ]
    text = [cell.strip().lower() not in MISSING and _number(cell) is None for cell in cells[0]]
    for is_text, column in zip(text, columns):
        if is_text and column and sum(_number(c) is not None for c in column) > len(column) / 2:
            return True
    recurring = any(len(set(column)) < len(column) for column in columns)
    named = all(cell.strip() not in column for cell, column in zip(cells[0], columns))
    return all(text) and named and recurring


def _column(table: Table, label: str) -> int:
    """The number of the column that `label` names."""
    if label in table.names:
        if table.names.count(label) > 1:
            raise ValueError(
                f"{table.path} has several columns {label!r}, which label= names: number them from 1."
            )
        return table.names.index(label)
    width = len(table.names)
    try:
        number = int(label)
    except ValueError:
        number = 0
    if number == 0 or not -width <= number <= width:
        known = ", ".join(table.names[:20])
        raise ValueError(f"{table.path} has no column {label!r}, which label= names; it has {known}.")
    return number - 1 if number > 0 else width + number
