"""Suppresses log messages below a level for a while."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back(below: int, name: str = "simulacra") -> Iterator[None]:
    """Context that suppresses messages of a logger below a level; restores its level at the end.

    Args:
        below: level, such as `logging.WARNING`.
        name: name of the logger.

    Example:
        >>> with held_back(logging.ERROR, "example"):
        ...     logging.getLogger("example").level == logging.ERROR
        True
    """
    log = logging.getLogger(name)
    level = log.level
    log.setLevel(below)
    try:
        yield
    finally:
        log.setLevel(level)
