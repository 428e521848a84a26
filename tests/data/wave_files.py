"""Small .wav files for tests."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from scipy.io import wavfile

KEEP = {"validation": 0, "test": 0}
LENGTHS = [37, 50, 23, 61]


def samples(seed: int, n: int) -> np.ndarray:
    """PCM of 16 bits that recurs nowhere."""
    return np.random.default_rng(seed).integers(-(2**15), 2**15, n).astype(np.int16)


def windows_of(x: np.ndarray, n: int) -> list[np.ndarray]:
    """The whole windows of n samples, in order."""
    return [x[i : i + n] for i in range(0, len(x) - n + 1, n)]


def wav_bytes(x: np.ndarray, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    wavfile.write(file, rate, x)
    return file.getvalue()


def write_wave(path: Path, x: np.ndarray, rate: int = 8000) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(x, rate))
    return x


def write_waves(folder: Path, lengths: list[int], rate: int = 8000) -> list[np.ndarray]:
    return [write_wave(folder / f"{i:02d}.wav", samples(i, n), rate) for i, n in enumerate(lengths)]


def write_spoken(path: Path, speakers=("ann", "bo"), indices=range(9), prefix="recordings/", n=90) -> dict:
    """An archive in the manner of the Free Spoken Digit Dataset; returns the samples by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{prefix}README.md", "no recording")
        for i in reversed(indices):
            for speaker in speakers:
                for digit in (3, 0):
                    name = f"{digit}_{speaker}_{i}.wav"
                    seed = 100 * digit + 10 * i + len(speaker)
                    kept[name] = samples(seed, n + 7 * i)
                    archive.writestr(prefix + name, wav_bytes(kept[name]))
    return kept
