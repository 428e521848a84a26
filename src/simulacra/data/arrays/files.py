"""Readers of array files: .npy, .npz and .mat.

Pickled objects are never read. `arrays.shapes` decides which space an array belongs to, `arrays.parts` which
of several arrays holds the observations.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.plain import Space
from simulacra.data.arrays.matlab import can_be_rows, read_contents, read_mat
from simulacra.data.arrays.npy import BROKEN_ZIP, read_npy, read_npz
from simulacra.data.arrays.options import ArrayOptions
from simulacra.data.arrays.parts import Arrays, asks_for, chosen, grouped
from simulacra.data.arrays.sequences import open_sequences, unnamed
from simulacra.data.arrays.shapes import observations
from simulacra.data.images.geometry import reshape_images
from simulacra.data.labels import encode, one_column
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.keys import array_sides
from simulacra.data.splits.options import SplitOptions

log = logging.getLogger("simulacra")

__all__ = ["BROKEN_ZIP", "observations", "open_arrays", "read_npy", "read_npz"]


def open_arrays(path: Path, own: ArrayOptions, split: SplitOptions, beside: Collection[str] = ()) -> Source:
    """Reads an array file into a source.

    Arrays that the rows are split by are no observations.

    Args:
        path: the file; its suffix decides the format.
        own: options of array files.
        split: options of the splits; arrays that `groups`, `stratify`, `time` or `splits` name are not
            observations.
        beside: names of further arrays that are no observations, without their part.

    Returns:
        The rows. Arrays called train_x and test_x become the train and test parts of one array, `x`.

    Raises:
        ValueError: if the file is damaged, holds no observations, or several arrays could be the
            observations.
    """
    return reshape_images(_opened(path, own, split.named, beside), Geometry(own.size, own.crop), own.grey)


def _opened(path: Path, own: ArrayOptions, aside: Collection[str], beside: Collection[str] = ()) -> Source:
    key, label, levels, missing = own.key, own.label, own.levels, own.missing
    suffix = path.suffix.lower()
    if suffix == ".npy":
        if key or label:
            raise ValueError(
                f"{path} holds one array: key= and label= apply to npz and mat files, leave them out."
            )
        groups: dict[str, Arrays] = {path.name: {"train": read_npy(path)}}
    else:
        if suffix == ".mat" and (cells := _sequences(path, key, label)):
            return open_sequences(path, cells, key, label)
        asked = {name for name in (key, label, *aside, *beside) if name}
        wanted = (lambda name: asks_for(asked, name)) if key else None
        groups = grouped(read_npz(path, wanted) if suffix == ".npz" else read_mat(path), asked)
    name = chosen(path, groups, key, {label, *aside, *beside})
    others = {other: arrays for other, arrays in groups.items() if other not in (name, label)}
    rows, space = rows_of_parts(path, name, groups[name], levels, missing == "mask")
    parts = {
        part: Part(x, known=known, sides=array_sides(_arrays_of_part(part, others), len(x)))
        for part, (x, known) in rows.items()
    }
    if label is None:
        return Source(path.stem, space, parts)
    numbers, label_names = _labels(path, name, groups, label, parts)
    return Source(
        path.stem, space, {p: replace(part, labels=numbers[p]) for p, part in parts.items()}, label_names
    )


def _sequences(path: Path, key: str | None, label: str | None) -> dict[str, list[np.ndarray]]:
    """Returns the cells of a MATLAB file if they are the observations: asked for, or without another array.

    Raises:
        ValueError: if an option names what cannot be read, or cells should be asked for.
    """
    held = read_contents(path)
    for option, name in (("key", key), ("label", label)):
        if name in held.others:
            raise ValueError(
                f"{path} has {name!r}, which {option}= names, as a {held.others[name]}, which cannot be "
                "rows: save it as an array of real numbers or strings."
            )
    if key is not None and key not in held.arrays and any(asks_for({key}, name) for name in held.cells):
        return held.cells
    if key is None and held.cells and not any(map(can_be_rows, held.arrays.values())):
        if held.numbers:
            raise unnamed(path, held.cells, held.arrays)
        return held.cells
    return {}


def _arrays_of_part(part: str, groups: Mapping[str, Arrays]) -> dict[str, np.ndarray]:
    return {name: arrays[part] for name, arrays in groups.items() if part in arrays}


def groups_of(path: Path, key: str | None, label: str | None) -> dict[str, Arrays]:
    """Returns the arrays of an npz or mat file by name without part; {} where it holds one, or cells.

    Args:
        path: the file.
        key: the array of the observations, or None.
        label: the array of the labels, or None.

    Raises:
        ValueError: if the file is damaged.
    """
    suffix = path.suffix.lower()
    if suffix == ".npz":
        # what cannot be read beside is no condition
        return grouped(read_npz(path, lambda name: False), {key, label})
    if suffix != ".mat" or _sequences(path, key, label):
        return {}
    return grouped(read_mat(path), {key, label})


def rows_of_parts(
    path: Path, name: str, arrays: Arrays, levels: int | None = None, masked: bool = False
) -> tuple[dict[str, tuple[Tensor, Tensor | None]], Space]:
    """Returns the rows and mask (None: all known) of each part, and the space that all parts share.

    Args:
        path: the file, for errors.
        name: name of the array without its part.
        arrays: its parts.
        levels: number of levels of whole numbers; None: inferred.
        masked: True where NaN stands for a missing entry.

    Raises:
        ValueError: if the parts differ in shape, or are no rows.
    """
    field = f"array {name!r}"
    shapes = {a.shape[1:] for a in arrays.values()}
    if len(shapes) > 1:
        listed = ", ".join(f"{part} {a.shape}" for part, a in arrays.items())
        raise ValueError(f"{path} has {field} in parts whose rows differ in shape: {listed}.")
    # the space is inferred from all parts together: a part with few rows may not show its support
    whole = arrays["train"] if len(arrays) == 1 else np.concatenate(list(arrays.values()))
    x, known, space = observations(path, field, whole, levels, masked)
    counts = [len(a) for a in arrays.values()]
    if len(arrays) > 1:
        listed = ", ".join(f"{n:,} {part}" for part, n in zip(arrays, counts))
        log.info("%s: the parts of %r are kept as its file has them: %s", path.name, name, listed)
    masks = [None] * len(counts) if known is None else known.split(counts)
    return dict(zip(arrays, zip(x.split(counts), masks))), space


def _labels(
    path: Path, name: str, groups: Mapping[str, Arrays], label: str, parts: Mapping[str, Part]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Returns the class numbers of each part, and the class names that all parts share."""
    if label not in groups:
        listed = ", ".join(groups)
        raise ValueError(f"{path} has no array {label!r}, which label= names; it has {listed}.")
    columns = []
    for part, rows in parts.items():
        if part not in groups[label]:
            raise ValueError(
                f"{path} has labels {label!r} for {', '.join(groups[label])}, but not for {part}."
            )
        column = one_column(groups[label][part], len(rows))
        if column.shape != (len(rows),):
            raise ValueError(
                f"{path} has labels {label!r} of shape {column.shape}, but array {name!r} has {len(rows)} "
                "rows: there must be one label a row."
            )
        columns.append(column)
    numbers, label_names = encode(np.concatenate(columns), f"{path}, array {label!r}")
    return dict(zip(parts, torch.split(numbers, [len(c) for c in columns]))), label_names
