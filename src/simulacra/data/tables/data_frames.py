"""Readers of data frames, mappings of columns and lists of records."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from simulacra.core.inputs.arrays import is_rounded
from simulacra.core.inputs.convert import class_name, column_values
from simulacra.core.inputs.tables import as_columns, is_table, named_columns
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.plain import Space
from simulacra.data.sources.source import Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.tables.column import Column
from simulacra.data.tables.columns import label_number, source_of
from simulacra.data.tables.options import FrameOptions

NO_ENTRIES = (
    list,
    tuple,
    dict,
    set,
    np.ndarray,
    Tensor,
    bytes,
    bytearray,
    complex,
)  # types that no cell may have


def open_frame(frame: Any, own: FrameOptions, split: SplitOptions) -> Source:
    """Makes a source of a data frame, a mapping of columns, or a list of records.

    Args:
        frame: the table.
        own: options of tables with typed columns.
        split: options of the splits.

    Raises:
        ValueError: if there are missing entries that are not to be masked, or a column fits no kind.

    Example:
        >>> frame = {"a": [0.5, -1.5], "b": ["x", "y"]}
        >>> open_frame(frame, FrameOptions(), SplitOptions()).space
        Table(a=Numeric(), b=Categorical(2))
    """
    columns = frame if is_table(frame) else as_columns(frame)
    return frame_source("frame", "the data frame", columns, own, split)


def frame_source(name: str, where: str, frame: Any, own: FrameOptions, split: SplitOptions) -> Source:
    """Makes a source of a data frame that was given or read from a file.

    Args:
        name: name of the data set.
        where: the file, for errors.
        frame: a data frame or mapping of columns.
        own: options of tables with typed columns.
        split: options of the splits.
    """
    gone = set() if own.missing_values is None else {w.strip() for w in own.missing_values.split(",")}
    columns = [_frame_column(where, name, column, gone) for name, column in named_columns(frame)]
    names = [column.name for column in columns]
    label = None if own.label is None else label_number(where, names, own.label)
    source = source_of(name, where, columns, label, own, split)
    for index in _named_index(frame):
        source = source.noted("columns left out", f"{index} (the index: reset_index() makes it a column)")
    return source


def _named_index(frame: Any) -> list[str]:
    """Returns the names of a pandas index, which is not a column."""
    names = getattr(getattr(frame, "index", None), "names", None) if hasattr(frame, "iloc") else None
    return [str(name) for name in names or () if name is not None]


def _frame_column(where: str, name: str, series: Any, gone: set[str]) -> Column:
    """Returns a column with the space of its dtype: ordered categories are ordinal, others categorical."""
    where = f"{where}, column {name!r},"
    values = column_values(series)
    # numpy's structured arrays hold text as bytes
    if getattr(getattr(series, "dtype", None), "kind", "") == "S":
        values = [v.decode("utf-8", "replace") for v in values]
    for i, value in enumerate(values):
        if isinstance(value, NO_ENTRIES):
            raise ValueError(
                f"{where} holds a {type(value).__name__} in row {i} (from 0): give numbers, texts or dates."
            )
    values = [None if (isinstance(v, float) and np.isnan(v)) or _is_gone(v, gone) else v for v in values]
    kind = getattr(series, "cat", None) if str(getattr(series, "dtype", "")) == "category" else None
    return Column(name, values, where, None if kind is None else _space_of_categories(where, kind))


def _is_gone(value: Any, gone: set[str]) -> bool:
    """Returns True if a value is one of the texts for a missing entry, or a number that is written so."""
    if isinstance(value, str) or not gone:
        return value in gone
    return class_name(value) in gone or str(value) in gone


def _space_of_categories(where: str, kind: Any) -> Space | None:
    """Returns the space of a column of pandas categories; None if there are none."""
    given = list(kind.categories)
    if not given:
        return None
    numbers = all(isinstance(c, (int, float, np.number)) and not isinstance(c, bool) for c in given)
    if numbers and not kind.ordered:
        given = sorted(given)
    classes = tuple(map(class_name, given))
    twice = next((name for name in classes if classes.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{where} has two categories that are written {twice!r}: rename one of them.")
    exact = numbers and not any(is_rounded(c, float(c)) for c in given)
    values = tuple(map(float, given)) if exact and given == sorted(given) else ()
    return (Ordinal if kind.ordered else Categorical)((), len(classes), classes, values)
