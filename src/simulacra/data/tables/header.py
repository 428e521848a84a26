"""Names or numbers: whether the first row of a table is its header.

Each cell of the first row is compared with the column below it. Let p_j be the chance that a row of data has
such a cell in column j; the row is a header if prod_j p_j is small. Of n rows below,

    text over numbers                              p_j = 0 (nothing else makes such a column)
    a whole number over decimals                   p_j = (whole numbers below + 1) / (n + 2)
    a number outside the range below               p_j = 2 / (n + 2)
    a class that does not recur                    p_j = (classes that occur once + 1) / (n + 2)  (Turing)

Names differ from one another, so a row with two equal cells is no header. Numbers at equal distances (years,
wavelengths, the 0, 1, 2 of a data frame) are rare in data, too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from simulacra.data.tables.missing import may_miss
from simulacra.data.tables.numbers import Marks

LOOK = 200  # rows that are compared with the first one
RARE = 1e-3  # chance below which the first row is no row of data
STEPS = 5  # numbers at equal distances from which they are names by themselves


def has_header(rows: Sequence[Sequence[str]], marks: Marks) -> bool:
    """Returns True if the first row holds the names of the columns.

    Args:
        rows: cells of equal number, blanks around them removed.
        marks: how numbers are written.

    Example:
        >>> rows = [["2019", "2020"]] + [[f"{i / 7:.2f}", f"{i / 3:.2f}"] for i in range(30)]
        >>> has_header(rows, Marks()), has_header(rows[1:], Marks())
        (True, False)
    """
    first, below = rows[0], rows[1 : LOOK + 1]
    named = [cell for cell in first if cell]
    if not named or len(set(named)) < len(named):
        return False
    if not below:
        return all(marks.number(cell) is None and not may_miss(cell) for cell in named)
    columns = [[row[j] for row in below] for j in range(len(first))]
    if any(_text_over_numbers(cell, column, marks) for cell, column in zip(first, columns)):
        return True
    chances = [_chance(cell, column, marks) for cell, column in zip(first, columns)]
    steps = _equal_steps(first, marks) and not any(_equal_steps(row, marks) for row in below[:STEPS])
    if steps and (len(first) >= STEPS or first[0] in ("0", "1")):
        return math.prod(chances) < 0.5
    return math.prod(chances) < RARE or _all_new_texts(first, columns, marks)


def _text_over_numbers(cell: str, column: Sequence[str], marks: Marks) -> bool:
    """Returns True if text stands over a column of numbers."""
    if not cell or may_miss(cell) or marks.looks_like(cell):
        return False
    there = [c for c in column if not may_miss(c)]
    return bool(there) and sum(marks.looks_like(c) for c in there) > len(there) / 2


def _chance(cell: str, column: Sequence[str], marks: Marks) -> float:
    """The chance p_j that a row of data has such a cell in this column."""
    n, x = len(column), marks.number(cell)
    if not cell:
        return (sum(not c for c in column) + 1) / (n + 2)
    if cell in column:
        return 1.0
    if x is None:
        counts = Counter(column)
        return min(1.0, (sum(count == 1 for count in counts.values()) + 1) / (n + 2))
    numbers = [y for c in column if (y := marks.number(c)) is not None]
    if len(numbers) < n / 2:
        return 1.0
    whole = sum(marks.decimal not in c for c in column)
    format_ = (whole + 1) / (n + 2) if marks.decimal not in cell else 1.0
    outside = 2 / (n + 2) if not min(numbers) <= x <= max(numbers) else 1.0
    return min(1.0, format_, outside) if format_ == 1.0 or outside == 1.0 else format_ * outside


def _equal_steps(row: Sequence[str], marks: Marks) -> bool:
    """Returns True for three numbers or more at equal distances, as names of a grid are."""
    x = [marks.number(cell) for cell in row]
    numbers = [value for value in x if value is not None]
    if len(numbers) < max(3, len(row) - 1):
        return False
    steps = [b - a for a, b in pairwise(numbers)]
    return steps[0] != 0 and all(abs(step - steps[0]) <= 1e-6 * abs(steps[0]) for step in steps)


def _all_new_texts(first: Sequence[str], columns: Sequence[Sequence[str]], marks: Marks) -> bool:
    """Returns True if all cells are text that does not recur, above a column of recurring classes."""
    text = all(cell and marks.number(cell) is None and not may_miss(cell) for cell in first)
    new = all(cell not in column for cell, column in zip(first, columns))
    return text and new and any(len(set(column)) < len(column) for column in columns)
