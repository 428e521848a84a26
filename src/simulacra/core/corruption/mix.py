"""Recordings mixed with noise of a folder at a signal-to-noise ratio.

    x~ = x + a n,   a^2 = |x|^2 / (|n|^2 10^(level / 10))                                           (1)

n is a window of one of the folder's recordings, every window of every recording with the same probability; a
recording shorter than x is repeated. Silence, of x or of n, is not mixed. Beyond [-1, 1] the sum is clipped.

Recordings are read when rows are first mixed, so that a trained model can be used where they are not.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from simulacra.core.corruption.corruption import Corruption, floating, within
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Space

INSTEAD = "gaussian:0.1"  # noise of recordings that needs no folder


@dataclass(frozen=True)
class Mix(Corruption):
    """Noise of recordings by equation (1).

    Args:
        level: signal-to-noise ratio in decibels, 10 by default; lower is noisier.
        folder: folder with recordings of the sampling rate of x.

    Raises:
        ValueError: if no folder is named.

    Example:
        >>> Mix(folder="noises").text, Mix(0.0, "noises").share(20.0)
        ('mix:noises:10', 0.01)
    """

    folder: str = ""

    name: ClassVar[str] = "mix"
    usual: ClassVar[float | None] = 10.0
    least: ClassVar[float] = -math.inf
    unit: ClassVar[str] = "a finite signal-to-noise ratio in decibels"
    needs: ClassVar[str] = "recordings"
    power: ClassVar[int] = 2
    alone: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.folder:
            other = build_with(corruption=INSTEAD)
            raise Refusal(
                "mix needs a folder of recordings, such as noises in 'mix:noises:10': name one or use "
                f"{other}.",
                other,
            )
        super().__post_init__()

    @classmethod
    def parsed(cls, text: str) -> Mix:
        """Returns the corruption of `FOLDER:LEVEL` or `FOLDER`.

        Args:
            text: the words behind `mix:`; a folder may have colons in its name.

        Raises:
            ValueError: if there is no folder, or its level is no number.
        """
        folder, colon, level = text.rpartition(":")
        number = _number(level) if colon else None
        if number is not None:
            return cls(number, folder)
        if not colon or Path(text).expanduser().exists():
            return cls(None, text)
        usual = build_with(corruption=cls(None, folder).text)
        raise Refusal(f"the level of 'mix' is {cls.unit}, not {level!r}: use {usual}.", usual)

    def spelled(self, level: float) -> str:
        """Returns this corruption at a level as it is typed, such as `mix:noises:10`."""
        return f"{self.name}:{self.folder}:{level:g}"

    def fits(self, space: Space) -> bool:
        """Returns True for recordings."""
        return isinstance(space, Audio)

    def share(self, level: float) -> float:
        """Returns the share of the removed noise of a recording with less noise, which is its power.

        Args:
            level: signal-to-noise ratio in decibels.
        """
        if not math.isfinite(level):
            raise ValueError(f"level is {level:g}, but it must be a finite number of decibels: give 10.")
        return min(1.0, 10 ** ((float(self.level or 0.0) - level) / 10))

    def times(self, factor: float) -> float:
        """Returns the ratio at which the noise is `factor` times as large, in decibels."""
        return float(self.level or 0.0) - 20 * math.log10(factor)

    def noises(self, rate: int) -> Noises:
        """Returns the recordings of noise.

        Args:
            rate: number of samples a second of x.
        """
        return noises_of(self.folder, rate)

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (1), shape (B, T)."""
        assert isinstance(space, Audio)
        y = floating(x)
        n = self.noises(space.rate).windows(rng, name, space.dims).to(y)
        # (1), without squares that leave the range of single precision
        power = lambda wave: to_float64(wave).square().mean(-1, keepdim=True)
        ratio = 10 ** (float(self.level or 0.0) / 10)
        a = (power(y) / (power(n) * ratio)).sqrt().nan_to_num(0.0, 0.0, 0.0)
        return within(y + a.to(y) * n, space, x)


def _number(text: str) -> float | None:
    """Returns the number that a text spells, or None."""
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True, eq=False)
class Noises:
    """Recordings of noise behind each other.

    Args:
        x: all samples, shape (N,).
        firsts: number of the first sample of each recording, shape (K,).
        lengths: samples of each recording, shape (K,).
    """

    x: Tensor
    firsts: Tensor
    lengths: Tensor

    def windows(self, rng: Rng, name: str, samples: int) -> Tensor:
        """Draws a window for each of `rng.rows`, shape (B, samples).

        Args:
            rng: generator of the draws.
            name: name of the draw, part of its key.
            samples: length of a window; shorter recordings are repeated.
        """
        # a repeated recording begins at any of its samples
        counts = torch.where(self.lengths >= samples, self.lengths - samples + 1, self.lengths)
        ends = counts.cumsum(0)
        u = rng.uniform(name, 1, dtype=torch.float64)[:, 0].cpu()
        at = (u * ends[-1]).long().clamp(max=int(ends[-1]) - 1)
        which = torch.searchsorted(ends, at, right=True)
        start = (at - (ends - counts)[which]).unsqueeze(1)
        place = (start + torch.arange(samples)) % self.lengths[which].unsqueeze(1)
        return self.x[self.firsts[which].unsqueeze(1) + place]


@lru_cache(maxsize=4)
def noises_of(folder: str, rate: int) -> Noises:
    """Returns the recordings of a folder, which are read once.

    The readers of recordings stand above `core`: they are imported by their name, and no import leads up.

    Args:
        folder: folder of recordings, or the path of one.
        rate: their number of samples a second.

    Raises:
        ValueError: if there are no recordings, one is damaged, or has another sampling rate.
    """
    other = build_with(corruption=INSTEAD)
    found = []
    if Path(folder).expanduser().exists():
        found = importlib.import_module("simulacra.data.audio.recordings").recordings_of(folder)
    if not found:
        raise Refusal(
            f"corruption 'mix' finds no recordings in {folder!r}: give a folder that has some, or use "
            f"{other}.",
            other,
        )
    odd = next((one for one in found if one.rate != rate), None)
    if odd is not None:
        raise Refusal(
            f"{odd.where} has {odd.rate:,} samples a second, but it is mixed with recordings of {rate:,}: "
            f"convert it to that rate, or use {other}.",
            other,
        )
    return joined_noises([one.x for one in found])


def joined_noises(waves: Sequence[Tensor]) -> Noises:
    """Returns recordings of one rate as noise.

    Args:
        waves: the recordings, each of shape (T,).
    """
    lengths = torch.tensor([len(wave) for wave in waves])
    return Noises(torch.cat([*waves]), lengths.cumsum(0) - lengths, lengths)
