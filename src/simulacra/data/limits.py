"""The limit of memory within which files are read: some unpack to a thousand times their size.

    limit = memory= of `load_data`, in GB,
    or where it is not given the larger of 1.25 GB and 300 times the size of the file                     (1)

A reader says what it will need before it takes it, from the sizes in headers or while it unpacks. The second
part of (1) lets every file through that is not packed more densely than data are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from simulacra.core.errors.suggestion import Refusal, load_with

GB = 10**9
MOST = 10**9  # GB
LEAST, TIMES = 1_250_000_000, 300  # bytes, and sizes of the file
TEXT, LINE = 24, 500  # bytes that a table takes for each byte of its text, and for each line
SAMPLE = 24  # bytes that each sample of a recording takes while it is decoded
PIXEL = 16  # bytes that a page of an image takes for each value of a pixel, with what is made of it
VALUE = 300  # bytes of a list or a mapping in JSON

_MEMORY: ContextVar[float | None] = ContextVar("memory", default=None)


@contextmanager
def reading_within(memory: float | None) -> Iterator[None]:
    """Within it, files are read within a limit.

    Args:
        memory: in GB; None: as equation (1) says.

    Raises:
        ValueError: if it is no such number.

    Example:
        >>> with reading_within(0.5):
        ...     limit_of(100)
        500000000
    """
    number = isinstance(memory, int | float) and not isinstance(memory, bool)
    if memory is not None and not (number and 0 < memory < MOST):
        raise ValueError(
            f"memory={memory!r} must be a number of gigabytes above 0 and below {MOST:,}, such as memory=4."
        )
    token = _MEMORY.set(memory)
    try:
        yield
    finally:
        _MEMORY.reset(token)


def limit_of(size: int) -> int:
    """Bytes that reading a file of a size may take.

    Args:
        size: of the file, in bytes.

    Example:
        >>> limit_of(10**6), limit_of(10**7)
        (1250000000, 3000000000)
    """
    told = _MEMORY.get()
    # (1)
    return max(LEAST, TIMES * size) if told is None else int(told * GB)


def check_memory(where: Path | str, needed: int, what: str, size: int | None = None) -> None:
    """Raise ValueError where reading would take more than the limit.

    Args:
        where: the file or folder, for the error.
        needed: bytes.
        what: takes them, such as `9000x9000 pixels`.
        size: bytes of all files that are read; by default those of `where`.

    Example:
        >>> check_memory("rolls.json", 3 * 10**9, "9 pieces", 100)
        Traceback (most recent call last):
        simulacra.core.errors.suggestion.Refusal: rolls.json needs about 3 GB of memory (9 pieces), more
        than the 1.25 GB that a file of its size may take: if you trust it load it with memory=4.
    """
    own = Path(where).stat().st_size if size is None and Path(where).is_file() else 0
    limit = limit_of(own if size is None else size)
    if needed > limit:
        told = "memory= allows" if _MEMORY.get() is not None else "a file of its size may take"
        more = load_with(memory=math.ceil(needed / GB * 1.01))
        raise Refusal(
            f"{where} needs about {needed / GB:.3g} GB of memory ({what}), more than the {limit / GB:.3g} GB "
            f"that {told}: if you trust it load it with {more}.",
            more,
        )
