"""Reader of PBM, PGM, PPM and PAM files (portable bitmaps, greymaps and pixmaps), with all images of a file.

Pillow is not used: it rescales values to 0 to 255 or 65535, clips those above the maximum, reduces deep
colour to 8 bits, reads only the first of several images, is 1,000 times slower if the maximum is not 255, and
does not read PAM.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from simulacra.data.images.tiff import damaged

MAGIC = tuple(b"P%d" % i for i in range(1, 8))
KINDS = {1: "BLACKANDWHITE GRAYSCALE", 2: "GRAYSCALE_ALPHA BLACKANDWHITE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}
LONGEST = 2**16  # most bytes of a header with its comments


@dataclass(frozen=True)
class Map:
    """The header of one image of a file.

    Args:
        kind: 1 to 7, as in the magic numbers P1 to P7.
        width: in pixels.
        height: in pixels.
        samples: samples a pixel, including alpha.
        most: the maximum of the values.
        start: offset of the values in the file.
    """

    kind: int
    width: int
    height: int
    samples: int
    most: int
    start: int

    @property
    def bytes(self) -> int:
        """Number of bytes of the values; not valid for the text formats (kinds 1 to 3)."""
        if self.kind == 4:
            return (self.width + 7) // 8 * self.height
        return self.width * self.height * self.samples * (2 if self.most > 255 else 1)

    @property
    def channels(self) -> int:
        """1 or 3, without alpha."""
        return 1 if self.samples < 3 else 3


def looks_like(content: bytes) -> bool:
    """Returns True if the content starts with the magic number of one of these formats."""
    return content[:2] in MAGIC and content[2:3] in (b" ", b"\t", b"\n", b"\r", b"\v", b"\f", b"#")


def maps(path: Path) -> list[Map]:
    """Reads the headers of all images of a file.

    Raises:
        ValueError: if a header is damaged, or the file is longer or shorter than it says.
    """
    there, at = path.stat().st_size, 0
    found: list[Map] = []
    with path.open("rb") as file:
        while True:
            try:
                one = _header(file)
            except (ValueError, OverflowError) as error:
                what = error if not found else f"{there - at} bytes more than its header promises"
                raise damaged(path, what) from error
            found.append(one)
            if one.kind <= 3:
                return found
            at = one.start + one.bytes
            if at > there:
                raise damaged(path, f"{there - one.start} of {one.bytes} bytes are there")
            file.seek(at)
            if not file.read(LONGEST).strip():
                return found
            file.seek(at)


def pixels(path: Path, number: int) -> np.ndarray:
    """Reads image `number` of a file as stored, shape (C, H, W), uint8 or uint16; alpha is the last channel.

    Args:
        path: the file.
        number: number of the image in the file, from 0.

    Raises:
        ValueError: if the file is damaged, or a value exceeds the maximum of its header.
    """
    one = maps(path)[number]
    with path.open("rb") as file:
        file.seek(one.start)
        values = _text(path, file.read(), one) if one.kind <= 3 else _raw(file.read(one.bytes), one)
    flat = values.reshape(one.height, one.width, one.samples).transpose(2, 0, 1)
    if flat.max(initial=0) > one.most:
        raise damaged(path, f"it holds {flat.max()}, its header says {one.most} at most")
    # in bitmaps 1 means black
    return (1 - flat).astype(np.uint8) if one.kind in (1, 4) else flat.astype(depth(one))


def depth(one: Map) -> type[np.uint8] | type[np.uint16]:
    """Returns the type of the values."""
    return np.uint8 if one.most <= 255 else np.uint16


def _raw(content: bytes, one: Map) -> np.ndarray:
    if one.kind == 4:
        bits = np.unpackbits(np.frombuffer(content, np.uint8).reshape(one.height, -1), axis=1)
        return bits[:, : one.width]
    return np.frombuffer(content, np.uint8 if one.most <= 255 else ">u2")


def _text(path: Path, content: bytes, one: Map) -> np.ndarray:
    lines = b" ".join(line.split(b"#")[0] for line in content.split(b"\n"))
    # the digits of a text bitmap may stand without blanks
    words = [bytes([c]) for c in b"".join(lines.split())] if one.kind == 1 else lines.split()
    count = one.width * one.height * one.samples
    if len(words) != count or not all(word.isdigit() and len(word) < 8 for word in words):
        raise damaged(path, f"its text holds {len(words)} values, its header promises {count} numbers")
    return np.array(words).astype(np.int64)


def _header(file: IO[bytes]) -> Map:
    """Reads the header at the current position.

    Raises:
        ValueError: if there is no valid header.
    """
    begin = file.tell()
    content = file.read(LONGEST)
    if not looks_like(content):
        raise ValueError("it does not begin with P1 to P7")
    kind = content[1] - ord("0")
    if kind == 7:
        width, height, samples, most, length = _arbitrary(content)
    else:
        words, length = _words(content, 2 if kind in (1, 4) else 3)
        (width, height, *rest), samples = [int(word) for word in words], 3 if kind in (3, 6) else 1
        most = rest[0] if rest else 1
    if min(width, height, most) < 1 or most > 65535:
        raise ValueError(f"its header says {width}x{height} and a maximum of {most}")
    return Map(kind, width, height, samples, most, begin + length)


def _words(content: bytes, count: int) -> tuple[list[bytes], int]:
    """Returns the numbers of a header after its first two bytes, and the offset of the values."""
    words, at = [], 2
    for _ in range(count):
        while content[at : at + 1].isspace() or content[at : at + 1] == b"#":
            # a comment ends with its line
            at = _end(content, at) if content[at : at + 1] == b"#" else at + 1
        end = at
        while content[end : end + 1].isdigit() and end - at < 10:
            end += 1
        words.append(content[at:end])
        at = end
    return words, at + 1  # a single blank separates header and values


def _end(content: bytes, at: int) -> int:
    ends = [end for end in (content.find(b"\n", at), content.find(b"\r", at)) if end >= 0]
    return min(ends, default=len(content)) + 1


def _arbitrary(content: bytes) -> tuple[int, int, int, int, int]:
    """Returns width, height, samples, maximum and length of the header of a PAM file."""
    said: dict[bytes, bytes] = {}
    for line, end in _lines(content):
        name, _, value = line.strip().partition(b" ")
        if name == b"ENDHDR":
            words = [said.get(key, b"") for key in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")]
            if not all(word.isdigit() and len(word) < 10 for word in words):
                raise ValueError("its header lacks a size, or has one that is no number")
            width, height, samples, most = map(int, words)
            kind = said.get(b"TUPLTYPE", b"").decode("latin-1")
            # without TUPLTYPE, one sample is grey and three are RGB
            known = KINDS.get(samples, "").split() + [""] * (samples in (1, 3))
            if kind not in known:
                raise ValueError(f"its {samples} samples a pixel are of the type {kind or 'none'!r}")
            return width, height, samples, most, end
        if name and not name.startswith(b"#"):
            said[name] = value.strip()
    raise ValueError("its header does not end")


def _lines(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Yields the lines after the first one with their end offsets."""
    at = content.find(b"\n") + 1
    while 0 < at < len(content):
        end = content.find(b"\n", at) + 1
        yield content[at:end], end
        at = end
