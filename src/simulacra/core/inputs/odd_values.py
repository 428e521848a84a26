"""Invalid values in new rows of a table: a warning names them, and they count as missing.

A text among numbers, half a visit in a column of counts or an unknown class has no probability under a model.
It is treated as missing, so that the other entries of its row, and the other rows, can be scored.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.inputs.arrays import is_gone
from simulacra.core.inputs.tables import column_codes
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space

log = logging.getLogger("simulacra")
SHOWN = 3  # most invalid values of a column that a warning names
MANY = 3  # if so many values are invalid and none is valid, the column itself is wrong


def lenient_codes(field: Space, values: Iterable[Any], where: str) -> np.ndarray:
    """Returns the numbers that encode a column's entries, NaN for missing or invalid ones.

    A warning names the invalid entries.

    Args:
        field: space of the column.
        values: numbers, booleans or names of classes.
        where: name of the column in messages.

    Raises:
        ValueError: if there are three entries or more and all are invalid, so that the column is wrong.

    Example:
        >>> from simulacra.core.spaces.classes import Categorical
        >>> lenient_codes(Categorical((), 2, ("f", "m")), ["m", "x", "f"], "column 'sex'").tolist()
        [1.0, nan, 0.0]
    """
    values = list(values)
    try:
        return _checked(field, values, where)
    except ValueError as error:
        refused = error
    odd: dict[str, bool] = {}
    for value in values:
        if repr(value) not in odd:
            odd[repr(value)] = not is_gone(value) and _is_odd(field, value, where)
    rows = [i for i, value in enumerate(values) if odd[repr(value)]]
    whole = all(odd[repr(value)] or is_gone(value) for value in values)
    if not rows or (whole and len(rows) >= MANY):
        raise refused
    _warn(where, [str(values[i]) for i in rows], rows, str(refused))
    return _checked(field, [None if odd[repr(value)] else value for value in values], where)


def _is_odd(field: Space, value: Any, where: str) -> bool:
    try:
        _checked(field, [value], where)
    except ValueError:
        return True
    return False


def _checked(field: Space, values: list[Any], where: str) -> np.ndarray:
    """Returns the numbers of the entries, and raises ValueError if one is outside the column's space."""
    codes = column_codes(field, values, where)
    field.check(torch.from_numpy(codes[~np.isnan(codes)]).view(-1, *field.shape), where)
    return codes


def _warn(where: str, texts: list[str], rows: list[int], why: str) -> None:
    named = [f"{text[:40]!r} in row {row}" for text, row in zip(texts, rows)][:SHOWN]
    more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
    log.warning("%s holds %s%s: taken as missing (%s)", where, ", ".join(named), more, why.rstrip("."))


def without_odd(space: Table, rows: Tensor, known: Tensor | None) -> Tensor | None:
    """Returns the mask of known entries without those outside their column's space; a warning names these.

    Args:
        space: space of the table.
        rows: numbers, shape (B, columns).
        known: True where an entry is known, shape of `rows`; None: everywhere.

    Returns:
        shape of `rows`, or `known` itself if all entries are in the space.

    Raises:
        ValueError: if every known entry of a column is outside its space, so that the column is wrong.
    """
    there = torch.ones(rows.shape, dtype=torch.bool) if known is None else known.clone()
    try:
        space.check(space.filled(rows, there))
        return known
    except ValueError:
        pass
    columns = ((name, replace(field, shape=())) for name, field in space.fields for _ in range(field.dims))
    for j, (name, field) in enumerate(columns):
        if there[:, j].any():
            there[:, j] &= _in_space(field, rows[:, j], there[:, j], f"column {name!r} of x")
    return there


def _in_space(field: Space, column: Tensor, known: Tensor, where: str) -> Tensor:
    """Returns a mask of the entries of a column of numbers that are in its space, shape (B,)."""
    inside: dict[float, bool] = {}
    refused: list[str] = []
    try:
        field.check(column[known], where)
        return torch.ones_like(known)
    except ValueError:
        pass  # find the invalid values below
    for value in set(column[known].tolist()):
        try:
            field.check(torch.tensor([value], dtype=torch.float64), where)
            inside[value] = True
        except ValueError as error:
            inside[value] = False
            refused.append(str(error))
    odd = [i for i in known.nonzero()[:, 0].tolist() if not inside[column[i].item()]]
    if len(odd) >= MANY and not any(inside.values()):
        raise ValueError(refused[0])
    if odd:
        _warn(where, [f"{column[i].item():g}" for i in odd], odd, refused[0])
    found = torch.ones_like(known)
    found[odd] = False
    return found
