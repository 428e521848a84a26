"""Numeric arrays of MATLAB files (-v6, -v7), read without trust.

The format is a list of elements (type, bytes, content); -v7 compresses each. scipy's reader
crashes the whole process on some damaged files, so every length is compared here with what is
there. Structures, sparse and complex arrays and text are left out, and cells of anything but arrays.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HEADER = 128
COMPRESSED, MATRIX = 15, 14
COMPLEX = 0x08
# storage types, and classes of arrays, as numpy has them
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
CELL = "cell"
OTHER = {1: CELL, 2: "structure", 3: "object", 4: "text", 5: "sparse array"}

Found = np.ndarray | list[np.ndarray] | str  # an array, a cell of arrays, or the kind of anything else


class Damaged(Exception):
    """The content contradicts itself."""


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """The real numeric arrays of a MATLAB file.

    Raises:
        ValueError: if the file is damaged, of another version, or holds no such array.
    """
    arrays, others = {}, []
    for name, found in _contents(path):
        if isinstance(found, np.ndarray):
            arrays[name] = found
        else:
            others.append(f"{name} ({found if isinstance(found, str) else CELL})")
    if not arrays:
        held = f"only {', '.join(others)}" if others else "nothing"
        raise ValueError(f"{path} holds no array of real numbers, {held}: save numbers with -v7, or as npz.")
    return arrays


def read_cells(path: Path) -> dict[str, list[np.ndarray]]:
    """The cells of real numeric arrays in a MATLAB file of nothing else; none where it holds anything else.

    Raises:
        ValueError: if the file is damaged or of another version.
    """
    cells = {}
    for name, found in _contents(path):
        if not isinstance(found, list):
            return {}
        cells[name] = found
    return cells


def _contents(path: Path) -> Iterator[tuple[str, Found]]:
    """Name and content of each variable of a file."""
    content = path.read_bytes()
    if not content:
        raise ValueError(f"{path} is empty (0 bytes): save it again.")
    order = _byte_order(path, content)
    try:
        yield from _variables(content[HEADER:], order)
    except (Damaged, zlib.error, struct.error) as error:
        raise ValueError(f"{path} is truncated or damaged ({error}): save it again with -v7.") from error


def _byte_order(path: Path, content: bytes) -> str:
    if content.startswith(b"MATLAB 7.3"):
        raise ValueError(f"{path} is a MATLAB 7.3 file: save it with -v7, or as npz.")
    order = {b"IM": "<", b"MI": ">"}.get(content[126:HEADER])
    if order is None:
        raise ValueError(f"{path} is truncated or no MATLAB file of version 5: save it with -v7, or as npz.")
    return order


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of each element."""
    at = 0
    while at < len(content):
        kind, size = struct.unpack_from(f"{order}2I", content, at)
        if kind >> 16:
            # a small element keeps its content in the second word
            kind, size, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
            if size > 4:
                raise Damaged(f"a small element of {size} bytes")
        else:
            start = at + 8
            step = 8 + size + (0 if kind == COMPRESSED else -size % 8)
        # the last element may lack its padding
        if start + size > len(content):
            raise Damaged(f"an element of {size} bytes where {len(content) - start} are left")
        yield kind, content[start : start + size]
        at += step


def _variables(content: bytes, order: str) -> Iterator[tuple[str, Found]]:
    """Name and array of each variable; a cell comes as a list, what is not numeric as its kind."""
    for kind, element in _elements(content, order):
        if kind == COMPRESSED:
            kind, element = _unzipped(element, order)
        if kind == MATRIX:
            yield _matrix(element, order)


def _unzipped(element: bytes, order: str) -> tuple[int, bytes]:
    stream = zlib.decompressobj()
    kind, size = struct.unpack(f"{order}2I", stream.decompress(element, 8))
    # no more than the tag promises is unpacked, however much is packed
    content = stream.decompress(stream.unconsumed_tail, size) if size else b""
    if len(content) != size:
        raise Damaged(f"a compressed element with {len(content)} of {size} bytes")
    return kind, content


def _matrix(element: bytes, order: str) -> tuple[str, Found]:
    parts = _elements(element, order)
    try:
        (_, flags), (_, dims), (_, name) = next(parts), next(parts), next(parts)
        word = struct.unpack_from(f"{order}I", flags)[0]
        label = name.decode("ascii", "replace")
        if OTHER.get(word & 0xFF) == CELL:
            return label, _cell(parts, order)
        if word & 0xFF not in CLASSES:
            return label, OTHER.get(word & 0xFF, "another kind")
        if (word >> 8) & COMPLEX:
            return label, "complex array"
        shape = np.frombuffer(dims, f"{order}i4").tolist()
        stored, real = next(parts)
    except (StopIteration, ValueError) as error:
        raise Damaged("a variable without its parts") from error
    if stored not in STORED:
        raise Damaged(f"{label} has the unknown type {stored}")
    kind = np.dtype(order + STORED[stored])
    if min(shape, default=-1) < 0 or math.prod(shape) * kind.itemsize != len(real):
        raise Damaged(f"{label} has {len(real)} bytes for the shape {tuple(shape)} of {kind.name}")
    values = np.frombuffer(real, kind).reshape(shape, order="F")
    # whole numbers are stored in the smallest type that holds them
    with np.errstate(all="ignore"):
        return label, values.astype(CLASSES[word & 0xFF])


def _cell(parts: Iterator[tuple[int, bytes]], order: str) -> list[np.ndarray] | str:
    """The arrays of a cell in order, or its kind where it holds anything else."""
    held = []
    for kind, element in parts:
        found = _matrix(element, order)[1] if kind == MATRIX and element else CELL
        if not isinstance(found, np.ndarray):
            return CELL
        held.append(found)
    return held
