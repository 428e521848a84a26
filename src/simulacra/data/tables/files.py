"""Text tables: .csv and its relatives, plain or .gz, in the dialect that they are written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from simulacra.data.source import Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.tables.column import Column
from simulacra.data.tables.columns import label_number, source_of
from simulacra.data.tables.declared import Declared, classes_of, read_types
from simulacra.data.tables.dialect import (
    Dialect,
    Line,
    cells_of,
    decoded,
    find_comment,
    find_separator,
    told_dialect,
)
from simulacra.data.tables.header import has_header
from simulacra.data.tables.missing import find_missing
from simulacra.data.tables.numbers import Marks, find_marks
from simulacra.data.tables.options import TableOptions

ABOVE = 20  # lines of a title that may stand over a table


@dataclass
class Table:
    """Cells as text.

    Args:
        path: the file.
        dialect: in which it is written.
        names: of the columns, from the header or numbered from 1.
        cells: row by row.
        lines: line of each row in the file, from 1.
        unnamed: numbers of the columns whose header is empty.
        notes: what was left out, by topic.
    """

    path: Path
    dialect: Dialect
    names: list[str]
    cells: list[list[str]]
    lines: list[int]
    unnamed: set[int] = field(default_factory=set)
    notes: dict[str, str] = field(default_factory=dict)


def open_table(path: Path, own: TableOptions, split: SplitOptions) -> Source:
    """The source in a text table: one named field a column.

    Raises:
        ValueError: naming file, line and column where the table is ragged, a cell is missing, or a
            column fits no kind.
    """
    table = read_table(path, own)
    declared = read_types(own.types, table.names)
    columns, notes, words = columns_of(table, own.missing_values, declared)
    label = None if own.label is None else label_number(str(path), table.names, own.label)
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    source = source_of(name, str(path), columns, label, own, split)
    for about, what in {"read as": str(table.dialect), **table.notes, **notes}.items():
        source = source.noted(about, what)
    found = {**table.dialect.options(), "missing_values": words}
    return replace(source, resolved={**source.resolved, **found})


def read_table(path: Path, options: TableOptions) -> Table:
    """The cells of a table in the dialect that is told or found.

    Raises:
        ValueError: if the file is no text, is empty, or its rows differ in length.
    """
    text, encoding = decoded(path, options.encoding)
    dialect = told_dialect(options, encoding)
    full = [line for line in text.splitlines() if line.strip()]
    if not full:
        raise ValueError(f"{path} holds no rows: a table needs at least one.")
    dialect = replace(dialect, comment=find_comment(full, options.comment))
    kept, comments = _without_comments(text, dialect.comment)
    if options.separator is None:
        plain = [line for line in kept.splitlines() if line.strip()]
        dialect = replace(dialect, separator=find_separator(plain) if plain else "")
    rows = list(cells_of(path, kept, dialect.separator))
    if not rows:
        raise ValueError(f"{path} holds no rows: a table needs at least one.")
    return _shaped(path, dialect, rows, comments, options)


def _without_comments(text: str, mark: str) -> tuple[str, list[tuple[int, str]]]:
    """The text with comments as blank lines, and number and text of each comment."""
    if not mark:
        return text, []
    lines = text.splitlines()
    marked = [(i, line.strip()) for i, line in enumerate(lines, 1) if line.lstrip().startswith(mark)]
    gone = {i for i, _ in marked}
    return "\n".join("" if i in gone else line for i, line in enumerate(lines, 1)), marked


def _shaped(
    path: Path,
    dialect: Dialect,
    rows: list[Line],
    comments: Sequence[tuple[int, str]],
    options: TableOptions,
) -> Table:
    """The table with its header, of rows of one width."""
    width = _width(rows)
    begin = _beginning(rows, width, options)
    title = [number for number, _ in rows[:begin]]
    names = None
    if begin and width - 1 <= len(rows[begin - 1][1]) <= width and options.header is not False:
        # one name fewer than cells: the first column holds the names of the rows
        names, title = rows[begin - 1], title[:-1]
    rows = rows[begin:]
    _check_widths(path, rows, width)
    cells = [row for _, row in rows]
    lines = [number for number, _ in rows]
    marks = find_marks(str(path), zip(*cells), dialect.separator, options.decimal, options.thousands)
    dialect = replace(dialect, marks=marks)
    if names is None:
        names, used = _header(path, dialect, rows, comments, options)
        cells, lines = cells[used:], lines[used:]
    if not cells:
        raise ValueError(f"{path} holds a header but no rows: a table needs at least one.")
    dialect = replace(dialect, header=names[0] if names else 0)
    table = _named(path, dialect, names[1] if names else None, cells, lines)
    if comments:
        shown = [number for number, _ in comments if names is None or number != names[0]]
        if shown:
            table.notes["left out"] = f"{len(shown)} comment line{'s' * (len(shown) > 1)} ({dialect.comment})"
    if title:
        said = f"{len(title)} line{'s' * (len(title) > 1)} above the table"
        table.notes["left out"] = "; ".join(filter(None, [table.notes.get("left out"), said]))
    return table


def _width(rows: Sequence[Line]) -> int:
    """The number of cells that most rows have."""
    return Counter(len(row) for _, row in rows).most_common(1)[0][0]


def _beginning(rows: Sequence[Line], width: int, options: TableOptions) -> int:
    """The number of rows above the table: a title, or a header with another number of names."""
    if type(options.header) is int:
        at = next((i for i, (number, _) in enumerate(rows) if number >= options.header), 0)
        return at + (rows[at][0] == options.header and len(rows[at][1]) == width - 1)
    begin = next(i for i, (_, row) in enumerate(rows) if len(row) == width)
    narrow = all(len([c for c in row if c]) <= max(1, width // 2) for _, row in rows[: max(0, begin - 1)])
    last = rows[begin - 1][1] if begin else []
    fits = len(last) == width - 1 and not any(Marks().looks_like(c) for c in last)
    title = len([c for c in last if c]) <= max(1, width // 2) and width > 1
    return begin if begin <= ABOVE and narrow and (fits or title) else 0


def _check_widths(path: Path, rows: Sequence[Line], width: int) -> None:
    for number, row in rows:
        if len(row) != width:
            first = next(n for n, r in rows if len(r) == width)
            raise ValueError(
                f"{path} has {len(row)} cells in line {number}, but {width} in line {first}: "
                "every row needs the same columns."
            )


def _header(
    path: Path,
    dialect: Dialect,
    rows: Sequence[Line],
    comments: Sequence[tuple[int, str]],
    options: TableOptions,
) -> tuple[Line | None, int]:
    """The line of names, if there is one, and how many of the rows it takes: 0 where it is a comment."""
    if type(options.header) is int and options.header < rows[0][0]:
        commented = dict(comments)
        if options.header not in commented:
            raise ValueError(f"{path} has no names in line {options.header}, which header= gives.")
        return _uncommented(path, dialect, options.header, commented[options.header]), 0
    if options.header is not None:
        return (rows[0], 1) if options.header else (None, 0)
    if has_header([row for _, row in rows], dialect.marks):
        return rows[0], 1
    before = [(number, text) for number, text in comments if number < rows[0][0]]
    if before:
        names = _uncommented(path, dialect, *before[-1])
        texts = all(cell and not dialect.marks.looks_like(cell) for cell in names[1])
        if len(names[1]) == len(rows[0][1]) and len(names[1]) > 1 and texts:
            return names, 0
    return None, 0


def _uncommented(path: Path, dialect: Dialect, number: int, text: str) -> Line:
    """The cells of a comment line, as `# a,b` above a table has its names."""
    plain = text.removeprefix(dialect.comment).strip()
    cells = [row for _, row in cells_of(path, plain, dialect.separator)]
    return number, cells[0] if cells else []


def _named(
    path: Path, dialect: Dialect, names: Sequence[str] | None, cells: list[list[str]], lines: list[int]
) -> Table:
    """The table with a name for each column."""
    width = len(cells[0])
    if names is None:
        return Table(path, dialect, [str(j) for j in range(1, width + 1)], cells, lines)
    given = list(names)
    if len(given) == width - 1:
        # a mark at the end of each row makes an empty last column; otherwise the first one names the rows
        last = not any(row[-1] for row in cells)
        given = [*given, ""] if last else ["", *given]
    unnamed = {j for j, name in enumerate(given) if not name}
    named = [name or f"column {j + 1}" for j, name in enumerate(given)]
    return Table(path, dialect, named, cells, lines, unnamed)


def columns_of(
    table: Table, told: str | None, declared: Declared
) -> tuple[list[Column], dict[str, str], str]:
    """The columns with their missing cells, notes of what is missing or looks so, and the spellings.

    Args:
        told: spellings of missing entries that the user gave, separated by commas.
        declared: kinds of columns; a class that is listed there is not missing.
    """
    cells = [list(column) for column in zip(*table.cells)]
    given = None if told is None else [word.strip() for word in told.split(",")]
    missing = find_missing(cells, table.dialect.marks, given)
    columns = []
    for j, name in enumerate(table.names):
        gone = set(missing.spellings[j]) - set(classes_of(declared.get(name)))
        values = [None if cell in gone else cell for cell in cells[j]] if gone else cells[j]
        where = f"{table.path}, column {name!r},"
        unnamed = j in table.unnamed
        columns.append(Column(name, values, where, None, table.lines, table.dialect.marks, unnamed))
    notes = {}
    counts = Counter(
        cell or "empty"
        for j, column in enumerate(cells)
        for cell in column
        if cell in missing.spellings[j] and columns[j].present
    )
    if counts:
        notes["missing"] = ", ".join(f"{_said(word)} ({count:,})" for word, count in counts.most_common())
    kept = [
        f"{word!r} in {table.names[j]} ({count / len(cells[j]):.0%})"
        for j, words in missing.classes.items()
        for word, count in words.items()
    ]
    if kept:
        words = ",".join(dict.fromkeys(word for words in missing.classes.values() for word in words))
        notes["classes"] = (
            f"{', '.join(kept)} is a class: if it means missing load it with missing_values='{words}'"
        )
    return columns, notes, ",".join(missing.words)


def _said(word: str) -> str:
    return "empty cells" if word == "empty" else repr(word)
