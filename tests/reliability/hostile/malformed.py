"""Malformed files by number: each number is one file, the same for ever.

Ways in which a valid file is spoilt, by its number: it is cut, bits are flipped, bytes are set to extremes
(declared sizes are among them), a block is repeated, removed or zero, or it has the beginning or the whole of
another kind. Beside them stand files that unpack to gigabytes or are nested by the thousand.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random

import numpy as np
import soundfile
import tifffile
from PIL import Image

from reliability.hostile.samples import saved

HUGE = (
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"\x00\x00\x00\x00",
)


def cut(r: Random, content: bytes, other: bytes) -> bytes:
    """The file without its end."""
    return content[: r.randrange(len(content))]


def flipped(r: Random, content: bytes, other: bytes) -> bytes:
    """Up to twenty bits turned."""
    spoilt = bytearray(content)
    for _ in range(r.randint(1, 20)):
        spoilt[r.randrange(len(spoilt))] ^= 1 << r.randrange(8)
    return bytes(spoilt)


def declared(r: Random, content: bytes, other: bytes) -> bytes:
    """Four bytes of the beginning or the end at an extreme, where sizes stand."""
    spoilt = bytearray(content)
    reach = min(len(spoilt) - 4, 256)
    at = r.randrange(max(1, reach))
    at = len(spoilt) - 4 - at if r.random() < 0.2 else at
    spoilt[max(0, at) : max(0, at) + 4] = r.choice(HUGE)
    return bytes(spoilt)


def blocks(r: Random, content: bytes, other: bytes) -> bytes:
    """A block removed, repeated, or zero."""
    a, b = sorted((r.randrange(len(content)), r.randrange(len(content))))
    middle = r.choice((b"", content[a:b] * r.randint(2, 50), bytes(b - a)))
    return content[:a] + middle + content[b:]


def begun_as_another(r: Random, content: bytes, other: bytes) -> bytes:
    """The first bytes of another kind."""
    n = r.choice((2, 4, 8, 16, 128))
    return other[:n] + content[n:]


def another(r: Random, content: bytes, other: bytes) -> bytes:
    """Another kind under this name, or noise."""
    return other if r.random() < 0.5 else r.randbytes(r.choice((0, 1, 7, 100, 5000)))


WAYS: tuple[Callable[[Random, bytes, bytes], bytes], ...] = (
    *(cut, flipped, flipped, declared, declared, blocks, begun_as_another, another),
)


def malformed(number: int, samples: dict[str, bytes]) -> tuple[str, bytes]:
    """The name and content of malformed file `number`."""
    r, names = Random(number), sorted(samples)
    name = names[number % len(names)]
    way = WAYS[number // len(names) % len(WAYS)]
    return name, way(r, samples[name], samples[r.choice(names)])


# ---- bombs


def gzipped(pattern: bytes, size: int) -> bytes:
    """A gzip file that unpacks to a pattern, over and over."""
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
        block = pattern * (2**20 // len(pattern))
        for _ in range(size >> 20):
            packed.write(block)
    return file.getvalue()


def zipped(size: int) -> bytes:
    """An .npz file of one array of zeros."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as x,
    ):
        x.write(
            saved(
                np.lib.format.write_array_header_1_0,
                {"descr": "<f8", "fortran_order": False, "shape": (size >> 6, 8)},
            )
        )
        for _ in range(size >> 20):
            x.write(bytes(2**20))
    return file.getvalue()


def matlab(size: int) -> bytes:
    """A MATLAB file of one packed array of bytes, all zero."""
    element = lambda kind, content: (
        struct.pack("<2I", kind, len(content)) + content + bytes(-len(content) % 8)
    )
    head = (
        element(6, struct.pack("<2I", 9, 0)) + element(5, struct.pack("<2i", size // 8, 8)) + element(1, b"x")
    )
    whole = len(head) + 8 + size
    packing = zlib.compressobj()
    packed = packing.compress(struct.pack("<2I", 14, whole) + head + struct.pack("<2I", 2, size))
    for _ in range(size >> 20):
        packed += packing.compress(bytes(2**20))
    packed += packing.flush()
    return (
        b"MATLAB 5.0".ljust(124)
        + struct.pack("<2H", 0x100, 0x4D49)
        + struct.pack("<2I", 15, len(packed))
        + packed
    )


def nested_cells(depth: int) -> bytes:
    """A MATLAB file of cells within each other, around a long array."""
    head = (
        struct.pack("<2I", 6, 8)
        + struct.pack("<2I", 1, 0)
        + struct.pack("<2I2i", 5, 8, 1, 1)
        + struct.pack("<2I", 1, 0)
    )
    inner = bytes(0)
    for _ in range(depth):
        inner = struct.pack("<2I", 14, len(head) + len(inner)) + head + inner
    return b"MATLAB 5.0".ljust(124) + struct.pack("<2H", 0x100, 0x4D49) + inner


def wide_picture(side: int) -> bytes:
    """A PNG file of one colour."""
    return saved(Image.new("RGB", (side, side)).save, format="PNG")


def deep_picture(side: int) -> bytes:
    """A TIFF file of 16-bit colour, all of it 0."""
    return saved(
        tifffile.imwrite, np.zeros((side, side, 3), np.uint16), compression="zlib", photometric="rgb"
    )


def silence(samples: int) -> bytes:
    """A FLAC file of silence."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8000, 1, format="FLAC") as sound:
        for _ in range(samples >> 20):
            sound.write(np.zeros(2**20))
    return file.getvalue()


def ragged_music() -> bytes:
    """A piece of many frames beside many of one: rows are padded to the longest."""
    return json.dumps({"train": [[[]] * 100_000, *[[[60]]] * 100_000]}).encode()


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "gzipped table": ("table.csv.gz", lambda: gzipped(b"1,2\n", 2**30)),
    "gzipped line": ("table.csv.gz", lambda: gzipped(b"1,", 2**28)),
    "gzipped blanks": ("table.csv.gz", lambda: gzipped(b"\n", 2**28)),
    "gzipped music": ("music.json.gz", lambda: gzipped(b"[],[", 2**28)),
    "lists": ("music.json", lambda: b'{"train": [' + b"[]," * 2**23 + b"[]]}"),
    "nested music": ("music.json", lambda: b"[" * 100_000),
    "nested objects": ("music.json", lambda: b'{"train":' * 900 + b"1" + b"}" * 900),
    "ragged music": ("music.json", ragged_music),
    "npz": ("arrays.npz", lambda: zipped(2**31)),
    "mat": ("arrays.mat", lambda: matlab(2**31)),
    "cells": ("arrays.mat", lambda: nested_cells(2000)),
    "picture": ("images/a.png", lambda: wide_picture(9000)),
    "deep picture": ("images/b.tiff", lambda: deep_picture(6000)),
    "silence": ("sounds/b.flac", lambda: silence(2**27)),
}
