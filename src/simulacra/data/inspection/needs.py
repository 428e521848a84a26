"""Finds the options that `load_data` needs to accept data, from file headers: sizes, windows, keys, kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from simulacra.data.audio.wav import Recording
from simulacra.data.audio.windows import ROWS, suggested
from simulacra.data.images.geometry import suggested_tile
from simulacra.data.images.headers import Head
from simulacra.data.motion.recordings import read_motion
from simulacra.data.motion.recordings import suggested as suggested_frames
from simulacra.data.sources.reader import Reader

LARGEST = 64  # largest side in pixels to which images of different sizes are resized
WHOLE = 2**16  # most pixels of an image that is not resized; photos are too large for a model
FILES = 3  # fewest recordings whose windows are split into training, validation and test rows
GEOMETRY = ("size", "crop", "tile")
SHARES, KEYS = ("validation", "test"), ("groups", "time", "splits")


def needed(
    reader: Reader,
    options: Mapping[str, Any],
    heads: Sequence[Head],
    recordings: Sequence[Recording],
    given: Any = None,
) -> dict[str, Any]:
    """Returns the options that must be added to those of the user.

    Args:
        reader: the reader that opens the data.
        options: options of the user.
        heads: the pages of a folder of images.
        recordings: the recordings of a folder, or the single one.
        given: what the reader opens: the path of a file.
    """
    added: dict[str, Any] = {}
    taken = {field.name for field in fields(reader.options)}
    if "missing" in taken - set(options):
        added["missing"] = "mask"
    if heads and not any(options.get(name) for name in GEOMETRY):
        added |= (
            {"tile": suggested_tile(heads, across=2)}
            if len(heads) == 1 and reader.place == "file"
            else _one_size(heads)
        )
    if heads and reader.place == "file" and not any(options.get(name) for name in KEYS):
        # the rows of one file stay in one split
        added |= {name: 0 for name in SHARES if name not in options}
    if reader.holds == "motion" and reader.place == "file":
        return added | _motion(given, options)
    return added | _window(reader, recordings, options)


def _motion(path: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that cut a single recorded motion into windows, and split them."""
    if options.get("frames"):
        return _at_its_end(options)
    frames = suggested_frames(len(read_motion(path).frames), options.get("every") or 1)
    return {"frames": frames} | _at_its_end(options)


def _at_its_end(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the option that tests on the end of a single recording, unless the user splits it otherwise."""
    shares = [options.get(name, 0.1) for name in SHARES]
    return {"time": "start"} if any(shares) and not any(options.get(name) for name in KEYS) else {}


def _one_size(heads: Sequence[Head]) -> dict[str, Any]:
    """Returns the option that resizes images of different sizes, or large ones."""
    if len({(page.height, page.width) for page in heads}) == 1 and heads[0].height * heads[0].width <= WHOLE:
        return {}
    return {"size": min(LARGEST, *(min(page.height, page.width) for page in heads))}


def _few_and_long(recordings: Sequence[Recording]) -> bool:
    """Returns True for too few whole recordings to train on, which windows make more of."""
    return FILES <= len(recordings) < ROWS and suggested(recordings) < max(map(len, recordings))


def _window(reader: Reader, recordings: Sequence[Recording], options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that cut recordings of different lengths or few long ones, and split one alone."""
    added: dict[str, Any] = {}
    single = reader.holds == "recordings" and reader.place == "file"
    if len({len(r) for r in recordings}) > 1 or single or _few_and_long(recordings):
        added = {} if options.get("crop") or options.get("tile") else {"tile": suggested(recordings)}
    return added | (_at_its_end(options) if single else {})
