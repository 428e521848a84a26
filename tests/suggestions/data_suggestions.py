"""Files that `load_data` refuses, or speaks of, with a suggestion: a case for each sentence of the source."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from PIL import Image
from scipy.io import wavfile

R = np.random.default_rng(0)
ROWS = 40
KEEP = {"validation": 0, "test": 0}


@dataclass(frozen=True)
class Says:
    """A sentence and how it comes about.

    Args:
        site: file of the source, below the package.
        words: of the sentence, as they stand in the source and in the message.
        make: writes files into a folder and returns what is loaded, with options.
        where: `error`, or the note of the data or the log that has the sentence.
    """

    site: str
    words: str
    make: Callable[[Path], tuple[Any, dict[str, Any]]]
    where: str = "error"


def text(name: str, content: str | bytes, **options: Any) -> Callable[[Path], tuple[Any, dict[str, Any]]]:
    """A file of text."""

    def make(folder: Path) -> tuple[Any, dict[str, Any]]:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path, dict(options)

    return make


def pictures(sizes: list[tuple[int, int]], **options: Any) -> Callable[[Path], tuple[Any, dict[str, Any]]]:
    """Pillow images in memory."""
    return lambda _: ([Image.new("L", size) for size in sizes * 6], options)


def csv(columns: dict[str, list], **options: Any) -> Callable[[Path], tuple[Any, dict[str, Any]]]:
    """A table."""
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values()))]
    return text("t.csv", "\n".join(rows) + "\n", **options)


def numbers(n: int = ROWS) -> list[float]:
    """Random numbers of three decimals."""
    return R.normal(size=n).round(3).tolist()


def npz(**arrays: np.ndarray) -> Callable[[Path], tuple[Any, dict[str, Any]]]:
    """Arrays in a file."""

    def make(folder: Path) -> tuple[Any, dict[str, Any]]:
        np.savez(folder / "a.npz", **arrays)
        return folder / "a.npz", {}

    return make


def cells(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Two cells of sequences in a .mat file."""
    made = {}
    for name in ("songs", "tunes"):
        cell = np.empty((1, 8), dtype=object)
        for i in range(8):
            cell[0, i] = (R.random((5 + i, 6)) < 0.3).astype(float)
        made[name] = cell
    scipy.io.savemat(folder / "a.mat", made)
    return folder / "a.mat", {}


def wave_bytes(n: int) -> bytes:
    """A recording."""
    file = io.BytesIO()
    wavfile.write(file, 8000, R.integers(-(2**15), 2**15, n).astype(np.int16))
    return file.getvalue()


def waves(
    lengths: list[int], inner: str = "", **options: Any
) -> Callable[[Path], tuple[Any, dict[str, Any]]]:
    """Recordings of these lengths."""

    def make(folder: Path) -> tuple[Any, dict[str, Any]]:
        for i, n in enumerate(lengths):
            path = folder / inner.format(i=i) / f"{i:02d}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wave_bytes(n))
        return folder, dict(options)

    return make


def one_wave(folder: Path) -> tuple[Any, dict[str, Any]]:
    """A single recording in windows."""
    (folder / "a.wav").write_bytes(wave_bytes(4000))
    return folder / "a.wav", {"tile": 16}


def motion_text(frames: int) -> str:
    """A recorded motion of two channels."""
    skeleton = "HIERARCHY ROOT Hips { OFFSET 0 0 0 CHANNELS 2 Xposition Yrotation }"
    head = f"{skeleton} MOTION Frames: {frames} Frame Time: 0.1"
    return "\n".join([head, *(f"{v:.3f} {w:.3f}" for v, w in R.normal(size=(frames, 2)))])


def one_motion(folder: Path) -> tuple[Any, dict[str, Any]]:
    """A single recorded motion."""
    (folder / "a.bvh").write_text(motion_text(60))
    return folder / "a.bvh", {}


def one_image(folder: Path) -> tuple[Any, dict[str, Any]]:
    """A single image."""
    Image.fromarray(R.integers(0, 200, (33, 47)).astype(np.uint8)).save(folder / "a.png")
    return folder / "a.png", {}


def images(sizes: list[tuple[int, int]], deep: bool = False, **options: Any):
    """Images of these sizes; the last one of 16 bits where they are to differ in depth."""

    def make(folder: Path) -> tuple[Any, dict[str, Any]]:
        for i, (height, width) in enumerate(sizes):
            x = R.integers(0, 200, (height, width))
            wide = deep and i == len(sizes) - 1
            Image.fromarray(x.astype(np.uint16 if wide else np.uint8)).save(folder / f"{i}.png")
        return folder, dict(options)

    return make


def nested_images(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Images in folders of classes and of patients."""
    for kind in "ab":
        for patient in range(6):
            for i in range(3):
                path = folder / kind / f"p{patient}" / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(R.integers(0, 256, (4, 4)).astype(np.uint8)).save(path)
    return folder, {}


def ten_bits(folder: Path) -> tuple[Any, dict[str, Any]]:
    """A TIFF file whose values are packed into 10 bits."""
    rows = (np.arange(48).reshape(6, 8) * 21)[:, :, None] >> np.arange(9, -1, -1) & 1
    content = b"".join(np.packbits(row.astype("u1").ravel()).tobytes() for row in rows)
    facts = {256: 8, 257: 6, 258: 10, 259: 1, 262: 1, 273: 8, 277: 1, 278: 6, 279: len(content)}
    tags = b"".join(struct.pack("<HHII", t, 4 if t in (273, 279) else 3, 1, v) for t, v in facts.items())
    at = struct.pack("<I", 8 + len(content))
    whole = b"II*\0" + at + content + struct.pack("<H", len(facts)) + tags + bytes(4)
    (folder / "a.tif").write_bytes(whole)
    return folder, {}


HOLED = R.normal(size=(ROWS, 3))
HOLED[3, 1] = np.nan
CASES = (
    Says(
        "data/arrays/parts.py",
        "could be the observations",
        npz(a=R.normal(size=(30, 4)), b=R.normal(size=(30, 5))),
    ),
    Says("data/arrays/sequences.py", "cells that could be the sequences", cells),
    Says("data/arrays/shapes.py", "where NaN stands for what is missing", npz(x=HOLED)),
    Says("data/arrays/shapes.py", "or if they are levels", npz(x=R.integers(0, 900, (ROWS, 3)))),
    Says("data/arrays/pictures.py", "or for central squares load them with", pictures([(11, 9), (7, 13)])),
    Says("data/arrays/pictures.py", ", smaller than ", pictures([(11, 9), (7, 13)], crop=8)),
    Says(
        "data/audio/windows.py",
        "fewer than crop={}: remove it, or load the data with",
        waves([37, 50, 23, 61], crop=24, **KEEP),
    ),
    Says("data/audio/windows.py", "no recording has a window", waves([37, 50, 23, 61], tile=62, **KEEP)),
    Says("data/audio/windows.py", "the recordings differ in length", waves([37, 50, 23, 61], **KEEP)),
    Says("data/audio/windows.py", "does not divide", waves([37, 50, 61], tile=20, frame=6, **KEEP)),
    Says("data/motion/recordings.py", "is a single recording of", one_motion),
    Says("data/images/depth.py", "the images differ in depth", images([(6, 6)] * 12, deep=True)),
    Says("data/images/folders.py", "is a single image", one_image),
    Says("data/images/geometry.py", "the images of ", lambda _: ("digits", {"crop": 9})),
    Says("data/images/geometry.py", "remove it, or load the data with ", images([(8, 8)] * 12, crop=9)),
    Says("data/images/geometry.py", "or for central squares load them with", images([(11, 9), (7, 13)] * 6)),
    Says("data/inspection/facts.py", "folders may say whose", nested_images, "inspection"),
    Says(
        "data/inspection/facts.py",
        "may say whose rows these are",
        csv({"patient": [i // 4 for i in range(ROWS)], "a": numbers(), "b": numbers()}),
        "inspection",
    ),
    Says(
        "data/leaks/search.py",
        "drop copies with duplicates='drop'",
        csv({"a": numbers(20) * 2, "b": numbers(20) * 2}),
        "log",
    ),
    Says("data/listing.py", "which cannot be split into train", images([(8, 8)])),
    Says("data/listing.py", "with {} to test on its end", one_wave),
    Says("data/sources/stream.py", "or load the data with {}", images([(8, 8)] * 12, stream=True), "x"),
)
