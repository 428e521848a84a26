"""Decides whether the first row of a table is its header.

The first row is compared with the n rows below it. Text over numbers, also with a unit, is always a
header. Otherwise the probability that a row of data looks like the first row is a product of

    a text that does not recur                    (texts below that occur once + 1) / (n + 2)   (Turing)
    numbers at equal distances, 0, 1, 2, ...      for each cell (how often it recurs + 1) / (n + 2)
    whole numbers over decimals                   (rows below of whole numbers + 1) / (n + 2)
    numbers far outside of all columns            2 / (n + 2); if d of them rise or fall 1 / (n + 2)^2 / d!

Cells of a row depend on one another, so wholeness and distance count once for a row, not for each cell. If
the first number continues a column that rises or falls throughout, such as a time, the row is data. Names
differ from one another, so a row with two equal numbers is not a header.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.tables.dialect import Line
from simulacra.data.tables.missing import may_miss
from simulacra.data.tables.numbers import UNITS, Marks, have_units, unit_of

ABOVE = 20  # most lines of a title above a table
LOOK = 200  # most rows that are compared with the first one
RARE = 1e-3  # probability below which the first row is a header
DOUBT = 0.05  # probability below which the user is told that the first row is taken for data
ALONG = 6  # fewest values of a column that rises or falls throughout

Row = Sequence[str]


def has_header(rows: Sequence[Row], marks: Marks) -> bool:
    """Returns True if the first row holds the names of the columns.

    Args:
        rows: cells, equally many in each row, without blanks around them.
        marks: decimal and thousands marks.

    Example:
        >>> rows = [["2019", "2020"]] + [[f"{i * 37 % 30 / 7:.2f}", f"{i / 3:.2f}"] for i in range(30)]
        >>> has_header(rows, Marks()), has_header(rows[1:], Marks())
        (True, False)
    """
    return chance_of_row(rows, marks) < RARE


def check_clear(where: str, rows: Sequence[Row], marks: Marks) -> None:
    """Raises ValueError if the first row has a text over numbers, but also numbers like those below.

    Args:
        where: the file, for the error.
        rows: cells, equally many in each row.
        marks: decimal and thousands marks.
    """
    first, columns = rows[0], _columns(rows)
    if _text_over_numbers(first, columns, marks) and _fits(first, columns, marks):
        text = next(c for c, column in zip(first, columns) if _is_text_over_numbers(c, column, marks))
        ways = load_with(header=True), load_with(header=False)
        raise Refusal(
            f"{where} begins with {', '.join(first[:5])}, which may be names or values because of {text!r}: "
            f"load it with {ways[0]} or load it with {ways[1]}.",
            *ways,
        )


def chance_of_row(rows: Sequence[Row], marks: Marks) -> float:
    """Returns the probability that a row of data looks like the first row.

    Args:
        rows: cells, equally many in each row.
        marks: decimal and thousands marks.
    """
    first, columns = rows[0], _columns(rows)
    named = [cell for cell in first if cell]
    if not named:
        return 1.0
    if len(rows) == 1:
        return 0.0 if all(marks.number(cell) is None and not may_miss(cell) for cell in named) else 1.0
    if _text_over_numbers(first, columns, marks):
        return 0.0
    if len(set(named)) < len(named):
        return 1.0
    if _all_new_texts(first, columns, marks):
        return 0.0
    texts = math.prod(_chance_of_text(j, first[j], column, marks) for j, column in enumerate(columns))
    return texts * _chance_of_numbers(first, rows[1 : LOOK + 1], marks)


def _columns(rows: Sequence[Row]) -> list[list[str]]:
    return [[row[j] for row in rows[1 : LOOK + 1]] for j in range(len(rows[0]))]


def _is_text_over_numbers(cell: str, column: Row, marks: Marks) -> bool:
    """Returns True if a text, other than a mark such as `-`, is above a column of numbers."""
    if may_miss(cell) or marks.number(cell) is not None or not any(c.isalnum() for c in cell):
        return False
    there = [c for c in column if not may_miss(c)]
    if len(there) >= UNITS and unit_of(cell, marks) is None and have_units(there, marks):
        return True
    if marks.looks_like(cell):
        # a code such as 001 may occur among whole numbers
        return sum(marks.decimal in c and marks.looks_like(c) for c in there) > len(there) / 2
    return bool(there) and sum(marks.looks_like(c) for c in there) > len(there) / 2


def _text_over_numbers(first: Row, columns: Sequence[Row], marks: Marks) -> bool:
    return any(_is_text_over_numbers(cell, column, marks) for cell, column in zip(first, columns))


def _fits(first: Row, columns: Sequence[Row], marks: Marks) -> bool:
    """Returns True if a number of the row is in the range of those below, and the steps are unequal."""
    numbers = _numbers(columns, marks)
    return not _equal_steps([marks.number(cell) for cell in first]) and any(
        (x := marks.number(cell)) is not None and len(y) > 0 and min(y) <= x <= max(y)
        for cell, y in zip(first, numbers)
    )


def _numbers(columns: Sequence[Row], marks: Marks) -> list[list[float]]:
    """Returns the numbers of each column; [] if most cells are texts."""
    found = []
    for column in columns:
        there = [c for c in column if not may_miss(c)]
        y = [x for c in there if (x := marks.number(c)) is not None]
        found.append(y if 2 * len(y) > len(there) else [])
    return found


def _chance_of_text(j: int, cell: str, column: Row, marks: Marks) -> float:
    """Returns the probability of such a text in column j; 1 for numbers, and for most missing cells."""
    if not cell and j == 0:
        return (sum(not c for c in column) + 1) / (len(column) + 2)
    if may_miss(cell) or marks.number(cell) is not None or cell in column:
        return 1.0
    counts = Counter(column)
    return min(1.0, (sum(count == 1 for count in counts.values()) + 1) / (len(column) + 2))


def _chance_of_numbers(first: Row, below: Sequence[Row], marks: Marks) -> float:
    """Returns the probability of the row's numbers in a row of data."""
    cells = [cell for cell in first if marks.number(cell) is not None]
    x = [marks.number(cell) for cell in first]
    numbers = _numbers([[row[j] for row in below] for j in range(len(first))], marks)
    over = [j for j, value in enumerate(x) if value is not None and numbers[j]]
    if not over or any(_continues(x[j], numbers[j]) for j in over):
        return 1.0
    n, p = len(below), 1.0
    if _equal_steps(x):
        p *= _chance_of_steps(x, below, numbers, marks)
    if not any(marks.decimal in cell for cell in cells):
        whole = sum(all(marks.decimal not in row[j] for j in over) for row in below)
        p *= (whole + 1) / (n + 2)
    gaps = [_gap(x[j], numbers[j]) for j in over]
    if min(gaps) > 1:
        ordered = min(gaps) > 10 and _in_order(x)
        p *= (1 / (n + 2)) ** 2 / math.factorial(len(over)) if ordered else 2 / (n + 2)
    return p


def _chance_of_steps(
    x: Sequence[float | None], below: Sequence[Row], numbers: Sequence[list[float]], marks: Marks
) -> float:
    """Returns the probability of a row with equal steps, from such rows below or from its cells."""
    n, places = len(below), [j for j, value in enumerate(x) if value is not None]
    counted = x[places[0]] in (0, 1) and len(places) > 1 and _unit(x)
    step = _step(x)
    like = sum(_step([marks.number(cell) for cell in row]) == step for row in below)
    foretold = places if x[places[0]] in (0, 1) else places[1 if _unit(x) else 2 :]
    recur = [sum(y == x[j] for y in numbers[j]) for j in foretold]
    each = math.prod([(count + 1.0) / (n + 2.0) for count in recur])
    # 0, 1, 2 are frequent as names, but rare as data
    return max(like / (n + 2), each * (0.1 if counted else 1.0))


def _continues(x: float | None, column: Sequence[float]) -> bool:
    """Returns True if a number precedes a column that rises or falls throughout."""
    steps = [b - a for a, b in pairwise(column)]
    if x is None or len(column) < ALONG or not (min(steps) > 0 or max(steps) < 0):
        return False
    before = (column[0] - x) * (1 if steps[0] > 0 else -1)
    return 0 < before <= 3 * max(map(abs, steps))


def _gap(x: float | None, column: Sequence[float]) -> float:
    """Returns the distance of a number from the range of a column, in units of the range."""
    assert x is not None
    low, high = min(column), max(column)
    outside = max(low - x, x - high, 0.0)
    return outside / (high - low) if high > low else math.inf if outside else 0.0


def _in_order(x: Sequence[float | None]) -> bool:
    """Returns True for three or more numbers that rise or fall."""
    steps = [b - a for a, b in pairwise([value for value in x if value is not None])]
    return len(steps) > 1 and (min(steps) > 0 or max(steps) < 0)


def _unit(x: Sequence[float | None]) -> bool:
    numbers = [value for value in x if value is not None]
    return all(b - a == 1 and a == round(a) for a, b in pairwise(numbers))


def _equal_steps(x: Sequence[float | None]) -> bool:
    """Returns True for numbers with equal steps, as in a grid: three or more, or 0, or 2019 and 2020."""
    return _step(x) is not None


def _step(x: Sequence[float | None]) -> float | None:
    """Returns the step of numbers with equal steps, or None."""
    numbers = [value for value in x if value is not None]
    if len(numbers) < 3:
        found = numbers == [0] or (len(numbers) == 2 and _unit(numbers))
        return sum(numbers[1:]) - sum(numbers[:-1]) if found else None
    steps = [b - a for a, b in pairwise(numbers)]
    same = steps[0] != 0 and all(abs(step - steps[0]) <= 1e-6 * abs(steps[0]) for step in steps)
    return steps[0] if same else None


def _all_new_texts(first: Row, columns: Sequence[Row], marks: Marks) -> bool:
    """Returns True if all cells are texts that do not recur, above a column of recurring classes."""
    text = all(cell and marks.number(cell) is None and not may_miss(cell) for cell in first)
    new = all(cell not in column for cell, column in zip(first, columns))
    return text and new and any(len(set(column)) < len(column) for column in columns)


def beginning(rows: Sequence[Line], width: int, told: bool | int | None) -> int:
    """Returns the number of rows above the table: a title, or a header with another number of names.

    Args:
        rows: lines with their cells.
        width: number of cells that most rows have.
        told: the option `header`; None: inferred.
    """
    if type(told) is int:
        at = next((i for i, (number, _) in enumerate(rows) if number >= told), 0)
        return at + (rows[at][0] == told and len(rows[at][1]) == width - 1)
    begin = next(i for i, (_, row) in enumerate(rows) if len(row) == width)
    begin += _padded(rows[begin:], width) if told is None else 0
    narrow = all(len([c for c in row if c]) <= max(1, width // 2) for _, row in rows[: max(0, begin - 1)])
    last = rows[begin - 1][1] if begin else []
    fits = len(last) == width - 1 and not any(Marks().looks_like(c) for c in last)
    title = len([c for c in last if c]) <= max(1, width // 2) and width > 1
    return begin if begin <= ABOVE and narrow and (fits or title) else 0


def _padded(rows: Sequence[Line], width: int) -> int:
    """Returns the number of title rows above a header: text in one cell, empty cells beside it."""
    for k, (_, row) in enumerate(rows[:ABOVE]):
        texts = [cell for cell in row if cell]
        if len(row) == width and len(texts) == width > 2:
            return k if k and has_header([r for _, r in rows[k:] if len(r) == width], Marks()) else 0
        if len(texts) > 1 or any(Marks().looks_like(cell) for cell in texts):
            return 0
    return 0


def names_rows(rows: Sequence[Sequence[str]]) -> bool:
    """Returns True if the first cells differ from row to row."""
    return len({row[0] for row in rows}) == len(rows)


def width_of(rows: Sequence[Line]) -> int:
    """Returns the number of cells that most rows have."""
    return Counter(len(row) for _, row in rows).most_common(1)[0][0]


def check_widths(path: Path, rows: Sequence[Line], width: int) -> None:
    """Raises ValueError if a row has another number of cells.

    Args:
        path: the file, for the error.
        rows: lines with their cells.
        width: the required number of cells.
    """
    for number, row in rows:
        if len(row) != width:
            first = next(n for n, r in rows if len(r) == width)
            cells = f"{len(row)} cell{'s' * (len(row) != 1)}"
            raise ValueError(
                f"{path} has {cells} in line {number}, but {width} in line {first}: every row needs the same "
                "columns."
            )
