"""Reader of .npy and .npz files that is safe for untrusted files: no pickle, no allocation by header.

numpy's own reader allocates the memory that a header asks for before it looks at the size of the file.
"""

from __future__ import annotations

import logging
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.limits import check_memory

log = logging.getLogger("simulacra")

# exceptions that numpy raises on damaged headers
DAMAGED = (EOFError, OSError, ValueError, KeyError, TypeError, struct.error, SyntaxError, tokenize.TokenError)
LISTED = 5  # most members that a message names
SYSTEM = "__MACOSX/"  # where archives of macOS keep attributes of their files
TIMES = 4  # memory in bytes for each byte of an array, with copies of another type
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
    struct.error,
)


def read_npy(path: Path) -> np.ndarray:
    """Reads the array of a .npy file.

    Raises:
        ValueError: if the file is damaged or holds pickled objects.
    """
    with open(path, "rb") as file:
        return _npy(path, path.name, file, path.stat().st_size)


class Unreadable(Refusal):
    """Raised for an array of a type that is never read, such as Python objects."""


def read_npz(path: Path, wanted: Callable[[str], bool] | None = None) -> dict[str, np.ndarray]:
    """Reads the arrays of a .npz file, by name.

    Args:
        path: the file.
        wanted: returns True for the names that are asked for; others that cannot be read are left out. None:
            all must be readable.

    Raises:
        ValueError: if the file is damaged or holds pickled objects.
    """
    arrays: dict[str, np.ndarray] = {}
    refused: Unreadable | None = None
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            whole = sum(info.file_size for info in members)
            check_memory(path, TIMES * whole, f"{whole:,} bytes in {len(members):,} arrays")
            others = [info for info in members if not _is_array(archive, info)]
            for info in [info for info in members if info not in others]:
                name = info.filename.removesuffix(".npy")
                try:
                    with archive.open(info) as file:
                        arrays[name] = _npy(path, name, file, info.file_size)
                except Unreadable as error:
                    if wanted is None or wanted(name):
                        refused = refused or error
    except BROKEN_ZIP as error:
        raise ValueError(
            f"{path} is truncated or no npz file ({error}): save it again with numpy.savez."
        ) from error
    if refused is not None:
        raise _with_another(refused, arrays) if wanted is None else refused
    listed = ", ".join(info.filename for info in others[:LISTED])
    if others and not arrays:
        raise ValueError(f"{path} holds no array, only {listed}: save arrays with numpy.savez.")
    if others:
        log.info("%s: %s left out, which are no arrays", path.name, listed)
    return arrays


def _is_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Returns False for folders, notes and the like, which numpy's own reader hands on as bytes."""
    if info.is_dir():
        return False
    plain = info.filename.endswith(".npy") and not info.filename.startswith(SYSTEM)
    with archive.open(info) as file:
        return plain or file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX


def _with_another(error: Unreadable, arrays: dict[str, np.ndarray]) -> Unreadable:
    """Returns the refusal of an array, with the largest one beside it as a way out."""
    rows = {name: a.size for name, a in arrays.items() if a.ndim > 1 and a.dtype.kind in "buif"}
    if not rows:
        return error
    other = load_with(key=max(rows, key=lambda name: rows[name]))
    return Unreadable(f"{str(error).removesuffix('.')}, or load it with {other}.", other)


def _npy(path: Path, name: str, file: IO[bytes], size: int) -> np.ndarray:
    """Reads one array after comparing its header with the size of the file."""
    damaged = f"{path} is truncated or damaged in array {name!r}"
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(file)
    except DAMAGED as error:
        raise ValueError(f"{damaged} ({error}): save it again with numpy.") from error
    _check_type(path, name, dtype)
    count = 1
    for n in shape:
        count *= n
    # checked before memory is allocated; bool is an int in Python, but no valid length
    if count * dtype.itemsize > size or any(isinstance(n, bool) or n < 0 for n in shape):
        raise ValueError(
            f"{damaged}: its header promises {shape} of {dtype}, but the file ends before; save it again."
        )
    content = file.read(count * dtype.itemsize)
    if len(content) != count * dtype.itemsize:
        raise ValueError(
            f"{damaged}: it has {len(content)} of {count * dtype.itemsize} bytes; save it again."
        )
    array = np.frombuffer(bytearray(content), dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def _check_type(path: Path, name: str, dtype: np.dtype) -> None:
    if dtype.hasobject:
        raise Unreadable(
            f"{path} holds Python objects in array {name!r}, which would need pickle and is never read: "
            "save numbers or strings."
        )
    if dtype.names:
        raise Unreadable(
            f"{path} holds the named columns {', '.join(dtype.names[:20])} in array {name!r}: in Python, "
            "load_data(numpy.load(path)) takes it as a table; or save it as .csv."
        )
    if dtype.kind == "c":
        raise Unreadable(
            f"{path} holds complex numbers in array {name!r}: save their real and imaginary parts as columns."
        )
    if dtype.kind not in "buifUS":
        raise Unreadable(f"{path} holds {dtype} in array {name!r}: save real numbers or strings.")
