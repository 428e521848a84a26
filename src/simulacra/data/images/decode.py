"""Decodes pages of image files at their full depth: bytes, or 16-bit whole numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from simulacra.core.inputs.pillow import stored, transparent
from simulacra.core.preprocessing.images import coloured
from simulacra.data.images import pnm, tiff
from simulacra.data.images.frames import DAMAGED, opened
from simulacra.data.images.headers import Head, heads_of, inverted
from simulacra.data.images.tiff import damaged

# the transform of (C, H, W) for each orientation tag
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda x: x,
    2: lambda x: x[:, :, ::-1],
    3: lambda x: x[:, ::-1, ::-1],
    4: lambda x: x[:, ::-1],
    5: lambda x: x.swapaxes(1, 2),
    6: lambda x: x.swapaxes(1, 2)[:, :, ::-1],
    7: lambda x: x.swapaxes(1, 2)[:, ::-1, ::-1],
    8: lambda x: x.swapaxes(1, 2)[:, ::-1],
}


def decode(
    path: Path, channels: int, pages: Iterable[int] = (0,), levels: int | None = None
) -> Iterator[np.ndarray]:
    """Yields the pixels of pages, each of shape (C, H, W), uint8 or uint16.

    Args:
        path: the image file.
        channels: 1 or 3.
        pages: page numbers in rising order, so that the file is read once.
        levels: levels of the rows; with 256, black and white become 0 and 255. None: values stay as stored.

    Raises:
        ValueError: if the file is damaged, too large, transparent, or of an unsupported kind.
    """
    with opened(path) as image:
        for head in heads_of(path, image, pages):
            there = image if head.reader == "pillow" else None
            pixels = TURNS[head.turn](_stored(path, there, head))
            if head.levels == 2 and levels == 256:
                pixels = pixels * np.uint8(255)
            yield coloured(pixels, channels)


def _stored(path: Path, image: Image.Image | None, head: Head) -> np.ndarray:
    """Returns the stored values without alpha, shape (C, H, W)."""
    if image is None:
        read = {"tiff": tiff.pixels, "pnm": pnm.pixels, "png": _png}[head.reader]
        return _opaque(path, read(path, head.page), head)
    try:
        if image.tell() != head.page:
            image.seek(head.page)
        image.load()
    except DAMAGED as error:
        raise damaged(path, error) from error
    deep = image.mode.startswith("I")
    pixels = stored(image, 2**16 if deep else head.levels, head.channels, path)
    return (head.levels - 1 - pixels) if deep and inverted(image) else pixels


def _opaque(path: Path, pixels: np.ndarray, head: Head) -> np.ndarray:
    """Returns the colour channels; raises if an alpha channel is not opaque everywhere."""
    if (pixels[head.channels :] < head.levels - 1).any():
        raise transparent(path)
    return pixels[: head.channels]


def _png(path: Path, page: int) -> np.ndarray:
    """Reads a PNG page of 16-bit colour, or of 16 bits with an alpha channel."""
    import png

    try:
        with path.open("rb") as file:
            width, height, rows, info = png.Reader(file=file).read()
            flat = np.stack([np.asarray(row, np.uint16) for row in rows])
        pixels = flat.reshape(height, width, info["planes"]).transpose(2, 0, 1)
    except (png.Error, *DAMAGED) as error:
        raise damaged(path, error) from error
    if "transparent" in info and (pixels == np.array(info["transparent"])[:, None, None]).all(0).any():
        raise transparent(path)
    return pixels
