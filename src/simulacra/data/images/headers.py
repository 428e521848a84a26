"""Reads the headers of image files: size, channels, depth and pages, without decoding pixels.

Pillow opens most formats, but silently drops the lower bytes of 16-bit colour and reads signed bytes as
unsigned ones; `Head.reader` names the reader that keeps all values (`simulacra.data.images.decode`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from simulacra.core.errors.suggestion import Refusal
from simulacra.core.inputs.pillow import ALPHA, COLOUR, GREY, is_grey, stored_levels
from simulacra.data.images import pnm, tiff
from simulacra.data.images.blocks import gif_frames, orientation, png_chunks
from simulacra.data.images.frames import MOVING, at_page, check_size, frames_of, opened, quietly, tag_of
from simulacra.data.limits import PIXEL, check_memory

SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".gif", ".webp", ".bmp", ".dib"),
    *(".tif", ".tiff", ".jp2", ".j2k", ".jpx", ".pbm", ".pgm", ".ppm", ".pnm", ".pam"),
)
TAGGED = {"JPEG", "MPO", "TIFF", "WEBP"}  # formats whose orientation tag is known when they are opened
# tags of TIFF
WIDTH, HEIGHT, BITS, PHOTOMETRIC, PALETTE, EXTRA, SIGNS = 256, 257, 258, 262, 320, 338, 339
# descriptions of changes to pixels, which follow a number of files
TURNED = "turned as their orientation tag says"
OPAQUE = "without their alpha channel, which has to be opaque"
PAINTED = "in the colours of their palette"
PRINTED = "of the colours of print or video, turned into RGB"
INVERTED = "whose 0 is white, turned over"
COARSE = "of 5 or 6 bits a channel, spread over 0 to 255"

NAMED = 3  # most files that are refused by name at once


@dataclass(frozen=True)
class Head:
    """Facts about one page of an image file.

    Args:
        width: in pixels, after the turn of the orientation tag.
        height: in pixels, likewise.
        channels: 1 or 3.
        levels: number of levels of a channel, 2 to 65536.
        page: page number in the file, from 0.
        turn: the orientation tag, 1 to 8; 1 if the reader applies it itself.
        reader: the reader that decodes it without loss: `pillow`, `png`, `tiff` or `pnm`.
        remarks: descriptions of changes to its pixels.
    """

    width: int
    height: int
    channels: int
    levels: int = 256
    page: int = 0
    turn: int = 1
    reader: str = "pillow"
    remarks: tuple[str, ...] = ()


def read_heads(paths: Iterable[Path]) -> list[tuple[Head, ...]]:
    """Reads the headers of many files with two threads, as `read_pages`.

    Raises:
        ValueError: as `read_pages`, or if a page takes more than the limit of memory (`data.limits`).
    """
    listed = list(paths)
    with quietly(), ThreadPoolExecutor(2) as pool:
        read = list(pool.map(_read_or_told, listed))
    refused = [error for error in read if isinstance(error, ValueError)]
    if len(refused) > 1 and not any(isinstance(error, Refusal) for error in refused):
        more = f"; and so {len(refused) - NAMED:,} more" if len(refused) > NAMED else ""
        raise ValueError("; ".join(str(error).rstrip(".") for error in refused[:NAMED]) + f"{more}.")
    if refused:
        raise refused[0]
    found = [pages for pages in read if not isinstance(pages, ValueError)]
    for path, pages in zip(listed, found):
        largest = max(pages, key=lambda head: head.width * head.height * head.channels)
        values = largest.width * largest.height * largest.channels
        check_memory(path, PIXEL * values, f"{largest.width}x{largest.height} pixels")
    return found


def _read_or_told(path: Path) -> tuple[Head, ...] | ValueError:
    try:
        return read_pages(path)
    except ValueError as error:
        return error


def read_pages(path: Path) -> tuple[Head, ...]:
    """Reads the header of every page or frame without decoding; previews are left out.

    Raises:
        ValueError: if the file is empty, not an image, too large, or of a depth that cannot be kept.
    """
    with opened(path) as image:
        frames = frames_of(path, image)
        heads = heads_of(path, image, frames.numbers)
        found = tuple(_checked(path, heads))
    if frames.left_out:
        found = (
            replace(found[0], remarks=(*found[0].remarks, f"without their {frames.left_out}")),
            *found[1:],
        )
    return found


def _checked(path: Path, heads: Iterable[Head]) -> Iterator[Head]:
    for i, head in enumerate(heads):
        if i and head.reader == "png":
            raise ValueError(
                f"{path} moves and has 16 bits a channel, of which only one frame can be read: save its "
                "frames as files of their own."
            )
        yield head


def heads_of(path: Path, image: Image.Image | None, pages: Iterable[int]) -> Iterator[Head]:
    """Yields the headers of pages; `image` is at a page while its header is in use.

    Args:
        path: the image file.
        image: the file as opened by Pillow, or None.
        pages: page numbers in rising order.
    """
    first = head_of(path, image, 0) if image is not None and image.format in MOVING else None
    for page in pages:
        yield replace(first, page=page) if first else head_of(path, at_page(path, image, page), page)


def head_of(path: Path, image: Image.Image | None, page: int) -> Head:
    """Returns the header of the page or frame at which `image` is.

    Args:
        path: the image file.
        image: the file as opened by Pillow, or None.
        page: its page number.

    Raises:
        ValueError: if it is too large, or has values that cannot be kept.
    """
    if image is None:
        return _tiff_head(path, page) if tiff.looks_like(path) else _pnm_head(path, page)
    width, height = image.size
    check_size(path, width, height)
    levels, reader = _depth(path, image)
    if reader == "tiff":
        return _tiff_head(path, page)
    turn = 1
    if image.format == "PNG":
        turn = png_chunks(path).turn
    elif image.format in TAGGED:
        turn = orientation(image)
    # Pillow opens grey of 16 bits with alpha as colour
    grey = gif_frames(path)[1] if image.format == "GIF" else is_grey(image) or "LA;16" in _unpacked(image)
    head = _seen(width, height, 1 if grey else 3, levels, page, turn, reader, _remarks(image))
    if image.format != "TIFF":
        return head
    tiff.check_segments(path, getattr(image, "tag_v2"))  # noqa: B009  (the type has no such field)
    # Pillow applies the tag itself, when it opens or when it loads, depending on its version
    width, height = tag_of(image, WIDTH, width), tag_of(image, HEIGHT, height)
    return replace(_seen(width, height, head.channels, levels, page, turn, reader, head.remarks), turn=1)


def _tiff_head(path: Path, page: int) -> Head:
    found = tiff.facts(path, page)
    check_size(path, found.width, found.height)
    remarks = (*([OPAQUE] if found.alpha else []), *([INVERTED] if found.inverted else []))
    levels = 2**found.bits
    return _seen(found.width, found.height, found.channels, levels, page, found.turn, "tiff", remarks)


def _pnm_head(path: Path, page: int) -> Head:
    one = pnm.maps(path)[page]
    check_size(path, one.width, one.height)
    remarks = (*([OPAQUE] if one.samples in (2, 4) else []), *([INVERTED] if one.kind in (1, 4) else []))
    return Head(one.width, one.height, one.channels, one.most + 1, page, 1, "pnm", remarks)


def _seen(
    width: int,
    height: int,
    channels: int,
    levels: int,
    page: int,
    turn: int,
    reader: str,
    remarks: tuple[str, ...],
) -> Head:
    if turn >= 5:
        width, height = height, width
    return Head(width, height, channels, levels, page, turn, reader, (*remarks, *([TURNED] * (turn > 1))))


def _remarks(image: Image.Image) -> tuple[str, ...]:
    """Describes the changes to the pixels of an image that Pillow decodes."""
    said = {
        OPAQUE: image.mode in ALPHA or "transparency" in image.info,
        PAINTED: image.mode in ("P", "PA") and image.format != "GIF",
        PRINTED: image.mode in ("CMYK", "YCbCr"),
        INVERTED: inverted(image),
        COARSE: any(kind in _unpacked(image) for kind in ("BGR;15", "BGR;16")),
    }
    return tuple(remark for remark, holds in said.items() if holds)


def _unpacked(image: Image.Image) -> str:
    """Returns Pillow's raw modes, from which it unpacks the pixels."""
    return str([tile[3] for tile in getattr(image, "tile", [])])


def inverted(image: Image.Image) -> bool:
    """Returns True if 0 means white; Pillow inverts such pixels only up to 8 bits."""
    return tag_of(image, PHOTOMETRIC, 1) == 0


def _depth(path: Path, image: Image.Image) -> tuple[int, str]:
    """Returns the number of levels of a channel, and the reader that keeps them."""
    if image.format == "TIFF" and (reader := _careful(path, image)):
        return 256, reader
    if image.format == "JPEG2000":
        return _wavelet_levels(path, image), "pillow"
    # for separate colour planes only the tag tells the depth
    bits = max(_bits(image), 16 if ";16" in _unpacked(image).replace("BGR;16", "") else 0)
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        kind = "real numbers (floats)" if image.mode == "F" else "signed or 32-bit whole numbers"
        raise tiff.no_levels(path, kind)
    if image.mode.startswith("I"):
        return 2 ** (bits if 8 < bits < 16 else 16), "pillow"
    if bits > 8:
        if image.format in {"PNG", "TIFF"}:
            return 2**bits, image.format.lower()
        raise ValueError(f"{path} has more than 8 bits a channel, kept for PNG, TIFF and PNM only.")
    if image.mode not in COLOUR | GREY | ALPHA:
        raise ValueError(f"{path} has the pixel mode {image.mode}; save it as grey or RGB.")
    return stored_levels(image, str(path)) if image.mode in GREY else 256, "pillow"


def _careful(path: Path, image: Image.Image) -> str:
    """Returns the reader for TIFF pages whose values Pillow would silently change, or an empty string.

    Raises:
        ValueError: if they are signed, or a palette is finer than 8 bits.
    """
    if 2 in np.atleast_1d(tag_of(image, SIGNS, 1)):
        raise tiff.no_levels(path, "signed or 32-bit whole numbers")
    if image.mode in ("P", "PA"):
        entries = np.atleast_1d(tag_of(image, PALETTE, 0))
        # palettes of 8 bits are stored as v * 256 or v * 257
        if not np.isin(entries % 256, (0,)).all() and (entries % 256 != entries // 256).any():
            raise ValueError(
                f"{path} has a palette of more than 8 bits a channel: save it as RGB of 16 bits or of 8."
            )
    # an extra channel of unspecified meaning may be alpha; Pillow cannot unpack L;IR
    return "tiff" if 0 in np.atleast_1d(tag_of(image, EXTRA, 1)) or "L;IR" in _unpacked(image) else ""


def _bits(image: Image.Image) -> int:
    bits = tag_of(image, BITS, 8)
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _wavelet_levels(path: Path, image: Image.Image) -> int:
    """Returns the levels of a JPEG 2000 file; refuses other depths than 8 and 16 bits."""
    with path.open("rb") as file:
        content = file.read(2**16)
    at = content.find(b"\xff\x4f\xff\x51") + 4
    count = int.from_bytes(content[at + 36 : at + 38], "big") if at > 3 else 0
    precisions = {content[at + 38 + 3 * i] + 1 for i in range(count) if at + 38 + 3 * i < len(content)}
    if precisions == {8}:
        return 256
    if precisions == {16} and image.mode == "I;16":
        return 2**16
    raise ValueError(
        f"{path} is a JPEG 2000 file of other than 8 bits a channel (or 16 bits of grey), which cannot be "
        "read without loss: save it as PNG or TIFF."
    )
