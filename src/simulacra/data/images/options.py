"""Options of `load_data` for images."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PictureOptions:
    """Options of data sets of images that lie in memory.

    Args:
        size: side in pixels; images are cut to their central square and resized with antialiasing.
        crop: side in pixels; images are cut to their central square of that side, not resized.
        grey: turn colour images grey.
    """

    size: int | None = None
    crop: int | None = None
    grey: bool = False

    def __post_init__(self) -> None:
        check_sides(self.size, self.crop, None)


@dataclass(frozen=True)
class FolderOptions:
    """Options of a folder of images.

    Args:
        size: side in pixels; images are cut to their central square and resized with antialiasing.
        crop: side in pixels; images are cut to their central square of that side, not resized.
        tile: side in pixels; each image (and page) is cut into tiles of that side, what is left over at the
            right and the bottom is dropped; tiles of one image stay in one split.
        grey: turn colour images grey.
        levels: number of levels in use where a file is deeper than its camera was, such as 4096 for 12
            bits kept in 16.
        stream: read images from disk while training; by default only if they take more than 1 GiB.
    """

    size: int | None = None
    crop: int | None = None
    tile: int | None = None
    grey: bool = False
    levels: int | None = None
    stream: bool | None = None

    def __post_init__(self) -> None:
        check_sides(self.size, self.crop, self.tile)


def check_sides(size: int | None, crop: int | None, tile: int | None) -> None:
    """Raise ValueError where a side is below 1, or two of the three are given."""
    sides = {"size": size, "crop": crop, "tile": tile}
    for name, side in sides.items():
        if side is not None and side < 1:
            raise ValueError(f"{name}={side} must be 1 or more.")
    given = [f"{name}=" for name, side in sides.items() if side is not None]
    if len(given) > 1:
        raise ValueError(
            f"{' and '.join(given)} exclude each other: an image is resized, cropped or cut into tiles."
        )
