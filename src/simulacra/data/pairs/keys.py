"""Arrays of a file as conditions: one image, vector or number for each row of the observations."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.preprocessing.images import Geometry
from simulacra.data.arrays.files import groups_of, open_arrays, rows_of_parts
from simulacra.data.arrays.options import ArrayOptions
from simulacra.data.arrays.parts import Arrays, part_of
from simulacra.data.images.geometry import reshape_images
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.options import SplitOptions


def key_of(groups: Mapping[str, Arrays], condition: str) -> str | None:
    """Returns the array that a condition names, in full or without its part; None if there is none.

    Args:
        groups: the arrays of a file, by name without part.
        condition: the option `condition`.

    Example:
        >>> import numpy as np
        >>> rows = np.zeros((2, 3))
        >>> key_of({"photo": {"train": rows}, "label": {"train": rows}}, "train_label")
        'label'
    """
    if condition in groups:
        return condition
    found = part_of(condition)
    return found[1] if found is not None and found[1] in groups else None


def one_value_a_row(arrays: Arrays) -> bool:
    """Returns True if the parts of an array hold one value a row, such as a class.

    Args:
        arrays: the parts of the array.
    """
    return all(a.ndim == 1 or (a.ndim == 2 and 1 in a.shape) for a in arrays.values())


def groups_in(path: Path, own: ArrayOptions) -> dict[str, Arrays]:
    """Returns the arrays of an npz or mat file by name without part; {} for other files and for cells.

    Args:
        path: the file.
        own: its options.
    """
    return groups_of(path, own.key, own.label)


def open_keys(path: Path, own: ArrayOptions, split: SplitOptions, name: str) -> Source:
    """Opens an array file as pairs of two of its arrays.

    Args:
        path: the file.
        own: options of array files; `size`, `crop`, `grey` act on both, `levels` on the observations.
        split: options of the splits.
        name: name of the array of conditions without its part.

    Raises:
        ValueError: if the two arrays have other rows or parts, or either cannot be read.
    """
    groups = groups_in(path, own)
    if own.key is not None and key_of(groups, own.key) == name:
        raise ValueError(
            f"key= and condition= both name {name!r} of {path}: give the condition another array."
        )
    source = open_arrays(path, own, split, (name,))
    rows, space = rows_of_parts(path, name, groups[name])
    c = reshape_images(
        Source(path.stem, space, {part: Part(x) for part, (x, _) in rows.items()}),
        Geometry(own.size, own.crop),
        own.grey and space.image,
    )
    conditions = {part: held.rows for part, held in c.parts.items()}
    _check_parts(path, source, conditions, name)
    return source.given(
        c.space, {part: conditions[part] for part in source.parts}, f"the array {name!r}", c.geometry
    )


def _check_parts(path: Path, source: Source, c: Mapping[str, object], name: str) -> None:
    for part, held in source.parts.items():
        given = c.get(part)
        if given is None:
            raise ValueError(
                f"{path} has conditions {name!r} for {', '.join(c)}, but not for {part}: add them, or save "
                "both arrays with the same parts."
            )
        assert isinstance(given, Tensor)
        if len(given) != len(held):
            raise ValueError(
                f"{path} has {len(given):,} conditions {name!r} for {len(held):,} rows of {part}: a pair is "
                "one of each; save arrays of equal length."
            )


def unknown_key(path: Path, groups: Mapping[str, Arrays], condition: str, words: str) -> ValueError:
    """Returns the error for a condition that is no array of the file and no other form.

    Args:
        path: the file.
        groups: its arrays.
        condition: the option `condition`.
        words: a word that is spelled nearly like it, or empty.
    """
    near = difflib.get_close_matches(condition, groups, 1, 0.6)
    best = near[0] if near else words
    held = ", ".join(groups)
    if not best:
        return ValueError(
            f"condition={condition!r} names no array of {path}, which has {held}: name one of them, or make "
            "the condition from x, as 'downscale:2' does."
        )
    one = load_with(condition=best)
    return Refusal(
        f"condition={condition!r} names no array of {path}, which has {held}: load the data with {one}.", one
    )


def keys_alike(groups: Mapping[str, Arrays]) -> tuple[str, str] | None:
    """Returns two arrays of equal numbers of pictures, the larger first, or None.

    Args:
        groups: the arrays of a file.
    """
    pictures = {name: of for name, of in groups.items() if all(a.ndim in (3, 4) for a in of.values())}
    if len(pictures) != 2:
        return None
    one, other = pictures
    counts = [{part: len(a) for part, a in pictures[name].items()} for name in (one, other)]
    return (one, other) if counts[0] == counts[1] else None
