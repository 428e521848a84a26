"""Options of `load_data` for arrays, in files and in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from simulacra.data.images.options import Side, check_sides


@dataclass(frozen=True)
class ArrayOptions:
    """Options of an array file.

    Args:
        key: the array of an npz or mat file that holds the observations.
        label: the key of an npz or mat file that holds the labels.
        levels: number of levels of whole numbers, such as 4096 for 12 bits kept in 16.
        missing: `error` refuses NaN, `mask` leaves such entries out of the likelihood.
        size: side of squares in pixels, or height and width such as `48x64` or `(48, 64)`; images are cut to
            their central part of that aspect and resized with antialiasing.
        crop: likewise; images are cut to their central part of that size, not resized.
        grey: turn colour images grey.
    """

    key: str | None = None
    label: str | None = None
    levels: int | None = None
    missing: Literal["error", "mask"] = "error"
    size: Side = None
    crop: Side = None
    grey: bool = False

    def __post_init__(self) -> None:
        check_sides(self)


@dataclass(frozen=True)
class MemoryOptions:
    """Options of an array in memory, or of a data set of arrays or images.

    Args:
        label: class of each row, shape (N,): numbers or names.
        levels: number of levels of whole numbers, such as 4096 for 12 bits kept in 16.
        missing: `error` refuses NaN, `mask` leaves such entries out of the likelihood.
        size: side of squares in pixels, or height and width such as `48x64` or `(48, 64)`; images are cut to
            their central part of that aspect and resized with antialiasing.
        crop: likewise; images are cut to their central part of that size, not resized.
        grey: turn colour images grey.
    """

    label: Any = None
    levels: int | None = None
    missing: Literal["error", "mask"] = "error"
    size: Side = None
    crop: Side = None
    grey: bool = False

    def __post_init__(self) -> None:
        check_sides(self)
