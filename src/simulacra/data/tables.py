"""Tables of your own: .csv and its relatives, with commas, semicolons, tabs or blanks; plain or .gz."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from simulacra.core.space import Binary, Real, Space
from simulacra.data.arrays import to_single
from simulacra.data.formats import read_all
from simulacra.data.labels import encode
from simulacra.data.source import Part, Source

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


def open_table(path: Path, label: str | None) -> Source:
    """The source in a table: numeric columns as Real((D,)), or Binary((D,)) if all are 0 or 1.

    Args:
        path: the file.
        label: column of the labels: its name in the header, or its number from 1 (-1: the last).

    Raises:
        ValueError: naming file, row and column where the table is ragged, or a cell is missing or
            no number.
    """
    table = read_table(path)
    labels, chosen = None, None
    label_names: tuple[str, ...] = ()
    if label is not None:
        chosen = _column(table, label)
        _check_present(table, chosen)
        text = np.array([row[chosen].strip() for row in table.cells])
        labels, label_names = encode(_numbers_if_all(text), f"{path}, column {table.names[chosen]!r}")
    columns = [j for j in range(len(table.names)) if j != chosen]
    if not columns:
        raise ValueError(f"{path} has no column beside the label {label!r}: there is nothing to model.")
    x = np.stack([_numeric(table, j) for j in columns], 1)
    binary = bool(((x == 0) | (x == 1)).all())
    space: Space = Binary((len(columns),)) if binary else Real((len(columns),))
    rows = torch.from_numpy(x.astype(np.uint8) if binary else to_single(x, str(path)))
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return Source(name, space, {"train": Part(rows, labels)}, label_names)


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
    """Whether a cell of the first row is text above numbers."""
    below = cells[1 : LOOK + 1]
    for j, cell in enumerate(cells[0]):
        if cell.strip().lower() in MISSING or _number(cell) is not None:
            continue
        column = [c for row in below if j < len(row) and (c := row[j].strip()).lower() not in MISSING]
        if column and sum(_number(c) is not None for c in column) > len(column) / 2:
            return True
    return False


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


def _check_present(table: Table, j: int) -> None:
    for line, row in zip(table.lines, table.cells):
        if row[j].strip().lower() in MISSING:
            raise _missing(table, line, j)


def _missing(table: Table, line: int, j: int) -> ValueError:
    return ValueError(
        f"{table.path} has a missing value in line {line}, column {table.names[j]!r}: fill it in or leave "
        "the row out (missing='mask' comes with the next version)."
    )


def _numeric(table: Table, j: int) -> np.ndarray:
    """A column as numbers, float64."""
    try:
        values = np.array([row[j] for row in table.cells], dtype=np.float64)
    except ValueError:
        values = np.array([_cell(table, j, i) for i in range(len(table.cells))])
    for i in np.flatnonzero(~np.isfinite(values))[:1]:
        _cell(table, j, int(i))
    return values


def _cell(table: Table, j: int, i: int) -> float:
    """The number in row i of column j.

    Raises:
        ValueError: if there is none.
    """
    cell, line = table.cells[i][j].strip(), table.lines[i]
    where = f"in line {line}, column {table.names[j]!r}"
    number = _number(cell)
    if cell.lower() in MISSING:
        raise _missing(table, line, j)
    if number is None:
        raise ValueError(
            f"{table.path} has {cell[:40]!r} {where}, where numbers are needed: if the column holds classes, "
            f"load it with label={table.names[j]!r}, otherwise remove it or code it as numbers."
        )
    if not math.isfinite(number):
        raise ValueError(f"{table.path} has the value {cell!r} {where}, which is not finite: correct it.")
    return number


def _numbers_if_all(text: np.ndarray) -> np.ndarray:
    """Labels as numbers if all are, so that class 10 comes after class 9."""
    try:
        return text.astype(np.float64)
    except ValueError:
        return text
