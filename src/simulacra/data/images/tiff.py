"""Reader of TIFF pages that Pillow cannot read without loss: 16-bit colour and separate colour planes.

Sizes in headers are compared with the file before memory is allocated.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.limits import LEAST

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_BYTES = 2**31  # most bytes of one page
DEFLATE, DENSEST = (8, 32946), 1032  # compressions by zlib, and their highest ratio
READ_BITS = (1, 2, 4, 8, 12, 16)  # supported bits a value
BESIDE = 1 | 4  # bits of the subfile tag: previews of a lower resolution, masks

# our own error reports a damaged file; tifffile's log messages are dropped
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Facts:
    """The facts in the tags of a page.

    Args:
        width: in pixels, as stored.
        height: in pixels, as stored.
        channels: 1 or 3.
        bits: bits of each channel.
        turn: the orientation tag, 1 to 8.
        alpha: True if there is an alpha channel.
        inverted: True if 0 means white.
    """

    width: int
    height: int
    channels: int
    bits: int
    turn: int
    alpha: bool
    inverted: bool


def looks_like(path: Path) -> bool:
    """Returns True if the file starts with the magic number of TIFF."""
    with path.open("rb") as file:
        return file.read(4) in MAGIC


def numbers(path: Path) -> tuple[tuple[int, ...], bool]:
    """Returns the numbers of the pages that are not previews or masks, and True if there are such pages."""
    with _pages(path) as pages:
        if not len(pages):
            raise damaged(path, "it has no page that can be read")
        kept = [i for i, page in enumerate(pages) if i == 0 or not page.subfiletype & BESIDE]
        return tuple(kept), len(kept) < len(pages)


def facts(path: Path, number: int) -> Facts:
    """Reads the tags of page `number`.

    Args:
        path: the file.
        number: page number, from 0.

    Raises:
        ValueError: if the page is damaged, or its values are not levels.
    """
    with _pages(path) as pages:
        page = pages[number]
        _check_type(path, page)
        shape = page.shape
        height, width = (shape[1], shape[2]) if page.axes == "SYX" else shape[:2]
        samples = page.samplesperpixel
        tag = page.tags.get("Orientation")
        turn = int(tag.value) if tag is not None and tag.value in range(1, 9) else 1
        channels = 1 if samples <= 2 else 3
        return Facts(
            width, height, channels, page.bitspersample, turn, samples > channels, page.photometric == 0
        )


def pixels(path: Path, number: int) -> np.ndarray:
    """Reads page `number` as stored, shape (C, H, W), uint8 or uint16; alpha is the last channel.

    Args:
        path: the file.
        number: page number, from 0.

    Raises:
        ValueError: if the page is damaged, or its compression needs more than tifffile.
    """
    with _pages(path) as pages:
        page = pages[number]
        _check_type(path, page)
        _check_there(path, page)
        _check_unpacked(path, page)
        try:
            stored = page.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            raise ValueError(
                f"{path} is compressed with {page.compression.name}, which cannot be read at "
                f"{page.bitspersample} bits a channel: save it uncompressed or with Deflate, such as "
                "`tiffcp -c zip IN OUT`."
            ) from error
        if page.photometric == 0:
            stored = 2**page.bitspersample - 1 - stored
        if stored.ndim == 2:
            return stored[None]
        return stored if page.axes == "SYX" else np.ascontiguousarray(stored.transpose(2, 0, 1))


@contextmanager
def _pages(path: Path) -> Iterator[Any]:
    """Opens the pages; tifffile's errors are raised as ours."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            yield file.pages
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise damaged(path, error) from error
    # damaged tags make tifffile raise many kinds of exceptions
    except Exception as error:
        raise damaged(path, error) from error


def check_segments(path: Path, tags: Mapping[int, Any]) -> None:
    """Raises ValueError if strips or tiles are missing, which would be read as zeros.

    Args:
        path: the file, for the error.
        tags: tags of the page, by number.
    """
    width, height = _number(tags, 256, 1), _number(tags, 257, 1)
    planes = _number(tags, 277, 1) if tags.get(284) == 2 else 1
    along = lambda length, tag: -(-length // min(length, _number(tags, tag, length)))
    asked = planes * (along(height, 323) * along(width, 322) if 324 in tags else along(height, 278))
    there = tags.get(324, tags.get(273, ()))
    count = len(there) if isinstance(there, tuple) else 1
    if count < asked:
        raise damaged(path, f"{width}x{height} pixels need {asked} strips or tiles, it has {count}")


def _number(tags: Mapping[int, Any], tag: int, default: int) -> int:
    """Returns a tag that is a number above 0, or the default."""
    value = tags.get(tag, default)
    return value if isinstance(value, int) and value > 0 else default


def damaged(path: Path, error: object) -> ValueError:
    """Returns the error for a file that is truncated or contradicts itself.

    Args:
        path: the file.
        error: the reason.
    """
    what = " ".join(str(error).split())
    return ValueError(f"{path} is truncated or damaged ({what}): remove it or copy it again.")


def no_levels(path: Path, what: str) -> ValueError:
    """Returns the error for values that are not whole numbers of up to 16 bits.

    Args:
        path: the file.
        what: a description of the values.
    """
    return ValueError(
        f"{path} holds {what}, which have no levels: convert it to whole numbers from 0 to 65535 (16 bits), "
        "or keep the values in an .npy file."
    )


def _check_type(path: Path, page: Any) -> None:
    """Raises ValueError unless the page holds levels of up to 16 bits, grey or RGB."""
    kind = page.dtype
    if kind is None or kind.kind != "u" or kind.itemsize > 2:
        what = "real numbers (floats)" if kind is not None and kind.kind == "f" else f"{kind} values"
        raise no_levels(path, what)
    if page.bitspersample not in READ_BITS:
        bits = page.bitspersample
        levels = load_with(levels=2**bits)
        raise Refusal(
            f"{path} holds values packed into {bits} bits, which cannot be read: save it with 16 bits a "
            f"value, and load it with {levels}.",
            levels,
        )
    if not all(page.shape):
        raise damaged(path, f"a page has the shape {page.shape}")
    if page.axes not in ("YX", "YXS", "SYX") or page.samplesperpixel > 4 or page.photometric > 2:
        raise ValueError(
            f"{path} has {page.photometric.name} pages of shape {page.shape}: save it as grey or RGB."
        )


def _check_there(path: Path, page: Any) -> None:
    """Raises ValueError if the file is shorter than its header says, or the page is too large."""
    end = max((a + b for a, b in zip(page.dataoffsets, page.databytecounts)), default=0)
    there = path.stat().st_size
    check_segments(path, {tag.code: tag.value for tag in page.tags})
    if end > there or not all(page.databytecounts):
        raise damaged(path, f"its header promises {end} bytes, the file has {there}")
    if page.nbytes > MAX_BYTES or (page.compression == 1 and sum(page.databytecounts) < page.nbytes):
        raise damaged(path, f"its header promises {page.nbytes} bytes of pixels")


def _check_unpacked(path: Path, page: Any) -> None:
    """Raises ValueError if a strip or tile unpacks to more than its page, which tifffile allows."""
    if page.compression not in DEFLATE or page.nbytes + DENSEST * max(page.databytecounts) <= LEAST:
        return
    with path.open("rb") as file:
        for start, length in zip(page.dataoffsets, page.databytecounts):
            file.seek(start)
            stream = zlib.decompressobj()
            if len(stream.decompress(file.read(length), page.nbytes + 1)) > page.nbytes:
                raise damaged(
                    path, f"a strip or tile unpacks to more than the {page.nbytes} bytes of its page"
                )
