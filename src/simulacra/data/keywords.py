"""The options of the readers as keywords of `load_data`, for type checkers and editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from simulacra.data.images.options import Side


class ReaderKeywords(TypedDict, total=False):
    """The fields of all dataclasses of options in `data.readers.READERS`; a test compares the two.

    A field that several readers take has the union of their types.
    """

    column: str | None
    comment: str | None
    crop: Side
    decimal: Literal[".", ","] | None
    encoding: str | None
    every: int
    frame: int | None
    frames: int | None
    grey: bool
    header: bool | int | None
    index_column: str | None
    key: str | None
    label: Any
    least: int | None
    levels: int | None
    missing: Literal["error", "mask"]
    missing_values: str | None
    separator: str | None
    sheet: str | None
    size: Side
    stream: bool | None
    tails: Literal["observed", "continued"]
    thousands: str | None
    tile: Side
    tokens: Literal["characters", "words", "spaces", "smiles"] | None
    types: str | Mapping[str, Any] | None
    vocabulary: int | None
    window: int | None
