"""Tiny images of more than 8 bits, in every kind of file that keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import png
import tifffile
from PIL import Image

# every value of 16 bits once, and three channels that differ
RAMP = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
COLOURS = np.stack([RAMP, RAMP[::-1], RAMP.T], -1)


def deep(seed: int, height: int = 9, width: int = 11, below: int = 2**16) -> np.ndarray:
    """Random grey levels; the highest is there."""
    x = np.random.default_rng(seed).integers(0, below, (height, width)).astype(np.uint16)
    x[0, 0] = below - 1
    return x


def write_png(path: Path, x: np.ndarray, **options) -> Path:
    """Grey (H, W) or (H, W, C) of 16 bits by pypng."""
    kind = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[1 if x.ndim == 2 else x.shape[2]]
    flat = x.reshape(len(x), -1).tolist()
    height, width = x.shape[:2]
    writer = png.Writer(width, height, greyscale="L" in kind, alpha="A" in kind, bitdepth=16, **options)
    with path.open("wb") as file:
        writer.write(file, flat)
    return path


def write_tiff(path: Path, x: np.ndarray, **options) -> Path:
    """Any array by tifffile."""
    tifffile.imwrite(path, x, **options)
    return path


def write_pnm(path: Path, x: np.ndarray, maxval: int = 65535) -> Path:
    """Binary PGM or PPM."""
    kind = b"P5" if x.ndim == 2 else b"P6"
    path.write_bytes(kind + b"\n%d %d\n%d\n" % (x.shape[1], x.shape[0], maxval) + x.astype(">u2").tobytes())
    return path


def write_pillow(path: Path, x: np.ndarray, **options) -> Path:
    """Grey (H, W) of 16 bits by Pillow."""
    Image.fromarray(x).save(path, **options)
    return path


def write_slides(folder: Path, sizes: list[tuple[int, int]], seed: int = 0) -> list[np.ndarray]:
    """Files 0.png, 1.tif, 2.png, ... of these heights and widths, and their pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = [deep(seed + i, *size) for i, size in enumerate(sizes)]
    for i, x in enumerate(arrays):
        write_pillow(folder / f"{i}.png", x) if i % 2 == 0 else write_tiff(folder / f"{i}.tif", x)
    return arrays
