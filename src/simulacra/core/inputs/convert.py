"""Conversion of user data to rows of a space: numpy, torch, nested lists, data frames, Pillow images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.inputs.arrays import as_tensor, split_mask
from simulacra.core.inputs.odd_values import lenient_codes, without_odd
from simulacra.core.inputs.pillow import picture_rows, pictures_in
from simulacra.core.inputs.strings import token_rows
from simulacra.core.inputs.tables import (
    as_columns,
    class_name,
    column_codes,
    column_values,
    columns_by_name,
    is_table,
)
from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.audio import Audio, real_wave
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.spaces.tokens import Tokens

__all__ = ["as_tensor", "check_gaps", "class_name", "column_codes", "column_values"]
__all__ += ["is_table", "rows_of", "sequence_rows"]


def rows_of(
    space: Space,
    x: Any,
    known: Any = None,
    geometry: Geometry | None = None,
    lengths: Any = None,
    lenient: bool = False,
    name: str = "x",
) -> tuple[Tensor, Tensor | None]:
    """Returns raw rows and their mask of known entries, checked against the space.

    In the columns of a table, NaN (None, NA) is a missing entry; elsewhere, only `known` and the mask of a
    masked array mark missing entries. Waves of int16 are PCM. Sequences may be shorter than the longest one;
    the steps that they lack are unknown.

    Args:
        space: raw space, with names of columns if x is a data frame.
        x: data in any of the forms.
        known: True where x is observed, shape of x or of one observation; None: everywhere.
        geometry: cropping and resizing of Pillow images; None: none.
        lengths: number of steps of each sequence if x is padded, shape (B,).
        lenient: treat invalid values in a table as missing, with a warning, instead of an error.
        name: name of x in messages.

    Returns:
        x with placeholders at missing entries, shape (B, *), and the mask, or None if no entry is missing.

    Raises:
        ValueError: if x does not fit the space, or `known` does not fit x.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> x, known = rows_of(Table(a=Real(), b=Real()), {"b": [2.0], "a": [float("nan")]})
        >>> x.tolist(), known.tolist()
        ([[0.0, 2.0]], [[False, True]])
    """
    x, unmasked = split_mask(x)
    if isinstance(space, Sequence):
        if unmasked is not None:
            raise ValueError(
                f"{name} is a masked array, but sequences are as long as lengths= says: give that."
            )
        rows, own = sequence_rows(space, x, lengths)
    elif lengths is not None:
        raise ValueError(f"lengths= applies to sequences, but the space is {space}: leave it out.")
    else:
        rows, own = _plain_rows(space, x, geometry, lenient, name), None
    if not rows.dim():
        raise ValueError(
            f"{name} is a single number, but the model takes rows of {space}: give a batch of them."
        )
    if not len(rows):
        what = "observations" if name == "x" else f"{name}s"
        raise ValueError(f"there are no {what}: {name} has no rows.")
    own = own if unmasked is None else torch.from_numpy(unmasked)
    there = own if known is None else _known_of(space, rows, known)
    if own is not None and there is not None:
        there = own & there
    if isinstance(space, Table) and rows.is_floating_point() and rows.shape[1:] == space.shape:
        seen = ~rows.isnan()
        there = seen if there is None else seen & there
        there = without_odd(space, rows, there) if lenient else there
    if there is not None:
        rows = space.filled(rows, there) if rows.shape[1:] == space.shape else rows
        there = None if bool(there.all()) else there
    space.check(rows, name)
    return rows, there


def _plain_rows(space: Space, x: Any, geometry: Geometry | None, lenient: bool, name: str) -> Tensor:
    """Returns rows of a table, of images, or of numbers."""
    if isinstance(space, Table):
        x = as_columns(x, space.names)
        if is_table(x):
            return _from_columns(space, x, lenient, name)
        placed = _by_place(space, x, lenient)
        if placed is not None:
            return placed
    if isinstance(space, Tokens) and space.shape:
        return token_rows(space, x, name)
    images = pictures_in(x)
    rows = as_tensor(x, name) if images is None else picture_rows(space, geometry, images, name)
    if isinstance(space, Audio) and rows.dtype == torch.int16:
        return real_wave(rows)
    rows = rows.byte() if rows.dtype == torch.bool else rows
    return _channels_first(space, rows) if space.image else rows


def _channels_first(space: Space, rows: Tensor) -> Tensor:
    """Converts images of shape (B, H, W) with one channel, or (B, H, W, C), to (B, C, H, W)."""
    channels, height, width = space.shape
    if channels == 1 and rows.shape[1:] == (height, width):
        return rows.unsqueeze(1)
    turned = rows.shape[1:] == (height, width, channels) and rows.shape[1:] != space.shape
    return rows.movedim(-1, 1) if turned else rows


def sequence_rows(space: Sequence, x: Any, lengths: Any = None) -> tuple[Tensor, Tensor | None]:
    """Pads sequences to the longest length of the space, and returns a mask of the valid steps.

    Args:
        space: space of the sequences, with T steps.
        x: an array of shape (B, L, *), or a list of B sequences, each of shape (L, *) with its own L.
        lengths: number of valid steps of each row, shape (B,); None: all given steps.

    Returns:
        shape (B, T, *), and the mask of that shape, or None if nothing is padded.

    Raises:
        ValueError: if a sequence is too long or of another width, or lengths do not fit x.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> rows, known = sequence_rows(Sequence((3,), of=Real(())), [[1.0, 2.0], [3.0]])
        >>> rows.tolist(), known.sum(1).tolist()
        ([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]], [2, 1])
    """
    whole = None if isinstance(x, (list, tuple)) else as_tensor(x)
    if whole is not None and (whole.dim() < 2 or whole.shape[2:] != space.of.shape or not len(whole)):
        # let the check of the space report a wrong shape
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
    counts = as_tensor(lengths, "lengths").cpu()
    fit = counts.shape == given.shape and bool((counts >= 1).all() and (counts <= given).all())
    if not fit or not torch.equal(counts, counts.round()):
        raise ValueError(
            f"lengths is {lengths}, but it must be a whole number for each of the {len(given)} rows, from 1 "
            "to the steps of x."
        )
    return counts.long()


def _known_of(space: Space, rows: Tensor, known: Any) -> Tensor:
    """Returns `known` as booleans of the shape of the rows."""
    if rows.shape[1:] != space.shape:
        # report a wrong shape of x first
        space.check(rows)
    if isinstance(known, str):
        raise ValueError(
            f"known is the text {known!r}, but it must be booleans, True = keep: known_part() of "
            "simulacra.exploration makes those of a part with a name."
        )
    if isinstance(space, Table) and is_table(known):
        columns = columns_by_name(known, space.names, "known")
        known = np.stack([np.asarray(column) for column in columns], 1)
    there = as_tensor(known, "known")
    if bool(((there != 0) & (there != 1)).any()):
        raise ValueError("known holds something else than True and False: True = keep.")
    try:
        return there.to(rows.device, torch.bool).expand(rows.shape)
    except RuntimeError as error:
        raise ValueError(
            f"known has shape {tuple(there.shape)}, but it must be that of x, {tuple(rows.shape)}, or of one "
            f"observation, {space.shape}."
        ) from error


def check_gaps(space: Space, known: Any, there: Tensor | None) -> None:
    """Checks that a completion has entries to draw and known entries to condition on.

    A table without gaps is complete and passes, as in imputers; for other data, `known` must be False at
    some entry. Single rows without a gap are allowed.

    Args:
        space: raw space.
        known: mask as the user gave it, or None.
        there: mask that `rows_of` returned for it, or None.

    Raises:
        ValueError: if there is nothing to draw, or nothing is known.
    """
    if there is None and known is None and not isinstance(space, Table):
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


def _from_columns(space: Table, x: Any, lenient: bool, what: str) -> Tensor:
    """Returns the columns of the space, in its order, NaN for missing entries; other columns are ignored."""
    read = lenient_codes if lenient else column_codes
    columns = [
        read(field, column_values(column), f"column {name!r}")
        for (name, field), column in zip(space.fields, columns_by_name(x, space.names, what))
    ]
    for name, column in zip(space.names, columns):
        if len(column) != len(columns[0]):
            raise ValueError(
                f"column {name!r} of {what} has {len(column)} entries, {space.names[0]!r} has "
                f"{len(columns[0])}: every row needs an entry in each."
            )
    return torch.from_numpy(np.stack(columns, 1))


def _by_place(space: Table, x: Any, lenient: bool) -> Tensor | None:
    """Returns rows that contain names of classes as numbers; None for anything else.

    Args:
        space: space of the table.
        x: an array of objects or texts, or a list of rows, each with an entry for each column.
        lenient: treat invalid values as missing.
    """
    if isinstance(x, np.ndarray) and x.dtype.kind in "OUS" and x.ndim == 2:
        rows = x.tolist()
    elif isinstance(x, (list, tuple)) and x and all(isinstance(row, (list, tuple)) for row in x):
        rows = list(x)
    else:
        return None
    if any(len(row) != len(space.fields) for row in rows) or set(space.widths) != {1}:
        return None
    columns = zip(*rows)
    texts = any(isinstance(value, (str, bytes)) for row in rows for value in row)
    read = lenient_codes if lenient and texts else column_codes
    # without names, numbers encode the classes
    codes = [
        read(field if texts else Real(), column, f"column {name!r}")
        for (name, field), column in zip(space.fields, columns)
    ]
    return torch.from_numpy(np.stack(codes, 1))
