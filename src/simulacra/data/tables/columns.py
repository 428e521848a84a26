"""From columns to rows: a table file's or a data frame's, as a source with one field a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.composite import Fields
from simulacra.core.intake import class_name, column_codes, column_values
from simulacra.core.space import Binary, Categorical, Ordinal, Space
from simulacra.core.tabular import named_columns
from simulacra.data.labels import encode
from simulacra.data.source import Part, Source
from simulacra.data.tables.kinds import EVERY_OTHER, Column, read_types, space_of

SPLITTING = ("groups", "time", "splits")  # what these name orders the rows and is no observation


def source_of(
    name: str, where: str, columns: Sequence[Column], label: int | None, options: Mapping[str, Any]
) -> Source:
    """The source that columns hold.

    Args:
        where: the file, for errors.
        label: number of the column of labels, or None.
        options: of `load_data`: `types`, `missing` and those of the splits.

    Raises:
        ValueError: if a column fits no kind, or misses entries that are not to be masked.
    """
    _check_names(where, columns)
    declared = read_types(options["types"], [column.name for column in columns])
    named = {options[option] for option in SPLITTING}
    labels, label_names = _labels(columns[label]) if label is not None else (None, ())
    fields: dict[str, Space] = {}
    entries = []
    for j, column in enumerate(columns):
        if j == label or column.name in named:
            continue
        space = space_of(column, declared.get(column.name, declared.get(EVERY_OTHER)))
        if space is not None:
            if options["missing"] == "error":
                check_present(
                    column, "load it with missing='mask' to leave it out of the likelihood, or fill it in"
                )
            fields[column.name] = space
            entries.append(_codes(space, column))
    if not fields:
        raise ValueError(f"{where} has no column beside labels and groups: there is nothing to model.")
    return _source(name, Fields(fields), entries, labels, label_names, _sides(columns, options))


def _check_names(where: str, columns: Sequence[Column]) -> None:
    every = [column.name for column in columns]
    twice = sorted({n for n in every if every.count(n) > 1})
    if twice:
        raise ValueError(f"{where} has several columns {twice[0]!r}: give each column a name of its own.")


def _labels(column: Column) -> tuple[Tensor, tuple[str, ...]]:
    check_present(column, "the labels must all be there")
    values = np.array(list(map(str, column.values))) if column.numbers is None else column.numbers
    return encode(values, column.where)


def check_present(column: Column, mend: str) -> None:
    """Raise ValueError where an entry is missing."""
    if None in column.values:
        where = column.at(column.values.index(None))
        raise ValueError(f"{column.where} has a missing value in {where}: {mend}.")


def _codes(space: Space, column: Column) -> np.ndarray:
    """The numbers of a column, NaN where missing, checked against its space."""
    x = column.numbers
    named = isinstance(space, (Categorical, Ordinal)) and bool(space.names)
    # classes that are numbers go by their value: 1 and 1.0 are one
    codes = (
        x
        if x is not None and not named
        else column_codes(space, column.values if x is None else x, column.where)
    )
    space.check(torch.from_numpy(codes[~np.isnan(codes)]).view(-1, *space.shape), column.where)
    return codes


def _source(
    name: str,
    space: Fields,
    entries: list[np.ndarray],
    labels: Tensor | None,
    label_names: tuple[str, ...],
    sides: dict[str, np.ndarray],
) -> Source:
    x = torch.from_numpy(np.stack(entries, 1))
    known = ~x.isnan()
    x = space.filled(x, known)
    if all(isinstance(field, Binary) for _, field in space.fields):
        x = x.to(torch.uint8)
    part = Part(x, labels, known=None if bool(known.all()) else known, sides=sides)
    return Source(name, space, {"train": part}, label_names)


def _sides(columns: Sequence[Column], options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The columns' values as text, where rows are split by one of them."""
    if not any(options[option] is not None for option in (*SPLITTING, "stratify")):
        return {}
    text = lambda value: "" if value is None else class_name(value)
    return {column.name: np.array([text(value) for value in column.values]) for column in columns}


def open_frame(frame: Any, options: Mapping[str, Any]) -> Source:
    """The source in a data frame, or a mapping of columns.

    Args:
        options: of `load_data`; `label` is a column's name.

    Raises:
        ValueError: if an entry is missing that is not to be masked, or a column fits no kind.

    Example:
        >>> options = dict.fromkeys(("label", "types", "stratify", *SPLITTING))
        >>> open_frame({"a": [0.5, -1.5], "b": ["x", "y"]}, options | {"missing": "error"}).space
        Fields(a=Real(), b=Categorical(2))
    """
    columns = [_frame_column(name, column) for name, column in named_columns(frame)]
    names = [column.name for column in columns]
    label = options["label"]
    if label is not None and label not in names:
        raise ValueError(f"the data frame has no column {label!r}, which label= names.")
    chosen = None if label is None else [column.name for column in columns].index(label)
    return source_of("frame", "the data frame", columns, chosen, options)


def _frame_column(name: str, series: Any) -> Column:
    """A column with what its type says: ordered classes are ordinal, classes and texts categorical."""
    values = column_values(series)
    values = [None if isinstance(v, float) and np.isnan(v) else v for v in values]
    kind = getattr(series, "cat", None) if str(getattr(series, "dtype", "")) == "category" else None
    space: Space | None = None
    if kind is not None:
        classes = tuple(map(class_name, kind.categories))
        make = Ordinal if kind.ordered else Categorical
        space = make((), max(2, len(classes)), classes)
    return Column(name, values, f"the data frame, column {name!r},", space)
