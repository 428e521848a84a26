"""Texts as lines of a file: a line break within a text is written as two characters."""

from __future__ import annotations


def on_one_line(text: str) -> str:
    r"""Returns a text as one line: a line break is written as \n, a backslash as two.

    Texts without line breaks stay as they are.

    Example:
        >>> on_one_line("To be,\nor not")
        'To be,\\nor not'
    """
    if "\n" not in text and "\r" not in text:
        return text
    return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")
