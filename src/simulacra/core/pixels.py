"""From a picture to rows of levels: the central square, its size, its colour; bytes or 16 bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from simulacra.core.files import write_atomically
from simulacra.core.space import Levels, Space

# luminance of ITU-R 601 in 16-bit fixed point, as Pillow computes it
RED, GREEN, BLUE, HALF = 19595, 38470, 7471, 1 << 15


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


def to_chw(image: Image.Image) -> np.ndarray:
    """An 8-bit image as (C, H, W)."""
    pixels = np.array(image, np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def coloured(pixels: np.ndarray, channels: int) -> np.ndarray:
    """(C, H, W) with 1 or 3 channels: luminance, or three times the same.

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


def pictures_in(x: Any) -> Sequence[Image.Image] | None:
    """The Pillow images that x is or holds; None if it is something else."""
    images = x if isinstance(x, (list, tuple)) else [x]
    return images if images and all(isinstance(image, Image.Image) for image in images) else None


def picture_rows(space: Space, geometry: Geometry | None, images: Sequence[Image.Image]) -> Tensor:
    """Raw rows of images, cut, resized and turned grey as the training images were.

    Args:
        space: the raw space of a model.
        geometry: what its images went through; tiles give several rows an image.

    Returns:
        levels, shape (B, C, H, W).

    Raises:
        ValueError: if the space holds no images of levels, or an image has another depth or size.
    """
    if not (isinstance(space, Levels) and space.image):
        raise ValueError(f"x holds images, but the model was trained on {space}: give its rows as an array.")
    rows = []
    for i, image in enumerate(images):
        pixels = coloured(_levels_of(image, space.levels, i), space.shape[0])
        places = (geometry or Geometry()).places(*pixels.shape[1:])
        cuts = [(geometry or Geometry()).cut(pixels, *place, space.levels) for place in places]
        if not cuts or any(cut.shape != space.shape for cut in cuts):
            raise ValueError(
                f"image {i} (from 0) is {image.width}x{image.height}, but the model takes "
                f"{space.shape[2]}x{space.shape[1]}: crop or resize it, or train with size=."
            )
        rows += cuts
    return torch.from_numpy(np.stack(rows).astype(np.uint8 if space.levels <= 256 else np.int32))


def _levels_of(image: Image.Image, levels: int, i: int) -> np.ndarray:
    """(C, H, W) of a Pillow image at its own depth."""
    deep = image.mode.startswith("I")
    if deep != (levels > 256):
        raise ValueError(
            f"image {i} (from 0) has {16 if deep else 8} bits a value (mode {image.mode}), but the model "
            f"knows {levels} levels: give images of the depth that it was trained on."
        )
    if deep:
        return np.array(image).astype(np.uint16)[None]
    if image.mode not in ("L", "RGB"):
        raise ValueError(f"image {i} (from 0) has the mode {image.mode}: convert it to L or RGB first.")
    return to_chw(image)


def save_png(pixels: np.ndarray, levels: int, path: Path) -> None:
    """An image of levels as a PNG file: 8 bits as they are, 0/1 as black and white, more as 16 bits.

    Args:
        pixels: shape (C, H, W), C 1 or 3.
        levels: number of levels of each entry.
    """
    if levels <= 256:
        bytes_ = (pixels * (255 if levels == 2 else 1)).astype(np.uint8).transpose(1, 2, 0)
        image = Image.fromarray(bytes_[:, :, 0] if len(pixels) == 1 else np.ascontiguousarray(bytes_))
        write_atomically(path, lambda aside: image.save(aside, format="PNG"))
        return
    import png

    channels, height, width = pixels.shape
    rows = pixels.astype(np.uint16).transpose(1, 2, 0).reshape(height, width * channels)
    writer = png.Writer(width, height, greyscale=channels == 1, bitdepth=16)

    def write(aside: Path) -> None:
        with open(aside, "wb") as file:
            writer.write(file, rows)

    write_atomically(path, write)
