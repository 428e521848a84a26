"""Reader of text tables: .csv and similar files, plain or .gz, in any dialect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.data.sources.source import Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.tables.column import Column
from simulacra.data.tables.columns import label_number, source_of
from simulacra.data.tables.comments import check_comments, find_comment, is_comment
from simulacra.data.tables.declared import Declared, classes_of, read_types
from simulacra.data.tables.dialect import (
    Dialect,
    Line,
    blanked,
    cells_of,
    decoded,
    records_of,
    separator_line,
    told_dialect,
)
from simulacra.data.tables.header import (
    DOUBT,
    RARE,
    beginning,
    chance_of_row,
    check_clear,
    check_widths,
    has_header,
    names_rows,
    width_of,
)
from simulacra.data.tables.missing import find_missing
from simulacra.data.tables.numbers import Marks, find_marks
from simulacra.data.tables.options import TableOptions
from simulacra.data.tables.separators import find_separator


@dataclass
class Columns:
    """The cells of a table as text.

    Args:
        path: the file.
        dialect: its dialect.
        names: names of the columns, from the header or numbered from 1.
        cells: cells, row by row.
        lines: line of each row in the file, from 1.
        unnamed: numbers of the columns whose header is empty.
        numbers: number of each row in the file, from 0, where rows of empty cells count.
        total: number of the rows of the file, with those of empty cells.
        notes: notes on what was left out, by topic.
    """

    path: Path
    dialect: Dialect
    names: list[str]
    cells: list[list[str]]
    lines: list[int]
    unnamed: set[int] = field(default_factory=set)
    numbers: list[int] = field(default_factory=list)
    total: int = 0
    notes: dict[str, str] = field(default_factory=dict)


def open_table(path: Path, own: TableOptions, split: SplitOptions) -> Source:
    """Reads a text table into a source with one named field for each column.

    Args:
        path: the file, plain or gzipped.
        own: options of text tables.
        split: options of the splits.

    Raises:
        ValueError: if rows differ in length, a cell is missing, or a column fits no kind; the message names
            file, line and column.
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
    source = source.numbered(table.numbers, table.total)
    return replace(source, resolved={**source.resolved, **found})


def read_table(path: Path, options: TableOptions) -> Columns:
    """Reads the cells of a table in the given or inferred dialect.

    Args:
        path: the file, plain or gzipped.
        options: options of text tables.

    Raises:
        ValueError: if the file is not text, is empty, or its rows differ in length.
    """
    text, encoding = decoded(path, options.encoding)
    dialect = told_dialect(options, encoding)
    text, named = separator_line(text)
    full = [(number, record) for number, record in records_of(text) if record.strip()]
    if not full:
        raise ValueError(f"{path} holds no rows: a table needs at least one.")
    dialect = replace(dialect, comment=find_comment([record for _, record in full], options.comment))
    comments = [(n, r.strip()) for n, r in full if is_comment(r, dialect.comment)]
    kept = blanked(text, {number for number, _ in comments}) if comments else text
    if options.separator is None:
        gone = {number for number, _ in comments}
        plain = [record.rstrip("\r\n") for number, record in full if number not in gone]
        dialect = replace(dialect, separator=named or (find_separator(plain) if plain else ""))
    rows = list(cells_of(path, kept, dialect.separator))
    if dialect.separator == " " and options.separator is None and _looks_like_prose(rows):
        dialect = replace(dialect, separator="")
        rows = list(cells_of(path, kept, ""))
    filled = [row for row in rows if any(row[1])]
    if not filled:
        raise ValueError(f"{path} holds no rows: a table needs at least one.")
    if comments and options.comment is None:
        check_comments(path, dialect.comment, _cut(path, comments, dialect.separator), filled)
    table = _shaped(path, dialect, filled, comments, options)
    _number(table, [line for line, _ in rows], [line for line, _ in filled])
    if len(rows) > len(filled):
        k = len(rows) - len(filled)
        said = [table.notes.get("left out", ""), f"{k} row{'s' * (k > 1)} of empty cells"]
        table.notes["left out"] = "; ".join(filter(None, said))
    return table


def _number(table: Columns, every: Sequence[int], filled: Sequence[int]) -> None:
    """Counts the rows of a table, with those of empty cells.

    Args:
        table: the table.
        every: line of each record.
        filled: line of each record that has a cell.
    """
    above = max((line for line in filled if line < table.lines[0]), default=0)
    place = {line: i for i, line in enumerate(line for line in every if line > above)}
    table.numbers, table.total = [place[line] for line in table.lines], len(place)


def _cut(path: Path, comments: Sequence[tuple[int, str]], separator: str) -> list[Line]:
    """Returns number and cells of comments; [] for one that holds an open quotation."""
    found = []
    for number, text in comments:
        try:
            cells = [row for _, row in cells_of(path, text, separator)]
        except ValueError:
            cells = []
        found.append((number, cells[0] if cells else []))
    return found


def _looks_like_prose(rows: Sequence[Line]) -> bool:
    """Returns True if blanks are part of texts: the rows differ in length, and no header explains it."""
    widths = {len(row) for _, row in rows}
    below = {len(row) for _, row in rows[1:]}
    if len(widths) == 1:
        return False
    named = len(below) == 1 and len(rows[0][1]) == min(below) - 1 and names_rows([row for _, row in rows[1:]])
    return not named and all(not Marks().looks_like(row[-1]) for _, row in rows)


def _shaped(
    path: Path,
    dialect: Dialect,
    rows: list[Line],
    comments: Sequence[tuple[int, str]],
    options: TableOptions,
) -> Columns:
    """Returns the table with its header and rows of one width."""
    width = width_of(rows)
    begin = beginning(rows, width, options.header)
    title, rows = rows[:begin], rows[begin:]
    check_widths(path, rows, width)
    every = (cell for _, row in rows for cell in row)
    marks = find_marks(str(path), every, options.decimal, options.thousands, dialect.separator)
    dialect = replace(dialect, marks=marks)
    names = _names_above(path, title, rows, options, marks)
    if names is not None:
        title, used = title[:-1], 0
    else:
        names, used = _header(path, dialect, rows, comments, options)
    body = rows[used:]
    if not body:
        raise ValueError(f"{path} holds a header but no rows: a table needs at least one.")
    dialect = replace(dialect, header=names[0] if names else 0)
    cells, lines = [row for _, row in body], [number for number, _ in body]
    table = _named(path, dialect, names[1] if names else None, cells, lines)
    if options.header is None and names == rows[0]:
        table.notes.update(_header_note(rows, marks, True))
    elif options.header is None and names is None:
        table.notes.update(_header_note(rows, marks, False))
    shown = [number for number, _ in comments if names is None or number != names[0]]
    left_out = [
        f"{len(shown)} comment line{'s' * (len(shown) > 1)} ({dialect.comment})" if shown else "",
        f"{len(title)} line{'s' * (len(title) > 1)} above the table" if title else "",
    ]
    if any(left_out):
        table.notes["left out"] = "; ".join(filter(None, left_out))
    return table


def _names_above(
    path: Path, title: Sequence[Line], rows: Sequence[Line], options: TableOptions, marks: Marks
) -> Line | None:
    """Returns a header with one name fewer than the rows have cells, or None."""
    if not title or options.header is False:
        return None
    width, last, below = len(rows[0][1]), title[-1], [row for _, row in rows]
    numbered = type(options.header) is int
    # a single name over two columns is a title if the header is a later line
    titled = last[0] != options.header if numbered else has_header(below, marks)
    if len(last[1]) != width - 1 or titled:
        return None
    if names_rows(below) or not any(row[-1] for row in below):
        return last
    one = load_with(separator="none")
    mend = Phrase(f", or if it is one column of texts load it with {one}", one) if width == 2 else ""
    raise Refusal(
        f"{path} has {width - 1} name{'s' * (width > 2)} in line {last[0]}, but {width} cells in line "
        f"{rows[0][0]}: give each column a name{mend}.",
        mend,
    )


def _header_note(rows: Sequence[Line], marks: Marks, taken: bool) -> dict[str, str]:
    """Returns a note if the first row may be taken wrongly for names or for values."""
    first = rows[0][1]
    numbers = [cell for cell in first if marks.number(cell) is not None]
    chance = chance_of_row([row for _, row in rows], marks)
    if not numbers or not (0 < chance < RARE if taken else RARE <= chance < DOUBT):
        return {}
    listed = ", ".join(first[:5]) + (", ..." if len(first) > 5 else "")
    what, other, mend = ("names", "values", False) if taken else ("values", "names", True)
    way = load_with(header=mend)
    return {"header": f"line {rows[0][0]} ({listed}) holds {what}; if these are {other} load it with {way}"}


def _header(
    path: Path,
    dialect: Dialect,
    rows: Sequence[Line],
    comments: Sequence[tuple[int, str]],
    options: TableOptions,
) -> tuple[Line | None, int]:
    """Returns the line of names or None, and the number of rows it takes: 0 if it is a comment."""
    if type(options.header) is int and options.header < rows[0][0]:
        commented = dict(comments)
        if options.header not in commented:
            raise ValueError(f"{path} has no names in line {options.header}, which header= gives.")
        return _uncommented(path, dialect, options.header, commented[options.header]), 0
    if options.header is not None:
        return (rows[0], 1) if options.header else (None, 0)
    below = [row for _, row in rows]
    check_clear(str(path), below, dialect.marks)
    if has_header(below, dialect.marks):
        return rows[0], 1
    before = [(number, text) for number, text in comments if number < rows[0][0]]
    if before:
        names = _uncommented(path, dialect, *before[-1])
        texts = all(cell and not dialect.marks.looks_like(cell) for cell in names[1])
        if len(names[1]) == len(rows[0][1]) and len(names[1]) > 1 and texts:
            return names, 0
    return None, 0


def _uncommented(path: Path, dialect: Dialect, number: int, text: str) -> Line:
    """Returns the cells of a comment line, which may hold the names, as in `# a,b`."""
    plain = text.removeprefix(dialect.comment).strip()
    cells = [row for _, row in cells_of(path, plain, dialect.separator)]
    return number, cells[0] if cells else []


def _named(
    path: Path, dialect: Dialect, names: Sequence[str] | None, cells: list[list[str]], lines: list[int]
) -> Columns:
    """Returns the table with a name for each column."""
    width = len(cells[0])
    if names is None:
        return Columns(path, dialect, [str(j) for j in range(1, width + 1)], cells, lines)
    given = list(names)
    if len(given) == width - 1:
        # a separator at the end of each row makes an empty last column; otherwise the first one has row names
        last = not any(row[-1] for row in cells)
        given = [*given, ""] if last else ["", *given]
    unnamed = {j for j, name in enumerate(given) if not name}
    named = [name or f"column {j + 1}" for j, name in enumerate(given)]
    return Columns(path, dialect, named, cells, lines, unnamed)


def columns_of(
    table: Columns, told: str | None, declared: Declared
) -> tuple[list[Column], dict[str, str], str]:
    """Returns the columns, notes on missing cells, and the spellings of missing cells.

    Args:
        table: the cells as text.
        told: spellings of missing entries that the user gives, separated by commas; None: inferred.
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
        columns.append(
            Column(name, values, where, None, table.lines, table.dialect.marks, unnamed, tuple(missing.words))
        )
    notes = {}
    counts: Counter[str] = Counter()
    for j, column in enumerate(cells):
        if columns[j].present:
            counts.update({word or "empty": column.count(word) for word in missing.spellings[j]})
    if counts:
        notes["missing"] = ", ".join(f"{_quoted(word)} ({count:,})" for word, count in counts.most_common())
    kept = [
        f"{word!r} in {table.names[j]} ({count / len(cells[j]):.0%})"
        for j, words in missing.classes.items()
        for word, count in words.items()
    ]
    if kept:
        more = (word for words in missing.classes.values() for word in words)
        words = ",".join(dict.fromkeys([*missing.words, *more]))
        notes["classes"] = (
            f"{', '.join(kept)} is a class: if it means missing load it with "
            f"{load_with(missing_values=words, missing='mask')}"
        )
    return columns, notes, ",".join(missing.words)


def _quoted(word: str) -> str:
    return "empty cells" if word == "empty" else repr(word)
