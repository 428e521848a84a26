"""Options of `load_data` for images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulacra.core.preprocessing.images import side_of

Side = int | str | tuple[int, int] | None


@dataclass(frozen=True)
class PictureOptions:
    """Options of data sets of images that lie in memory.

    Args:
        size: side of squares in pixels, or height and width such as `48x64` or `(48, 64)`; images are cut to
            their central part of that aspect and resized with antialiasing.
        crop: likewise; images are cut to their central part of that size, not resized.
        grey: turn colour images grey.
    """

    size: Side = None
    crop: Side = None
    grey: bool = False

    def __post_init__(self) -> None:
        check_sides(self)


@dataclass(frozen=True)
class FolderOptions:
    """Options of a folder of images.

    Args:
        size: side of squares in pixels, or height and width such as `48x64` or `(48, 64)`; images are cut to
            their central part of that aspect and resized with antialiasing.
        crop: likewise; images are cut to their central part of that size, not resized.
        tile: likewise; each image (and page) is cut into tiles of that size, what is left over at the right
            and the bottom is dropped; tiles of one image stay in one split.
        grey: turn colour images grey.
        levels: number of levels in use where a file is deeper than its camera was, such as 4096 for 12
            bits kept in 16.
        stream: read images from disk while training; by default only if they take more than 1 GiB.
    """

    size: Side = None
    crop: Side = None
    tile: Side = None
    grey: bool = False
    levels: int | None = None
    stream: bool | None = None

    def __post_init__(self) -> None:
        check_sides(self)


def check_sides(options: Any) -> None:
    """Converts the sides in options to one form, in place.

    Args:
        options: an object with some of `size`, `crop` and `tile`.

    Raises:
        ValueError: if a side is below 1 or not a side, or two of the three are given.
    """
    names = [name for name in ("size", "crop", "tile") if getattr(options, name, None) is not None]
    for name in names:
        object.__setattr__(options, name, side_of(name, getattr(options, name)))
    if len(names) > 1:
        given = " and ".join(f"{name}=" for name in names)
        raise ValueError(f"{given} exclude each other: an image is resized, cropped or cut into tiles.")
