"""Opens image files with Pillow, and selects the pages or frames that become rows."""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from PIL import Image

from simulacra.data.images import pnm, tiff
from simulacra.data.images.blocks import gif_frames, png_chunks

# our own error reports a damaged file; Pillow's log messages are dropped
logging.getLogger("PIL").addHandler(logging.NullHandler())
# other formats of Pillow are excluded: some of them start external programs
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "JPEG2000")
MOVING = {"PNG", "GIF", "WEBP"}  # animated formats, whose frames share one canvas
# exceptions that Pillow raises on damaged files
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    AttributeError,
    AssertionError,
    MemoryError,
    struct.error,
    zlib.error,
)
SUBFILE = 254  # number of the TIFF tag


@dataclass(frozen=True)
class Frames:
    """The frames of a file that become rows.

    Args:
        numbers: frame numbers, as Pillow counts them.
        left_out: a word for the other frames, such as `previews`, or an empty string.
    """

    numbers: tuple[int, ...] = (0,)
    left_out: str = ""


def photos(image: Any) -> Frames:
    """Selects the frames of a multi-image JPEG file that are photos, not previews or gain maps.

    Args:
        image: an image of the format MPO, opened by Pillow.
    """
    kept, size = [], image.size
    for number, entry in enumerate(image.mpinfo[0xB002]):
        kind = str(entry["Attribute"]["MPType"])
        image.seek(number)
        mapped = b"hdrgm" in image.info.get("xmp", b"") or b"gainmap" in image.info.get("xmp", b"").lower()
        own = kind.startswith("Multi-Frame") or (image.size == size and "Thumbnail" not in kind)
        if number == 0 or (own and not mapped):
            kept.append(number)
    image.seek(0)
    return Frames(tuple(kept), "previews" if len(kept) < len(image.mpinfo[0xB002]) else "")


def frames_of(path: Path, image: Image.Image | None) -> Frames:
    """Selects the pages or frames of a file that become rows.

    Args:
        path: the image file.
        image: the file as opened by Pillow, or None if tifffile or `pnm` reads it.
    """
    try:
        if image is None:
            return _own_frames(path)
        if image.format == "TIFF":
            return _tiff_frames(path, image)
        if image.format == "MPO":
            return photos(image)
        if image.format == "PNG":
            chunks = png_chunks(path)
            begin = int(chunks.apart and chunks.frames > 0)
            numbers = range(begin, begin + max(1, chunks.frames))
            return Frames(tuple(numbers), "default images, which are no frames" if begin else "")
        if image.format == "GIF":
            count, _, covers = gif_frames(path)
            if not covers:
                raise tiff.damaged(path, "its first frame does not cover the picture")
            return Frames(tuple(range(count)))
        return Frames(tuple(range(getattr(image, "n_frames", 1))))
    except DAMAGED as error:
        raise _own_error(path, error) from error


def _own_error(path: Path, error: Exception) -> ValueError:
    """Returns the error in our own words."""
    ours = isinstance(error, ValueError) and str(error).startswith(str(path))
    return error if ours and isinstance(error, ValueError) else tiff.damaged(path, error)


def _own_frames(path: Path) -> Frames:
    if tiff.looks_like(path):
        numbers, others = tiff.numbers(path)
        return Frames(numbers, "previews and masks" if others else "")
    return Frames(tuple(range(len(pnm.maps(path)))))


def _tiff_frames(path: Path, image: Image.Image) -> Frames:
    count, kept = getattr(image, "n_frames", 1), [0]
    for page in range(1, count):
        there = at_page(path, image, page)
        if there is None or not tag_of(there, SUBFILE, 0) & tiff.BESIDE:
            kept.append(page)
    image.seek(0)
    return Frames(tuple(kept), "previews and masks" if len(kept) < count else "")


@contextmanager
def quietly() -> Iterator[None]:
    """Suppresses Pillow's warnings within the context: what matters is an error here.

    Not to be entered by several threads, since filters of warnings belong to the process.

    Not to be entered by several threads: the filters belong to the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def opened(path: Path) -> Iterator[Image.Image | None]:
    """Opens an image; yields None if tifffile or `pnm` must read it instead of Pillow.

    Raises:
        ValueError: if there is no such file, or it is not an image.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist.") from error
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error
    with file:
        begin = file.read(16)
        file.seek(0)
        yield None if pnm.looks_like(begin) else _image(path, file)


def _image(path: Path, file: IO[bytes]) -> Image.Image | None:
    try:
        # a file object without a name: Pillow maps named files into memory, which fails for turned TIFF pages
        return Image.open(file, formats=FORMATS)
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


def at_page(path: Path, image: Image.Image | None, page: int) -> Image.Image | None:
    """Moves an image to a page; returns None if Pillow cannot read this TIFF page.

    Args:
        path: the file, for errors.
        image: the file as opened by Pillow, or None.
        page: page or frame number, from 0.

    Raises:
        ValueError: if there is no such frame.
    """
    if image is None or page == image.tell():
        return image
    try:
        image.seek(page)
    except DAMAGED as error:
        if image.format != "TIFF":
            raise tiff.damaged(path, f"frame {page}: {error}") from error
        return None
    return image


def _too_large(path: Path, what: str) -> ValueError:
    """Returns the error for an image that would take too much memory."""
    return ValueError(
        f"{path} is larger than Pillow's guard against decompression bombs allows ({what}): resize or "
        "crop the file first."
    )


def check_size(path: Path, width: int, height: int) -> None:
    """Raises ValueError if an image exceeds Pillow's limit of pixels.

    Args:
        path: the file, for the error.
        width: in pixels.
        height: in pixels.
    """
    limit = Image.MAX_IMAGE_PIXELS
    if limit and width * height > limit:
        raise _too_large(path, f"{width}x{height} pixels")


def tag_of(image: Image.Image, tag: int, default: Any) -> Any:
    """Returns a TIFF tag of the current page of an image.

    Args:
        image: the file as opened by Pillow.
        tag: number of the tag.
        default: the value if the tag is missing.
    """
    return getattr(image, "tag_v2", {}).get(tag, default)
