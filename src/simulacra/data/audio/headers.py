"""Compares the sizes in the header of a recording with the bytes that are there.

libsndfile reads truncated files without an error, and reads no samples where a length is left at 0 (files
written to a pipe). Sizes are therefore checked before it is called, and missing ones are filled in.

    .wav    RIFF, RIFX (big-endian), RF64 and BW64: chunks of a name, a size and that many bytes
    .au     offset of the samples and their size in bytes, or 2^32 - 1 if unknown
    .aiff   FORM and the size of all the rest
    .w64    the size of the file
    .ogg    pages; the last one is marked as the last
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

UNKNOWN = 0x7FFFF000  # sizes from here on mean "unknown" if the file is smaller
PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE


class Damaged(Exception):
    """Raised where a header contradicts itself, or the file is shorter than the header says."""


@dataclass(frozen=True)
class Format:
    """The format chunk (`fmt`) of a .wav file.

    Args:
        code: number of the codec.
        channels: number of channels.
        rate: sampling rate in Hz.
        block: bytes of one sample of all channels.
        bits: bits a sample.
    """

    code: int
    channels: int
    rate: int
    block: int
    bits: int

    def check(self) -> None:
        """Raises Damaged if the numbers contradict each other."""
        if self.code in (PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE):
            wanted = self.channels * -(-self.bits // 8)
            byte_law = self.code in (A_LAW, MU_LAW) and self.bits != 8
            if not self.channels or not self.bits or not self.rate or self.block != wanted or byte_law:
                raise Damaged(
                    f"its header says {self.channels} channels of {self.bits} bits in {self.block} bytes, "
                    f"at {self.rate} a second"
                )


def checked(content: bytes) -> bytes:
    """Returns the bytes of a recording with missing sizes filled in.

    Raises:
        Damaged: if the file ends before its header says so, or the header contradicts itself.
    """
    magic = content[:4]
    try:
        if magic in (b"RIFF", b"RIFX", b"RF64", b"BW64") and content[8:12] == b"WAVE":
            return _wav(content, ">" if magic == b"RIFX" else "<", magic in (b"RF64", b"BW64"))
        promised = _promised(content, magic)
    except (struct.error, IndexError) as error:
        raise Damaged("it ends within its header") from error
    if promised > len(content):
        raise Damaged(f"its header promises {promised} bytes, but it has {len(content)}")
    return content


def _promised(content: bytes, magic: bytes) -> int:
    """Returns the size of the file according to its header, or 0 if the header does not say it."""
    if magic == b"FORM":
        return struct.unpack_from(">I", content, 4)[0] + 8
    if magic == b".snd":
        start, size = struct.unpack_from(">2I", content, 4)
        return start + (0 if size == 0xFFFFFFFF else size)
    if magic == b"riff":
        return struct.unpack_from("<Q", content, 16)[0]
    return _end_of_ogg(content) if magic == b"OggS" else 0


def _end_of_ogg(content: bytes) -> int:
    """Returns the offset at which the last page ends."""
    at, last = 0, False
    while content[at : at + 4] == b"OggS":
        last = bool(content[at + 5] & 4)
        segments = content[at + 26]
        at += 27 + segments + sum(content[at + 27 : at + 27 + segments])
    if not last:
        raise Damaged("its last page is missing")
    return at


def _wav(content: bytes, order: str, wide: bool) -> bytes:
    """Returns a .wav file with correct sizes in its header."""
    at, form, sizes = 12, None, None
    while at + 8 <= len(content):
        name, size = content[at : at + 4], struct.unpack_from(f"{order}I", content, at + 4)[0]
        if name == b"data":
            return _with_sizes(content, order, at, size, form, sizes)
        if name == b"fmt " and at + 24 <= len(content):
            code, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", content, at + 8)
            form = Format(code, channels, rate, block, bits)
        if name == b"ds64" and wide and at + 24 <= len(content):
            sizes = at + 8
        at += 8 + size + size % 2
    raise Damaged("it ends before its samples begin")


def _with_sizes(
    content: bytes, order: str, at: int, size: int, form: Format | None, sizes: int | None
) -> bytes:
    """Returns the file with the size of its samples filled in, if it was missing.

    Args:
        at: offset of the chunk of samples.
        size: size of that chunk according to the header.
        sizes: offset of the 64-bit sizes of file and samples, or None.
    """
    if form is None:
        raise Damaged("it has no chunk that says how its samples are stored")
    form.check()
    left = len(content) - at - 8
    if sizes is not None and size == 0xFFFFFFFF:
        size = struct.unpack_from("<Q", content, sizes + 8)[0]
        size = 0xFFFFFFFF if not size or size >= 2**62 else size
    whole = struct.unpack_from(f"{order}I", content, 4)[0]
    piped = size >= UNKNOWN or (size == 0 and left > 0 and whole != len(content) - 8)
    if size <= left and not piped:
        return content
    if not piped:
        raise Damaged(f"its header promises {size} bytes of samples, but {left} are left")
    rest = left % form.block if form.block else 0
    # a chunk with an odd number of bytes may be padded by one
    padded = rest == 1 and content[-1] == 0 and left % 2 == 0
    if rest and not padded:
        raise Damaged("it ends within a sample")
    known = bytearray(content[: len(content) - rest])
    struct.pack_into(f"{order}I", known, at + 4, min(left - rest, 0xFFFFFFFE))
    struct.pack_into(f"{order}I", known, 4, min(len(known) - 8, 0xFFFFFFFE))
    if sizes is not None:
        known[:4] = b"RIFF"
    return bytes(known)
