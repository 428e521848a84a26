"""TIFF pages that Pillow cannot read without loss: 16-bit colour, planes that stand apart.

What the header promises is compared with the file before anything of that size is allocated.
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
MAX_BYTES = 2**31  # of one page
DEFLATE, DENSEST = (8, 32946), 1032  # compressions by zlib, and bytes that one of theirs holds at most
READ_BITS = (1, 2, 4, 8, 12, 16)  # a value
BESIDE = 1 | 4  # bits of the subfile tag: previews of a lower resolution, masks

# what is wrong with a file is said in the one sentence of ours
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Facts:
    """What a page says of itself.

    Args:
        width: in pixels, as stored.
        height: likewise.
        channels: 1 or 3.
        bits: of each channel.
        turn: the orientation tag, 1 to 8.
        alpha: whether a channel more says what is transparent.
        inverted: whether 0 is white.
    """

    width: int
    height: int
    channels: int
    bits: int
    turn: int
    alpha: bool
    inverted: bool


def looks_like(path: Path) -> bool:
    """Returns True if the file begins as TIFF files do."""
    with path.open("rb") as file:
        return file.read(4) in MAGIC


def numbers(path: Path) -> tuple[tuple[int, ...], bool]:
    """The pages that are no previews or masks, and whether there are others."""
    with _pages(path) as pages:
        if not len(pages):
            raise damaged(path, "it has no page that can be read")
        kept = [i for i, page in enumerate(pages) if i == 0 or not page.subfiletype & BESIDE]
        return tuple(kept), len(kept) < len(pages)


def facts(path: Path, number: int) -> Facts:
    """What page `number` says of itself.

    Raises:
        ValueError: if the page is damaged, or holds values that have no levels.
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
    """Page `number` as it is stored, shape (C, H, W), bytes or uint16; alpha is the last channel.

    Raises:
        ValueError: if the page is damaged, or compressed in a way that tifffile alone cannot undo.
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
    """The pages, with tifffile's errors in our words."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            yield file.pages
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise damaged(path, error) from error
    # damaged tags make tifffile fail in many ways
    except Exception as error:
        raise damaged(path, error) from error


def check_segments(path: Path, tags: Mapping[int, Any]) -> None:
    """Raise ValueError where a page has fewer strips or tiles than its size asks for.

    Args:
        tags: of the page, by number: what is not there would be zeros without a word.
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
    """A tag that is a number above 0."""
    value = tags.get(tag, default)
    return value if isinstance(value, int) and value > 0 else default


def damaged(path: Path, error: object) -> ValueError:
    """The refusal of a file that breaks off or contradicts itself."""
    what = " ".join(str(error).split())
    return ValueError(f"{path} is truncated or damaged ({what}): remove it or copy it again.")


def no_levels(path: Path, what: str) -> ValueError:
    """The refusal of values that are no whole numbers of up to 16 bits."""
    return ValueError(
        f"{path} holds {what}, which have no levels: convert it to whole numbers from 0 to 65535 (16 bits), "
        "or keep the values in an .npy file."
    )


def _check_type(path: Path, page: Any) -> None:
    """Raise ValueError unless the page holds levels of up to 16 bits, grey or RGB."""
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
    """Raise ValueError where the file is shorter than its header promises, or promises too much."""
    end = max((a + b for a, b in zip(page.dataoffsets, page.databytecounts)), default=0)
    there = path.stat().st_size
    check_segments(path, {tag.code: tag.value for tag in page.tags})
    if end > there or not all(page.databytecounts):
        raise damaged(path, f"its header promises {end} bytes, the file has {there}")
    if page.nbytes > MAX_BYTES or (page.compression == 1 and sum(page.databytecounts) < page.nbytes):
        raise damaged(path, f"its header promises {page.nbytes} bytes of pixels")


def _check_unpacked(path: Path, page: Any) -> None:
    """Raise ValueError where a strip or tile unpacks to more than its page: tifffile takes all of it."""
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
