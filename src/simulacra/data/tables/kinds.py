"""Infers the kind of each column of a table from its values, unless it is declared.

| values | kind |
|---|---|
| only 0 and 1 | binary |
| only False and True | categorical |
| at most ten different numbers, which recur | ordinal |
| other numbers | numeric |
| text, and digits that a number does not preserve (02139) | categorical |
| a running number; texts or row names that all differ; more than ten dates; no values | left out |

A numeric column is modelled by its normal scores. `real`, `positive` and `count` must be declared; they give
a density or a distribution of counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

import numpy as np

from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.core.inputs.convert import class_name
from simulacra.core.inputs.tables import TRUTH
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Binary, Count, Positive, Real, Space
from simulacra.data.tables.column import Column
from simulacra.data.tables.numbers import have_units

FEW = 10  # most different numbers of an ordinal column
MOST_DECIMALS = 8  # numbers with more decimals are not rounded
EXACT_POWER = 22  # 10 to that power is exact in double precision
MOST_TEXTS = 1000  # texts that are looked at for a unit
MOST_CLASSES = 100  # more different texts are names, not classes
IDENTIFIERS = {"id", "index", "idx", "nr", "no", "number", "row", "rowid", "uid", "uuid", "key", "record"}
DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})( .*)?")
UNNAMED = re.compile(r"Unnamed: \d+(_level_\d+)?")  # pandas' name for a column without one


Tails = Literal["observed", "continued"]


class NoClasses(Refusal):
    """Raised if columns have different texts in most rows, such as names or dates.

    Args:
        columns: number of different texts of each column, by name.
        message: one sentence about the first of them.
        parts: the suggestions in the message.
    """

    def __init__(self, columns: Mapping[str, int], message: str, *parts: object):
        super().__init__(message, *parts)
        self.columns = dict(columns)


def space_of(column: Column, declared: Any, tails: Tails = "observed") -> Space | None:
    """Returns the space of a column; None if it is dropped.

    Args:
        column: name and values.
        declared: the kind that the user gives, or a mapping with `kind` and `classes`; None: inferred.
        tails: option of numeric columns, see `Numeric`.

    Raises:
        ValueError: if the values do not fit the declared kind, or any kind.
    """
    _check_range(column)
    if declared is None:
        return column.space or infer(column, tails)
    kind, classes = (
        (declared["kind"], declared.get("classes")) if isinstance(declared, Mapping) else (declared, None)
    )
    if kind == "drop":
        return None
    if kind in ("categorical", "ordinal"):
        return _classes(column, kind, classes)
    _check_numbers(column, kind)
    if kind == "numeric":
        return _numeric(column, tails)
    if kind == "real":
        return Real(decimals=_decimals(column, small=True))
    return {"positive": Positive(), "count": Count(), "binary": Binary(truth=column.truth)}[kind]


def identifies(column: Column) -> str | None:
    """Returns the reason why a column only identifies rows, or None.

    Example:
        >>> identifies(Column("x", list(range(20)), "x.csv")), identifies(Column("x", [1, 5] * 9, "x.csv"))
        ('a running number', None)
    """
    if column.space is not None:
        return None
    there = [value for value in column.values if value is not None]
    if not there:
        return "no value in any row"
    if len(set(there)) > FEW and all(map(is_date, set(there))):
        return f"{len(set(there)):,} different dates; time= splits by them"
    if len(there) <= FEW or len(set(there)) < len(there):
        return None
    x = column.numbers
    unnamed = column.unnamed or UNNAMED.fullmatch(column.name) is not None
    if x is None:
        if _units(column, there):
            # numbers with a unit are not names
            return None
        what = "texts" if not column.codes else "codes"
        return f"{len(there):,} different {what} in {len(there):,} rows" if not column.odd_mixture else None
    x = x[~np.isnan(x)]
    if not bool((x == np.round(x)).all()):
        return None
    if x.max() - x.min() == len(x) - 1:
        return "a running number"
    words = set(re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", column.name).lower()))
    return "a different number in each row" if unnamed or words & IDENTIFIERS else None


def is_date(value: Any) -> bool:
    """Returns True for a date, or a text that is written as one.

    Example:
        >>> is_date("2024-12-31"), is_date("31.12.2024 23:59"), is_date("12-31"), is_date(20241231)
        (True, True, False, False)
    """
    if isinstance(value, str):
        return DATE.fullmatch(value.strip()) is not None
    return isinstance(value, date | np.datetime64)


def _check_range(column: Column) -> None:
    """Raises ValueError if a number is infinite, or too large for single precision."""
    x = column.numbers
    if x is None:
        return
    for i in np.flatnonzero(np.abs(x) > np.finfo(np.float32).max)[:1]:
        wrong = "not finite: correct it" if np.isinf(x[i]) else "beyond single precision: rescale the column"
        raise ValueError(f"{column.where} has {column.values[i]!r} in {column.at(int(i))}, which is {wrong}.")


def infer(column: Column, tails: Tails = "observed") -> Space:
    """Infers the space of a column from its values, by the rules above.

    Args:
        column: name and values.
        tails: option of numeric columns, see `Numeric`.

    Raises:
        ValueError: if every value is missing, or most texts differ.

    Example:
        >>> infer(Column("income", [1.5, 200.0, None], "x.csv"))
        Numeric(shape=(), decimals=1, tails='observed')
    """
    x = column.numbers
    _check_unmixed(column)
    if x is None:
        return _categorical(column)
    x = x[~np.isnan(x)]
    if not len(x):
        raise ValueError(f"{column.where} has no value in any row: leave it out, or declare it `drop`.")
    if column.truth:
        # as the texts False and True of a file
        return Categorical((), len(TRUTH), TRUTH)
    if bool(((x == 0) | (x == 1)).all()):
        return Binary()
    few = len(np.unique(x)) <= min(FEW, len(x) // 2)
    return _classes(column, "ordinal", None) if few else _numeric(column, tails)


def _numeric(column: Column, tails: Tails) -> Numeric:
    return Numeric((), _decimals(column), tails)


def _decimals(column: Column, small: bool = False) -> int | None:
    x = column.numbers
    assert x is not None
    return decimals_of(x[~np.isnan(x)], small)


def decimals_of(x: np.ndarray, small: bool = False) -> int | None:
    """Returns the fewest decimals that hold all numbers exactly, or None if they need more than eight.

    Args:
        x: numbers without NaN, shape (N,).
        small: if True, leading zeros after the point of the largest number do not count: 0.00123456 has two.

    Example:
        >>> decimals_of(np.array([1.5, 2.25])), decimals_of(np.array([1 / 3]))
        (2, None)
        >>> decimals_of(np.array([1.25e-10])), decimals_of(np.array([1.25e-10]), small=True)
        (None, 12)
    """
    x = np.unique(x)
    slack = 4 * np.finfo(np.float64).eps * np.abs(x).max(initial=0.0)
    near = lambda k: np.abs(x - x.round(k)) <= slack
    largest = float(np.abs(x).max(initial=0.0)) or 1.0
    zeros = max(0, -math.floor(math.log10(largest)) - 1) if small else 0
    most = min(MOST_DECIMALS + zeros, EXACT_POWER)
    return next((k for k in range(most + 1) if bool(near(k).all())), None)


def _check_numbers(column: Column, kind: str) -> None:
    if column.numbers is None:
        texts = [i for i, v in enumerate(column.values) if v is not None and column.number(v) is None]
        raise ValueError(
            f"{column.where} is declared {kind}, but has {str(column.values[texts[0]])[:40]!r} in "
            f"{column.at(texts[0])}: declare it categorical, or drop."
        )


def _check_unmixed(column: Column) -> None:
    """Raises ValueError if a few texts, or booleans, stand among numbers: a mistake rather than a class."""
    odd = column.odd if column.odd_mixture else column.truths_among_numbers
    if odd:
        text = str(column.values[odd[0]])
        gone = ",".join(dict.fromkeys([*column.spellings, text]))
        masked = load_with(missing_values=gone, missing="mask")
        mend = Phrase(f"if it stands for a missing entry load it with {masked}, or ", masked)
        told, labels = load_with(types={column.name: "categorical"}), load_with(label=column.name)
        first = mend if "," not in text else ""
        raise Refusal(
            f"{column.where} has {text[:40]!r} in {column.at(odd[0])} among numbers: correct it, or {first}"
            f"declare the column with {told}, or if it holds labels load it with {labels}.",
            *(first, told, labels),
        )


def _check_units(column: Column) -> None:
    """Raises ValueError for numbers with a unit, such as 5% or $1.50, that differ too much to be classes."""
    if _units(column, column.distinct):
        there = sorted({value.strip() for value in column.distinct})
        dropped = load_with(types={column.name: "drop"})
        raise NoClasses(
            {column.name: len(there)},
            f"{column.where} holds numbers with a unit, such as {there[0][:40]!r}: write the unit into the "
            f"name of the column, or leave it out with {dropped}.",
            dropped,
        )


def _units(column: Column, values: Sequence[Any]) -> bool:
    """Returns True if all values are numbers with one of few units: `50kg`, but not `1a`, `2b`."""
    texts = [value.strip() for value in values[:MOST_TEXTS] if isinstance(value, str)]
    return len(texts) == len(values[:MOST_TEXTS]) and have_units(texts, column.marks)


def _categorical(column: Column) -> Space:
    names = _names(column)
    present = column.present
    if len(names) > FEW and 2 * len(names) > present:
        _check_units(column)
    if len(names) > MOST_CLASSES or (len(names) > FEW and 2 * len(names) > present):
        dropped = load_with(types={column.name: "drop"})
        raise NoClasses(
            {column.name: len(names)},
            f"{column.where} holds {len(names):,} different texts in {present:,} rows, which are no classes "
            f"(such as {names[0][:40]!r}): leave it out with {dropped}, or declare it categorical.",
            dropped,
        )
    return Categorical((), len(names), names)


def _classes(column: Column, kind: str, classes: Sequence[Any] | None) -> Space:
    """Returns the space of declared or occurring classes; numbers keep their order and values."""
    x = column.numbers
    if classes:
        numbers = _values_of(column, classes) if x is not None else ()
        names = tuple(map(class_name, numbers or classes))
        _check_distinct(column, names)
        # stored values must rise; classes in another order are stored by number
        values = numbers if list(numbers) == sorted(numbers) else ()
    else:
        values = tuple(np.unique(x[~np.isnan(x)]).tolist()) if x is not None else ()
        names = _names(column)
    if kind == "categorical":
        return Categorical((), len(names), names, values)
    if not classes and x is None:
        if isinstance(column.space, Ordinal):
            return column.space
        raise ValueError(
            f"{column.where} is declared ordinal, but its texts have no order: give it, as in "
            f"`{column.name}: {{kind: ordinal, classes: [{', '.join(names[:3])}, ...]}}`."
        )
    return Ordinal((), len(names), names, values)


def _check_distinct(column: Column, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{column.where} is declared with the class {twice[0]!r} twice: list each once.")


def _values_of(column: Column, classes: Sequence[Any]) -> tuple[float, ...]:
    """Returns the declared classes of a numeric column as numbers, or () if one of them is text."""
    values = [column.number(value) for value in classes]
    return () if None in values else tuple(value for value in values if value is not None)


def _names(column: Column) -> tuple[str, ...]:
    """Returns the occurring classes, sorted as numbers if all are numbers, otherwise as text."""
    if column.numbers is not None:
        x = np.unique(column.numbers)
        return tuple(class_name(value) for value in x[~np.isnan(x)].tolist())
    return tuple(sorted(set(map(class_name, column.distinct))))
