"""Recordings: .wav files of PCM or float samples as waves in [-1, 1]."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simulacra.core.waves import real_wave

# what scipy raises on damaged files of one kind or another
DAMAGED = (ValueError, TypeError, EOFError, ArithmeticError, NameError, MemoryError, struct.error)


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording.

    Args:
        where: its file, as errors name it.
        rate: samples a second.
        x: from -1 to 1, float32, shape (T,).
    """

    where: str
    rate: int
    x: Tensor

    def __len__(self) -> int:
        return len(self.x)


def read_wav(path: Path) -> Recording:
    """The recording in a .wav file.

    Raises:
        ValueError: as `recording`, or if the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error
    return recording(content, str(path))


def recording(content: bytes, where: str) -> Recording:
    """The recording in the bytes of a .wav file.

    Args:
        where: the file, for errors.

    Raises:
        ValueError: if it is empty, damaged, truncated or no wav file, has several channels, or values
            beyond [-1, 1].
    """
    if not content:
        raise ValueError(f"{where} is empty (0 bytes): remove it or export it again.")
    rate, samples = _decoded(content, where)
    if samples.ndim > 1:
        raise ValueError(
            f"{where} has {samples.shape[1]} channels, but waves are mono: keep one channel, or their mean, "
            "in a file of its own."
        )
    if not samples.size or rate < 1:
        raise ValueError(f"{where} holds {samples.size} samples at {rate} a second: remove it.")
    # native order, and memory of our own
    x = real_wave(torch.from_numpy(samples.astype(samples.dtype.newbyteorder("="))))
    # a comparison that NaN fails, too
    if not bool((x.abs() <= 1).all()):
        raise ValueError(
            f"{where} holds values from {np.min(samples):g} to {np.max(samples):g}, but float samples go "
            "from -1 to 1: export it again with a lower gain."
        )
    return Recording(where, rate, x)


def _decoded(content: bytes, where: str) -> tuple[int, np.ndarray]:
    """Rate and samples as they are stored."""
    # imported where recordings are read: it takes a tenth of a second
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            # a file that ends before its header says so is damaged; chunks with a cover or cue points are not
            warnings.simplefilter("error", wavfile.WavFileWarning)
            warnings.filterwarnings("ignore", "Chunk", wavfile.WavFileWarning)
            return wavfile.read(io.BytesIO(content))
    except (*DAMAGED, wavfile.WavFileWarning) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(
            f"{where} is truncated, damaged or no wav file of PCM or float samples ({reason}): remove it or "
            "export it again."
        ) from error


def one_rate(recordings: Sequence[Recording]) -> int:
    """The samples a second that all recordings share.

    Raises:
        ValueError: if two of them differ.
    """
    first = recordings[0]
    for other in recordings:
        if other.rate != first.rate:
            raise ValueError(
                f"the recordings differ in rate: {first.where} has {first.rate:,} samples a second, "
                f"{other.where} has {other.rate:,}; convert them to one rate, or keep them in folders of "
                "their own."
            )
    return first.rate
