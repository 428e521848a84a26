"""Cells of a text table as the numbers that encode them, by the kinds of columns that a run recorded.

A cell is a gap (empty, or a word such as NA), a value of its column's space, or odd: a text among numbers,
half a visit among counts, a class that training never saw.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from simulacra.core.inputs.tables import class_name, column_codes
from simulacra.core.spaces.plain import Binary, Space
from simulacra.data.tables.column import Column
from simulacra.data.tables.missing import TRUTH, may_miss
from simulacra.data.tables.numbers import Marks

LISTED = 20  # most classes that a message names


@dataclass(frozen=True)
class Coded:
    """A column as numbers.

    Args:
        codes: number of each cell, NaN for gaps and odd cells, float64, shape (B,).
        gaps: True for gaps, shape (B,).
        odd: positions of odd cells.
        reason: why the first odd cell is one; empty without odd cells.
    """

    codes: np.ndarray
    gaps: np.ndarray
    odd: list[int]
    reason: str = ""


def coded(field: Space, cells: Sequence[str], marks: Marks, words: Collection[str], where: str) -> Coded:
    """Returns a column's cells as numbers.

    Args:
        field: space of the column.
        cells: texts, without blanks around them.
        marks: decimal and thousands marks.
        words: spellings of gaps that the run recorded.
        where: name of the column, for messages.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> found = coded(Real(()), ["1,5", "", "x"], Marks(","), (), "column 'a'")
        >>> found.codes.tolist(), found.gaps.tolist(), found.odd
        ([1.5, nan, nan], [False, True, False], [2])
    """
    names = getattr(field, "names", ())
    missing = {cell for cell in set(cells) if cell not in names and (cell in words or may_miss(cell))}
    gaps = np.array([cell in missing for cell in cells], dtype=bool)
    values = [None if gap else cell for cell, gap in zip(cells, gaps)]
    numbers = None if names else Column("", list(values), where, marks=marks).numbers
    if numbers is not None and _refusal(field, numbers) is None:
        return Coded(numbers, gaps, [])
    code: dict[str | None, float] = {None: np.nan}
    reasons: dict[str, str] = {}
    for value in dict.fromkeys(values):
        if value is not None:
            code[value], reason = _code(field, value, marks, where)
            if reason:
                reasons[value] = reason
    odd = [i for i, value in enumerate(values) if value in reasons]
    return Coded(np.array([code[value] for value in values]), gaps, odd, next(iter(reasons.values()), ""))


def _code(field: Space, cell: str, marks: Marks, where: str) -> tuple[float, str]:
    """Returns the number of a cell, or NaN and the reason why it is odd."""
    number = marks.number(cell)
    names = getattr(field, "names", ())
    truth = isinstance(field, Binary) and cell.lower() in TRUTH
    value = cell if cell in names or number is None else number
    if {name.lower() for name in names} == TRUTH and cell not in names:
        # TRUE in one file is True in another
        value = next((name for name in names if name.lower() == cell.lower()), cell)
    if names and number is not None and value != cell and class_name(number) in names:
        value = class_name(number)
    if truth:
        value = float(cell.lower() == "true")
    try:
        codes = column_codes(field, [value], where)
    except ValueError:
        listed = ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
        return np.nan, f"known classes are {listed}" if names else "it is no number"
    refused = _refusal(field, codes, where)
    return (float(codes[0]), "") if refused is None else (np.nan, refused)


def _refusal(field: Space, codes: np.ndarray, where: str = "x") -> str | None:
    """Returns the sentence with which a space refuses numbers; None if it takes them."""
    try:
        field.check(torch.from_numpy(codes[~np.isnan(codes)]).view(-1, *field.shape), where)
    except ValueError as error:
        return str(error)
    return None
