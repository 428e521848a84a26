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
from simulacra.core.spaces.tokens import Tokens

NAME = "condition"  # in messages


def condition_rows(
    space: Space, condition: Any, n: int | None, geometry: Geometry | None = None, name: str = NAME
) -> Tensor:
    """Returns one raw condition for each of n rows.

    Args:
        space: raw space of the condition.
        condition: one condition for all rows, or one for each: a class by number or name, a text, or anything
            that `rows_of` takes in this space, such as an array, a Pillow image or a data frame.
        n: number of rows; None: as many as there are conditions.
        geometry: cropping and resizing of Pillow images; None: none.
        name: name of the condition in messages.

    Raises:
        ValueError: if a condition does not fit the space or lacks a value, or their number is not n.

    Example:
        >>> condition_rows(Levels((1, 2, 3)), np.zeros((2, 3), "uint8"), 5).shape
        torch.Size([5, 1, 2, 3])
    """
    names = _texts(condition)
    if is_text(space):
        condition = condition if names is None else _filled(names.reshape(-1).tolist(), name)
    elif names is not None and not isinstance(space, Table):
        numbers = [_class_number(space, word, name) for word in names.reshape(-1).tolist()]
        condition = torch.tensor(numbers).reshape(names.shape)
    given = _as_batch(space, condition, name)
    if isinstance(given, Tensor) and given.dim() and not len(given) and not n:
        return given
    c, known = rows_of(space, given, None, geometry, name=name)
    if known is not None:
        raise ValueError(_incomplete(space, known, name))
    n = len(c) if n is None else n
    if len(c) not in (1, n):
        raise ValueError(f"{name} has {len(c)} rows for {n} observations: give one for each, or one for all.")
    return c if len(c) == n else c.expand(n, *c.shape[1:])


def is_text(space: Space) -> bool:
    """Returns True if a condition is a text of tokens.

    Args:
        space: raw space of the condition.
    """
    return isinstance(space, Tokens) and bool(space.shape)


def _filled(texts: list[str], name: str) -> list[str]:
    """Returns the texts; raises ValueError if one is empty."""
    empty = [i for i, text in enumerate(texts) if not text.strip()]
    if empty:
        raise ValueError(f"{name} {empty[0]} (from 0) is an empty text: say what is to be drawn.")
    return texts


def accepted(space: Space) -> str:
    """Describes the forms of a condition in Python, such as `an image of Pillow, or an array ...`.

    Args:
        space: raw space of the condition.

    Example:
        >>> accepted(Categorical((), 2, ("cat", "dog")))
        'a class (cat, dog), by name or number'
    """
    if isinstance(space, Tokens) and space.shape:
        return f"a text of up to {space.steps:,} {space.unit}"
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


def _as_batch(space: Space, condition: Any, name: str = NAME) -> Any:
    """Returns one condition as a batch of one; batches, tables and pictures stay as they are."""
    named = isinstance(space, Table) and is_table(as_columns(condition, space.names))
    if named or pictures_in(condition) is not None or (is_text(space) and _texts(condition) is not None):
        return condition
    if isinstance(space, Table) and isinstance(condition, (list, tuple)):
        flat = not any(isinstance(value, (list, tuple)) or np.ndim(value) for value in condition)
        return [condition] if flat else condition
    rows = condition if isinstance(condition, (Tensor, np.ndarray)) else as_tensor(condition, name)
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


def _incomplete(space: Space, known: Tensor, name: str) -> str:
    """Returns the sentence on the first missing value of a batch of conditions."""
    row, *place = (~known).nonzero()[0].tolist()
    named = isinstance(space, Table) and len(space.names) == space.dims
    at = f" of the column {space.names[place[0]]!r}" if isinstance(space, Table) and named else ""
    return f"{name} lacks the value{at} in row {row} (from 0): every value of a condition is needed."


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


def _class_number(space: Space, name: str, what: str = NAME) -> int:
    if not isinstance(space, (Categorical, Ordinal)):
        raise ValueError(
            f"{what} {str(name)!r} is a text, but the model's condition is {space}: give {accepted(space)}."
        )
    if name not in space.names:
        raise ValueError(
            f"{what} {str(name)!r} is not a class; classes are {', '.join(space.names) or 'unnamed'}."
        )
    return space.names.index(name)
