"""Options of `load_data` for texts: what a token is, what a row is, and what the vocabulary holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TextOptions:
    """Options of texts: lines or windows of a file, or a column of a table.

    Args:
        tokens: what a token is: `characters`, `words` (and punctuation), `spaces` (what stands between white
            space) or `smiles` (atoms and bonds of molecules).
        window: tokens of a row that is a window of the text; None: a row is a line.
        vocabulary: most tokens of the vocabulary, the most frequent ones of the training rows; None: all that
            occur often enough.
        least: fewest occurrences in training rows of a token of the vocabulary; None: 2 for words and spaces,
            1 for characters and SMILES.
        column: the column of a table that holds the texts, by name or number from 1; None: the file is text.
        label: the column of a table that holds the labels, by name or number from 1.
        missing_values: texts that stand for a missing entry of a column beside the texts, separated by
            commas; otherwise inferred.
        separator: the mark between the cells of a table, as for tables: `;`, `tab`, `blank` or `none`.
        decimal: the decimal mark of a table, `.` or `,`; otherwise inferred.
        thousands: the mark between groups of three digits of a table, or `none`; otherwise inferred.
        header: whether the first row of a table holds names, or the number of the line that does.
        comment: the mark that begins a line of a table without data, such as `#`, or `none`; otherwise
            inferred.
        encoding: of the text, such as `cp1252`; otherwise UTF-8, or UTF-16 or UTF-32 with their mark.
    """

    tokens: Literal["characters", "words", "spaces", "smiles"] | None = None
    window: int | None = None
    vocabulary: int | None = None
    least: int | None = None
    column: str | None = None
    label: str | None = None
    missing_values: str | None = None
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: str | None = None
    header: bool | int | None = None
    comment: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        for name, value, least in (("window", self.window, 2), ("vocabulary", self.vocabulary, 1)):
            if value is not None and value < least:
                raise ValueError(f"{name}={value} must be {least} or more.")
        if self.least is not None and self.least < 1:
            raise ValueError(f"least={self.least} must be 1 or more: a token of the vocabulary occurs.")


@dataclass(frozen=True)
class CollectionOptions:
    """Options of a collection of texts.

    Args:
        tokens: what a token is: `characters`, `words` (and punctuation), `spaces` (what stands between white
            space) or `smiles` (atoms and bonds of molecules); None: as is usual for the collection.
        window: tokens of a row that is a window of the text; None: as is usual for the collection.
        vocabulary: most tokens of the vocabulary, the most frequent ones of the training rows; None: all that
            occur often enough.
        least: fewest occurrences in training rows of a token of the vocabulary; None: 2 for words and spaces,
            1 for characters and SMILES.
    """

    tokens: Literal["characters", "words", "spaces", "smiles"] | None = None
    window: int | None = None
    vocabulary: int | None = None
    least: int | None = None
