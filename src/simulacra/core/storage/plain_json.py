"""JSON with limits on nesting and size, for untrusted files.

A list of two characters takes a hundred bytes of memory, and recursion over a thousand nested lists raises
a RecursionError.
"""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 64  # deepest nesting of lists and objects
MOST = 2**20  # most lists and objects in a file of the library


def load_json(text: str | bytes, most: int = MOST) -> Any:
    """Parses JSON text within limits.

    Args:
        text: text, or UTF-8 bytes.
        most: largest number of lists and objects.

    Raises:
        ValueError: if it is not JSON, or beyond the limits.

    Example:
        >>> load_json('{"a": [1, 2]}')
        {'a': [1, 2]}
        >>> load_json("[" * 100 + "]" * 100)
        Traceback (most recent call last):
        ValueError: it is nested deeper than 64 lists and objects
    """
    marks: tuple[Any, ...] = (b"[", b"{") if isinstance(text, bytes) else ("[", "{")
    count = sum(map(text.count, marks))
    if count > most:
        raise ValueError(f"it has {count:,} lists and objects, and at most {most:,} are read")
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"it is nested deeper than {DEEPEST} lists and objects") from error
    _check_depth(content)
    return content


def _check_depth(content: Any) -> None:
    """Raises ValueError if lists and objects are nested too deeply, without recursion."""
    level = [content]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for entry in level:
            if isinstance(entry, dict):
                inner += [value for value in entry.values() if isinstance(value, dict | list)]
            elif isinstance(entry, list):
                inner += [value for value in entry if isinstance(value, dict | list)]
        if not inner:
            return
        level = inner
    raise ValueError(f"it is nested deeper than {DEEPEST} lists and objects")
