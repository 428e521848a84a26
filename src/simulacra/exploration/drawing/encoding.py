"""Pictures as JSON: dataclasses become dictionaries, arrays become lists or base64."""

from __future__ import annotations

import base64
import math
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from simulacra.exploration.drawing.picture import Picture

LISTED = 64  # numbers of an array up to which it becomes a list
INTEGERS = (np.uint8, np.int16, np.uint16, np.int32)


def encoded(picture: Picture, limit: int) -> dict[str, Any]:
    """The picture as `Picture.json` describes it.

    Args:
        picture: any picture.
        limit: largest size in bytes of all base64 texts together.

    Raises:
        ValueError: if they take more.
    """
    sizes: list[int] = []
    found = _value(picture, sizes)
    if sum(sizes) > limit:
        raise ValueError(
            f"the arrays of {picture.title or 'the picture'!r} take {sum(sizes):,} bytes as base64, but "
            f"limit is {limit:,}: draw fewer rows, or give json(limit={sum(sizes)})."
        )
    assert isinstance(found, dict)
    return found


def _value(value: Any, sizes: list[int]) -> Any:
    """A JSON value; the size of each base64 text is added to `sizes`."""
    if isinstance(value, np.ndarray):
        return _array(value, sizes)
    if is_dataclass(value):
        entries = {entry.name: _value(getattr(value, entry.name), sizes) for entry in fields(value)}
        return {"kind": type(value).__name__, **entries}
    if isinstance(value, tuple):
        return [_value(entry, sizes) for entry in value]
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _array(array: np.ndarray, sizes: list[int]) -> Any:
    # JSON has no word for NaN and infinity, but the bytes of a float do
    if array.size <= LISTED and bool(np.isfinite(array).all()):
        return array.tolist()
    small = _smallest(array)
    text = base64.b64encode(np.ascontiguousarray(small).tobytes()).decode("ascii")
    sizes.append(len(text))
    return {"dtype": small.dtype.name, "shape": list(small.shape), "base64": text}


def _smallest(array: np.ndarray) -> np.ndarray:
    """The array in the smallest little-endian type: integers exactly, other numbers as float32."""
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.size and bool(np.isfinite(array).all()) and bool((array == np.round(array)).all()):
        low, high = float(array.min()), float(array.max())
        for kind in INTEGERS:
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return array.astype(np.dtype(kind).newbyteorder("<"))
    return array.astype("<f4")
