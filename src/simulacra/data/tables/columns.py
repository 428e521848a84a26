"""From columns to rows: a table file's or a data frame's, as a source with one field a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.classes import Categorical, Ordinal
from simulacra.core.composite import Fields
from simulacra.core.intake import class_name, column_codes, column_values
from simulacra.core.space import Binary, Space
from simulacra.core.tabular import named_columns
from simulacra.data.labels import encode
from simulacra.data.source import Part, Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.tables.column import Column
from simulacra.data.tables.declared import EVERY_OTHER, read_types
from simulacra.data.tables.kinds import NoClasses, identifies, space_of
from simulacra.data.tables.options import FrameOptions, TableOptions

NO_ENTRIES = (list, tuple, dict, set, np.ndarray, Tensor, bytearray, complex)  # one entry is one value


def source_of(
    name: str,
    where: str,
    columns: Sequence[Column],
    label: int | None,
    own: FrameOptions,
    split: SplitOptions,
) -> Source:
    """The source that columns hold.

    Args:
        where: the file, for errors.
        label: number of the column of labels, or None.
        own: kinds of the columns, and what is done about missing entries.
        split: columns that it names are no observations.

    Raises:
        ValueError: if a column fits no kind, or misses entries that are not to be masked.
    """
    _check_names(where, columns)
    _check_lengths(where, columns)
    declared = read_types(own.types, [column.name for column in columns])
    labels, label_names = _labels(columns[label]) if label is not None else (None, ())
    index = _index(where, [column.name for column in columns], own)
    fields: dict[str, Space] = {}
    entries, left_out, kinds = [], {}, {}
    refused: list[NoClasses] = []
    for j, column in enumerate(columns):
        if j == label or column.name in split.keys:
            continue
        kind = declared.get(column.name, declared.get(EVERY_OTHER))
        why = "names the rows" if j == index else _why(column, own) if kind is None else None
        try:
            space = None if why else space_of(column, kind)
        except NoClasses as error:
            refused.append(error)
            continue
        kinds[column.name] = "drop" if space is None else declaration(space)
        if why:
            left_out[column.name] = why
        if space is not None:
            _check_gaps(column, own)
            fields[column.name] = space
            entries.append(_codes(space, column))
    if refused:
        raise NoClasses([name for error in refused for name in error.columns], str(refused[0]))
    if not fields:
        raise ValueError(f"{where} has no column beside labels and groups: {_nothing(left_out, own)}.")
    source = _source(name, Fields(fields), entries, labels, label_names, _sides(columns, split))
    for column_name, why in left_out.items():
        source = source.noted("columns left out", f"{column_name} ({why})")
    return replace(source, resolved={"types": kinds})


def _index(where: str, names: Sequence[str], own: FrameOptions) -> int | None:
    """The number of the column that names the rows, if the user gives it."""
    told = own.index_column
    return None if told in (None, "none") else label_number(where, names, str(told), "index_column")


def _why(column: Column, own: FrameOptions) -> str | None:
    """Why a column only tells its rows apart; None where the user keeps those."""
    return None if own.index_column == "none" and column.present else identifies(column)


def _nothing(left_out: Mapping[str, str], own: FrameOptions) -> str:
    if not left_out:
        return "there is nothing to model"
    listed = ", ".join(f"{name} ({why})" for name, why in left_out.items())
    cut = isinstance(own, TableOptions) and len(left_out) == 1
    mend = ", or give the mark between cells with separator= if there are several columns" if cut else ""
    return f"{listed} would be left out: declare what is to be modelled with types={mend}"


def declaration(space: Space) -> Any:
    """The kind of a column as `types` of `load_data` declares it.

    Example:
        >>> declaration(Categorical((), 2, ("f", "m")))
        {'kind': 'categorical', 'classes': ['f', 'm']}
    """
    kind = type(space).__name__.lower()
    if isinstance(space, (Categorical, Ordinal)):
        return {"kind": kind, "classes": list(space.names)}
    return kind


def _check_names(where: str, columns: Sequence[Column]) -> None:
    every = [column.name for column in columns]
    twice = sorted({n for n in every if every.count(n) > 1})
    if twice:
        raise ValueError(f"{where} has several columns {twice[0]!r}: give each column a name of its own.")


def _check_lengths(where: str, columns: Sequence[Column]) -> None:
    for column in columns:
        if len(column.values) != len(columns[0].values):
            raise ValueError(
                f"{column.where} has {len(column.values)} entries, {columns[0].name!r} has "
                f"{len(columns[0].values)}: every row needs an entry in each."
            )
    if columns and not columns[0].values:
        raise ValueError(f"{where} holds no rows: a table needs at least one.")


def _labels(column: Column) -> tuple[Tensor, tuple[str, ...]]:
    check_present(column, "the labels must all be there")
    values = np.array(list(map(str, column.values))) if column.numbers is None else column.numbers
    return encode(values, column.where)


def _check_gaps(column: Column, own: FrameOptions) -> None:
    if own.missing == "error":
        mend = "load it with missing='mask' to leave it out of the likelihood, or fill it in"
        check_present(column, mend)


def check_present(column: Column, mend: str) -> None:
    """Raise ValueError where an entry is missing."""
    if None in column.values:
        where = column.at(column.values.index(None))
        raise ValueError(f"{column.where} has a missing value in {where}: {mend}.")


def _codes(space: Space, column: Column) -> np.ndarray:
    """The numbers of a column, NaN where missing, checked against its space."""
    x = column.numbers
    stored = isinstance(space, (Categorical, Ordinal)) and bool(space.values)
    named = isinstance(space, (Categorical, Ordinal)) and bool(space.names)
    # classes that are numbers are stored as they are: 1 and 1.0 are one
    codes = (
        x
        if x is not None and (stored or not named)
        else column_codes(space, column.values if x is None or not column.written else x, column.where)
    )
    _check_codes(space, codes, column)
    return codes


def _check_codes(space: Space, codes: np.ndarray, column: Column) -> None:
    values = getattr(space, "values", ())
    strange = ~np.isnan(codes) & ~np.isin(codes, values) if values else np.zeros(len(codes), bool)
    if strange.any():
        text, known = class_name(codes[strange][0]), ", ".join(space.names[:20])  # type: ignore[attr-defined]
        raise ValueError(
            f"{column.where} holds {text!r}, a class that was neither declared nor seen in training; "
            f"known are {known}."
        )
    space.check(torch.from_numpy(codes[~np.isnan(codes)]).view(-1, *space.shape), column.where)


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


def _sides(columns: Sequence[Column], split: SplitOptions) -> dict[str, np.ndarray]:
    """The columns' values as text, where rows are split by one of them."""
    if not split.named:
        return {}
    text = lambda value: "" if value is None else class_name(value)
    return {column.name: np.array([text(value) for value in column.values]) for column in columns}


def label_number(where: str, names: Sequence[str], label: str, option: str = "label") -> int:
    """The number of the column that an option names: by name, or from 1 (-1 is the last).

    Raises:
        ValueError: if there is none, or several.
    """
    label = str(label)
    if label in names:
        if names.count(label) > 1:
            raise ValueError(
                f"{where} has several columns {label!r}, which {option}= names: number them from 1."
            )
        return names.index(label)
    width = len(names)
    try:
        number = int(label)
    except ValueError:
        number = 0
    if number == 0 or not -width <= number <= width:
        known = ", ".join(names[:20])
        raise ValueError(f"{where} has no column {label!r}, which {option}= names; it has {known}.")
    return number - 1 if number > 0 else width + number


def open_frame(frame: Any, own: FrameOptions, split: SplitOptions) -> Source:
    """The source in a data frame, or a mapping of columns.

    Raises:
        ValueError: if an entry is missing that is not to be masked, or a column fits no kind.

    Example:
        >>> frame = {"a": [0.5, -1.5], "b": ["x", "y"]}
        >>> open_frame(frame, FrameOptions(), SplitOptions()).space
        Fields(a=Real(), b=Categorical(2))
    """
    return frame_source("frame", "the data frame", frame, own, split)


def frame_source(name: str, where: str, frame: Any, own: FrameOptions, split: SplitOptions) -> Source:
    """The source in a data frame that was given or read.

    Args:
        name: of the data set.
        where: the file, for errors.
    """
    gone = set() if own.missing_values is None else {w.strip() for w in own.missing_values.split(",")}
    columns = [_frame_column(where, name, column, gone) for name, column in named_columns(frame)]
    names = [column.name for column in columns]
    label = None if own.label is None else label_number(where, names, own.label)
    return source_of(name, where, columns, label, own, split)


def _frame_column(where: str, name: str, series: Any, gone: set[str]) -> Column:
    """A column with the space that its type says: ordered classes are ordinal, other classes categorical."""
    where = f"{where}, column {name!r},"
    # records of numpy hold texts as bytes
    values = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in column_values(series)]
    for i, value in enumerate(values):
        if isinstance(value, NO_ENTRIES):
            raise ValueError(
                f"{where} holds a {type(value).__name__} in row {i} (from 0): give numbers, texts or dates."
            )
    values = [None if (isinstance(v, float) and np.isnan(v)) or v in gone else v for v in values]
    kind = getattr(series, "cat", None) if str(getattr(series, "dtype", "")) == "category" else None
    return Column(name, values, where, None if kind is None else _space_of_categories(where, kind))


def _space_of_categories(where: str, kind: Any) -> Space:
    """The space of a column of pandas categories."""
    given = list(kind.categories)
    numbers = all(isinstance(c, (int, float, np.number)) and not isinstance(c, bool) for c in given)
    if numbers and not kind.ordered:
        given = sorted(given)
    classes = tuple(map(class_name, given))
    twice = next((name for name in classes if classes.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{where} has two categories that are written {twice!r}: rename one of them.")
    values = tuple(map(float, given)) if numbers and given == sorted(given) else ()
    return (Ordinal if kind.ordered else Categorical)((), len(classes), classes, values)
