"""Values of another kind among new rows of a table: each is named, and taken as missing.

One text among numbers, half a visit in a column of counts, or a class that was never seen says nothing that a
model could score; the other entries of its row, and the other rows, do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.composite import Fields
from simulacra.core.handed import is_gone
from simulacra.core.space import Space
from simulacra.core.tabular import column_codes

log = logging.getLogger("simulacra")
SHOWN = 3  # values of a column that are named


def lenient_codes(field: Space, values: Iterable[Any], where: str) -> np.ndarray:
    """The numbers of a column's entries, NaN where they miss or are of another kind, which is said.

    Args:
        field: the space of the column.
        values: numbers, booleans or names of classes.
        where: the column, for messages.

    Raises:
        ValueError: if every entry is of another kind: then the column itself is the mistake.

    Example:
        >>> from simulacra.core.classes import Categorical
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
    if not rows or all(odd[repr(value)] or is_gone(value) for value in values):
        raise refused
    _say(where, [str(values[i]) for i in rows], rows, str(refused))
    return _checked(field, [None if odd[repr(value)] else value for value in values], where)


def _is_odd(field: Space, value: Any, where: str) -> bool:
    try:
        _checked(field, [value], where)
    except ValueError:
        return True
    return False


def _checked(field: Space, values: list[Any], where: str) -> np.ndarray:
    """The numbers of the entries, each within the column's space."""
    codes = column_codes(field, values, where)
    field.check(torch.from_numpy(codes[~np.isnan(codes)]).view(-1, *field.shape), where)
    return codes


def _say(where: str, texts: list[str], rows: list[int], why: str) -> None:
    named = [f"{text[:40]!r} in row {row}" for text, row in zip(texts, rows)][:SHOWN]
    more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
    log.warning("%s holds %s%s: taken as missing (%s)", where, ", ".join(named), more, why.rstrip("."))


def without_odd(space: Fields, rows: Tensor, known: Tensor | None) -> Tensor | None:
    """What is known of rows of numbers, without the entries that are off their column's space.

    Args:
        rows: shape (B, columns).
        known: True where an entry is there, or None: everywhere.

    Raises:
        ValueError: as `lenient_codes`.
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
            there[:, j] &= _within(field, rows[:, j], there[:, j], f"column {name!r} of x")
    return there


def _within(field: Space, column: Tensor, known: Tensor, where: str) -> Tensor:
    """Which entries of a column of numbers are in its space, shape (B,)."""
    inside: dict[float, bool] = {}
    refused: list[str] = []
    try:
        field.check(column[known], where)
        return torch.ones_like(known)
    except ValueError:
        pass  # some value is odd: which?
    for value in set(column[known].tolist()):
        try:
            field.check(torch.tensor([value], dtype=torch.float64), where)
            inside[value] = True
        except ValueError as error:
            inside[value] = False
            refused.append(str(error))
    if refused and not any(inside.values()):
        raise ValueError(refused[0])
    odd = [i for i in known.nonzero()[:, 0].tolist() if not inside[column[i].item()]]
    if odd:
        _say(where, [f"{column[i].item():g}" for i in odd], odd, refused[0])
    found = torch.ones_like(known)
    found[odd] = False
    return found
