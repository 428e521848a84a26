"""Pixels of one page of an image file, as deep as they are: bytes, or whole numbers of 16 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from simulacra.core.pixels import coloured, to_chw
from simulacra.data.images import tiff
from simulacra.data.images.headers import (
    ALPHA,
    DAMAGED,
    GREY,
    GREY_ALPHA,
    Head,
    at_page,
    head_of,
    inverted,
    maxval,
    opened,
)
from simulacra.data.images.tiff import damaged

# what the orientation tag asks for, on (C, H, W)
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


def decode(path: Path, channels: int, pages: Iterable[int] = (0,)) -> Iterator[np.ndarray]:
    """Pixels of some pages, each of shape (C, H, W), uint8 or uint16.

    Args:
        pages: in rising order, so that the file is walked through once.

    Raises:
        ValueError: if the file is damaged, too large, transparent, or of a kind that cannot be kept.
    """
    with opened(path) as image:
        for page in pages:
            there = at_page(image, page)
            head = head_of(path, there, page)
            pixels = _opaque(path, _stored(path, there, head), head.channels)
            yield coloured(np.ascontiguousarray(TURNS[head.turn](pixels)), channels)


def _stored(path: Path, image: Image.Image | None, head: Head) -> np.ndarray:
    """(C, H, W) as stored; an alpha channel is the last one."""
    if image is None or head.reader == "tiff":
        return tiff.pixels(path, head.page)
    if head.reader == "png":
        return _png(path)
    if head.reader == "pnm":
        return _pnm(path, image)
    try:
        image.load()
    except DAMAGED as error:
        raise damaged(path, error) from error
    if image.mode.startswith("I"):
        levels = np.array(image).astype(np.uint16)[None]
        return 2**head.bits - 1 - levels if inverted(image) else levels
    return to_chw(_flat(path, image).convert("L" if head.channels == 1 else "RGB"))


def _transparent(path: Path) -> ValueError:
    return ValueError(
        f"{path} is partly transparent: paste it on a background and save it without alpha channel."
    )


def _flat(path: Path, image: Image.Image) -> Image.Image:
    """The 8-bit image without its alpha channel, which must be opaque."""
    transparent = image.mode == "P" and "transparency" in image.info
    if image.mode not in ALPHA and not transparent:
        return image
    rgba = image.convert("RGBA")
    if np.array(rgba.getchannel("A")).min() < 255:
        raise _transparent(path)
    return rgba.convert("L" if image.mode in GREY | GREY_ALPHA else "RGB")


def _opaque(path: Path, pixels: np.ndarray, channels: int) -> np.ndarray:
    """The colours alone, where a last channel more is fully opaque."""
    if (pixels[channels:] < np.iinfo(pixels.dtype).max).any():
        raise _transparent(path)
    return pixels[:channels]


def _png(path: Path) -> np.ndarray:
    """16-bit colour, or any 16 bits with an alpha channel."""
    import png

    try:
        with path.open("rb") as file:
            width, height, rows, info = png.Reader(file=file).read()
            flat = np.stack([np.asarray(row, np.uint16) for row in rows])
        pixels = flat.reshape(height, width, info["planes"]).transpose(2, 0, 1)
    except (png.Error, *DAMAGED) as error:
        raise damaged(path, error) from error
    if "transparent" in info and (pixels == np.array(info["transparent"])[:, None, None]).all(0).any():
        raise _transparent(path)
    return pixels


def _pnm(path: Path, image: Image.Image) -> np.ndarray:
    """A binary PGM or PPM file with more than 255 levels: two bytes a value, the high one first."""
    tile = getattr(image, "tile")[0]  # noqa: B009  (the type has no such field)
    if tile[0] == "ppm_plain":
        raise ValueError(f"{path} keeps its values as text: save it as binary PGM or PPM, or as PNG.")
    channels, count = len(image.getbands()), image.width * image.height * len(image.getbands())
    with path.open("rb") as file:
        file.seek(tile[2])
        content = file.read(2 * count)
    if len(content) < 2 * count:
        raise damaged(path, f"{len(content)} of {2 * count} bytes are there")
    pixels = np.frombuffer(content, ">u2").astype(np.uint16)
    if pixels.max() > maxval(image):
        raise damaged(path, f"it holds {pixels.max()}, its header says {maxval(image)} at most")
    return pixels.reshape(image.height, image.width, channels).transpose(2, 0, 1)
