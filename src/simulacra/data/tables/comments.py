"""Comments of a text table: lines that begin with a mark and hold no data.

A mark is inferred from the first line, or if fewer than a fifth of the lines have it. A row may begin with
such a mark, too, as a note `#F4` and a path `//host` do. If a marked line has as many cells as the rows,
numbers where they have numbers, and a text where they have one, the user decides.
The codes of spreadsheets such as `#N/A` and `#REF!` never begin a comment.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.tables.missing import ERRORS, may_miss
from simulacra.data.tables.numbers import Marks

COMMENTS = ("#", "%", "//")
CODE = re.compile(rf"\s*(?:{'|'.join(map(re.escape, sorted(ERRORS)))})\s*(?:[,;\t| ]|$)", re.IGNORECASE)
LOOK = 200  # most rows with which marked lines are compared
POINT, COMMA = Marks(), Marks(",")


def is_comment(line: str, mark: str) -> bool:
    """Returns True if a line begins with the mark of comments, and not with an error code of a spreadsheet.

    Example:
        >>> is_comment("# a,b", "#"), is_comment("#N/A,3", "#"), is_comment("3,#", "#"), is_comment("3", "")
        (True, False, False, False)
    """
    return bool(mark) and line.lstrip().startswith(mark) and CODE.match(line) is None


def find_comment(lines: Sequence[str], told: str | None) -> str:
    """Returns the mark that begins lines without data, or an empty string.

    Args:
        lines: lines of the file without blank ones.
        told: the mark that the user gives, `none` for no mark, or None: inferred.
    """
    if told is not None:
        return "" if told == "none" else told
    for mark in COMMENTS:
        marked = [is_comment(line, mark) for line in lines]
        # a first column of colours such as #ff0000 has the mark in all lines
        if any(marked) and not all(marked[1:]) and (marked[0] or 5 * sum(marked) < len(marked)):
            return mark
    return ""


def check_comments(
    path: Path,
    mark: str,
    marked: Sequence[tuple[int, Sequence[str]]],
    rows: Sequence[tuple[int, Sequence[str]]],
) -> None:
    """Raises Refusal if a line with an inferred mark of comments may be a row.

    Args:
        path: the file, for the error.
        mark: the mark.
        marked: number and cells of the lines that begin with it.
        rows: number and cells of the others.
    """
    at = first_row(marked, rows)
    if at is not None:
        number, cells = marked[at]
        ways = load_with(comment="none"), load_with(comment=mark)
        raise Refusal(
            f"{path} has {', '.join(cells[:5])[:60]!r} in line {number}, which may be a row or a comment: "
            f"load it with {ways[0]} or load it with {ways[1]}.",
            *ways,
        )


def first_row(
    marked: Sequence[tuple[int, Sequence[str]]], rows: Sequence[tuple[int, Sequence[str]]]
) -> int | None:
    """Returns the index of the first marked line that looks like the rows, or None.

    Args:
        marked: number and cells of the lines that begin with a mark of comments.
        rows: number and cells of the others.

    Example:
        >>> rows = [(1, ["C4", "1.5"]), (3, ["D4", "2.5"])]
        >>> first_row([(2, ["#F4", "0.5"])], rows), first_row([(2, ["# by hand", "in May"])], rows)
        (0, None)
    """
    if not rows or not marked:
        return None
    width = Counter(len(cells) for _, cells in rows).most_common(1)[0][0]
    alike = [cells for _, cells in rows if len(cells) == width]
    numeric = [_numeric([row[j] for row in alike[-LOOK:]]) for j in range(width)]
    prose = any(" " in row[0] for row in alike)
    return next((i for i, line in enumerate(marked) if _is_row(*line, rows[0][0], numeric, prose)), None)


def _is_row(number: int, cells: Sequence[str], begin: int, numeric: Sequence[bool], prose: bool) -> bool:
    """Returns True if a marked line has the cells of a row.

    Args:
        number: number of the line.
        cells: its cells.
        begin: number of the first line without the mark; names may stand above it.
        numeric: True for columns of numbers.
        prose: True if the first cells of other rows hold blanks, too.
    """
    if len(cells) != len(numeric) or numeric[0]:
        return False
    if not all(_number(cell) or may_miss(cell) for cell, of in zip(cells, numeric) if of):
        return False
    if len(numeric) == 1:
        # a mark and a blank is a remark, a mark and a letter may be a tag; texts have blanks anyway
        return number > begin and (prose or " " not in cells[0])
    return number > begin or any(of and _number(cell) for cell, of in zip(cells, numeric))


def _numeric(column: Sequence[str]) -> bool:
    there = [cell for cell in column if not may_miss(cell)]
    return 2 * sum(map(_number, there)) > len(there)


def _number(cell: str) -> bool:
    return POINT.looks_like(cell) or COMMA.looks_like(cell)
