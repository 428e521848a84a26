"""From recordings of any length to rows of one: windows, the middle, or as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.audio.wav import Recording

LARGEST = 1024  # samples of a window that is suggested, at most
ROWS = 10  # that a suggested window gives, at least
BYTES = 4  # of a sample


@dataclass(frozen=True)
class Window:
    """What becomes of the length of recordings; at most one of the two is given.

    Args:
        crop: number of samples; the middle of each recording.
        tile: number of samples; windows from the beginning on that do not overlap, the rest is dropped.

    Example:
        >>> Window(tile=4).starts(11), Window(crop=4).starts(11), Window().starts(11)
        ([0, 4], [3], [0])
        >>> str(Window(tile=1024))
        'windows of 1,024 samples'
    """

    crop: int | None = None
    tile: int | None = None

    @property
    def length(self) -> int | None:
        """Samples of a row, or None: as long as the recordings are."""
        return self.crop or self.tile

    def __str__(self) -> str:
        """What a protocol says, or nothing."""
        if self.crop:
            return f"the middle {self.crop:,} samples"
        return f"windows of {self.tile:,} samples" if self.tile else ""

    def starts(self, samples: int) -> list[int]:
        """Where rows begin in a recording of so many samples."""
        if self.crop:
            return [(samples - self.crop) // 2]
        return [i * self.tile for i in range(samples // self.tile)] if self.tile else [0]


def check_lengths(window: Window, recordings: Sequence[Recording]) -> None:
    """Raise ValueError where a recording is too short for the crop, or lengths differ and nothing is cut."""
    shortest, longest = min(recordings, key=len), max(recordings, key=len)
    if window.crop and len(shortest) < window.crop:
        cropped, tiled = load_with(crop=len(shortest)), load_with(tile=suggested(recordings))
        raise Refusal(
            f"{shortest.where} has {len(shortest):,} samples, fewer than crop={window.crop}: remove it, or "
            f"load the data with {cropped} or load them with {tiled}.",
            cropped,
            tiled,
        )
    if window.tile and len(longest) < window.tile:
        tiled = load_with(tile=suggested(recordings))
        raise Refusal(
            f"no recording has a window of tile={window.tile} samples, the longest, {longest.where}, has "
            f"{len(longest):,}: load them with {tiled}.",
            tiled,
        )
    if window.length is None and len(shortest) != len(longest):
        tile = suggested(recordings)
        count = sum(len(Window(tile=tile).starts(len(r))) for r in recordings)
        tiled, cropped = load_with(tile=tile), load_with(crop=len(shortest))
        raise Refusal(
            f"the recordings differ in length: {shortest.where} has {len(shortest):,} samples, "
            f"{longest.where} has {len(longest):,}; for {count:,} windows load them with {tiled} or for "
            f"the middle of each load them with {cropped}.",
            tiled,
            cropped,
        )


def suggested(recordings: Sequence[Recording]) -> int:
    """A window that half of the recordings hold and that gives ten rows or more, of 1,024 samples at most.

    Example:
        >>> import torch
        >>> suggested([Recording(f"{n}.wav", 8000, torch.zeros(n)) for n in (90, 700, 8000)])
        512
    """
    lengths = [len(r) for r in recordings]
    most = min(LARGEST, int(np.median(lengths)), sum(lengths) // ROWS)
    return 2 ** (max(1, most).bit_length() - 1)


def sentence(recordings: Sequence[Recording], window: Window) -> str:
    """The recordings that are there and the samples that are kept, in words.

    Example:
        >>> import torch
        >>> sentence([Recording(f"{n}.wav", 8000, torch.zeros(n)) for n in (900, 2000)], Window(tile=500))
        '2 recordings, 8,000 samples a second, 900 to 2,000 samples, 0.4 s in all;
        windows of 500 samples: 5 rows with 86% of the samples, 10 kB'
    """
    lengths = [len(r) for r in recordings]
    total, least, most = sum(lengths), min(lengths), max(lengths)
    span = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    said = (
        f"{_count(len(lengths), 'recording')}, {recordings[0].rate:,} samples a second, {span} samples, "
        f"{total / recordings[0].rate:,.1f} s in all"
    )
    rows = sum(len(window.starts(n)) for n in lengths)
    kept = rows * (window.length or least)
    size = f"{kept * BYTES / 1e6:,.1f} MB" if kept * BYTES >= 1e6 else f"{kept * BYTES / 1e3:,.0f} kB"
    if window.length is None:
        return f"{said}, {size}"
    said += f"; {window}: {_count(rows, 'row')} with {kept / total:.0%} of the samples, {size}"
    short = sum(n < window.length for n in lengths)
    return said + (f"; {_count(short, 'shorter recording')} left out" if short else "")


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"
