"""Reader of recordings as waves in [-1, 1], by libsndfile: .wav, .flac, .ogg, .aiff, .au, .w64 and .rf64.

PCM of b bits becomes value / 2^(b - 1), exactly up to 25 bits; mu-law and A-law their 16-bit values.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.data.audio.headers import Damaged, checked
from simulacra.data.limits import SAMPLE, check_memory, limit_of

log = logging.getLogger("simulacra")

BLOCK = 2**16  # frames decoded at once, so that memory does not depend on the header
LOSSY = ("VORBIS", "OPUS", "MPEG", "ADPCM", "GSM", "G72")  # lossy codecs, whose waves may exceed 1


@dataclass(frozen=True, eq=False)
class Recording:
    """One mono recording.

    Args:
        where: its file, for errors.
        rate: sampling rate in Hz.
        x: samples from -1 to 1, float32, shape (T,).
        rounded: True if some samples, such as those of 32 bits, were rounded to single precision.
    """

    where: str
    rate: int
    x: Tensor
    rounded: bool = False

    def __len__(self) -> int:
        return len(self.x)


class _Seekable(io.BytesIO):
    """A BytesIO in which a seek to a negative offset, as damaged headers cause, goes to the end."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to an offset and returns the new position."""
        base = {0: 0, 1: self.tell(), 2: len(self.getbuffer())}[whence]
        return super().seek(offset, whence) if base + offset >= 0 else super().seek(0, 2)


def read_wav(path: Path) -> Recording:
    """Reads the recording in a file.

    Raises:
        ValueError: as `recording`, or if the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error
    return recording(content, str(path))


def recording(content: bytes, where: str) -> Recording:
    """Decodes a recording.

    Args:
        content: the bytes of a file.
        where: the file, for errors.

    Raises:
        ValueError: if it is empty, damaged, truncated or no recording, has several channels or values beyond
            [-1, 1], or takes more than the limit of memory (`data.limits`).
    """
    if not content:
        raise ValueError(f"{where} is empty (0 bytes): remove it or export it again.")
    rate, samples, lossy = _decoded(content, where)
    if samples.shape[1] > 1:
        raise ValueError(
            f"{where} has {samples.shape[1]} channels, but waves are mono: keep one channel, or their mean, "
            "in a file of its own."
        )
    if not samples.size or rate < 1:
        raise ValueError(f"{where} holds {samples.size} samples at {rate} a second: remove it.")
    beyond = int((np.abs(samples) > 1).sum())
    if lossy and beyond:
        log.info("%s: %s decoded samples beyond 1 are clipped, as players do", where, f"{beyond:,}")
        samples, beyond = samples.clip(-1, 1), 0
    odd = np.flatnonzero(~np.isfinite(samples[:, 0]))
    if len(odd):
        raise ValueError(
            f"{where} has a value that is not finite at sample {odd[0]:,} (from 0), one of {len(odd):,}: "
            "correct it or remove the file."
        )
    if beyond:
        raise ValueError(
            f"{where} holds values from {np.min(samples):g} to {np.max(samples):g}, but float samples go "
            "from -1 to 1: export it again with a lower gain."
        )
    kept = samples[:, 0].astype(np.float32)
    return Recording(where, rate, torch.from_numpy(kept), bool((kept != samples[:, 0]).any()))


def _decoded(content: bytes, where: str) -> tuple[int, np.ndarray, bool]:
    """Returns the sampling rate, samples as doubles (T, channels), and True if the codec is lossy."""
    # imported here, since only recordings need it
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise ValueError(
            f"{where} is a recording, which needs the package soundfile ({error}): pip install soundfile."
        ) from error
    # exceptions that the package raises on damaged files
    damaged = (soundfile.SoundFileError, Damaged, ValueError, TypeError, OverflowError, MemoryError)
    try:
        with soundfile.SoundFile(_Seekable(checked(content))) as file:
            samples = _frames(file, where, len(content))
            return file.samplerate, samples, any(word in file.subtype for word in LOSSY)
    except damaged as error:
        if str(error).startswith(where):
            raise
        reason = getattr(error, "error_string", None) or str(error)
        reason = " ".join(reason.split()).rstrip(".") or type(error).__name__
        raise ValueError(
            f"{where} is truncated, damaged or no recording of a known kind ({reason}): remove it or export "
            "it again."
        ) from error


def _frames(file: Any, where: str, size: int) -> np.ndarray:
    """Reads all frames of an open file of `size` bytes, shape (T, channels)."""
    blocks: list[np.ndarray] = []
    count = 0
    while len(block := file.read(BLOCK, dtype="float64", always_2d=True)):
        blocks.append(block)
        count += block.size
        if SAMPLE * count > limit_of(size):
            told = max(count, file.frames if file.frames < 2**40 else 0)
            check_memory(where, SAMPLE * told, f"{told:,} samples or more", size)
    frames = sum(map(len, blocks))
    if frames < file.frames < 2**62:
        raise Damaged(f"it holds {frames} of {file.frames} samples")
    return np.concatenate(blocks) if blocks else np.zeros((0, file.channels))


def one_rate(recordings: Sequence[Recording]) -> int:
    """Returns the sampling rate that all recordings share, in Hz.

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
