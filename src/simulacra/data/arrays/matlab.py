"""Reader of MATLAB files (-v6, -v7) that is safe for untrusted files.

The format is a list of elements (type, bytes, content); -v7 compresses each. Every length is compared with
the bytes that are there. scipy's reader is not used: 329 of 30,000 damaged files crashed the process (scipy
1.17.1: flipped bits, cut ends and wrong sizes; signals 11 and 7), where this reader raises an error.

    numbers, logical       an array
    sparse                 a dense array
    text, cells of text    an array of strings
    cells of arrays        a list
    structure              its fields as `name.field`, if it is a single structure

Complex arrays, objects and arrays of structures are left out.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from simulacra.data.limits import check_memory

HEADER = 128
HDF5, SIGNATURE = 0x0200, b"\x89HDF\r\n"  # version in the header of -v7.3, and the first bytes without one
COMPRESSED, MATRIX = 15, 14
COMPLEX, LOGICAL = 0x08, 0x02
DEEPEST = 16  # most levels of nested cells and structures
TIMES = 8  # memory in bytes for each byte of an array or a text, with copies of another type
DENSE = 2**26  # most entries of a sparse array that is made dense
# MATLAB's storage types, array classes and text encodings as numpy types
BYTE, DOUBLE = 2, 9
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
CELL, STRUCTURE, TEXT, SPARSE, OPAQUE = 1, 2, 4, 5, 17
OTHER = {1: "cell", 2: "structure", 3: "object", 4: "text", 5: "sparse array", 16: "function", 17: "object"}
UNITS = {2: "u1", 4: "u2", 16: "u1", 17: "u2", 18: "u4", 1: "i1"}

# an array, the arrays of a cell, the fields of a structure, or the name of an unsupported kind
Found = np.ndarray | list[np.ndarray] | dict[str, "Found"] | str


class Damaged(Exception):
    """Raised where the content of a file contradicts itself."""


@dataclass(frozen=True)
class Contents:
    """The variables of a MATLAB file, and the fields of its structures, by name.

    Args:
        arrays: of real numbers or strings.
        cells: the arrays of real numbers of each cell of them.
        others: the kind of each variable that is not read, such as `complex array`.
    """

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    cells: dict[str, list[np.ndarray]] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)

    @property
    def numbers(self) -> bool:
        """True if there is an array of numbers."""
        return any(array.dtype.kind in "buif" for array in self.arrays.values())


def read_contents(path: Path) -> Contents:
    """Reads a MATLAB file.

    Raises:
        ValueError: if the file is damaged or of another version.
    """
    held = Contents()
    for name, found in _flat(_contents(path)):
        if isinstance(found, np.ndarray):
            held.arrays[name] = found
        elif isinstance(found, list) and found:
            held.cells[name] = found
        else:
            held.others[name] = found if isinstance(found, str) else OTHER[CELL]
    return held


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of numbers or strings in a MATLAB file.

    Raises:
        ValueError: if the file is damaged, of another version, or holds no array of numbers.
    """
    held = read_contents(path)
    if not held.numbers:
        kinds = {**dict.fromkeys(held.cells, OTHER[CELL]), **held.others}
        others = [f"{name} ({kind})" for name, kind in kinds.items()]
        others += [f"{name} (text)" for name in held.arrays]
        said = f"only {', '.join(others)}" if others else "nothing"
        raise ValueError(f"{path} holds no array of real numbers, {said}: save numbers with -v7, or as npz.")
    return held.arrays


def read_cells(path: Path) -> dict[str, list[np.ndarray]]:
    """Reads a MATLAB file that holds only cells of real numeric arrays; returns {} for other files.

    Raises:
        ValueError: if the file is damaged or of another version.
    """
    held = read_contents(path)
    return {} if held.arrays or held.others else held.cells


def can_be_rows(a: np.ndarray) -> bool:
    """Returns True if an array can be rows of more than one number."""
    return a.dtype.kind in "buif" and sum(n > 1 for n in a.shape) > 1


def _flat(contents: Iterator[tuple[str, Found]]) -> Iterator[tuple[str, Found]]:
    """Yields all variables; a structure is replaced by its fields, as `name.field`."""
    for name, found in contents:
        if isinstance(found, dict):
            yield from _flat((f"{name}.{field}", value) for field, value in found.items())
        else:
            yield name, found


def _contents(path: Path) -> Iterator[tuple[str, Found]]:
    """Yields name and content of each variable of a file, except MATLAB's own hidden ones."""
    content = path.read_bytes()
    if not content:
        raise ValueError(f"{path} is empty (0 bytes): save it again.")
    order = _byte_order(path, content)
    try:
        yield from _variables(path, content[HEADER:], order)
    except (Damaged, zlib.error, struct.error, RecursionError) as error:
        raise ValueError(f"{path} is truncated or damaged ({error}): save it again with -v7.") from error


def _byte_order(path: Path, content: bytes) -> str:
    order = {b"IM": "<", b"MI": ">"}.get(content[126:HEADER])
    # the text of the header names the release that wrote the file, its version the format
    version = struct.unpack_from(f"{order}H", content, 124)[0] if order else None
    if version == HDF5 or content.startswith((b"MATLAB 7.3", SIGNATURE)):
        raise ValueError(f"{path} is a MATLAB 7.3 file: save it with -v7, or as npz.")
    if order is None:
        raise ValueError(f"{path} is truncated or no MATLAB file of version 5: save it with -v7, or as npz.")
    return order


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yields type and content of each element."""
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


def _variables(path: Path, content: bytes, order: str) -> Iterator[tuple[str, Found]]:
    """Yields name and content of each variable."""
    whole = 0
    for kind, element in _elements(content, order):
        if kind == COMPRESSED:
            stream = zlib.decompressobj()
            kind, size = struct.unpack(f"{order}2I", stream.decompress(element, 8))
            whole += size
            check_memory(path, TIMES * whole, f"{whole:,} bytes of variables")
            element = _unzipped(stream, size)
        if kind == MATRIX and (found := _matrix(element, order))[0]:
            yield found


def _unzipped(stream: Any, size: int) -> bytes:
    # decompresses at most one byte more than the tag promises
    content: bytes = stream.decompress(stream.unconsumed_tail, size + 1)
    if len(content) != size:
        held = f"{len(content)} of" if len(content) < size else "more than"
        raise Damaged(f"a compressed element with {held} {size} bytes")
    # the checksum stands at the end of the stream
    if not stream.eof:
        raise Damaged("a compressed element without its end")
    return content


def _matrix(element: bytes, order: str, depth: int = 0) -> tuple[str, Found]:
    if depth > DEEPEST:
        raise Damaged(f"cells and structures are nested deeper than {DEEPEST}")
    parts = _elements(element, order)
    try:
        word = struct.unpack_from(f"{order}I", next(parts)[1])[0]
        if word & 0xFF == OPAQUE:
            return next(parts)[1].decode("ascii", "replace"), OTHER[OPAQUE]
        (_, dims), (_, name) = next(parts), next(parts)
        label = name.decode("ascii", "replace")
        shape = tuple(np.frombuffer(dims, f"{order}i4").tolist())
        if min(shape, default=-1) < 0:
            raise Damaged(f"{label} has the shape {shape}")
        return label, _content(label, word, shape, parts, order, depth)
    except (StopIteration, ValueError) as error:
        raise Damaged("a variable without its parts") from error


def _content(
    label: str, word: int, shape: tuple[int, ...], parts: Iterator[tuple[int, bytes]], order: str, depth: int
) -> Found:
    """Returns the content of a variable according to its class.

    Args:
        word: class and flags.
        parts: the elements after the name.
        depth: number of cells and structures that enclose it.
    """
    kind = word & 0xFF
    if kind == CELL:
        return _cell(shape, parts, order, depth)
    if kind == STRUCTURE:
        return _structure(shape, parts, order, depth)
    if kind == TEXT:
        return _text(label, shape, *next(parts), order)
    if (word >> 8) & COMPLEX:
        return "complex array"
    if kind == SPARSE:
        logical = bool((word >> 8) & LOGICAL)
        dense = _sparse(label, shape, parts, order, logical)
        whole = isinstance(dense, np.ndarray) and not logical
        return dense.astype(np.float64, copy=False) if whole else dense  # type: ignore[union-attr]
    if kind not in CLASSES:
        return OTHER.get(kind, "another kind")
    values = _numbers(label, *next(parts), order)
    if len(values) != math.prod(shape):
        raise Damaged(f"{label} has {len(values)} numbers for the shape {shape}")
    # MATLAB stores whole numbers in the smallest type that holds them; this restores the declared type
    with np.errstate(all="ignore"):
        return values.reshape(shape, order="F").astype(CLASSES[kind])


def _numbers(label: str, stored: int, content: bytes, order: str) -> np.ndarray:
    """Returns the numbers in their storage type, shape (N,)."""
    if stored not in STORED:
        raise Damaged(f"{label} has the unknown type {stored}")
    return np.frombuffer(content, np.dtype(order + STORED[stored]))


def _cell(shape: tuple[int, ...], parts: Iterator[tuple[int, bytes]], order: str, depth: int) -> Found:
    """Returns the arrays of a cell in order, its strings as one array, or "cell" for anything else."""
    held = []
    for kind, element in parts:
        held.append(_matrix(element, order, depth + 1)[1] if kind == MATRIX and element else OTHER[CELL])
    if len(held) != math.prod(shape):
        raise Damaged(f"a cell of {len(held)} for the shape {shape}")
    arrays = [found for found in held if isinstance(found, np.ndarray)]
    texts = [found for found in arrays if found.dtype.kind == "U"]
    if len(texts) == len(held) > 0 and all(text.size <= 1 for text in texts):
        return np.array(["".join(text.reshape(-1).tolist()) for text in texts])
    if len(arrays) < len(held) or texts:
        return OTHER[CELL]
    return arrays


def _structure(shape: tuple[int, ...], parts: Iterator[tuple[int, bytes]], order: str, depth: int) -> Found:
    """Returns the fields of a single structure, or "structure" for an array of them."""
    _, width = next(parts)
    _, names = next(parts)
    size = struct.unpack_from(f"{order}i", width)[0]
    if math.prod(shape) != 1 or size < 1 or len(names) % size:
        return OTHER[STRUCTURE]
    fields = [
        names[i : i + size].split(b"\0")[0].decode("ascii", "replace") for i in range(0, len(names), size)
    ]
    values = [_matrix(element, order, depth + 1)[1] if element else OTHER[STRUCTURE] for _, element in parts]
    if len(values) != len(fields):
        raise Damaged(f"a structure of {len(values)} values for {len(fields)} fields")
    return dict(zip(fields, values))


def _text(label: str, shape: tuple[int, ...], stored: int, content: bytes, order: str) -> Found:
    """Returns the lines of a text, shape (N,); MATLAB pads them with blanks to one length."""
    if len(shape) != 2 or stored not in UNITS:
        return OTHER[TEXT]
    if stored in (16, 17):
        # a character may span several units, so all units are decoded together
        coding = "utf-8" if stored == 16 else "utf-16-le" if order == "<" else "utf-16-be"
        letters = list(content.decode(coding, "replace"))
    else:
        units = np.frombuffer(content, np.dtype(order + UNITS[stored])).tolist()
        letters = [chr(unit) if 0 <= unit < 0x110000 else "\ufffd" for unit in units]
    if len(letters) != math.prod(shape):
        if shape[0] > 1:
            raise Damaged(f"{label} has {len(letters)} characters for the shape {shape}")
        return np.array(["".join(letters)])
    lines = ["".join(letters[i :: shape[0]]) for i in range(shape[0])]
    return np.array(lines, dtype=str)


def _sparse(
    label: str, shape: tuple[int, ...], parts: Iterator[tuple[int, bytes]], order: str, logical: bool
) -> Found:
    """Returns a sparse array in dense form, or "sparse array" if that would take too much memory."""
    rows, starts = (_numbers(label, *next(parts), order) for _ in range(2))
    stored, content = next(parts)
    # MATLAB stores logical values as bytes, and calls them doubles
    byte = logical and stored == DOUBLE and len(content) == len(rows)
    values = _numbers(label, BYTE if byte else stored, content, order)
    if len(shape) != 2 or math.prod(shape) > DENSE:
        return OTHER[SPARSE]
    if rows.dtype.kind not in "iu" or starts.dtype.kind not in "iu":
        raise Damaged(f"{label} has places that are no whole numbers")
    ends = starts.tolist()
    count = ends[-1] if ends else -1
    ordered = len(ends) == shape[1] + 1 and ends[0] == 0 and ends == sorted(ends)
    if not ordered or not 0 <= count <= min(len(rows), len(values)):
        raise Damaged(f"{label} has {len(values)} values in columns that end at {count}")
    rows, values = rows[:count], values[:count]
    if count and not (rows.min() >= 0 and rows.max() < shape[0]):
        raise Damaged(f"{label} has values beyond its {shape[0]} rows")
    dense = np.zeros(shape, values.dtype.newbyteorder("="))
    columns = [j for j in range(shape[1]) for _ in range(ends[j], ends[j + 1])]
    dense[rows, columns] = values
    return dense
