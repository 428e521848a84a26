"""Number of values of an entry: networks over series embed entries of few values as codes."""

from __future__ import annotations

from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.plain import Binary, Levels, Space

MOST_CODES = 256  # with more levels than these, entries are inputs as numbers, without an embedding


def codes_of(space: Space) -> int:
    """Returns the number of values of an entry; 0 if they are more than `MOST_CODES` levels or unbounded.

    Args:
        space: space of a series.

    Example:
        >>> codes_of(Binary((5,))), codes_of(Levels((5,), 256)), codes_of(Levels((5,), 65536))
        (2, 256, 0)
    """
    if isinstance(space, Categorical | Ordinal):
        return space.classes
    values = 2 if isinstance(space, Binary) else space.levels if isinstance(space, Levels) else 0
    return values if values <= MOST_CODES else 0
