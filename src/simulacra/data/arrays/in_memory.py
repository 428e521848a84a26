"""Readers of rows in memory: numpy arrays, torch tensors, nested lists, and map-style data sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from simulacra.core.inputs.convert import as_tensor
from simulacra.core.inputs.pillow import pictures_in
from simulacra.core.preprocessing.images import Geometry
from simulacra.data.arrays.files import observations
from simulacra.data.arrays.options import MemoryOptions
from simulacra.data.arrays.pictures import differ, stacked
from simulacra.data.images.geometry import applied, reshape_images
from simulacra.data.labels import encode
from simulacra.data.sources.source import Part, Source

WHERE = "the array"


def is_array(given: Any) -> bool:
    """Returns True for arrays, tensors and lists of rows or pictures."""
    if isinstance(given, (str, bytes)) or hasattr(given, "columns"):
        return False
    # a sparse matrix is refused as an array, with the way to make it dense
    if isinstance(given, (Tensor, np.ndarray)) or hasattr(given, "__array__") or hasattr(given, "toarray"):
        return True
    return isinstance(given, (list, tuple)) and len(given) > 0


def is_data_set(given: Any) -> bool:
    """Returns True for a map-style data set: `len(given)` exists, and `given[i]` is x, or x and a label."""
    return hasattr(given, "__getitem__") and hasattr(given, "__len__") and not isinstance(given, (str, bytes))


def open_array(given: Any, own: MemoryOptions, split: object) -> Source:
    """Makes a source from an array of rows (N, D) or images, or from a list of Pillow images.

    Args:
        given: numbers, or Pillow images of one mode, and of one size unless `size` or `crop` is given.
        own: options of arrays in memory; `label` holds one label for each row.
        split: unused; every reader takes it.

    Raises:
        ValueError: if shape or values are not accepted, or labels do not fit the rows.

    Example:
        >>> open_array([[0.5, 1.5], [2.0, 3.0]], MemoryOptions(), None).space
        Real(shape=(2,))
    """
    pictures, geometry = pictures_in(given), Geometry(own.size, own.crop)
    array = _numbers(given) if pictures is None else stacked(pictures, geometry, own.grey, own.levels)
    x, known, space = observations(WHERE, "x", array, own.levels, own.missing == "mask")
    labels, label_names = (None, ()) if own.label is None else _labels(own.label, len(x))
    source = Source("array", space, {"train": Part(x, labels, known)}, label_names)
    if pictures is not None and differ(pictures):
        # each was cut to one size by itself
        coloured = own.grey and pictures[0].mode == "RGB"
        return replace(source, geometry=geometry, applied=applied(geometry, coloured))
    return reshape_images(source, geometry, own.grey)


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
        return np.asarray(given)
    return as_tensor(given).detach().cpu().numpy()


def _unmasked(given: np.ma.MaskedArray) -> np.ndarray:
    """Returns the array with NaN in place of masked entries."""
    if not np.ma.getmaskarray(given).any():
        return _numbers(given.data)
    return np.where(np.ma.getmaskarray(given), np.nan, _numbers(given.data))


def _labels(given: Any, rows: int) -> tuple[Tensor, tuple[str, ...]]:
    values = np.asarray(given.detach().cpu() if isinstance(given, Tensor) else given)
    if values.shape != (rows,):
        raise ValueError(
            f"label has shape {values.shape}, but x has {rows} rows: there must be one label a row."
        )
    return encode(values, "label")
