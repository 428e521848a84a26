"""What image files say of themselves: size, channels, depth and pages, before a pixel is decoded.

Pillow opens all kinds, but drops the lower bytes of 16-bit colour without a word and rescales deep PNM
files; `Head.reader` names what keeps them (`simulacra.data.images.decode`).
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from PIL import Image

from simulacra.data.images import tiff

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
COLOUR = {"RGB", "P", "CMYK", "YCbCr", "LAB", "HSV"}
GREY = {"L", "1"}
GREY_ALPHA = {"LA", "La"}
ALPHA = {"RGBA", "PA", "RGBa"} | GREY_ALPHA
# what Pillow raises on damaged files of one kind or another
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
)
# tags of EXIF and TIFF
SUBFILE, WIDTH, HEIGHT, BITS, PHOTOMETRIC, ORIENTATION = 254, 256, 257, 258, 262, 274


@dataclass(frozen=True)
class Head:
    """What an image file says of one of its pages.

    Args:
        width: in pixels, as the picture is seen (turned as its orientation tag says).
        height: likewise.
        channels: 1 or 3.
        bits: of a channel: 8, or up to 16.
        page: its number in the file, from 0.
        turn: the orientation tag, 1 to 8, where the reader leaves it to be undone.
        reader: what decodes it without loss: `pillow`, `png`, `tiff` or `pnm`.
    """

    width: int
    height: int
    channels: int
    bits: int = 8
    page: int = 0
    turn: int = 1
    reader: str = "pillow"


@contextmanager
def quietly() -> Iterator[None]:
    """Without Pillow's warnings: what they warn of is an error here, or harmless.

    Not to be entered by several threads: the filters belong to the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_heads(paths: Iterable[Path]) -> list[tuple[Head, ...]]:
    """`read_pages` of many files, by a few threads."""
    with quietly(), ThreadPoolExecutor(2) as pool:
        return list(pool.map(read_pages, paths))


def read_pages(path: Path) -> tuple[Head, ...]:
    """The head of every page without decoding; previews of a lower resolution are left out.

    Raises:
        ValueError: if the file is empty, no image, too large, or of a depth that cannot be kept.
    """
    with opened(path) as image:
        if image is None:
            return tuple(_tiff_head(path, page) for page in range(tiff.count(path)))
        heads = []
        for page in range(_count(path, image)):
            there = at_page(image, page)
            if page == 0 or there is None or not _tag(there, SUBFILE, 0) & 1:
                heads.append(head_of(path, there, page))
        return tuple(heads)


def _count(path: Path, image: Image.Image) -> int:
    if image.format != "TIFF":
        return 1
    try:
        return getattr(image, "n_frames", 1)
    except DAMAGED as error:
        raise tiff.damaged(path, error) from error


@contextmanager
def opened(path: Path) -> Iterator[Image.Image | None]:
    """The image, or None where Pillow does not read it but tifffile may.

    Raises:
        ValueError: if there is no such file, or it is no image.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist.") from error
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error
    with file:
        yield _image(path, file)


def _image(path: Path, file: IO[bytes]) -> Image.Image | None:
    try:
        # a file without a name: files with one are mapped, which goes wrong for turned TIFF pages
        return Image.open(file)
    except Image.DecompressionBombError as error:
        raise _too_large(path, str(error)) from error
    except DAMAGED as error:
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty (0 bytes): remove it or copy it again.") from error
        if not tiff.looks_like(path):
            raise ValueError(
                f"{path} is no image that can be read: it is damaged, or of another kind than its name "
                "says; remove it or copy it again."
            ) from error
        return None


def at_page(image: Image.Image | None, page: int) -> Image.Image | None:
    """The image turned to that page, or None where Pillow does not read it."""
    if image is None or page == 0:
        return image
    try:
        image.seek(page)
    except DAMAGED:
        return None
    return image


def _too_large(path: Path, what: str) -> ValueError:
    """The refusal of what would take too much memory."""
    return ValueError(
        f"{path} is larger than Pillow's guard against decompression bombs allows ({what}): resize or "
        "crop the file first."
    )


def check_size(path: Path, width: int, height: int) -> None:
    """Raise ValueError where so many pixels are not to be allocated."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit and width * height > limit:
        raise _too_large(path, f"{width}x{height} pixels")


def head_of(path: Path, image: Image.Image | None, page: int) -> Head:
    """The head of the page that `image` stands at.

    Raises:
        ValueError: if it is too large, or has values that cannot be kept.
    """
    if image is None:
        return _tiff_head(path, page)
    width, height = image.size
    check_size(path, width, height)
    bits, reader = _depth(path, image)
    if reader == "tiff":
        return _tiff_head(path, page)
    grey = image.mode in GREY | GREY_ALPHA or image.mode.startswith("I")
    turn = _orientation(image)
    if image.format == "TIFF":
        tiff.check_segments(path, getattr(image, "tag_v2"))  # noqa: B009  (the type has no such field)
        # Pillow undoes it by itself, when it opens or when it loads, as its version has it
        width, height = _tag(image, WIDTH, width), _tag(image, HEIGHT, height)
        return replace(_seen(width, height, 1 if grey else 3, bits, page, turn, reader), turn=1)
    return _seen(width, height, 1 if grey else 3, bits, page, turn, reader)


def _tiff_head(path: Path, page: int) -> Head:
    found = tiff.facts(path, page)
    check_size(path, found.width, found.height)
    return _seen(found.width, found.height, found.channels, found.bits, page, found.turn, "tiff")


def _seen(width: int, height: int, channels: int, bits: int, page: int, turn: int, reader: str) -> Head:
    if turn >= 5:
        width, height = height, width
    return Head(width, height, channels, bits, page, turn, reader)


def _orientation(image: Image.Image) -> int:
    """The EXIF tag of a photo, 1 to 8."""
    # in a PNG the tag may stand behind the pixels: it would have to be decoded for it
    if image.format not in {"JPEG", "MPO", "TIFF", "WEBP"}:
        return 1
    try:
        tag = image.getexif().get(ORIENTATION, 1)
    except DAMAGED:
        return 1
    return tag if tag in range(1, 9) else 1


def _tag(image: Image.Image, tag: int, default: Any) -> Any:
    """A TIFF tag of the page that the image stands at."""
    return getattr(image, "tag_v2", {}).get(tag, default)


def inverted(image: Image.Image) -> bool:
    """Whether 0 is white: Pillow undoes it for 8 bits alone."""
    return _tag(image, PHOTOMETRIC, 1) == 0


def _depth(path: Path, image: Image.Image) -> tuple[int, str]:
    """Bits of a channel, and the reader that keeps them."""
    if image.format == "PPM":
        most = maxval(image)
        return (8, "pillow") if most <= 255 else (most.bit_length(), "pnm")
    # what Pillow unpacks into the mode; planes that stand apart show only in the tag
    unpacked = str([tile[3] for tile in getattr(image, "tile", [])])
    # BGR;16 is a BMP whose three channels take 16 bits together
    bits = max(_bits(image), 16 if ";16" in unpacked.replace("BGR;16", "") else 0)
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        kind = "real numbers (floats)" if image.mode == "F" else "signed or 32-bit whole numbers"
        raise tiff.no_levels(path, kind)
    if image.mode.startswith("I"):
        return (bits if 8 < bits < 16 else 16), "pillow"
    if bits > 8:
        if image.format in {"PNG", "TIFF"}:
            return bits, image.format.lower()
        raise ValueError(f"{path} has more than 8 bits a channel, kept for PNG, TIFF and PNM only.")
    if image.mode not in COLOUR | GREY | ALPHA:
        raise ValueError(f"{path} has the pixel mode {image.mode}; save it as grey or RGB.")
    return 8, "pillow"


def _bits(image: Image.Image) -> int:
    bits = _tag(image, BITS, 8)
    return max(bits) if isinstance(bits, tuple) else int(bits)


def maxval(image: Image.Image) -> int:
    """The highest value of a PNM file, as its header says."""
    args = getattr(image, "tile")[0][3]  # noqa: B009  (the type has no such field)
    if args == "I;16B":
        return 65535
    return next((a for a in args if isinstance(a, int)), 255) if isinstance(args, tuple) else 255
