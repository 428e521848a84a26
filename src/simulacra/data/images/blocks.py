"""Walks through the blocks of PNG and GIF files without decoding pixels.

Pillow is not used for it: it decodes a PNG file to find an orientation tag behind its pixels (0.1 s for 12
million of them), trusts the number of frames in the header, and does not report the palettes of the later
frames of a GIF file. Text chunks of PNG are parsed by Pillow.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import Image
from PIL.PngImagePlugin import PngStream

from simulacra.data.images.tiff import damaged

TEXT = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}  # chunks that may hold an orientation tag
ORIENTATION = 274


@dataclass(frozen=True)
class Chunks:
    """Facts from the chunks of a PNG file.

    Args:
        turn: the orientation tag, 1 to 8.
        frames: number of frames of an animation, 0 if there is none.
        apart: True if the default image is not a frame of the animation.
    """

    turn: int
    frames: int
    apart: bool


def orientation(image: Image.Image) -> int:
    """Returns the orientation tag of an opened image, 1 to 8; a damaged tag counts as 1."""
    try:
        tag = image.getexif().get(ORIENTATION, 1)
    except Exception:
        # Pillow raises many exceptions on damaged tags, which viewers ignore
        return 1
    return tag if tag in range(1, 9) else 1


def png_chunks(path: Path) -> Chunks:
    """Reads the facts in the chunks of a PNG file; pixels are skipped.

    Raises:
        ValueError: if a chunk of text or tags is damaged.
    """
    try:
        with path.open("rb") as file:
            return _png_chunks(file)
    except (SyntaxError, ValueError, OSError, IndexError, struct.error) as error:
        raise damaged(path, error) from error


def _png_chunks(file: IO[bytes]) -> Chunks:
    file.seek(8)
    stream = PngStream(file)
    frames, animated, apart = 0, False, False
    while True:
        try:
            kind, at, length = stream.read()
        except (SyntaxError, struct.error):
            break  # truncated: decoding the pixels reports it
        if kind == b"IEND":
            break
        animated |= kind == b"acTL"
        apart |= kind == b"IDAT" and not frames
        frames += kind == b"fcTL"
        if kind in TEXT:
            stream.crc(kind, stream.call(kind, at, length))
        else:
            file.seek(length + 4, 1)
    # the base class parses tags without decoding, unlike the class for PNG
    parsed = Image.Image()
    parsed.info = {key: value for key, value in stream.im_info.items() if isinstance(key, str)}
    return Chunks(orientation(parsed), frames if animated else 0, apart)


def gif_frames(path: Path) -> tuple[int, bool, bool]:
    """Reads the frames of a GIF file without decoding.

    Returns:
        The number of frames, True if all palettes are grey, and True if the first frame covers the canvas.

    Raises:
        ValueError: if the file is truncated.
    """
    try:
        with path.open("rb") as file:
            return _gif_frames(file)
    except EOFError as error:
        raise damaged(path, error) from error


def _gif_frames(file: IO[bytes]) -> tuple[int, bool, bool]:
    file.seek(6)
    width, height, packed = _number(file), _number(file), _read(file, 3)[0]
    whole = _is_grey(file, packed)
    frames, grey, covers = 0, True, True
    while (kind := file.read(1)) not in (b"", b";"):
        if kind == b"!":
            _read(file, 1)
        elif kind == b",":
            place = tuple(_number(file) for _ in range(4))
            packed = _read(file, 1)[0]
            grey &= _is_grey(file, packed) if packed & 128 else whole
            covers &= frames > 0 or (place[:2] == (0, 0) and place[2] >= width and place[3] >= height)
            frames += 1
            _read(file, 1)
        else:
            continue  # padding between blocks
        while size := _read(file, 1)[0]:
            file.seek(size, 1)
    return frames, grey, covers


def _is_grey(file: IO[bytes], packed: int) -> bool:
    """Returns True if the palette at this place holds only greys, or there is none."""
    table = _read(file, 3 << ((packed & 7) + 1)) if packed & 128 else b""
    return table[::3] == table[1::3] == table[2::3]


def _number(file: IO[bytes]) -> int:
    return int.from_bytes(_read(file, 2), "little")


def _read(file: IO[bytes], count: int) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise EOFError("it breaks off within a block")
    return content
