"""Cuts recordings of any length to rows of one length: windows, the middle part, or unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.audio.wav import Recording

LARGEST = 1024  # largest suggested window, in samples
ROWS = 10  # fewest rows that a suggested window gives
BYTES = 4  # bytes of a sample


@dataclass(frozen=True)
class Window:
    """The rule by which recordings are cut to one length; at most one of the two is given.

    Args:
        crop: number of samples of the middle part of each recording that is kept.
        tile: number of samples of windows that follow each other from the beginning without overlap; the rest
            is dropped.
        frame: number of samples of the frames that a model sees; None: it sees a row as it is.

    Example:
        >>> Window(tile=4).starts(11), Window(crop=4).starts(11), Window().starts(11)
        ([0, 4], [3], [0])
        >>> str(Window(tile=1024))
        'windows of 1,024 samples'
    """

    crop: int | None = None
    tile: int | None = None
    frame: int | None = None

    @property
    def length(self) -> int | None:
        """Number of samples of a row; None: recordings keep their length."""
        return self.crop or self.tile

    def __str__(self) -> str:
        """Describes the rule for a protocol; empty if recordings are not cut."""
        if self.crop:
            return f"the middle {self.crop:,} samples"
        return f"windows of {self.tile:,} samples" if self.tile else ""

    def starts(self, samples: int) -> list[int]:
        """Returns the offset of each row in a recording of `samples` samples."""
        if self.crop:
            return [(samples - self.crop) // 2]
        return [i * self.tile for i in range(samples // self.tile)] if self.tile else [0]


def check_lengths(window: Window, recordings: Sequence[Recording]) -> None:
    """Checks that recordings can be cut to one length.

    Args:
        window: how recordings are cut.
        recordings: all recordings of the data.

    Raises:
        ValueError: if a recording is too short for the crop, none holds a window, or lengths differ and
            nothing is cut.
    """
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


def check_frame(window: Window, samples: int) -> None:
    """Checks that rows can be cut into whole frames.

    Args:
        window: how recordings are cut, with the length of a frame.
        samples: number of samples of a row.

    Raises:
        ValueError: if the frame does not divide it.

    Example:
        >>> check_frame(Window(tile=1000, frame=300), 1000)
        Traceback (most recent call last):
        simulacra.core.errors.suggestion.Refusal: frame=300 does not divide the 1,000 samples of a row:
        load the data with tile=900.
    """
    n = window.frame
    if n is None or samples % n == 0:
        return
    if window.length and n < samples:
        other = load_with(**{"crop" if window.crop else "tile": samples - samples % n})
    else:
        other = load_with(frame=max(k for k in range(1, min(n, samples) + 1) if samples % k == 0))
    raise Refusal(
        f"frame={n} does not divide the {samples:,} samples of a row: load the data with {other}.", other
    )


def suggested(recordings: Sequence[Recording]) -> int:
    """Suggests a window of at most 1,024 samples that half of the recordings hold and that gives ten rows.

    Example:
        >>> import torch
        >>> suggested([Recording(f"{n}.wav", 8000, torch.zeros(n)) for n in (90, 700, 8000)])
        512
    """
    lengths = [len(r) for r in recordings]
    most = min(LARGEST, int(np.median(lengths)), sum(lengths) // ROWS)
    return 2 ** (max(1, most).bit_length() - 1)


def sentence(recordings: Sequence[Recording], window: Window) -> str:
    """Describes the recordings and the samples that are kept.

    Args:
        recordings: all recordings, with one sampling rate.
        window: how they are cut.

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
