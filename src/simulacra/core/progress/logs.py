"""Log messages below a level held back for a while."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back(below: int, name: str = "simulacra") -> Iterator[None]:
    """Hold back messages of a logger below a level; its own level comes back afterwards.

    Args:
        below: such as `logging.WARNING`.
        name: of the logger.

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
