"""Which kind each column of a table is: declared, or inferred from its values by rules one can say aloud.

| values | kind |
|---|---|
| only 0 and 1 | binary |
| whole numbers from 0, ten different ones at most, that recur | ordinal |
| other whole numbers from 0 | count |
| above 0, the largest more than 100 times the smallest | positive |
| other numbers | real |
| text | categorical |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from simulacra.core.intake import class_name
from simulacra.core.space import Binary, Categorical, Count, Ordinal, Positive, Real, Space

KINDS = ("real", "positive", "count", "binary", "categorical", "ordinal", "drop")
SPREAD = 100.0  # largest over smallest of positive numbers from which they are taken in their logarithm
FEW = 10  # whole numbers that are grades rather than counts: a count is never less spread than chance
MOST_CLASSES = 100  # texts beyond that are names, not classes
EVERY_OTHER = "*"

Declared = Mapping[str, Any]


class NoClasses(ValueError):
    """A column whose texts differ in most rows, such as names or dates.

    Args:
        column: its name.
        message: one sentence.
    """

    def __init__(self, column: str, message: str):
        super().__init__(message)
        self.column = column


@dataclass(frozen=True)
class Column:
    """A column as it was read.

    Args:
        name: of the column.
        values: text, numbers or booleans, None where missing.
        where: file and column, for errors.
        space: what the file itself says of the column, such as a data frame's ordered classes.
        lines: line of each value in its file, from 1; None: rows are counted from 0.
    """

    name: str
    values: list[Any]
    where: str
    space: Space | None = None
    lines: Sequence[int] | None = None

    @cached_property
    def numbers(self) -> np.ndarray | None:
        """The values as float64, NaN where missing; None if one of them is no number."""
        try:
            return np.array(self.values, dtype=np.float64)
        except (TypeError, ValueError):
            return None

    @property
    def present(self) -> int:
        """How many values there are."""
        return len(self.values) - self.values.count(None)

    def at(self, i: int) -> str:
        """Where the i-th value stands, for errors."""
        return f"row {i} (from 0)" if self.lines is None else f"line {self.lines[i]}"


def read_types(types: str | Mapping[str, Any] | None, columns: Sequence[str] | None = None) -> Declared:
    """Declared kinds by column; `*` stands for every other column.

    Args:
        types: one kind for all, a mapping, or a YAML file that holds one.
        columns: the table's columns, to find misspelt ones.

    Raises:
        ValueError: if the file is no such mapping, or names an unknown kind or column.

    Example:
        >>> read_types("real")
        {'*': 'real'}
    """
    if types is None:
        return {}
    if isinstance(types, str):
        types = {EVERY_OTHER: types} if types in KINDS else _read(types)
    for name, declared in types.items():
        kind = declared.get("kind") if isinstance(declared, Mapping) else declared
        if kind not in KINDS:
            raise ValueError(f"types declares column {name!r} as {kind!r}; kinds are {', '.join(KINDS)}.")
        if columns is not None and name not in (*columns, EVERY_OTHER):
            known = ", ".join(columns[:20])
            raise ValueError(f"types declares a column {name!r}, but the table has {known}.")
    return {str(name): declared for name, declared in types.items()}


def _read(path: str) -> Mapping[str, Any]:
    if not path.endswith((".yaml", ".yml")):
        raise ValueError(f"types={path!r} is no kind ({', '.join(KINDS)}) and no .yaml file.")
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"types: {path} cannot be read as YAML ({str(error).splitlines()[0]}).") from error
    if not isinstance(content, dict):
        raise ValueError(f"types: {path} must hold one kind for each column, such as `age: count`.")
    return {str(name): declared for name, declared in content.items()}


def space_of(column: Column, declared: Any) -> Space | None:
    """The space of a column; None: it is dropped.

    Raises:
        ValueError: if the values do not fit the declared kind, or cannot be a kind at all.
    """
    _check_range(column)
    if declared is None:
        return column.space or infer(column)
    kind, classes = (
        (declared["kind"], declared.get("classes")) if isinstance(declared, Mapping) else (declared, None)
    )
    if kind == "drop":
        return None
    if kind in ("categorical", "ordinal"):
        return _classes(column, kind, classes)
    _numeric(column, kind)
    return {"real": Real(), "positive": Positive(), "count": Count(), "binary": Binary()}[kind]


def _check_range(column: Column) -> None:
    """Raise ValueError where a number is infinite, or too large for single precision."""
    x = column.numbers
    if x is None:
        return
    for i in np.flatnonzero(np.abs(x) > np.finfo(np.float32).max)[:1]:
        wrong = "not finite: correct it" if np.isinf(x[i]) else "beyond single precision: rescale the column"
        raise ValueError(f"{column.where} has {column.values[i]!r} in {column.at(int(i))}, which is {wrong}.")


def infer(column: Column) -> Space:
    """The space that a column's values suggest, by the rules above.

    Raises:
        ValueError: if every value is missing, or every text another.

    Example:
        >>> infer(Column("income", [1.5, 200.0, None], "x.csv")), infer(Column("n", [2, 0, 7], "x.csv"))
        (Positive(shape=()), Count(shape=()))
    """
    x = column.numbers
    if x is None:
        _check_unmixed(column)
        return _categorical(column)
    x = x[~np.isnan(x)]
    if not len(x):
        raise ValueError(f"{column.where} has no value in any row: leave it out, or declare it `drop`.")
    if bool(((x == 0) | (x == 1)).all()):
        return Binary()
    if x.min() >= 0 and bool((x == np.round(x)).all()):
        few = len(np.unique(x)) <= min(FEW, len(x) // 2)
        return _classes(column, "ordinal", None) if few else Count()
    return Positive() if x.min() > 0 and x.max() > SPREAD * x.min() else Real()


def _odd(column: Column) -> list[int]:
    """Places of the values that are no numbers."""
    odd = []
    for i, value in enumerate(column.values):
        try:
            float(0 if value is None else value)
        except (TypeError, ValueError):
            odd.append(i)
    return odd


def _numeric(column: Column, kind: str) -> None:
    if column.numbers is None:
        i = _odd(column)[0]
        raise ValueError(
            f"{column.where} is declared {kind}, but has {str(column.values[i])[:40]!r} in {column.at(i)}: "
            "declare it categorical, or drop."
        )


def _check_unmixed(column: Column) -> None:
    """Raise ValueError where a few texts stand among numbers: that is a slip, and no class."""
    odd = _odd(column)
    if 2 * len(odd) <= column.present:
        text = str(column.values[odd[0]])[:40]
        raise ValueError(
            f"{column.where} has {text!r} in {column.at(odd[0])} among numbers: correct it, leave the cell "
            f"empty, or declare the column `categorical` with types=, or label={column.name!r}."
        )


def _categorical(column: Column) -> Space:
    names = _names(column)
    present = column.present
    if len(names) > MOST_CLASSES or (len(names) > 10 and 2 * len(names) > present):
        raise NoClasses(
            column.name,
            f"{column.where} holds {len(names):,} different texts in {present:,} rows, which are no classes "
            f"(such as {names[0][:40]!r}): leave it out with types={{{column.name!r}: 'drop'}}, order the "
            f"rows by it with time={column.name!r} if it holds dates, or declare it categorical.",
        )
    return Categorical((), max(2, len(names)), names)


def _classes(column: Column, kind: str, classes: Sequence[Any] | None) -> Space:
    """Classes as declared, or those that occur, numbers in their order."""
    names = tuple(map(class_name, classes)) if classes else _names(column)
    if kind == "categorical":
        return Categorical((), max(2, len(names)), names)
    if not classes and column.numbers is None:
        if isinstance(column.space, Ordinal):
            return column.space
        raise ValueError(
            f"{column.where} is declared ordinal, but its texts have no order: give it, as in "
            f"`{column.name}: {{kind: ordinal, classes: [{', '.join(names[:3])}, ...]}}`."
        )
    return Ordinal((), max(2, len(names)), names)


def _names(column: Column) -> tuple[str, ...]:
    """The classes that occur: sorted as numbers if all are, otherwise as text."""
    if column.numbers is not None:
        x = np.unique(column.numbers)
        return tuple(class_name(value) for value in x[~np.isnan(x)].tolist())
    return tuple(sorted({class_name(value) for value in set(column.values) if value is not None}))
