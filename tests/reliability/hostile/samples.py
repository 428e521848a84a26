"""Small valid files of every kind that is read, which the generators of malformed files begin from."""

from __future__ import annotations

import gzip
import io
import json
import zlib

import numpy as np
import scipy.io
import soundfile
import tifffile
import torch
from PIL import Image

from simulacra.data.audio.midi import midi_bytes

rng = lambda: np.random.default_rng(0)


def table() -> bytes:
    """Thirty rows of numbers, words and classes."""
    rows = [f"{x:.3f},{n},{'ab'[n % 2]}" for x, n in zip(rng().normal(size=30), range(30))]
    return ("x,count,class\n" + "\n".join(rows) + "\n").encode()


def saved(write, *arguments, **named) -> bytes:
    """The bytes that a writer of files gives."""
    file = io.BytesIO()
    write(file, *arguments, **named)
    return file.getvalue()


def picture(kind: str, mode: str = "RGB") -> bytes:
    """Six by five pixels."""
    pixels = rng().integers(0, 255, (6, 5, 3), np.uint8)
    return saved(Image.fromarray(pixels).convert(mode).save, format=kind)


def moving() -> bytes:
    """Three frames of an animation."""
    frames = [Image.fromarray(rng().integers(0, 255, (6, 5), np.uint8)) for _ in range(3)]
    return saved(frames[0].save, format="GIF", save_all=True, append_images=frames[1:])


def sound(kind: str) -> bytes:
    """A tenth of a second."""
    return saved(soundfile.write, 0.1 * rng().normal(size=800).clip(-1, 1), 8000, format=kind)


def music() -> bytes:
    """Three pieces of music."""
    pieces = [[[60, 64], [], [67]] * 4] * 3
    return json.dumps({"train": pieces, "valid": pieces, "test": pieces}).encode()


def arrays() -> dict[str, np.ndarray]:
    """Rows and labels."""
    return {"x": rng().normal(size=(30, 4)), "labels": np.arange(30) % 3}


def samples() -> dict[str, bytes]:
    """A valid file of each kind, by its name."""
    deep = rng().integers(0, 65535, (6, 5, 3), np.uint16)
    return {
        "table.csv": table(),
        "table.csv.gz": gzip.compress(table(), mtime=0),
        "array.npy": saved(np.save, arrays()["x"]),
        "arrays.npz": saved(np.savez_compressed, **arrays()),
        "arrays.mat": saved(
            scipy.io.savemat, {**arrays(), "cell": np.array(["a", "b"], object)}, do_compression=True
        ),
        "images/a.png": picture("PNG"),
        "images/b.tiff": saved(tifffile.imwrite, deep, compression="zlib"),
        "images/c.gif": moving(),
        "images/d.jpg": picture("JPEG"),
        "sounds/a.wav": sound("WAV"),
        "sounds/b.flac": sound("FLAC"),
        "roll.mid": midi_bytes(torch.eye(88)[:9], 0.5),
        "music.json": music(),
        "table.txt": zlib.compress(table()),
    }
