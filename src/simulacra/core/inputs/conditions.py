"""Conversion of conditions that users give to raw rows: names of classes, and all forms that x may have."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.convert import rows_of
from simulacra.core.inputs.pillow import pictures_in
from simulacra.core.inputs.tables import as_columns, is_table
from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Space

NAME = "condition"  # in messages


def condition_rows(space: Space, condition: Any, n: int | None, geometry: Geometry | None = None) -> Tensor:
    """Returns one raw condition for each of n rows.

    Args:
        space: raw space of the condition.
        condition: one condition for all rows, or one for each: a class by number or name, or anything that
            `rows_of` takes in this space, such as an array, a Pillow image or a data frame.
        n: number of rows; None: as many as there are conditions.
        geometry: cropping and resizing of Pillow images; None: none.

    Raises:
        ValueError: if a condition does not fit the space or lacks a value, or their number is not n.

    Example:
        >>> condition_rows(Levels((1, 2, 3)), np.zeros((2, 3), "uint8"), 5).shape
        torch.Size([5, 1, 2, 3])
    """
    names = _texts(condition)
    if names is not None and not isinstance(space, Table):
        numbers = [_class_number(space, name) for name in names.reshape(-1).tolist()]
        condition = torch.tensor(numbers).reshape(names.shape)
    given = _as_batch(space, condition)
    if isinstance(given, Tensor) and given.dim() and not len(given) and not n:
        return given
    c, known = rows_of(space, given, None, geometry, name=NAME)
    if known is not None:
        raise ValueError(_incomplete(space, known))
    n = len(c) if n is None else n
    if len(c) not in (1, n):
        raise ValueError(
            f"condition has {len(c)} rows for {n} observations: give one for each, or one for all."
        )
    return c if len(c) == n else c.expand(n, *c.shape[1:])


def accepted(space: Space) -> str:
    """Describes the forms of a condition in Python, such as `an image of Pillow, or an array ...`.

    Args:
        space: raw space of the condition.

    Example:
        >>> accepted(Categorical((), 2, ("cat", "dog")))
        'a class (cat, dog), by name or number'
    """
    if isinstance(space, (Categorical, Ordinal)) and not space.shape:
        known = f" ({', '.join(space.names[:20])}{', ...' if len(space.names) > 20 else ''})"
        return (
            f"a class{known}, by name or number" if space.names else f"a number from 0 to {space.classes - 1}"
        )
    if isinstance(space, Table):
        return f"a data frame, a record or a mapping with the columns {', '.join(space.names[:20])}"
    if space.image:
        channels, height, width = space.shape
        size = f"({height}, {width})" if channels == 1 else f"({height}, {width}, {channels})"
        pillow = "a Pillow image or " if isinstance(space, Levels) else ""
        return f"{pillow}an array of shape {size}"
    if isinstance(space, Audio):
        return f"an array of {space.dims:,} samples from -1 to 1, or of int16"
    values = "zeros and ones" if isinstance(space, Binary) else "numbers"
    return f"an array of {values} of shape {space.shape}" if space.shape else "a number"


def _as_batch(space: Space, condition: Any) -> Any:
    """Returns one condition as a batch of one; batches, tables and pictures stay as they are."""
    named = isinstance(space, Table) and is_table(as_columns(condition, space.names))
    if named or pictures_in(condition) is not None:
        return condition
    if isinstance(space, Table) and isinstance(condition, (list, tuple)):
        flat = not any(isinstance(value, (list, tuple)) or np.ndim(value) for value in condition)
        return [condition] if flat else condition
    rows = condition if isinstance(condition, (Tensor, np.ndarray)) else as_tensor(condition, NAME)
    return rows[None] if is_single(space, tuple(rows.shape)) else rows


def is_single(space: Space, shape: tuple[int, ...]) -> bool:
    """Returns True if a shape is that of one condition, not of a batch.

    Args:
        space: raw space of the condition.
        shape: shape of an array; images may have their channels last, or lack a single one.

    Example:
        >>> is_single(Levels((1, 8, 8)), (8, 8)), is_single(Levels((1, 8, 8)), (5, 8, 8))
        (True, False)
    """
    if not space.image:
        return len(shape) == len(space.shape)
    channels, height, width = space.shape
    forms = {space.shape, (height, width, channels)} | ({(height, width)} if channels == 1 else set())
    return shape in forms


def _incomplete(space: Space, known: Tensor) -> str:
    """Returns the sentence on the first missing value of a batch of conditions."""
    row, *place = (~known).nonzero()[0].tolist()
    named = isinstance(space, Table) and len(space.names) == space.dims
    at = f" of the column {space.names[place[0]]!r}" if isinstance(space, Table) and named else ""
    return f"condition lacks the value{at} in row {row} (from 0): every value of a condition is needed."


def _texts(condition: Any) -> np.ndarray | None:
    """Returns names of classes, shape (B,) or (); None if the condition holds numbers."""
    if isinstance(condition, (str, bytes)):
        return np.array(condition if isinstance(condition, str) else condition.decode())
    if isinstance(condition, Tensor) or not hasattr(condition, "__len__"):
        return None
    values = list(condition) if isinstance(condition, (list, tuple)) else np.asarray(condition).tolist()
    if not isinstance(values, list) or not values or not all(isinstance(v, (str, bytes)) for v in values):
        return None
    return np.array([v if isinstance(v, str) else v.decode() for v in values])


def _class_number(space: Space, name: str) -> int:
    if not isinstance(space, (Categorical, Ordinal)):
        raise ValueError(
            f"condition {str(name)!r} is a text, but the model's condition is {space}: give "
            f"{accepted(space)}."
        )
    if name not in space.names:
        raise ValueError(
            f"condition {str(name)!r} is not a class; classes are {', '.join(space.names) or 'unnamed'}."
        )
    return space.names.index(name)
