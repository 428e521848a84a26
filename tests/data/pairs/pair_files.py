"""Small files of pairs: pictures of two halves, two folders, arrays, recordings and frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import wavfile

KEEP = {"validation": 0, "test": 0}
ROWS = 20


def pixels(seed: int, *shape: int) -> np.ndarray:
    """Bytes that recur nowhere."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def write_image(path: Path, x: np.ndarray) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(x).save(path)
    return x


def write_halves(folder: Path, n: int = ROWS, height: int = 6, width: int = 10) -> np.ndarray:
    """Pictures that hold two each, of shape (n, height, width, 3)."""
    return np.stack([write_image(folder / f"{i:02d}.png", pixels(i, height, width, 3)) for i in range(n)])


def write_folders(
    folder: Path, n: int = ROWS, other: tuple[int, ...] = (6, 5)
) -> tuple[np.ndarray, np.ndarray]:
    """Colour pictures in `x`, grey ones of the same names in `c`."""
    x = [write_image(folder / "x" / f"{i:02d}.png", pixels(i, 6, 5, 3)) for i in range(n)]
    c = [write_image(folder / "c" / f"{i:02d}.png", pixels(1000 + i, *other)) for i in range(n)]
    return np.stack(x), np.stack(c)


def write_keys(path: Path, n: int = ROWS, tested: int = 7) -> dict[str, np.ndarray]:
    """Photos and labels with official parts."""
    arrays = {
        "train_photo": pixels(1, n, 6, 5, 3),
        "train_label": pixels(2, n, 6, 5),
        "test_photo": pixels(3, tested, 6, 5, 3),
        "test_label": pixels(4, tested, 6, 5),
    }
    np.savez(path, **arrays)
    return arrays


def write_wave(path: Path, seed: int, samples: int, rate: int = 8000) -> np.ndarray:
    """A recording of 16 bits; its samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    x = np.random.default_rng(seed).integers(-(2**13), 2**13, samples).astype(np.int16)
    wavfile.write(path, rate, x)
    return x.astype(np.float32) / 2**15


def write_noises(folder: Path, rate: int = 8000) -> dict[str, np.ndarray]:
    """Three noises that a sign, a step and a size tell apart."""
    t = np.arange(400)
    waves = {"hum": np.sign(np.sin(t / 3)), "steps": (t % 7) / 7 - 0.4, "ramp": t / 400 - 0.5}
    folder.mkdir(parents=True, exist_ok=True)
    for name, wave in waves.items():
        wavfile.write(folder / f"{name}.wav", rate, (wave * 2**13).astype(np.int16))
    return waves


def chw(x: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W, C) or (N, H, W) as (N, C, H, W)."""
    return x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
