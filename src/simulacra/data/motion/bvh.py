"""Reader of BVH files: the frames of a skeleton in motion (Biovision hierarchy).

    HIERARCHY
    ROOT Hips { OFFSET ...  CHANNELS 6 Xposition ... Zrotation ...  JOINT ... }
    MOTION
    Frames: 317
    Frame Time: .0083333
    8.87 15.75 -31.70 ...          one line a frame, one number a channel

Angles are in degrees and wrap at 180: they are unwrapped along time, so that they change by less than 180
degrees from frame to frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulacra.data.limits import check_memory

MOST = 10_000  # most channels of a skeleton
VALUE = 40  # bytes of memory for each number while it is read


@dataclass(frozen=True)
class Motion:
    """The frames of one recording.

    Args:
        channels: names such as `Hips Xposition`, in the order of the columns.
        frames: numbers, shape (frames, channels); angles in degrees, unwrapped.
        seconds: time from frame to frame.
    """

    channels: tuple[str, ...]
    frames: np.ndarray
    seconds: float


def read_bvh(name: str, content: bytes) -> Motion:
    """Reads one recording.

    Args:
        name: name of the file, for messages.
        content: its bytes.

    Raises:
        ValueError: if the file is damaged or no BVH file.

    Example:
        >>> text = (
        ...     "HIERARCHY ROOT Hips { OFFSET 0 0 0 CHANNELS 2 Xposition Zrotation "
        ...     "End Site { OFFSET 0 0 1 } } "
        ... )
        >>> motion = read_bvh("walk.bvh", f"{text}MOTION Frames: 2 Frame Time: 0.1 1 170 2 -170".encode())
        >>> motion.channels, motion.frames.tolist()
        (('Hips Xposition', 'Hips Zrotation'), [[1.0, 170.0], [2.0, 190.0]])
    """
    check_memory(name, VALUE * len(content) // 2, f"{len(content):,} bytes of frames")
    try:
        words = content.decode("ascii").split()
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is no BVH file: it holds bytes that are no text.") from error
    if words[:1] != ["HIERARCHY"] or "MOTION" not in words:
        raise ValueError(f"{name} is no BVH file: it must begin with HIERARCHY and have a part MOTION.")
    cut = words.index("MOTION")
    channels = _channels(name, words[:cut])
    return _motion(name, channels, words[cut + 1 :])


def _channels(name: str, words: list[str]) -> tuple[str, ...]:
    """Returns the channels of all joints, in the order of the file."""
    found: list[str] = []
    joint = ""
    for i, word in enumerate(words):
        if word in ("ROOT", "JOINT") and i + 1 < len(words):
            joint = words[i + 1]
        if word == "CHANNELS":
            count = words[i + 1] if i + 1 < len(words) else ""
            kinds = words[i + 2 : i + 2 + int(count)] if count.isascii() and count.isdigit() else []
            if not kinds or len(kinds) != int(count) or not all(map(_known, kinds)):
                raise ValueError(f"{name} has a joint {joint} with damaged CHANNELS: export it again.")
            found += [f"{joint} {kind}" for kind in kinds]
    if not 0 < len(found) <= MOST:
        raise ValueError(f"{name} has {len(found):,} channels; a skeleton has 1 to {MOST:,}.")
    return tuple(found)


def _known(channel: str) -> bool:
    return channel[:1] in "XYZ" and channel[1:] in ("position", "rotation")


def _motion(name: str, channels: tuple[str, ...], words: list[str]) -> Motion:
    """Reads `Frames: n Frame Time: s` and the numbers after it."""
    if len(words) < 5 or (words[0], *words[2:4]) != ("Frames:", "Frame", "Time:"):
        raise ValueError(f"{name} has no line `Frames:` or `Frame Time:` after MOTION: export it again.")
    said, seconds, held = words[1], _number(words[4]), words[5:]
    try:
        numbers = np.array(held, dtype=np.float64) if held else np.zeros(0)
    except ValueError as error:
        raise ValueError(f"{name} holds a frame with text in place of a number: export it again.") from error
    frames = len(numbers) // len(channels)
    if not frames or said != str(frames) or len(numbers) % len(channels):
        raise ValueError(
            f"{name} promises {said} frames of {len(channels)} channels, but holds {len(numbers):,} numbers: "
            "it is cut or damaged, export it again."
        )
    if not np.isfinite(numbers).all() or not 0 < seconds < math.inf:
        raise ValueError(f"{name} holds missing or infinite numbers: export it again.")
    return Motion(channels, _unwrapped(channels, numbers.reshape(frames, -1)), seconds)


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def _unwrapped(channels: tuple[str, ...], frames: np.ndarray) -> np.ndarray:
    angles = [i for i, channel in enumerate(channels) if channel.endswith("rotation")]
    frames[:, angles] = np.unwrap(frames[:, angles], period=360.0, axis=0)
    return frames
