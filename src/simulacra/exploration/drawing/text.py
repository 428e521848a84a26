"""Text from files, such as names of columns and classes, made short enough for a picture."""

from __future__ import annotations

from simulacra.core.storage.plain_text import printable

LONGEST = 60  # letters of a name from a file


def short(text: str, most: int = LONGEST) -> str:
    """The text on one line, with control characters escaped, cut to `most` letters.

    Example:
        >>> short("two\\nlines"), short("a" * 99, 4)
        ('two lines', 'aaa…')
    """
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= most else line[: most - 1] + "\u2026"
