"""Images to rows of levels: cropping, resizing and colour conversion, for 8 and 16 bits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from PIL import Image

from simulacra.core.errors.suggestion import Suggestion, load_with
from simulacra.core.storage.files import write_atomically

# luminance of ITU-R 601 in 16-bit fixed point, as Pillow computes it
RED, GREEN, BLUE, HALF = 19595, 38470, 7471, 1 << 15


Side = int | str | Sequence[int] | None


@dataclass(frozen=True)
class Geometry:
    """Height and width of the rows that images become; at most one of the three arguments is given.

    Each is a number of pixels for squares, or height and width as `"48x64"`, `(48, 64)` or `[48, 64]`,
    which is stored as `"48x64"`. Without any, images stay as they are.

    Args:
        size: crops the central part of that aspect ratio and resizes it with antialiasing.
        crop: crops the central part of that height and width.
        tile: cuts tiles of that height and width from the top left; remainders are dropped.

    Raises:
        ValueError: if one is neither a number of pixels nor a height and a width.

    Example:
        >>> Geometry(tile=4).places(10, 9)
        [(0, 0), (0, 4), (4, 0), (4, 4)]
        >>> str(Geometry(size="48x64"))  # width x height, as usual for image sizes
        'resized to 64x48'
    """

    size: int | str | None = None
    crop: int | str | None = None
    tile: int | str | None = None

    def __init__(self, size: Side = None, crop: Side = None, tile: Side = None) -> None:
        for name, given in (("size", size), ("crop", crop), ("tile", tile)):
            object.__setattr__(self, name, side_of(name, given))

    @property
    def side(self) -> tuple[int, int] | None:
        """Height and width of a row; None: as the images are."""
        given = self.size or self.crop or self.tile
        return None if given is None else _pair(given)

    def __str__(self) -> str:
        """Returns the words of a protocol, or an empty text."""
        if self.side is None:
            return ""
        height, width = self.side
        how = "resized to" if self.size else "cropped to" if self.crop else "tiles of"
        return f"{how} {width}x{height}"

    def places(self, height: int, width: int) -> list[tuple[int, int]]:
        """Returns top and left of each row that an image of this size gives.

        Args:
            height: height of the image in pixels.
            width: width of the image in pixels.
        """
        if self.size or self.side is None:
            return [(0, 0)]
        h, w = self.side
        if self.crop:
            return [((height - h) // 2, (width - w) // 2)]
        return [(i * h, j * w) for i in range(height // h) for j in range(width // w)]

    def cut(self, pixels: np.ndarray, top: int, left: int, levels: int) -> np.ndarray:
        """Returns one row of an image.

        Args:
            pixels: whole image, shape (C, H, W).
            top: first pixel row, from `places`.
            left: first pixel column, from `places`.
            levels: number of levels, which resizing does not exceed.
        """
        if self.side is None:
            return pixels
        height, width = self.side
        if self.size:
            return fit(pixels, height, width, levels)
        return pixels[:, top : top + height, left : left + width]


def side_of(name: str, given: Side) -> int | str | None:
    """Returns the normal form of size, crop or tile: a number for a square, otherwise text such as `"48x64"`.

    Args:
        name: name of the argument, for messages.
        given: value that a user gave.

    Raises:
        ValueError: if it is neither a number of pixels nor a height and a width.

    Example:
        >>> side_of("size", (48, 64)), side_of("size", "64x64")
        ('48x64', 64)
    """
    if given is None:
        return None
    words = re.split(r"[x,]", given.strip("()[] ")) if isinstance(given, str) else given
    sides = words if isinstance(words, Sequence) else [words]
    try:
        whole = [int(side) for side in sides if float(side) == int(side)]
    except (TypeError, ValueError, OverflowError):
        whole = []
    if len(whole) != len(sides) or len(sides) not in (1, 2) or isinstance(given, bool):
        raise ValueError(
            f"{name}={given!r} is no size: give a number of pixels, or height and width such as "
            f"{name}='48x64'."
        )
    if min(whole) < 1:
        raise ValueError(f"{name}={given!r} must be 1 or more.")
    return whole[0] if len(set(whole)) == 1 else f"{whole[0]}x{whole[1]}"


def option(name: str, height: int, width: int) -> Suggestion:
    """Returns the suggestion of an option of `load_data`, such as `size=64` or `size='48x64'`.

    Args:
        name: name of the option.
        height: in pixels.
        width: in pixels.
    """
    return load_with(**{name: side_of(name, (height, width))})


def _pair(given: int | str) -> tuple[int, int]:
    height, width = (given, given) if isinstance(given, int) else map(int, given.split("x"))
    return height, width


def fit(pixels: np.ndarray, height: int, width: int, levels: int) -> np.ndarray:
    """Crops the largest central part of aspect ratio height : width, and resizes it with antialiasing.

    The crop may end within a pixel, so that nothing is distorted. It uses a box filter if whole pixels
    are averaged, otherwise Lanczos. More than 256 levels are resized as 32-bit floats and rounded.

    Args:
        pixels: image of whole numbers, shape (C, H, W).
        height: height of the result in pixels.
        width: width of the result in pixels.
        levels: number of levels; the results are below it.
    """
    high, wide = pixels.shape[1:]
    # height and width of the crop
    h, w = (high, high * width / height) if high * width <= wide * height else (wide * height / width, wide)
    top, left = (high - h) / 2, (wide - w) / 2
    box = None
    if h == int(h) and w == int(w):
        top, left = int(top), int(left)
    part = pixels[:, int(top) : ceil(top + h), int(left) : ceil(left + w)]
    if part.shape[1:] != (h, w):
        y, x = top - int(top), left - int(left)
        box = (x, y, min(x + w, part.shape[2]), min(y + h, part.shape[1]))
    how = Image.Resampling.BOX if h % height == 0 == w % width else Image.Resampling.LANCZOS
    resized = lambda image: image.resize((width, height), how, box)
    if pixels.dtype == np.uint8:
        flat = part[0] if len(part) == 1 else np.ascontiguousarray(part.transpose(1, 2, 0))
        # Lanczos may exceed the highest level if that is below 255
        return to_chw(resized(Image.fromarray(np.ascontiguousarray(flat)))).clip(max=min(levels - 1, 255))
    planes = [resized(Image.fromarray(plane.astype(np.float32))) for plane in part]
    return np.stack([np.array(p) for p in planes]).round().clip(0, levels - 1).astype(pixels.dtype)


def to_chw(image: Image.Image) -> np.ndarray:
    """Returns an 8-bit image as an array of shape (C, H, W)."""
    pixels = np.asarray(image, np.uint8)
    # a view, so that large images are cropped before they are copied
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def coloured(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Converts between 1 channel (luminance) and 3 equal channels.

    Args:
        pixels: image, shape (C, H, W).
        channels: number of channels of the result, 1 or 3.

    Example:
        >>> coloured(np.full((3, 1, 1), 65535, np.uint16), 1).item()
        65535
    """
    if len(pixels) == channels:
        return pixels
    if channels == 3:
        return pixels.repeat(3, 0)
    red, green, blue = pixels.astype(np.uint32)
    return ((RED * red + GREEN * green + BLUE * blue + HALF) >> 16).astype(pixels.dtype)[None]


def save_png(pixels: np.ndarray, levels: int, path: Path) -> None:
    """Saves an image of levels as a lossless PNG file of 1, 2, 4, 8 or 16 bits, the smallest depth that fits.

    Colour images use 8 bits or more; if they have 2 levels, these are saved as 0 and 255.

    Args:
        pixels: shape (C, H, W), C 1 or 3.
        levels: number of levels of each entry.
        path: file to write.
    """
    import png

    channels, height, width = pixels.shape
    depth = next(bits for bits in (1, 2, 4, 8, 16) if levels <= 2**bits and (channels == 1 or bits >= 8))
    if depth == 8:
        bytes_ = (pixels * (255 if levels == 2 else 1)).astype(np.uint8).transpose(1, 2, 0)
        image = Image.fromarray(bytes_[:, :, 0] if channels == 1 else np.ascontiguousarray(bytes_))
        write_atomically(path, lambda aside: image.save(aside, format="PNG"))
        return
    rows = pixels.astype(np.uint16).transpose(1, 2, 0).reshape(height, width * channels)
    writer = png.Writer(width, height, greyscale=channels == 1, bitdepth=depth)

    def write(aside: Path) -> None:
        with open(aside, "wb") as file:
            writer.write(file, rows if depth > 8 else rows.astype(np.uint8))

    write_atomically(path, write)
