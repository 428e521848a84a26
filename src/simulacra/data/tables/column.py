"""`Column`: one column of a table with its values as read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Number
from typing import Any

import numpy as np

from simulacra.core.inputs.arrays import is_rounded
from simulacra.core.spaces.plain import Space
from simulacra.data.tables.numbers import Marks


@dataclass(frozen=True)
class Column:
    """A column of a table with its values as read.

    Args:
        name: name of the column.
        values: text, numbers or booleans, None where missing.
        where: file and column, for errors.
        space: the space that the file declares, such as a data frame's ordered categories, or None.
        lines: line of each value in its file, from 1; None: rows are counted from 0.
        marks: decimal and thousands marks of numbers that are text.
        unnamed: True if the file gives the column no name.
        spellings: texts that stand for a missing entry in the file, for suggestions.
    """

    name: str
    values: list[Any]
    where: str
    space: Space | None = None
    lines: Sequence[int] | None = None
    marks: Marks = Marks()
    unnamed: bool = False
    spellings: tuple[str, ...] = ()

    @cached_property
    def distinct(self) -> list[Any]:
        """The different values that are there; True and 1, which Python takes for equal, are two."""
        return [value for _, value in dict.fromkeys((type(v), v) for v in self.values if v is not None)]

    @cached_property
    def numbers(self) -> np.ndarray | None:
        """The values as float64, NaN where missing; None if a value is not a number.

        Text that a number does not preserve, such as 02139, is not a number.
        """
        there = [value for value in self.values if value is not None]
        texts = all(isinstance(value, str) for value in there)
        x = self.marks.all_numbers(there) if texts and there else None
        if x is not None:
            full = np.full(len(self.values), np.nan)
            full[[value is not None for value in self.values]] = x
            return full
        return self._numbers_one_by_one()

    def _numbers_one_by_one(self) -> np.ndarray | None:
        known: dict[Any, float | None] = {None: np.nan}
        for value in set(self.values):
            x = known[value] if value is None else self.number(value)
            if x is None:
                return None
            known[value] = x
        return np.array([known[value] for value in self.values], dtype=np.float64)

    def number(self, value: Any) -> float | None:
        """Returns a value as a number, or None."""
        if isinstance(value, str):
            return self.marks.number(value.strip())
        if isinstance(value, np.datetime64 | np.timedelta64):
            # in nanoseconds, numpy converts them
            return None
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        return None if is_rounded(value, number) else number

    @property
    def codes(self) -> bool:
        """True if all values are digits, but some of them, such as 02139, are not numbers."""
        return self.numbers is None and all(
            self.marks.looks_like(value.strip()) if isinstance(value, str) else self._digits(value)
            for value in self.distinct
        )

    def _digits(self, value: Any) -> bool:
        return isinstance(value, Number) and not isinstance(value, bool | np.bool_)

    @property
    def odd(self) -> list[int]:
        """Positions of the values that are neither numbers nor digits."""
        texts = {v for v in set(self.values) if v is not None and self.number(v) is None}
        digits = {
            v for v in texts if self._digits(v) or (isinstance(v, str) and self.marks.looks_like(v.strip()))
        }
        odd = texts - digits
        return [i for i, value in enumerate(self.values) if value in odd]

    @property
    def odd_mixture(self) -> bool:
        """True if a few texts stand among more numbers, which is a mistake rather than a class."""
        return self.numbers is None and bool(self.odd) and 2 * len(self.odd) <= self.present

    @property
    def written(self) -> bool:
        """True if some values are texts, in which one number may have several forms: 1 and 1.0."""
        return any(isinstance(value, str) for value in self.distinct)

    @property
    def truth(self) -> bool:
        """True if there are values, all of them booleans."""
        return bool(self.distinct) and all(map(_is_truth, self.distinct))

    @property
    def truths_among_numbers(self) -> list[int]:
        """Positions of booleans in a column that holds other numbers than 0 and 1, too."""
        x = self.numbers
        if x is None or self.truth or bool((np.isnan(x) | (x == 0) | (x == 1)).all()):
            return []
        return [i for i, value in enumerate(self.values) if _is_truth(value)]

    @property
    def present(self) -> int:
        """Number of values that are not missing."""
        return len(self.values) - self.values.count(None)

    def at(self, i: int) -> str:
        """Describes the position of the i-th value, for errors."""
        return f"row {i} (from 0)" if self.lines is None else f"line {self.lines[i]}"


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)
