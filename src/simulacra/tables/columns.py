"""`Columns`: a table as measures take it: numbers in float64, classes as codes, missing cells marked.

Decimals say how finely a column of numbers is written:

    decimals(v) = min { k : |v_i - round(v_i, k)| <= 1e-9 for all i },  8 where there is none            (1)

Numbers in single precision are read as their own shortest text, so that 0.1 has one decimal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

MOST_DECIMALS, EXACT = 8, 1e-9
FEWEST_CELLS = 10  # fewest known cells of a column, so that each of five folds has some


class NotMeasured(ValueError):
    """Raised if a table does not allow a measure; the message says why."""


@dataclass(frozen=True)
class Columns:
    """The columns of a table, by name.

    Args:
        names: names of all columns, in order.
        numbers: columns of numbers, float64 of shape (B,), NaN where missing.
        classes: columns of classes as codes, int64 of shape (B,), -1 where missing.
        levels: names of the classes of each such column.
        decimals: number of decimals of each column of numbers, equation (1).

    Example:
        >>> table = table_from({"age": [30.0, 41.5]}, {"sex": [1, 0]}, {"sex": ("f", "m")})
        >>> len(table), table.decimals["age"], table.texts("sex")
        (2, 1, ['m', 'f'])
    """

    names: tuple[str, ...]
    numbers: Mapping[str, np.ndarray]
    classes: Mapping[str, np.ndarray]
    levels: Mapping[str, tuple[str, ...]]
    decimals: Mapping[str, int]

    def __len__(self) -> int:
        first = self.names[0]
        return len(self.numbers[first] if first in self.numbers else self.classes[first])

    def rows(self, index: np.ndarray) -> Columns:
        """Returns the rows `index`, given as row numbers or as booleans of shape (B,)."""
        numbers = {name: values[index] for name, values in self.numbers.items()}
        return replace(self, numbers=numbers, classes={n: c[index] for n, c in self.classes.items()})

    def some(self, n: int, seed: int = 0) -> Columns:
        """Returns at most n rows, chosen at random, in their order.

        Args:
            n: most rows that are kept.
            seed: seed of the choice.
        """
        if len(self) <= n:
            return self
        return self.rows(np.sort(np.random.default_rng(seed).permutation(len(self))[:n]))

    def only(self, names: Sequence[str]) -> Columns:
        """Returns the table with only these columns."""
        keep = lambda columns: {name: columns[name] for name in names if name in columns}
        return Columns(tuple(names), *map(keep, (self.numbers, self.classes, self.levels, self.decimals)))

    def beside(self, other: Columns) -> Columns:
        """Returns the columns of both tables, those of `other` last.

        Args:
            other: a table with the same number of rows and other names.
        """
        return Columns(
            (*self.names, *other.names),
            {**self.numbers, **other.numbers},
            {**self.classes, **other.classes},
            {**self.levels, **other.levels},
            {**self.decimals, **other.decimals},
        )

    def shown_as(self, other: Columns, seed: int = 0) -> Columns:
        """Returns these rows with cells hidden where random rows of `other` have missing cells.

        Args:
            other: a table with the same columns.
            seed: seed of the choice of rows.
        """
        at = np.random.default_rng(seed).integers(0, len(other), len(self))
        gone = {name: np.isnan(other.column(name)[at]) for name in self.names}
        numbers = {name: np.where(gone[name], np.nan, v) for name, v in self.numbers.items()}
        classes = {name: np.where(gone[name], -1, codes) for name, codes in self.classes.items()}
        return replace(self, numbers=numbers, classes=classes)

    def texts(self, name: str) -> list[str]:
        """Returns the class names of a column, empty where missing."""
        return ["" if code < 0 else self.levels[name][code] for code in self.classes[name]]

    def matrix(self) -> np.ndarray:
        """Returns all columns as an array of shape (B, columns), classes as codes, NaN where missing."""
        return np.stack([self.column(name) for name in self.names], 1)

    def column(self, name: str) -> np.ndarray:
        """Returns a column as float64, shape (B,), classes as codes, NaN where missing."""
        if name in self.numbers:
            return self.numbers[name]
        codes = self.classes[name]
        return np.where(codes < 0, np.nan, codes.astype(np.float64))

    def numeric(self, also: Columns | None = None) -> dict[str, np.ndarray]:
        """Returns the columns of numbers, and of classes whose names are numbers; NaN where missing.

        Args:
            also: a table whose class names must be numbers too, or None.
        """
        found = {}
        for name in self.names:
            levels = (*self.levels.get(name, ()), *(also.levels.get(name, ()) if also else ()))
            if name in self.numbers:
                found[name] = self.numbers[name]
            elif all(map(_is_number, levels)):
                stands = np.array([*map(float, self.levels[name]), np.nan])
                found[name] = stands[self.classes[name]]
        return found


def table_from(
    numbers: Mapping[str, Any],
    classes: Mapping[str, Any] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    names: Sequence[str] | None = None,
) -> Columns:
    """Makes a table of given columns.

    Args:
        numbers: columns of numbers by name, NaN where missing.
        classes: codes by name, -1 where missing; None: no classes.
        levels: names of the classes by column; None: the codes themselves.
        names: order of the columns; None: numbers first.
    """
    values = {name: np.asarray(column, np.float64) for name, column in numbers.items()}
    codes = {name: np.asarray(column, np.int64) for name, column in (classes or {}).items()}
    called = {
        name: tuple((levels or {}).get(name) or map(str, range(int(column.max(initial=0)) + 1)))
        for name, column in codes.items()
    }
    order = tuple(names) if names is not None else (*values, *codes)
    return Columns(order, values, codes, called, {name: decimals(v) for name, v in values.items()})


def decimals(values: np.ndarray) -> int:
    """Returns the number of decimals of the finite values, equation (1).

    Example:
        >>> decimals(np.array([1.0, 2.5])), decimals(np.array([3.0])), decimals(np.array([1 / 3]))
        (1, 0, 8)
    """
    seen = np.unique(values[np.isfinite(values)])
    # (1)
    fits = (k for k in range(MOST_DECIMALS) if not (np.abs(seen - seen.round(k)) > EXACT).any())
    return next(fits, MOST_DECIMALS)


def exact(values: np.ndarray) -> np.ndarray:
    """Returns numbers in float64; those in single precision are read from their shortest text.

    Example:
        >>> exact(np.array([0.1], np.float32)).tolist()
        [0.1]
    """
    if values.dtype not in (np.float32, np.float16):
        return values.astype(np.float64)
    seen, at = np.unique(values, return_inverse=True)
    return np.asarray(seen.astype(str).astype(np.float64)[at.reshape(values.shape)])


def usable(x: np.ndarray) -> np.ndarray:
    """Returns a mask of the columns from which trees can learn, shape (columns,): at least 10 known cells.

    Raises:
        NotMeasured: if there is none.
    """
    found = np.asarray((~np.isnan(x)).sum(0) >= FEWEST_CELLS)
    if not found.any():
        raise NotMeasured(f"no column has {FEWEST_CELLS} known cells that trees could learn from.")
    return found


def rounded(table: Columns, like: Columns) -> Columns:
    """Returns the table with its numbers rounded to the decimals of `like`; -0 becomes 0.

    Args:
        table: the table.
        like: a table with the same columns, whose decimals are taken.
    """
    numbers = {name: values.round(like.decimals[name]) + 0.0 for name, values in table.numbers.items()}
    return replace(table, numbers=numbers, decimals=like.decimals)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
