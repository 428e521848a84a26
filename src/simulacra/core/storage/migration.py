"""File formats have numbers: newer files are refused, older ones are converted one format at a time.

One number covers every file that the library writes: `config.json`, `report.json` and the headers
of weights, scores and checkpoints. It increases when an entry changes its meaning; a new optional entry
needs no new number.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

FORMAT = 1

# format number -> pure function from content in that format to content in the next
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def current(content: Any, path: Path) -> dict[str, Any]:
    """Returns the content of a file, converted to the present format.

    Args:
        content: content of the file.
        path: its path, for messages.

    Raises:
        ValueError: if it has no format number, or comes from a newer version.
    """
    number = content.get("format") if isinstance(content, dict) else None
    if type(number) is not int or number < 1:
        raise ValueError(f"{path} has no format number: it was not written by simulacra.")
    if number > FORMAT:
        raise ValueError(
            f"{path} has format {number}, but this version reads up to {FORMAT}: upgrade simulacra."
        )
    found: dict[str, Any] = content
    for step in range(number, FORMAT):
        found = {**MIGRATIONS[step](found), "format": step + 1}
    return found
