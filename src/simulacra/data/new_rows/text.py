"""New rows in a text table, read in the dialect that the run recorded, or in their own.

Rows come back as they are in the file, letter for letter, with cells added at their end or with gaps filled.
A table of any length is read in flat memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from simulacra.core.spaces.composite import Table
from simulacra.data.new_rows.chunk import Chunk, Mark
from simulacra.data.new_rows.lines import Record, opened, records
from simulacra.data.new_rows.table_rows import TableRows
from simulacra.data.new_rows.wanted import Wanted, absent
from simulacra.data.tables.comments import find_comment, first_row, is_comment
from simulacra.data.tables.dialect import NAMES
from simulacra.data.tables.numbers import Marks, find_marks
from simulacra.data.tables.separators import find_separator

HEAD = 200  # lines in which separator and names are sought
BOM = "\ufeff"
ABOVE = 20  # records above the names, such as a title


@dataclass
class TextRows(TableRows):
    """Rows of a text table.

    Args:
        separator: the mark between cells.
        body: the records, of which those up to line `above` are no rows.
        above: number of the last line that is no row.
        numbered: True if the file has no names.
    """

    separator: str = ","
    body: Iterator[Record] = field(default_factory=lambda: iter(()))
    above: int = 0
    numbered: bool = False

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yields chunks of at most `size` rows."""
        first = 0
        while rows := list(islice(self.body, size)):
            ragged = next((row for row in rows if len(row.cells) != len(self.names)), None)
            if ragged is not None:
                raise ValueError(
                    f"{self.path} has {len(ragged.cells)} cells in line {ragged.line}, but {len(self.names)} "
                    "columns: write an empty cell for each gap."
                )
            columns = list(zip(*(row.cells for row in rows)))
            at = [f"line {row.line}" for row in rows]
            yield self.chunk_of(columns, [row.text for row in rows], first, at)
            first += len(rows)
        self.check_all_given(first)


def open_text(path: Path, wanted: Wanted) -> TextRows:
    """Opens a text table with rows for a model.

    Args:
        path: the file, plain or gzipped; `-` for standard input.
        wanted: what the model takes.

    Raises:
        ValueError: if the file is empty, or lacks a column of the model.
    """
    stream = _lines(path, wanted.spec.get("encoding"))
    head = list(islice(stream, HEAD))
    if not any(line.strip() for line in head):
        raise ValueError(f"{path} holds no rows: a table needs a line of names and at least one of values.")
    mark_of_order, head[0] = head[0][: head[0].startswith(BOM)], head[0].removeprefix(BOM)
    separator, comment, names = _dialect(path, head, wanted)
    end = "\r\n" if head[0].endswith("\r\n") else "\n"
    body = records(path, chain(head, stream), separator, comment)
    if names is not None:
        body = (record for record in body if record.line > names.line)
    row = next(body, None)
    if row is None:
        raise ValueError(f"{path} holds a header but no rows: a table needs at least one.")
    given, text = _names(names, row, separator)
    rows = TextRows(path, given, wanted=wanted, separator=separator, body=chain([row], body))
    rows.numbered = names is None
    rows.words = [word for word in str(wanted.spec.get("missing_values") or "").split(",") if word]
    rows.locate()
    rows.marks = _marks(path, head, rows, wanted)
    header = None if text is None else mark_of_order + text
    rows.mark = Mark(separator or ",", rows.marks.decimal, end, header)
    return rows


def _lines(path: Path, encoding: str | None) -> Iterator[str]:
    """Yields lines, and closes the file after the last."""
    with opened(path, encoding) as lines:
        yield from lines


def _dialect(path: Path, head: list[str], wanted: Wanted) -> tuple[str, str, Record | None]:
    """Returns separator, mark of comments and record of names: those of the run where they fit."""
    assert isinstance(wanted.raw, Table)
    spec, names = wanted.spec, wanted.raw.names
    comment = find_comment([line for line in head if line.strip()], None)
    recorded = "separator" in spec
    if recorded:
        separator = _recorded_separator(spec)
        comment = {"none": "", "None": ""}.get(str(spec.get("comment")), str(spec.get("comment")))
        found = _header(path, head, separator, comment, names)
        if found is not None:
            return separator, comment, found
    plain = [line.rstrip("\r\n") for line in head if line.strip()]
    own = find_separator([line for line in plain if not is_comment(line, comment)] or plain)
    if not recorded and _rows_marked(path, plain, own, comment):
        comment = ""
    found = _header(path, head, own, comment, names)
    if found is not None:
        return own, comment, found
    separator = separator if recorded else own
    by_place = recorded and not spec.get("header")
    first = next(records(path, head, separator, comment), None)
    if by_place and first is not None:
        return separator, comment, None
    raise absent(path, names, first.cells if first is not None else [])


def _rows_marked(path: Path, lines: list[str], separator: str, comment: str) -> bool:
    """Returns True if lines with an inferred mark of comments look like rows: none is left out then."""
    try:
        every = [(record.line, record.cells) for record in records(path, lines, separator, "")]
    except ValueError:
        return False  # of another separator
    marked = [row for row in every if is_comment(row[1][0], comment)]
    return first_row(marked, [row for row in every if not is_comment(row[1][0], comment)]) is not None


def _recorded_separator(spec: Mapping[str, Any]) -> str:
    told = str(spec.get("separator"))
    return "" if told == "none" else NAMES.get(told, told)


def _header(path: Path, head: list[str], separator: str, comment: str, names: Sequence[str]) -> Record | None:
    """Returns the record that holds all names, which may be a comment; None if there is none."""
    try:
        for record in islice(records(path, head, separator, ""), ABOVE):
            cells = list(record.cells)
            if comment and cells[0].startswith(comment):
                cells[0] = cells[0].removeprefix(comment).strip()
            if set(names) <= set(cells):
                text = record.text.lstrip().removeprefix(comment).lstrip() if comment else record.text
                return Record(text, cells, record.line)
    except ValueError:
        return None  # of another separator
    return None


def _names(names: Record | None, row: Record, separator: str) -> tuple[list[str], str | None]:
    """Returns the names of all columns and the text of their line, one cell wider where only rows have it."""
    if names is None:
        return [str(j) for j in range(1, len(row.cells) + 1)], None
    if len(row.cells) == len(names.cells) + 1:
        if not row.cells[-1]:
            # a separator at the end of each row
            return [*names.cells, ""], names.text + separator
        return ["", *names.cells], separator + names.text
    return names.cells, names.text


def _marks(path: Path, head: list[str], rows: TextRows, wanted: Wanted) -> Marks:
    """Returns the marks of numbers: of the run for its separator, otherwise of the first lines."""
    spec = wanted.spec
    if "decimal" in spec and _recorded_separator(spec) == rows.separator:
        group = {"none": "", "blank": " ", None: ""}.get(spec.get("thousands"), str(spec.get("thousands")))
        return Marks(str(spec["decimal"] or "."), group)
    cells = [
        record.cells[place]
        for record in islice(records(path, head, rows.separator, ""), 1, None)
        for place in rows.places
        if len(record.cells) == len(rows.names)
    ]
    try:
        return find_marks(str(path), cells, separator=rows.separator)
    except ValueError:
        return Marks()
