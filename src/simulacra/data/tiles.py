"""Which part of an image is a row: a resized square, its central square as it is, or many tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from simulacra.data.deep import to_chw
from simulacra.data.heads import Head


@dataclass(frozen=True)
class Geometry:
    """What becomes of the height and width of images; at most one of the three is given.

    Args:
        size: side in pixels; the central square, resized with antialiasing.
        crop: side in pixels; the central square of that side as it is.
        tile: side in pixels; tiles from the top left on, what is left over is dropped.

    Example:
        >>> Geometry(tile=4).places(10, 9)
        [(0, 0), (0, 4), (4, 0), (4, 4)]
        >>> str(Geometry(size=32))
        'resized to 32x32'
    """

    size: int | None = None
    crop: int | None = None
    tile: int | None = None

    @property
    def side(self) -> int | None:
        """Height and width of a row, or None: as the images are."""
        return self.size or self.crop or self.tile

    def __str__(self) -> str:
        """What a protocol says, or nothing."""
        if self.size:
            return f"resized to {self.size}x{self.size}"
        if self.crop:
            return f"cropped to {self.crop}x{self.crop}"
        return f"tiles of {self.tile}x{self.tile}" if self.tile else ""

    def places(self, height: int, width: int) -> list[tuple[int, int]]:
        """Top and left of each row that an image of that size gives."""
        if self.crop:
            return [((height - self.crop) // 2, (width - self.crop) // 2)]
        if self.tile:
            tops, lefts = range(height // self.tile), range(width // self.tile)
            return [(i * self.tile, j * self.tile) for i in tops for j in lefts]
        return [(0, 0)]

    def cut(self, pixels: np.ndarray, top: int, left: int, levels: int) -> np.ndarray:
        """The row at that place of a whole image of shape (C, H, W)."""
        if self.size:
            return fit_square(pixels, self.size, levels)
        side = self.crop or self.tile
        return pixels[:, top : top + side, left : left + side] if side else pixels

    def check(self, heads: Mapping[Path, Sequence[Head]]) -> None:
        """Raise ValueError where an image is too small, or sizes differ and nothing mends it."""
        if self.size:
            return
        pages = [(path, head) for path, found in heads.items() for head in found]
        if self.side is None:
            _check_one_size(pages)
            return
        option = "crop" if self.crop else "tile"
        least = min(min(head.width, head.height) for _, head in pages)
        for path, head in pages:
            if min(head.width, head.height) < self.side:
                raise ValueError(
                    f"{path} is {head.width}x{head.height}, smaller than {option}={self.side}: remove it, or "
                    f"load the data with {option}={least} or load them with size={self.side}."
                )


def applied(geometry: Geometry, grey: bool) -> tuple[str, ...]:
    """What a protocol says of the images, such as `("resized to 32x32, grey",)`."""
    said = ", ".join(filter(None, [str(geometry), "grey" if grey else ""]))
    return (said,) if said else ()


def _check_one_size(pages: Sequence[tuple[Path, Head]]) -> None:
    first, head = pages[0]
    for path, other in pages:
        if (other.width, other.height) != (head.width, head.height):
            raise ValueError(
                f"the images differ in size: {first} is {head.width}x{head.height}, {path} is "
                f"{other.width}x{other.height}; {_mends([page for _, page in pages])}."
            )


def _mends(heads: Sequence[Head]) -> str:
    """What makes one size of many, with the numbers of these images."""
    least = min(min(head.width, head.height) for head in heads)
    tile = 2 ** (min(least, 64).bit_length() - 1)
    count = sum(len(Geometry(tile=tile).places(head.height, head.width)) for head in heads)
    return (
        f"to resize them load them with size={min(64, least)} or for central squares load them with "
        f"crop={least} or for {count:,} tiles load them with tile={tile}"
    )


def fit_square(pixels: np.ndarray, size: int, levels: int) -> np.ndarray:
    """The central square of (C, H, W), resized with antialiasing to `size` x `size`.

    A box filter where `size` divides the side, otherwise Lanczos. More than 256 levels are resized as
    32-bit floats and rounded to whole levels.

    Args:
        pixels: bytes, or wider whole numbers.
        levels: the results stay below it.
    """
    height, width = pixels.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[:, top : top + side, left : left + side]
    how = Image.Resampling.BOX if side % size == 0 else Image.Resampling.LANCZOS
    if pixels.dtype == np.uint8:
        flat = square[0] if len(square) == 1 else np.ascontiguousarray(square.transpose(1, 2, 0))
        # Lanczos may overshoot the highest level where that is below 255
        return to_chw(Image.fromarray(flat).resize((size, size), how)).clip(max=min(levels - 1, 255))
    planes = [Image.fromarray(plane.astype(np.float32)).resize((size, size), how) for plane in square]
    return np.stack([np.array(p) for p in planes]).round().clip(0, levels - 1).astype(pixels.dtype)
