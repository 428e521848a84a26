"""Noise recordings of a folder for pairs: some for training, one for the test split, at the rate of x.

Recordings of a higher sampling rate are low-passed and resampled to that of x.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from simulacra.core.corruption.mix import Mix, Noises, joined_noises
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.audio.recordings import recordings_of
from simulacra.data.audio.wav import Recording, read_wav
from simulacra.data.listing import WAVES


@dataclass(frozen=True)
class SomeNoises(Mix):
    """Noise of some recordings of a folder.

    Args:
        names: names of the recordings without suffix; empty: all of the folder.
    """

    names: tuple[str, ...] = ()

    def noises(self, rate: int) -> Noises:
        """Returns the recordings at a sampling rate.

        Args:
            rate: number of samples a second of x.
        """
        return _noises(self.folder, self.names, rate)


def all_of(made: Mix) -> SomeNoises:
    """Returns the mixture with all recordings of its folder, at the rate of x.

    Args:
        made: the mixture.
    """
    return SomeNoises(made.level, made.folder)


def apart(made: Mix, held_out: str) -> tuple[SomeNoises, SomeNoises]:
    """Returns the mixture with all recordings but one, and that with this one.

    Args:
        made: the mixture.
        held_out: name of the recording, with or without its suffix.

    Raises:
        ValueError: if there is no such recording, or no other one.
    """
    names = [_name(one) for one in _found(made.folder)]
    wanted = held_out if held_out in names else Path(held_out).stem
    if wanted not in names:
        near = difflib.get_close_matches(wanted, names, 1, 0.5) or names[:1]
        one = load_with(condition=f"mix:{made.folder}:{made.level:g}:{near[0]}")
        raise Refusal(
            f"there is no recording {held_out!r} in {made.folder}, only {', '.join(names)}: load the data "
            f"with {one}.",
            one,
        )
    rest = tuple(name for name in names if name != wanted)
    if not rest:
        one = load_with(condition=f"mix:{made.folder}:{made.level:g}")
        raise Refusal(
            f"{held_out!r} is the only recording in {made.folder}, and none is left to train with: load the "
            f"data with {one}.",
            one,
        )
    return SomeNoises(made.level, made.folder, rest), SomeNoises(made.level, made.folder, (wanted,))


@lru_cache(maxsize=4)
def _noises(folder: str, names: tuple[str, ...], rate: int) -> Noises:
    found = [one for one in _found(folder) if not names or _name(one) in names]
    return joined_noises([_at_rate(one, rate) for one in found])


def _found(folder: str) -> list[Recording]:
    """Returns the recordings that lie in a folder itself, or else in its subfolders.

    Raises:
        ValueError: if there is no such folder, or there are none.
    """
    path = Path(folder).expanduser()
    if not path.exists():
        raise ValueError(
            f"condition='mix:{folder}' names a folder that is not there: give one of noise recordings."
        )
    here = sorted(path.iterdir()) if path.is_dir() else []
    direct = [file for file in here if file.suffix.lower() in WAVES and not file.name.startswith(".")]
    found = [read_wav(file) for file in direct] if direct else recordings_of(path)
    if not found:
        raise ValueError(f"{folder} holds no recordings: give a folder of noise recordings to mix with.")
    return found


def _name(one: Recording) -> str:
    return Path(one.where).stem


def _at_rate(one: Recording, rate: int) -> Tensor:
    """Returns a recording at a sampling rate, shape (T,)."""
    if one.rate == rate:
        return one.x
    if one.rate < rate:
        raise ValueError(
            f"{one.where} has {one.rate:,} samples a second, fewer than the {rate:,} of the recordings that "
            "it is mixed with: give noise of at least that rate."
        )
    from scipy.signal import resample_poly

    shared = math.gcd(one.rate, rate)
    found = resample_poly(one.x.double().numpy(), rate // shared, one.rate // shared)
    return torch.from_numpy(found).float().clamp(-1, 1)
