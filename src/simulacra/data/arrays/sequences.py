"""Reader of sequences of different lengths: a MATLAB file of cells, each with arrays of shape (steps, width).

train_data, test_data    cells of the official parts; a single cell of another name is split like other
data
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import torch

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Real, Space
from simulacra.data.arrays.parts import WORDS, part_of
from simulacra.data.arrays.shapes import narrowest
from simulacra.data.limits import check_memory
from simulacra.data.sources.source import Part, Source

COPIES = 4  # copies of the padded rows that exist while they are split
Cells = Mapping[str, list[np.ndarray]]


def open_sequences(path: Path, cells: Cells, key: str | None = None, label: str | None = None) -> Source:
    """Makes a source of padded sequences from the cells of a MATLAB file.

    Args:
        path: the file, for names and errors.
        cells: the arrays of each cell, by name.
        key: the name of the cell, without its part (train, test); None: the only one.
        label: must be None, since cells come without labels.

    Raises:
        ValueError: if several cells could be meant, or the arrays are not sequences of one width.

    Example:
        >>> cells = {"train_data": [np.ones((3, 2)), np.zeros((4, 2))], "test_data": [np.eye(2)]}
        >>> source = open_sequences(Path("walks.mat"), cells)
        >>> source.space.shape, {name: part.lengths.tolist() for name, part in source.parts.items()}
        ((4, 2), {'train': [3, 4], 'test': [2]})
    """
    if label is not None:
        raise ValueError(f"label={label!r} applies to files of arrays, but {path} holds cells: leave it out.")
    parts = _parts(path, cells, key)
    pieces = [piece for part in parts.values() for piece in part]
    shapes = sorted({str(piece.shape) for piece in pieces})[:5]
    fit = [p.ndim == 2 and len(p) > 0 and p.dtype.kind in "buif" for p in pieces]
    if not pieces or not all(fit) or len({piece.shape[1] for piece in pieces}) > 1:
        raise ValueError(
            f"{path} holds cells of arrays of shapes {', '.join(shapes)}, but sequences are (steps, width) "
            "with one width and a step at least: save numbers in an array, or sequences as cells."
        )
    every = np.concatenate(pieces)
    if not np.isfinite(every).all():
        raise ValueError(f"{path} holds missing or infinite values in its cells: correct them.")
    binary = bool(((every == 0) | (every == 1)).all())
    every = every.astype(np.uint8) if binary else narrowest(every, str(path))
    of: Space = Binary(every.shape[1:]) if binary else Real(every.shape[1:])
    steps = max(map(len, pieces))
    padded = len(pieces) * steps * math.prod(of.shape) * every.itemsize
    check_memory(path, COPIES * padded, f"{len(pieces):,} sequences of up to {steps:,} steps")
    made = {name: _part(part, steps, every.dtype) for name, part in parts.items()}
    return Source(path.stem, Sequence((steps,), of=of), made)


def _parts(path: Path, cells: Cells, key: str | None) -> dict[str, list[np.ndarray]]:
    """Returns the sequences of each part."""
    named = {name: part_of(name) for name in cells}
    rests = {found[1] for found in named.values() if found and found[0] == "train"}
    wanted = key if key is not None else next(iter(rests)) if len(rests) == 1 else None
    if wanted in rests and wanted not in cells:
        of = {found[0]: cells[name] for name, found in named.items() if found and found[1] == wanted}
        return {part: of[part] for part in WORDS if part in of}
    if key is None and len(cells) == 1:
        return {"train": next(iter(cells.values()))}
    if key is None or key not in cells:
        raise unnamed(path, cells)
    return {"train": cells[key]}


def unnamed(path: Path, cells: Cells, beside: Collection[str] = ()) -> Refusal:
    """Returns the refusal of a file of which one cell is to be named.

    Args:
        path: the file.
        cells: the arrays of each cell, by name.
        beside: names of arrays in the file.
    """
    listed = ", ".join(f"{name} (cell of {len(held)})" for name, held in cells.items())
    rests = [found[1] for name in cells if (found := part_of(name)) and found[0] == "train"]
    one = load_with(key=next(iter([*rests, *cells])))
    others = f" beside {', '.join(beside)}" if beside else ""
    return Refusal(
        f"{path} holds cells that could be the sequences ({listed}){others}: load it with {one}, or name "
        "another one.",
        one,
    )


def _part(pieces: list[np.ndarray], steps: int, dtype: np.dtype) -> Part:
    rows = np.zeros((len(pieces), steps, *pieces[0].shape[1:]), dtype)
    for row, piece in zip(rows, pieces):
        row[: len(piece)] = piece
    return Part(torch.from_numpy(rows), lengths=torch.tensor([len(piece) for piece in pieces]))
