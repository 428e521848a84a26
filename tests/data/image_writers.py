"""Image files in many dialects, written apart from the library: what stands in them is known."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import png
from PIL import Image

ORIENTATION = 274
# what is seen of (H, W, ...) when the orientation tag says so
SEEN = {
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: np.rot90,
}


def planes(x: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) as (C, H, W)."""
    return x[None] if x.ndim == 2 else x.transpose(2, 0, 1)


def png_bytes(x: np.ndarray, bits: int = 8, **options) -> bytes:
    """A PNG file by pypng: (H, W) grey or indices, or (H, W, C) with C 2 to 4, the last of 2 and 4 alpha."""
    channels = 1 if x.ndim == 2 else x.shape[2]
    kind = {} if "palette" in options else {"greyscale": channels < 3, "alpha": channels in (2, 4)}
    writer = png.Writer(x.shape[1], x.shape[0], bitdepth=bits, **kind, **options)
    out = io.BytesIO()
    writer.write(out, x.reshape(len(x), -1).tolist())
    return out.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of PNG with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def tag_chunk(turn: int, kind: str) -> bytes:
    """An orientation tag as a chunk: `eXIf`, or text of one of three kinds as older programs write it."""
    tags = Image.Exif()
    tags[ORIENTATION] = turn
    exif = tags.tobytes().removeprefix(b"Exif\0\0")
    if kind == "eXIf":
        return chunk(b"eXIf", exif)
    profile = (b"Exif\0\0" + exif).hex().encode()
    name, text = b"Raw profile type exif", b"\nexif\n%8d\n%s\n" % (len(exif) + 6, profile)
    said = {
        "tEXt": name + b"\0" + text,
        "zTXt": name + b"\0\0" + zlib.compress(text),
        "iTXt": name + b"\0\0\0\0\0" + text,
    }
    return chunk(kind.encode(), said[kind])


def with_chunk(content: bytes, added: bytes, behind: bool) -> bytes:
    """A PNG file with one chunk more, before or behind its pixels."""
    at = content.index(b"IEND" if behind else b"IDAT") - 4
    return content[:at] + added + content[at:]


def pnm_bytes(x: np.ndarray, most: int, plain: bool = False, comment: bytes = b"") -> bytes:
    """PGM or PPM of (H, W) or (H, W, 3), as text or as bytes."""
    kind = (2 if plain else 5) + (x.ndim == 3)
    head = b"P%d %s\n%d\t%d\n%d\n" % (kind, comment, x.shape[1], x.shape[0], most)
    if plain:
        return head + b"\n".join(b" ".join(b"%d" % v for v in row) for row in x.reshape(len(x), -1)) + b"\n"
    return head + x.astype(">u2" if most > 255 else "u1").tobytes()


def pam_bytes(x: np.ndarray, most: int) -> bytes:
    """PAM of (H, W, C) with C 1 to 4."""
    kind = {1: b"GRAYSCALE", 2: b"GRAYSCALE_ALPHA", 3: b"RGB", 4: b"RGB_ALPHA"}[x.shape[2]]
    numbers = (x.shape[1], x.shape[0], x.shape[2], most, kind)
    head = b"P7\n# by a test\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n" % numbers
    return head + x.astype(">u2" if most > 255 else "u1").tobytes()


def pbm_bytes(x: np.ndarray, plain: bool = False) -> bytes:
    """PBM of 0/1, in which 1 is black."""
    head = b"P%d\n%d %d\n" % (1 if plain else 4, x.shape[1], x.shape[0])
    if plain:
        return head + b"\n".join(b"".join(b"%d" % v for v in row) for row in x) + b"\n"
    return head + np.packbits(x.astype(np.uint8), axis=1).tobytes()


def tiff_bytes(x: np.ndarray, bits: int, order: str = "<", photometric: int = 1, fill: int = 1) -> bytes:
    """A TIFF file of (H, W) levels below 2**bits, up to 8 of them, in one strip."""
    single = np.unpackbits(x.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
    content = np.packbits(single.reshape(len(x), -1), axis=1)
    if fill == 2:
        content = np.packbits(np.unpackbits(content.reshape(-1, 1), axis=1)[:, ::-1], axis=1)
    height, width, length = *x.shape, content.size
    tags = {
        256: width,
        257: height,
        258: bits,
        259: 1,
        262: photometric,
        266: fill,
        273: 0,
        277: 1,
        278: height,
    }
    tags[279], tags[273] = length, 8 + 2 + 12 * (len(tags) + 1) + 4
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    for tag, value in sorted(tags.items()):
        out += struct.pack(order + "HHII", tag, 4, 1, value)
    return out + struct.pack(order + "I", 0) + content.tobytes()


def moving(path: Path, frames: list[np.ndarray], **options) -> None:
    """An animation, or a file of several pages, by Pillow."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, **options)
