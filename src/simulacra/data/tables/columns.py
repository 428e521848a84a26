"""Makes a source of the columns of a table, with one field for each column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.core.inputs.convert import class_name, column_codes
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Space
from simulacra.data.labels import encode
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.tables.column import Column
from simulacra.data.tables.declared import EVERY_OTHER, read_types
from simulacra.data.tables.kinds import NoClasses, identifies, space_of
from simulacra.data.tables.missing import far_code
from simulacra.data.tables.numbers import beyond_exact
from simulacra.data.tables.options import FrameOptions, TableOptions

MANY = 20  # more classes that are numbers are said to be classes


def source_of(
    name: str,
    where: str,
    columns: Sequence[Column],
    label: int | None,
    own: FrameOptions,
    split: SplitOptions,
) -> Source:
    """Makes a source of the columns of a table.

    Args:
        name: name of the data set.
        where: the file, for errors.
        columns: all columns, in order.
        label: number of the column of labels, or None.
        own: kinds of the columns, and treatment of missing entries.
        split: options of the splits; columns that they name are not observations.

    Raises:
        ValueError: if a column fits no kind, or has missing entries that are not to be masked.
    """
    check_names(where, [column.name for column in columns])
    _check_lengths(where, columns)
    declared = read_types(own.types, [column.name for column in columns])
    labels, label_names = labels_of(columns[label]) if label is not None else (None, ())
    index = _index(where, [column.name for column in columns], own)
    fields: dict[str, Space] = {}
    entries, left_out, kinds = [], {}, {}
    refused: list[NoClasses] = []
    for j, column in enumerate(columns):
        if j == label or column.name in split.keys:
            continue
        kind = declared.get(column.name, declared.get(EVERY_OTHER))
        why = "names the rows" if j == index else _reason_left_out(column, own) if kind is None else None
        try:
            space = None if why else space_of(column, kind, own.tails)
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
        every = {name: many for error in refused for name, many in error.columns.items()}
        raise NoClasses(every, str(refused[0]), refused[0])
    if not fields:
        raise ValueError(f"{where} has no column beside labels and groups: {_nothing_left(left_out, own)}.")
    source = _source(name, Table(fields), entries, labels, label_names, _sides(columns, split))
    if label is not None and columns[label].numbers is not None and len(label_names) > MANY:
        given = load_with(condition=columns[label].name)
        said = f"{len(label_names)} numbers of {columns[label].name} are classes without order: to model the "
        source = source.noted("labels", f"{said}other columns given the number load it with {given}")
    for column_name, why in left_out.items():
        source = source.noted("columns left out", f"{column_name} ({why})")
    for said in _far_codes([column for column in columns if column.name in fields], own):
        source = source.noted("codes", said)
    for said in _blanks_around([column for column in columns if _has_classes(fields.get(column.name))]):
        source = source.noted("blanks", said)
    for said in _rounded_before([column for column in columns if column.name in fields]):
        source = source.noted("rounded", said)
    return replace(source, resolved={"types": kinds})


def _far_codes(columns: Sequence[Column], own: FrameOptions) -> list[str]:
    """Returns notes on numbers such as -999 that may stand for missing entries."""
    codes = [(c, code) for c in columns if c.numbers is not None and (code := far_code(c.numbers))]
    shown = [f"{value:.0f} in {c.name} ({count / len(c.values):.0%})" for c, (value, count) in codes]
    written = [
        str(v) for c, (value, _) in codes for v in dict.fromkeys(c.values) if v and c.number(v) == value
    ]
    known = [*(own.missing_values or "").split(","), *(word for c, _ in codes for word in c.spellings)]
    words = ",".join(dict.fromkeys(filter(None, [*known, *written])))
    way = load_with(missing_values=words, missing="mask")
    said = f"{', '.join(shown)} lies far from the other values: if it means missing load it with {way}"
    return [said] * bool(codes)


def _has_classes(space: Space | None) -> bool:
    return isinstance(space, (Categorical, Ordinal))


def _blanks_around(columns: Sequence[Column]) -> list[str]:
    """Returns notes on texts that are one class but for blanks around them."""
    said = []
    for column in columns:
        texts = [value for value in column.distinct if isinstance(value, str)]
        wide = [text for text in texts if text != text.strip()]
        if wide:
            classes = len({text.strip() for text in texts})
            many = f"{len(texts):,} texts that are {classes:,} class{'es' * (classes > 1)}"
            said.append(f"{column.name} has {many}: blanks around them, as in {wide[0][:40]!r}, do not count")
    return said


def _rounded_before(columns: Sequence[Column]) -> list[str]:
    """Returns notes on doubles that may be whole numbers which another program rounded."""
    names = [c.name for c in columns if c.numbers is not None and beyond_exact(c.numbers)]
    said = "holds numbers beyond 2^53 that were doubles already: identifiers come unrounded as text or Int64"
    return [f"{name} {said}" for name in names]


def _index(where: str, names: Sequence[str], own: FrameOptions) -> int | None:
    """Returns the number of the column of row names, if the user gives it."""
    told = own.index_column
    return None if told in (None, "none") else label_number(where, names, str(told), "index_column")


def _reason_left_out(column: Column, own: FrameOptions) -> str | None:
    """Returns the reason why a column only identifies rows; None if the user keeps such columns."""
    return None if own.index_column == "none" and column.present else identifies(column)


def _nothing_left(left_out: Mapping[str, str], own: FrameOptions) -> str:
    if not left_out:
        return "there is nothing to model"
    listed = ", ".join(f"{name} ({why})" for name, why in left_out.items())
    cut = isinstance(own, TableOptions) and len(left_out) == 1
    mend = ", or give the mark between cells with separator= if there are several columns" if cut else ""
    return f"{listed} would be left out: declare what is to be modelled with types={mend}"


def declaration(space: Space) -> Any:
    """Returns the kind of a column in the form in which `types` of `load_data` declares it.

    Example:
        >>> declaration(Categorical((), 2, ("f", "m")))
        {'kind': 'categorical', 'classes': ['f', 'm']}
    """
    kind = type(space).__name__.lower()
    if isinstance(space, (Categorical, Ordinal)):
        return {"kind": kind, "classes": list(space.names)}
    return kind


def check_names(where: str, names: Sequence[str]) -> None:
    """Checks that no two columns have one name.

    Args:
        where: the table, for the error.
        names: of all its columns.

    Raises:
        ValueError: if two of them are equal.
    """
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
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


def labels_of(column: Column) -> tuple[Tensor, tuple[str, ...]]:
    """Returns class numbers, shape (N,), and the names of the classes: numbers in their order, or texts.

    Args:
        column: the column of the labels.

    Raises:
        ValueError: if a label is missing, or neither a whole number nor text.
    """
    check_present(column, "the labels must all be there")
    x = column.numbers
    if x is not None and (broken := x[np.isfinite(x) & (x != np.round(x))]).size:
        given = load_with(condition=column.name)
        raise Refusal(
            f"{column.where} holds {broken[0]:g}, and labels are whole numbers or text: name another column "
            f"by label=, or load it with {given} to model the other columns given this number.",
            given,
        )
    values = np.array(list(map(str, column.values))) if column.numbers is None else column.numbers
    return encode(values, column.where)


def _check_gaps(column: Column, own: FrameOptions) -> None:
    if own.missing == "error":
        masked = load_with(missing="mask")
        check_present(
            column, Phrase(f"load it with {masked} to leave it out of the likelihood, or fill it in", masked)
        )


def check_present(column: Column, mend: str) -> None:
    """Raises ValueError if an entry is missing.

    Args:
        column: the column.
        mend: the end of the message: what the user can do.
    """
    if None in column.values:
        where = column.at(column.values.index(None))
        raise Refusal(f"{column.where} has a missing value in {where}: {mend}.", mend)


def _codes(space: Space, column: Column) -> np.ndarray:
    """Returns the numbers of a column, NaN where missing, checked against its space."""
    x = column.numbers
    stored = isinstance(space, (Categorical, Ordinal)) and bool(space.values)
    named = isinstance(space, (Categorical, Ordinal)) and bool(space.names)
    # classes that are numbers are stored as numbers, so that 1 and 1.0 are one class
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
    space: Table,
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
    """Returns the columns' values as text, if rows are split by one of them."""
    if not split.named:
        return {}
    text = lambda value: "" if value is None else class_name(value)
    return {column.name: np.array([text(value) for value in column.values]) for column in columns}


def label_number(where: str, names: Sequence[str], label: str, option: str = "label") -> int:
    """Returns the index of a column that an option gives by name, or by number from 1 (-1 is the last).

    Args:
        where: the file, for errors.
        names: names of all columns.
        label: the value of the option.
        option: the name of the option, for errors.

    Raises:
        ValueError: if there is no such column, or several.
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
