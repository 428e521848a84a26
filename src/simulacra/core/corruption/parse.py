"""Corruptions from text such as `mask:0.3`: a name, and a level where it is not the usual one."""

from __future__ import annotations

import difflib

from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.images import Blur, Downscale, Edges
from simulacra.core.corruption.mix import Mix
from simulacra.core.corruption.noise import GaussianNoise, Masking, SaltAndPepper
from simulacra.core.corruption.turning import Turn
from simulacra.core.errors.suggestion import Refusal, build_with

NONE = "none"
KINDS: dict[str, type[Corruption]] = {
    kind.name: kind for kind in (Masking, GaussianNoise, SaltAndPepper, Downscale, Blur, Edges, Turn)
}


def parse(text: str) -> Corruption | None:
    """Returns the corruption that `text` names; None for `none`.

    Args:
        text: `mask:0.3`, `gaussian:0.1`, `salt:0.2`, `downscale:4`, `blur:1.5`, `edges`, `turn:0.5` or
            `mix:FOLDER:10`; without a number the level is the usual one.

    Raises:
        ValueError: if the name is unknown, or the level is no number or outside its range.

    Example:
        >>> parse("gaussian"), parse("none")
        (GaussianNoise(level=0.1), None)
    """
    name, _, level = text.strip().partition(":")
    if name == NONE and not level:
        return None
    if name == Mix.name:
        return Mix.parsed(level)
    if name not in KINDS:
        raise _unknown(text, name)
    kind = KINDS[name]
    try:
        amount = float(level) if level else None
    except ValueError as error:
        usual = build_with(corruption=kind().text)
        raise Refusal(
            f"the level of {name!r} is {kind.unit or 'left out'}, not {level!r}: use {usual}.", usual
        ) from error
    return kind(amount)


def _unknown(text: str, name: str) -> Refusal:
    """Returns the error for a name that is no corruption."""
    near = difflib.get_close_matches(name.lower(), KINDS, 1, 0.5)
    usual = build_with(corruption=KINDS[near[0] if near else "mask"]().text)
    possible = ", ".join([*KINDS, "mix:FOLDER"])
    return Refusal(f"there is no corruption {text!r}; possible are none, {possible}: use {usual}.", usual)
