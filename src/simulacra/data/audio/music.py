"""Reader of polyphonic music: a piece is a sequence of frames, and a frame says which notes sound.

    .json, .json.gz    {"train": [piece, ...], "valid": ..., "test": ...}; a piece is a list of frames, a
                       frame the list of its MIDI pitches, 21 (A0) to 108 (C8): the 88 keys of a piano
    .mat               cells traindata, validdata, testdata of 0/1 rolls, shape (frames, keys)

Key k of a roll with 88 keys is the pitch k + 21, so both formats of a collection give the same rows.

Reference: Boulanger-Lewandowski, Bengio and Vincent 2012, whose four collections have these splits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary
from simulacra.core.storage.plain_json import load_json
from simulacra.data.arrays.matlab import read_cells
from simulacra.data.audio.midi import KEYS, LOWEST
from simulacra.data.catalog.formats import read_all
from simulacra.data.limits import VALUE, check_memory
from simulacra.data.sources.source import Part, Source

PADDED = 4  # bytes of memory for each entry of the rows, which are padded to the longest piece
PARTS = ("train", "valid", "test")
Rolls = dict[str, list[np.ndarray]]  # part -> pieces of shape (frames, keys)


def open_music(path: Path, own: object = None, split: object = None) -> Source:
    """Reads a file of music; its parts are the published ones.

    Args:
        path: a .json, .json.gz or .mat file.
        own: unused: music has no options of its own.
        split: unused; every reader takes it.

    Raises:
        ValueError: if the file is damaged, holds no music, or its pieces differ in width.
    """
    rolls = mat_rolls(path) if path.suffix.lower() == ".mat" else _json_rolls(path)
    if "train" not in rolls:
        raise ValueError(f"{path} has no pieces to train on: it must hold train or, in a .mat, traindata.")
    keys = _keys(path, rolls)
    steps = max(len(roll) for pieces in rolls.values() for roll in pieces)
    count = sum(map(len, rolls.values()))
    check_memory(path, PADDED * count * steps * keys, f"{count:,} pieces of up to {steps:,} frames")
    parts = {name: _part(pieces, steps, keys) for name, pieces in rolls.items()}
    return Source(path.name.split(".")[0], Sequence((steps,), of=Binary((keys,))), parts)


def holds_music(path: Path) -> bool:
    """Returns True for a JSON file, and for a MATLAB file with cells of music.

    Raises:
        ValueError: if a MATLAB file is damaged.
    """
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(".json") or (name.endswith(".mat") and path.is_file() and bool(mat_rolls(path)))


def mat_rolls(path: Path) -> Rolls:
    """Reads the cells traindata, validdata and testdata of a MATLAB file; returns {} if it has none.

    Raises:
        ValueError: if the file is damaged.
    """
    cells = read_cells(path)
    return {name: cells[f"{name}data"] for name in PARTS if f"{name}data" in cells}


def _json_rolls(path: Path) -> Rolls:
    try:
        text = bytes(read_all(path, lambda content: 8 * len(content)))
        lists = text.count(b"[") + text.count(b"{")
        # many short lists need far more memory than their text
        check_memory(path, VALUE * lists, f"{lists:,} lists", 0)
        content = load_json(text, lists)
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path} is truncated or no JSON ({error}): export it again.") from error
    if not isinstance(content, dict) or not any(isinstance(content.get(name), list) for name in PARTS):
        raise ValueError(
            f"{path} holds no music: it must be an object with train, valid and test, each a list of pieces."
        )
    return {
        name: [_roll(piece, f"{path}, {name}, piece {i}") for i, piece in enumerate(content[name])]
        for name in PARTS
        if content.get(name)
    }


def _roll(piece: Any, where: str) -> np.ndarray:
    """Converts a list of frames of pitches to a piano roll."""
    if not isinstance(piece, list) or not all(isinstance(frame, list) for frame in piece):
        raise ValueError(f"{where} (from 0), is no list of frames, each a list of pitches: export it again.")
    roll = np.zeros((len(piece), KEYS), np.uint8)
    for t, frame in enumerate(piece):
        for pitch in frame:
            if type(pitch) is not int or not LOWEST <= pitch < LOWEST + KEYS:
                raise ValueError(
                    f"{where} (from 0), frame {t}, holds {pitch!r}, but pitches are whole numbers from "
                    f"{LOWEST} to {LOWEST + KEYS - 1}: leave it out."
                )
            roll[t, pitch - LOWEST] = 1
    return roll


def _keys(path: Path, rolls: Rolls) -> int:
    """Returns the width that all rolls share."""
    keys: int | None = None
    for name, pieces in rolls.items():
        for i, roll in enumerate(pieces):
            where = f"{path}, {name}, piece {i} (from 0),"
            if roll.ndim != 2 or 0 in roll.shape or bool(((roll != 0) & (roll != 1)).any()):
                raise ValueError(
                    f"{where} of shape {roll.shape} is no roll: it must be (frames, keys) of 0 and 1, with a "
                    "frame at least."
                )
            keys = roll.shape[1] if keys is None else keys
            if roll.shape[1] != keys:
                raise ValueError(
                    f"{where} has {roll.shape[1]} keys, the first piece {keys}: all need the same width."
                )
    if keys is None:
        raise ValueError(f"{path} holds no piece.")
    return keys


def _part(pieces: list[np.ndarray], steps: int, keys: int) -> Part:
    rows = np.zeros((len(pieces), steps, keys), np.uint8)
    for row, roll in zip(rows, pieces):
        row[: len(roll)] = roll
    return Part(torch.from_numpy(rows), lengths=torch.tensor([len(roll) for roll in pieces]))
