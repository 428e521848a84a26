"""Decides whether a .txt file is text rather than a table, and which tokens suit it.

A line is cut where tables are. A file is text if few of the pieces are numbers. Its tokens are words if most
lines have several pieces with letters, and characters otherwise.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces.tokenizers import Unit
from simulacra.data.catalog.formats import opened
from simulacra.data.tables.numbers import Marks

LOOKED_AT, BYTES = 200, 2**20  # most lines, and most bytes of a line
NUMBERS = 0.3  # from this share of numbers on, a file is a table
SUFFIXES = (".txt", ".txt.gz")
WORDS = 4  # pieces with letters of a line of words
LONG = 2_000  # longest line that is suggested as a row, in bytes
WINDOW = 64


def text_options(path: Path) -> dict[str, object]:
    """Returns the options of `load_data` with which a .txt file is read as text; {} if it looks like a table.

    Args:
        path: a file.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "said.txt"
        >>> _ = path.write_text("To be, or not to be\\nthat is the question")
        >>> text_options(path)
        {'tokens': 'words'}
    """
    if not path.name.lower().endswith(SUFFIXES) or not path.is_file():
        return {}
    try:
        with opened(path) as file:
            head = list(islice(file, LOOKED_AT))[:LOOKED_AT]
        # only the beginning of a longer line, whose last letter may be cut
        lines = [line[:BYTES].decode("utf-8-sig", _strict(line)).strip() for line in head]
    except ValueError:
        return {}
    lines = [line for line in lines if line]
    pieces = [line.replace(",", " ").replace(";", " ").split() for line in lines]
    flat = [piece for line in pieces for piece in line]
    numbers = sum(Marks().number(piece) is not None for piece in flat)
    if not flat or numbers > NUMBERS * len(flat) or _has_columns(lines) or "\0" in "".join(lines):
        return {}
    lettered = [sum(any(map(str.isalpha, piece)) for piece in line) for line in pieces]
    tokens: Unit = "words" if 2 * sum(n >= WORDS for n in lettered) > len(lettered) else "characters"
    return {"tokens": tokens} | ({"window": WINDOW} if max(map(len, head)) > LONG else {})


def _strict(line: bytes) -> str:
    return "strict" if len(line) <= BYTES else "ignore"


def _has_columns(lines: list[str]) -> bool:
    """Returns True if each of several lines has as many tabs, semicolons or commas, at least one."""
    counts = ([line.count(mark) for line in lines] for mark in "\t;,")
    return len(lines) > 1 and any(len(set(n)) == 1 and n[0] > 0 for n in counts)


def text_instead(path: Path, error: ValueError) -> ValueError:
    """Returns the error for a .txt file of text, which `tokens=` reads; for other files `error` itself.

    Args:
        path: the file.
        error: the error of the reader of tables.
    """
    found = text_options(path)
    if not found:
        return error
    one = load_with(**found)
    return Refusal(f"{path} holds lines of text, not a table: load it with {one}.", one)


def of_a_typed_table(given: Any, kind: str) -> ValueError:
    """Returns the error for a table that is no text, of which `tokens=` is to read a column.

    Args:
        given: a path, or a table in memory.
        kind: what it is, for the sentence.
    """
    what, mend = (
        ("what was given", "") if not isinstance(given, Path) else (str(given), "save it as .csv, or ")
    )
    return ValueError(
        f"{what} is {kind}, of which tokens= reads no column: {mend}give the texts of the column as a list, "
        "and leave out column=."
    )


def check_all_texts(given: Any) -> None:
    """Raises ValueError for a list with texts and other entries, which names the first of these.

    Args:
        given: data in memory, or a path.
    """
    entries = given.tolist() if callable(getattr(given, "tolist", None)) else given
    if not isinstance(entries, list | tuple) or not any(isinstance(entry, str) for entry in entries):
        return
    for i, entry in enumerate(entries):
        if not isinstance(entry, str):
            raise ValueError(
                f"the list of texts holds {str(entry)[:40]} ({type(entry).__name__}) in row {i} (from 0), "
                "which is no text: write one there, or '' to leave the row out."
            )
