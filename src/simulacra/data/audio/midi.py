"""Writer of Standard MIDI files from piano rolls.

    file = MThd, 6, format 0, 1 track, ticks a quarter; MTrk, bytes, events
    event = ticks since the event before (base 128, all digits but the last with the high bit), message

A key that sounds in two frames in a row is one note that lasts: a roll does not tell it from two.

Reference: The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Space
from simulacra.core.storage.files import write_atomically

LOWEST, KEYS = 21, 88  # pitch of the first key of a piano (A0), and number of keys
TICKS = 480  # ticks of a frame
ON, OFF, VELOCITY = 0x90, 0x80, 80


def is_music(space: Space) -> bool:
    """Returns True if observations in this space are sequences over the 88 keys of a piano.

    Example:
        >>> is_music(Sequence((160,), of=Binary((88,)))), is_music(Binary((88,)))
        (True, False)
    """
    return isinstance(space, Sequence) and space.of == Binary((KEYS,))


def write_midi(roll: Any, path: str | Path, seconds: float = 0.5) -> None:
    """Writes one piece as a Standard MIDI File, atomically.

    Args:
        roll: piano roll of 0/1, shape (frames, 88); key k is the pitch k + 21.
        path: the file to write.
        seconds: duration of a frame.

    Raises:
        ValueError: if the roll has another shape or other values, or the file cannot be written.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "silence.mid"
        >>> write_midi(torch.zeros(4, 88), path)
        >>> path.read_bytes()[:4]
        b'MThd'
    """
    keys = torch.as_tensor(roll).detach().cpu()
    if keys.dim() != 2 or keys.shape[1] != KEYS or not bool(((keys == 0) | (keys == 1)).all()):
        raise ValueError(
            f"{path} takes one piece of 0 and 1 of shape (frames, {KEYS}), but the roll has shape "
            f"{tuple(keys.shape)}{' and other values' if keys.shape[1:] == (KEYS,) else ''}: give one row."
        )
    content = midi_bytes(keys, seconds)
    write_atomically(Path(path), lambda aside: aside.write_bytes(content))


def midi_bytes(roll: Tensor, seconds: float) -> bytes:
    """Returns the bytes of a Standard MIDI File.

    Args:
        roll: piano roll of 0/1, shape (frames, 88).
        seconds: duration of a frame.
    """
    tempo = struct.pack(">I", round(seconds * 1e6))[1:]
    track = b"\x00\xff\x51\x03" + tempo + _notes(roll) + b"\x00\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _notes(roll: Tensor) -> bytes:
    """Returns the note events of all frames; notes still sounding end with the last frame."""
    silence = torch.zeros(1, KEYS, dtype=torch.bool)
    sounding = torch.cat([silence, roll.bool(), silence])
    events, waited = [], 0
    for before, now in pairwise(sounding):
        for key in (before ^ now).nonzero().flatten().tolist():
            message = (OFF if before[key] else ON, LOWEST + key, VELOCITY)
            events.append(_digits(waited) + bytes(message))
            waited = 0
        waited += TICKS
    return b"".join(events)


def _digits(ticks: int) -> bytes:
    """Encodes a number in base 128; the high bit of a byte says that more bytes follow."""
    digits = [ticks & 0x7F]
    while ticks := ticks >> 7:
        digits.append(ticks & 0x7F | 0x80)
    return bytes(reversed(digits))
