"""Readers of rows in memory: numpy arrays, torch tensors, nested lists, and map-style data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from simulacra.core.inputs.convert import as_tensor
from simulacra.core.inputs.pillow import pictures_in
from simulacra.core.preprocessing.images import Geometry, to_chw
from simulacra.data.arrays.files import observations
from simulacra.data.arrays.options import MemoryOptions
from simulacra.data.images.geometry import reshape_images
from simulacra.data.labels import encode
from simulacra.data.sources.source import Part, Source

WHERE = "the array"


def is_array(given: Any) -> bool:
    """Returns True for arrays, tensors and lists of rows or pictures."""
    if isinstance(given, (str, bytes)) or hasattr(given, "columns"):
        return False
    if isinstance(given, (Tensor, np.ndarray)) or hasattr(given, "__array__"):
        return True
    return isinstance(given, (list, tuple)) and len(given) > 0


def is_data_set(given: Any) -> bool:
    """Returns True for a map-style data set: `len(given)` exists, and `given[i]` is x, or x and a label."""
    return hasattr(given, "__getitem__") and hasattr(given, "__len__") and not isinstance(given, (str, bytes))


def open_array(given: Any, own: MemoryOptions, split: object) -> Source:
    """Makes a source from an array of rows (N, D) or images, or from a list of Pillow images.

    Args:
        given: numbers, or Pillow images of one size and mode.
        own: options of arrays in memory; `label` holds one label for each row.
        split: unused; every reader takes it.

    Raises:
        ValueError: if shape or values are not accepted, or labels do not fit the rows.

    Example:
        >>> open_array([[0.5, 1.5], [2.0, 3.0]], MemoryOptions(), None).space
        Real(shape=(2,))
    """
    pictures = pictures_in(given)
    array = _stacked(pictures) if pictures is not None else _numbers(given)
    x, known, space = observations(WHERE, "x", array, own.levels, own.missing == "mask")
    labels, label_names = (None, ()) if own.label is None else _labels(own.label, len(x))
    source = Source("array", space, {"train": Part(x, labels, known)}, label_names)
    return reshape_images(source, Geometry(own.size, own.crop), own.grey)


def open_data_set(given: Any, own: MemoryOptions, split: object) -> Source:
    """Reads all rows of a map-style data set into memory.

    Args:
        given: the data set: `given[i]` is x, or x and a label.
        own: options of arrays in memory.
        split: unused; every reader takes it.

    Raises:
        ValueError: if it is empty, or its items are not numbers or images.
    """
    rows = [given[i] for i in range(len(given))]
    if not rows:
        raise ValueError(f"the {type(given).__name__} holds no rows: give one that has some.")
    pairs = all(isinstance(row, (tuple, list)) and len(row) == 2 and np.ndim(row[1]) == 0 for row in rows)
    x = [row[0] for row in rows] if pairs else [row[0] if isinstance(row, tuple) else row for row in rows]
    array = x if pictures_in(x) is not None else np.stack([_numbers(row) for row in x])
    if own.label is None and pairs:
        own = replace(own, label=np.array([_plain(row[1]) for row in rows]))
    source = open_array(array, own, split)
    classes = getattr(given, "classes", None)
    if isinstance(classes, (list, tuple)) and pairs and len(classes) == len(source.label_names):
        source = replace(source, label_names=tuple(map(str, classes)))
    return replace(source, name=type(given).__name__.lower())


def _plain(label: Any) -> Any:
    return label.item() if hasattr(label, "item") else label


def _numbers(given: Any) -> np.ndarray:
    if isinstance(given, np.ma.MaskedArray):
        return _unmasked(given)
    if isinstance(given, np.ndarray) and given.dtype.kind in "buif":
        return given
    return as_tensor(given).detach().cpu().numpy()


def _unmasked(given: np.ma.MaskedArray) -> np.ndarray:
    """Returns the array with NaN in place of masked entries."""
    if not np.ma.getmaskarray(given).any():
        return _numbers(given.data)
    return np.where(np.ma.getmaskarray(given), np.nan, _numbers(given.data))


def _stacked(pictures: Sequence[Image.Image]) -> np.ndarray:
    """Stacks pictures of one size and mode to shape (N, C, H, W)."""
    first = pictures[0]
    for i, picture in enumerate(pictures):
        if picture.size != first.size or picture.mode != first.mode:
            raise ValueError(
                f"picture {i} (from 0) is {picture.width}x{picture.height} of mode {picture.mode}, the first "
                f"{first.width}x{first.height} of mode {first.mode}: give all of them one size and mode."
            )
    if first.mode in ("L", "RGB"):
        return np.stack([to_chw(picture) for picture in pictures])
    if first.mode.startswith("I;16"):
        return np.stack([np.array(picture, np.uint16)[None] for picture in pictures])
    raise ValueError(f"the pictures have the mode {first.mode}: convert them to L, RGB or I;16 first.")


def _labels(given: Any, rows: int) -> tuple[Tensor, tuple[str, ...]]:
    values = np.asarray(given.detach().cpu() if isinstance(given, Tensor) else given)
    if values.shape != (rows,):
        raise ValueError(
            f"label has shape {values.shape}, but x has {rows} rows: there must be one label a row."
        )
    return encode(values, "label")
