"""Tables that users give: columns by name, their entries, and the numbers that encode them.

Names are compared as text, so a data frame whose columns are numbered has the columns `0`, `1`, ...
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from simulacra.core.inputs.arrays import exact_float, is_gone
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.plain import Space

TRUTH = ("False", "True")  # class names of a column that pandas reads as booleans
FINE = ("ns", "ps", "fs", "as")  # units of time that Python has no type for
MIDNIGHT = " 00:00:00"
LISTED = 5  # most absent columns that a message names


def is_table(x: Any) -> bool:
    """Returns True if x is a data frame, a structured array or a mapping of columns."""
    if isinstance(x, np.ndarray):
        return x.dtype.names is not None
    return isinstance(x, Mapping) or (hasattr(x, "columns") and hasattr(x, "__getitem__"))


def as_columns(x: Any, names: Collection[str] = ()) -> Any:
    """Converts records to a mapping of columns; returns anything else unchanged.

    Args:
        x: a list of records, one record, or a pandas series (a row, or one of the columns).
        names: names of the known columns.

    Example:
        >>> as_columns([{"a": 1, "b": "x"}, {"a": 2}]), as_columns({"a": 1.5})
        ({'a': [1, 2], 'b': ['x', None]}, {'a': [1.5]})
    """
    if hasattr(x, "to_frame") and hasattr(x, "index") and not hasattr(x, "columns"):
        return {str(x.name): x} if str(x.name) in names else as_columns(x.to_dict())
    if isinstance(x, Mapping) and x and all(_single(value) for value in x.values()):
        x = [x]
    if not is_records(x):
        return x
    found = dict.fromkeys(str(name) for row in x for name in row)
    rows = [{str(name): value for name, value in row.items()} for row in x]
    return {name: [row.get(name) for row in rows] for name in found}


def is_records(x: Any) -> bool:
    """Returns True if x is a list of records, each a mapping of single values."""
    rows = isinstance(x, list | tuple) and bool(x) and all(isinstance(row, Mapping) for row in x)
    return rows and all(_single(value) for row in x for value in row.values())


def _single(value: Any) -> bool:
    return isinstance(value, str | bytes) or not hasattr(value, "__len__")


def named_columns(x: Any) -> list[tuple[str, Any]]:
    """Returns names (as text) and entries of the columns of a table, in its order.

    Example:
        >>> named_columns({0: [1.5], "b": [2.5]})
        [('0', [1.5]), ('b', [2.5])]
    """
    if isinstance(x, Mapping):
        return [(str(name), column) for name, column in x.items()]
    if isinstance(x, np.ndarray):
        return [(name, x[name]) for name in x.dtype.names or ()]
    # pandas: by position, since names may repeat; pyarrow: `column_names`
    by_place = getattr(x, "iloc", None)
    names = list(getattr(x, "column_names", x.columns))
    return [(str(name), x[name] if by_place is None else by_place[:, j]) for j, name in enumerate(names)]


def columns_by_name(x: Any, names: Iterable[str], what: str = "x") -> list[Any]:
    """Returns the named columns of a table, in the order of the names.

    Args:
        x: a table.
        names: names of the columns.
        what: name of the table in messages.

    Raises:
        ValueError: if a column is missing, or two have the same name.
    """
    given, names = named_columns(x), list(names)
    there = [name for name, _ in given]
    absent = [name for name in names if name not in there]
    if absent:
        raise ValueError(_without(what, absent, [name for name in there if name not in names]))
    for name in names:
        if there.count(name) > 1:
            raise ValueError(
                f"{what} has {there.count(name)} columns called {name!r} (names are compared as text): "
                "rename all but one."
            )
    found = dict(given)
    return [found[name] for name in names]


def _without(what: str, absent: list[str], others: list[str]) -> str:
    """Returns the sentence on absent columns: all of them (up to five), the nearest names, what to do.

    Args:
        what: name of the table.
        absent: names of columns that it lacks.
        others: names of its columns that are not asked for.
    """
    named = ", ".join(map(repr, absent[:LISTED]))
    more = f" and {len(absent) - LISTED:,} more" if len(absent) > LISTED else ""
    folded = {name.lower(): name for name in reversed(others)}
    near = {name: difflib.get_close_matches(name.lower(), folded, 1, 0.6) for name in absent[:LISTED]}
    meant = [f"{folded[found[0]]!r} into {name!r}" for name, found in near.items() if found]
    rename = f"rename {', '.join(meant)}; " if meant else ""
    value = "True or False" if what == "known" else "None"
    how = f"give {value} for each row of a column" + (" that is not known" if what != "known" else "")
    example = f", as in {{{absent[0]!r}: [{value.split()[0]}, ...]}}"
    return f"{what} has no column{'s' * (len(absent) > 1)} {named}{more}: {rename}{how}{example}."


def column_values(column: Any) -> list[Any]:
    """Returns the entries of a column as Python values, None for missing ones.

    Raises:
        ValueError: if the column is not a list.
    """
    if isinstance(column, (str, bytes)) or not hasattr(column, "__len__"):
        raise ValueError(f"a column of x is {column!r}: give a list, with an entry for each row.")
    column = _moments(column)
    mask = column.isna() if hasattr(column, "isna") else None
    if hasattr(column, "to_pylist"):
        values = column.to_pylist()
    else:
        values = column.tolist() if hasattr(column, "tolist") else list(column)
    if mask is not None:
        # a nullable column may hold NaN beside its gaps
        values = [None if gone or is_gone(value) else value for gone, value in zip(mask, values)]
    return _days(values)


def _days(values: list[Any]) -> list[Any]:
    """Returns moments of time as days if all are at midnight, as spreadsheets and Parquet files give days."""
    there = [value for value in values if value is not None]
    if not there or not all(isinstance(value, datetime) and _at_midnight(value) for value in there):
        return values
    return [None if value is None else value.date() for value in values]


def _at_midnight(value: datetime) -> bool:
    # a moment of pandas may be some nanoseconds later
    return value.tzinfo is None and value == datetime(value.year, value.month, value.day)


def _moments(column: Any) -> Any:
    """Returns a numpy column of dates or durations such that its list does not hold whole numbers."""
    if not isinstance(column, np.ndarray) or column.dtype.kind not in "mM":
        return column
    if np.datetime_data(column.dtype)[0] not in FINE:
        return column
    coarse = column.astype(f"{column.dtype.kind}8[us]")
    if bool(((coarse == column) | np.isnat(column)).all()):
        return coarse
    return [None if np.isnat(value) else value for value in column]


def column_codes(field: Space, values: Iterable[Any], where: str) -> np.ndarray:
    """Returns the numbers that encode a column's entries, float64, NaN for missing ones.

    Args:
        field: space of the column.
        values: numbers, booleans, or names of classes.
        where: name of the column in messages.

    Raises:
        ValueError: if an entry is neither a number nor a class of the field.
    """
    if isinstance(field, (Categorical, Ordinal)) and field.names:
        codes = _class_codes(field.names, values, where)
        return codes if not field.values else _stored(field.values, codes)
    try:
        return np.array([np.nan if is_gone(v) else exact_float(v) for v in values], np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{where} holds an entry that is no number ({error}).") from error


def _stored(values: tuple[float, ...], codes: np.ndarray) -> np.ndarray:
    """Returns the stored values of class numbers, NaN for missing ones."""
    gone = np.isnan(codes)
    return np.where(gone, np.nan, np.array(values)[np.where(gone, 0, codes).astype(int)])


def _class_codes(names: tuple[str, ...], values: Iterable[Any], where: str) -> np.ndarray:
    number: dict[str | None, float] = {name: i for i, name in enumerate(names)} | {None: np.nan}
    if tuple(map(str.capitalize, names)) == TRUTH:
        # booleans of Python are False and True, those of a file may be false and true
        number.update((name, i) for i, name in enumerate(TRUTH) if name not in names)
    # runs of earlier versions call days so
    days = ((name.removesuffix(MIDNIGHT), i) for i, name in enumerate(names) if name.endswith(MIDNIGHT))
    number.update((day, i) for day, i in days if day not in names)
    texts = [None if is_gone(value) else class_name(value) for value in values]
    for text in dict.fromkeys(texts):
        if text not in number:
            known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
            raise ValueError(
                f"{where} holds {text!r}, a class that was neither declared nor seen in training; "
                f"known are {known}."
            )
    return np.array([number[text] for text in texts], np.float64)


def class_name(value: Any) -> str:
    """Returns the text of a class, whole numbers without a decimal point.

    Example:
        >>> class_name(3.0), class_name(True), class_name(" red ")
        ('3', 'True', 'red')
    """
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()
