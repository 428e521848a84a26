"""What users hand in, as rows of a space: numpy, torch, nested lists, data frames, Pillow images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.classes import Categorical, Ordinal
from simulacra.core.composite import Fields, Sequence
from simulacra.core.pixels import Geometry, picture_rows, pictures_in
from simulacra.core.space import Space
from simulacra.core.waves import Wave, real_wave


def as_tensor(x: Any) -> Tensor:
    """A tensor from numpy, torch, nested lists or a data frame of numbers.

    Raises:
        ValueError: if the values are not numbers.
    """
    if isinstance(x, Tensor):
        return x
    if isinstance(x, str):
        raise ValueError(f"x is the text {x!r}: load the file first, with load_data, pandas or Pillow.")
    try:
        return torch.as_tensor(np.asarray(x))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{type(x).__name__} does not hold numbers: {error}.") from error


def rows_of(
    space: Space, x: Any, known: Any = None, geometry: Geometry | None = None, lengths: Any = None
) -> tuple[Tensor, Tensor | None]:
    """Raw rows and what is known of them, checked against the space.

    In the columns of a table NaN (None, NA) is a missing entry; elsewhere only `known` says so.
    Waves of int16 are PCM. Sequences may be shorter than the longest: the steps that they lack are unknown.

    Args:
        space: the raw space, with its columns' names where x is a data frame.
        known: True where x is observed, shape of x or of one observation; None: everywhere.
        geometry: how Pillow images become rows.
        lengths: steps of each sequence where x is padded, shape (B,).

    Returns:
        x with placeholders where it is missing, shape (B, *), and the mask, or None if nothing misses.

    Raises:
        ValueError: if x does not fit the space, or `known` does not fit x.

    Example:
        >>> from simulacra.core.space import Real
        >>> x, known = rows_of(Fields(a=Real(), b=Real()), {"b": [2.0], "a": [float("nan")]})
        >>> x.tolist(), known.tolist()
        ([[0.0, 2.0]], [[False, True]])
    """
    own = None
    if isinstance(space, Sequence):
        rows, own = sequence_rows(space, x, lengths)
    elif lengths is not None:
        raise ValueError(f"lengths= applies to sequences, but the space is {space}: leave it out.")
    elif isinstance(space, Fields) and is_table(x):
        rows = _from_columns(space, x)
    elif (images := pictures_in(x)) is not None:
        rows = picture_rows(space, geometry, images)
    else:
        rows = as_tensor(x)
    if isinstance(space, Wave) and rows.dtype == torch.int16:
        rows = real_wave(rows)
    if not len(rows):
        raise ValueError("there are no observations: x has no rows.")
    there = own if known is None else _known_of(space, rows, known)
    if own is not None and there is not None:
        there = own & there
    if isinstance(space, Fields) and rows.is_floating_point() and rows.shape[1:] == space.shape:
        seen = ~rows.isnan()
        there = seen if there is None else seen & there
    if there is not None:
        rows = space.filled(rows, there) if rows.shape[1:] == space.shape else rows
        there = None if bool(there.all()) else there
    space.check(rows)
    return rows, there


def sequence_rows(space: Sequence, x: Any, lengths: Any = None) -> tuple[Tensor, Tensor | None]:
    """Sequences padded to the longest that the space has, and what is no padding.

    Args:
        x: an array of shape (B, L, *), or a list of B sequences, each of shape (L, *) with its own L.
        lengths: steps that count in each row, shape (B,); None: all that are given.

    Returns:
        shape (B, T, *), and True in the steps of each row, or None if nothing is padded.

    Raises:
        ValueError: if a sequence is too long or of another width, or lengths do not fit x.

    Example:
        >>> from simulacra.core.space import Real
        >>> rows, known = sequence_rows(Sequence((3,), of=Real(())), [[1.0, 2.0], [3.0]])
        >>> rows.tolist(), known.sum(1).tolist()
        ([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]], [2, 1])
    """
    whole = None if isinstance(x, (list, tuple)) else as_tensor(x)
    if whole is not None and (whole.dim() < 2 or whole.shape[2:] != space.of.shape or not len(whole)):
        # x itself is the mistake, or there is none
        return whole, None
    pieces = [as_tensor(row) for row in (x if whole is None else whole)]
    for i, row in enumerate(pieces):
        if row.dim() < 1 or row.shape[1:] != space.of.shape or not 0 < len(row) <= space.steps:
            raise ValueError(
                f"row {i} of x has shape {tuple(row.shape)}, but a sequence of {space} has shape "
                f"({', '.join(['L', *map(str, space.of.shape)])}) with L from 1 to {space.steps}."
            )
    given = torch.tensor([len(row) for row in pieces])
    counts = given if lengths is None else _counts(lengths, given)
    rows = torch.nn.utils.rnn.pad_sequence([*pieces, pieces[0].new_zeros(space.shape)], batch_first=True)
    known = space.valid(counts).to(rows.device)
    return space.filled(rows[:-1], known), None if bool(known.all()) else known


def _counts(lengths: Any, given: Tensor) -> Tensor:
    counts = as_tensor(lengths).cpu()
    fit = counts.shape == given.shape and bool((counts >= 1).all() and (counts <= given).all())
    if not fit or not torch.equal(counts, counts.round()):
        raise ValueError(
            f"lengths is {lengths}, but it must be a whole number for each of the {len(given)} rows, from 1 "
            "to the steps of x."
        )
    return counts.long()


def _known_of(space: Space, rows: Tensor, known: Any) -> Tensor:
    """Booleans of the shape of the rows."""
    if rows.shape[1:] != space.shape:
        # x itself is the mistake
        space.check(rows)
    if isinstance(known, str):
        raise ValueError(
            f"known is the text {known!r}, but it must be booleans, True = keep: known_part() of "
            "simulacra.exploration makes those of a part with a name."
        )
    there = as_tensor(known)
    try:
        return there.to(rows.device, torch.bool).expand(rows.shape)
    except RuntimeError as error:
        raise ValueError(
            f"known has shape {tuple(there.shape)}, but it must be that of x, {tuple(rows.shape)}, or of one "
            f"observation, {space.shape}."
        ) from error


def check_gaps(space: Space, known: Any, there: Tensor | None) -> None:
    """Raise ValueError where a completion has nothing to draw, or nothing to go by.

    A table without gaps is complete as it stands, as imputers take it; elsewhere `known` must hide
    some entry of some row. Rows without a gap may stand beside others.

    Args:
        known: as given.
        there: what `rows_of` made of it.
    """
    if there is None and known is None and not isinstance(space, Fields):
        raise ValueError(
            f"complete() needs known=: True where an entry of {space} stays, False where it is drawn."
        )
    if there is None and known is not None:
        raise ValueError(
            "known keeps every entry, so there is nothing to draw: it is False where one is drawn."
        )
    if there is not None and not bool(there.any()):
        raise ValueError(
            "known keeps no entry, so there is nothing to complete: draw whole rows with sample()."
        )


def condition_rows(space: Space, condition: Any, n: int) -> Tensor:
    """One condition for each of n rows, from numbers or from names of classes.

    Args:
        condition: one for all, or one for each row.

    Raises:
        ValueError: if a name is no class, or the number of conditions is not n.
    """
    if not isinstance(condition, Tensor) and np.asarray(condition).dtype.kind in "US":
        numbers = [_class_number(space, name) for name in np.atleast_1d(condition)]
        c = torch.tensor(numbers if np.ndim(condition) else numbers[0])
    else:
        c = as_tensor(condition)
    if c.dim() == len(space.shape):
        c = c.expand(n, *c.shape)
    space.check(c, "condition")
    if len(c) != n:
        raise ValueError(f"condition has {len(c)} rows for {n} observations.")
    return c


def _class_number(space: Space, name: str) -> int:
    names = space.names if isinstance(space, (Categorical, Ordinal)) else ()
    if name not in names:
        raise ValueError(
            f"condition {str(name)!r} is not a class; classes are {', '.join(names) or 'unnamed'}."
        )
    return names.index(name)


def is_table(x: Any) -> bool:
    """Whether x is a data frame or a mapping of columns."""
    return isinstance(x, Mapping) or (hasattr(x, "columns") and hasattr(x, "__getitem__"))


def _from_columns(space: Fields, x: Any) -> Tensor:
    """The columns that the space names, in its order, NaN where missing; others are left alone."""
    there = list(x.keys() if isinstance(x, Mapping) else x.columns)
    columns = []
    for name, field in space.fields:
        if name not in there:
            raise ValueError(
                f"x has no column {name!r}; the model needs {', '.join(space.names)}, x has "
                f"{', '.join(map(str, there[:20]))}."
            )
        columns.append(column_codes(field, column_values(x[name]), f"column {name!r}"))
    for (name, _), column in zip(space.fields, columns):
        if len(column) != len(columns[0]):
            raise ValueError(
                f"column {name!r} of x has {len(column)} entries, {space.names[0]!r} has {len(columns[0])}: "
                "every row needs an entry in each."
            )
    return torch.from_numpy(np.stack(columns, 1))


def column_values(column: Any) -> list[Any]:
    """The entries of a column as Python values, None where they miss."""
    if isinstance(column, str) or not hasattr(column, "__len__"):
        raise ValueError(f"a column of x is {column!r}: give a list, with an entry for each row.")
    mask = column.isna() if hasattr(column, "isna") else None
    values = column.tolist() if hasattr(column, "tolist") else list(column)
    return values if mask is None else [None if gone else value for gone, value in zip(mask, values)]


def column_codes(field: Space, values: Iterable[Any], where: str) -> np.ndarray:
    """The numbers of a column's entries, float64, NaN where they miss.

    Args:
        values: numbers, booleans, or the names of classes.
        where: the column, for the error.

    Raises:
        ValueError: if an entry is no number, or a class that the field does not have.
    """
    if isinstance(field, (Categorical, Ordinal)) and field.names:
        codes = _class_codes(field.names, values, where)
        return codes if not field.values else _stored(field.values, codes)
    numbers = [None if _gone(value) else value for value in values]
    try:
        return np.array([np.nan if value is None else float(value) for value in numbers], np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} holds an entry that is no number ({error}).") from error


def _stored(values: tuple[float, ...], codes: np.ndarray) -> np.ndarray:
    """The numbers that stand for classes, NaN where they miss."""
    gone = np.isnan(codes)
    return np.where(gone, np.nan, np.array(values)[np.where(gone, 0, codes).astype(int)])


def _class_codes(names: tuple[str, ...], values: Iterable[Any], where: str) -> np.ndarray:
    number: dict[str | None, float] = {name: i for i, name in enumerate(names)} | {None: np.nan}
    texts = [None if _gone(value) else class_name(value) for value in values]
    for text in dict.fromkeys(texts):
        if text not in number:
            known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
            raise ValueError(
                f"{where} holds {text!r}, a class that was neither declared nor seen in training; "
                f"known are {known}."
            )
    return np.array([number[text] for text in texts], np.float64)


def class_name(value: Any) -> str:
    """The text of a class: whole numbers without a decimal point.

    Example:
        >>> class_name(3.0), class_name(True), class_name(" red ")
        ('3', 'True', 'red')
    """
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _gone(value: Any) -> bool:
    nan = isinstance(value, (float, np.floating)) and bool(np.isnan(value))
    # pandas need not be there for its NA to be known
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType")
