"""The limit of memory for reading a file: some files unpack to a thousand times their size.

    limit = memory= of `load_data`, in GB;
    by default 1.25 GB or 300 times the size of the file, whichever is larger                     (1)

A reader states the memory it needs before it allocates it, from sizes in headers or while it unpacks. The
factor 300 in (1) admits every file that is not compressed more densely than real data are.
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
LEAST, TIMES = 1_250_000_000, 300  # of equation (1): bytes, and a factor of the file's size
TEXT, LINE = 24, 500  # memory of a table in bytes, for each byte of its text and for each line
SAMPLE = 24  # memory of each sample of a recording in bytes, while it is decoded
PIXEL = 16  # memory of an image in bytes, for each value of a pixel, with all copies
VALUE = 300  # memory of a list or mapping of JSON, in bytes

_MEMORY: ContextVar[float | None] = ContextVar("memory", default=None)


@contextmanager
def reading_within(memory: float | None) -> Iterator[None]:
    """Sets the limit of memory for reading files within the context.

    Args:
        memory: the limit in GB, above 0; None: that of equation (1).

    Raises:
        ValueError: if `memory` is no such number.

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
    """Returns the number of bytes of memory that reading a file may take.

    Args:
        size: size of the file, in bytes.

    Example:
        >>> limit_of(10**6), limit_of(10**7)
        (1250000000, 3000000000)
    """
    told = _MEMORY.get()
    # (1)
    return max(LEAST, TIMES * size) if told is None else int(told * GB)


def check_memory(where: Path | str, needed: int, what: str, size: int | None = None) -> None:
    """Raises ValueError if reading would exceed the limit of memory.

    Args:
        where: the file or folder, for the error.
        needed: memory that reading needs, in bytes.
        what: the content that needs it, such as `9000x9000 pixels`.
        size: size of all files that are read, in bytes; None: that of `where`.

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
