"""Readers of the file formats of named data sets: idx, amat and CIFAR records, plain or gzipped.

Sizes in headers are never trusted: they are compared with the bytes that are there.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from simulacra.data.limits import check_memory, limit_of

CHUNK = 2**24  # bytes read at once: a header that promises terabytes must not allocate them
RECORD = 1 + 3 * 32 * 32


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file for reading bytes, and unzips it if it is gzipped.

    Raises:
        ValueError: if the file is missing, empty, or its gzip stream is damaged.
    """
    try:
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty (0 bytes): fetch or export it again.")
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if zipped:
                with gzip.GzipFile(fileobj=raw) as file:
                    yield file  # type: ignore[misc]
            else:
                yield raw
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is truncated or damaged ({error}): fetch or export it again.") from error
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error


def read_all(path: Path, needed: Callable[[bytearray], int] = len) -> bytearray:
    """Reads all bytes of a file, unzipped and writable.

    Args:
        path: the file, plain or gzipped.
        needed: returns the memory that a content will take when it is parsed, in bytes; by default its
            length.

    Raises:
        ValueError: if the file is damaged, or unpacks to more than the limit of memory (`data.limits`).
    """
    size = path.stat().st_size if path.is_file() else 0
    with opened(path) as file:
        content = bytearray()
        while chunk := file.read(CHUNK):
            content += chunk
            takes = needed(content)
            if takes > limit_of(size):
                # extrapolate: the rest takes as much memory per byte as the part that was read
                whole = max(len(content), _promised(path))
                check_memory(path, takes * whole // len(content), f"{whole:,} bytes of content or more", size)
    return content


def _promised(path: Path) -> int:
    """Returns the unzipped size that a gzip file states at its end, modulo 2^32."""
    with open(path, "rb") as file:
        file.seek(-4, 2)
        return int.from_bytes(file.read(4), "little")


def _exactly(file: IO[bytes], n: int, path: Path, what: str) -> bytearray:
    content = bytearray()
    while len(content) < n:
        chunk = file.read(min(n - len(content), CHUNK))
        if not chunk:
            raise ValueError(
                f"{path} is truncated: its {what} has {len(content)} of {n} bytes; fetch it again."
            )
        content += chunk
        check_memory(path, len(content), f"at least {len(content):,} bytes of {what}")
    return content


def read_idx(path: Path, dims: int) -> np.ndarray:
    """Reads an idx file of unsigned bytes with `dims` dimensions (LeCun's format).

    Args:
        path: the file, plain or gzipped.
        dims: 1 for labels, 3 for images.

    Raises:
        ValueError: if the magic number is wrong, or header and content disagree.
    """
    with opened(path) as file:
        magic = bytes(_exactly(file, 4, path, "magic number"))
        if magic != bytes((0, 0, 8, dims)):
            raise ValueError(
                f"{path} is not an idx file of bytes with {dims} dimensions: its magic number is "
                f"0x{magic.hex()} instead of 0x000008{dims:02x}; check the file or fetch it again."
            )
        shape = np.frombuffer(_exactly(file, 4 * dims, path, "header"), ">u4").tolist()
        content = _exactly(file, math.prod(shape), path, f"content (header: {_by(shape)})")
        if file.read(1):
            raise ValueError(
                f"{path} holds more bytes than the {_by(shape)} that its header promises: fetch it again."
            )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _by(shape: list[int]) -> str:
    return "x".join(str(n) for n in shape)


def read_amat(path: Path, columns: int) -> np.ndarray:
    """Reads a text file of numbers 0 and 1, shape (N, columns), uint8.

    Args:
        path: the file, plain or gzipped.
        columns: count of numbers in a line.

    Raises:
        ValueError: if a line has another count, or a number is neither 0 nor 1.
    """
    # a line without its blanks has `columns` bytes, so numbers need not be parsed
    lines = bytes(read_all(path)).split(b"\n")
    rows = [row for line in lines if (row := line.translate(None, b" \t\r"))]
    for number, row in enumerate(rows, 1):
        if len(row) != columns:
            raise ValueError(
                f"{path} has {len(row)} digits in row {number} instead of {columns} numbers 0 or 1: "
                "it is truncated or no binary .amat file; fetch it again."
            )
    values = np.frombuffer(bytearray(b"".join(rows)), np.uint8).reshape(len(rows), columns)
    values = values - 48
    if not len(values):
        raise ValueError(f"{path} holds no rows: fetch it again.")
    if values.max() > 1:
        bad = int((values > 1).any(1).argmax()) + 1
        raise ValueError(f"{path} has something other than 0 and 1 in row {bad}: fetch it again.")
    return values


def read_cifar(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads images (N, 3, 32, 32) and labels (N,) from a file of CIFAR-10's binary version.

    Raises:
        ValueError: if the file does not consist of whole records, or a label is above 9.
    """
    content = read_all(path)
    if len(content) % RECORD:
        raise ValueError(
            f"{path} has {len(content)} bytes, which is no whole number of records of {RECORD}: "
            "it is truncated or another file; fetch it again."
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0]
    if labels.max() > 9:
        row = int(labels.argmax()) + 1
        raise ValueError(f"{path} has label {labels.max()} in record {row}, but the classes are 0 to 9.")
    return np.ascontiguousarray(records[:, 1:]).reshape(-1, 3, 32, 32), labels
