"""Reader of BVH files: the frames of a skeleton in motion (Biovision hierarchy).

    HIERARCHY
    ROOT Hips { OFFSET ...  CHANNELS 6 Xposition ... Zrotation ...  JOINT ... }
    MOTION
    Frames: 317
    Frame Time: .0083333
    8.87 15.75 -31.70 ...          one line a frame, one number a channel

Angles are in degrees and wrap at 180: they are unwrapped along time, so that they change by less than 180
degrees from frame to frame. Names of joints may have blanks and letters beyond ASCII.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from simulacra.data.limits import check_memory
from simulacra.data.tables.dialect import BOMS
from simulacra.data.tables.numbers import as_float

MOST = 10_000  # most channels of a skeleton
VALUE = 40  # bytes of memory for each number while it is read
SECTION = re.compile(r"(?<!\S)MOTION(?!\S)")
# a name may have blanks: it ends with its line, or before the brace
JOINT = re.compile(
    r"(?<!\S)(?:(?:ROOT|JOINT)\s+(?P<joint>[^\n{]+)"
    r"|CHANNELS(?!\S)\s*(?P<count>\S*)(?P<kinds>(?:\s+[XYZ](?:position|rotation)(?!\S))*))"
)
HEAD = re.compile(r"\s*Frames:\s+(?P<frames>\S+)\s+Frame\s+Time:\s+(?P<time>\S+)")


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
    text = _text(name, content)
    parts = list(SECTION.finditer(text))
    if text.split(None, 1)[:1] != ["HIERARCHY"] or not parts:
        raise ValueError(f"{name} is no BVH file: it must begin with HIERARCHY and have a part MOTION.")
    channels = _channels(name, text[: parts[-1].start()])
    return _motion(name, channels, text[: parts[-1].end()].count("\n") + 1, text[parts[-1].end() :])


def _text(name: str, content: bytes) -> str:
    """Returns the text of a file; only names of joints hold letters beyond ASCII, in any encoding."""
    marked = next((coding for mark, coding in BOMS if content.startswith(mark)), None)
    try:
        text = content.decode(marked or "utf-8")
    except UnicodeDecodeError as error:
        if marked or not content.lstrip().startswith(b"HIERARCHY"):
            raise ValueError(f"{name} is no BVH file: it holds bytes that are no text.") from error
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _channels(name: str, hierarchy: str) -> tuple[str, ...]:
    """Returns the channels of all joints, in the order of the file."""
    found: list[str] = []
    joint = ""
    for match in JOINT.finditer(hierarchy):
        joint = (match["joint"] or joint).strip()
        if match["count"] is not None:
            kinds = match["kinds"].split()
            if not kinds or match["count"] != str(len(kinds)):
                raise ValueError(f"{name} has a joint {joint} with damaged CHANNELS: export it again.")
            found += [f"{joint} {kind}" for kind in kinds]
    if not 0 < len(found) <= MOST:
        raise ValueError(f"{name} has {len(found):,} channels; a skeleton has 1 to {MOST:,}.")
    return tuple(found)


def _motion(name: str, channels: tuple[str, ...], line: int, text: str) -> Motion:
    """Reads `Frames: n Frame Time: s` and the numbers after it.

    Args:
        name: the file, for messages.
        channels: names of the channels.
        line: number of the line with which the text begins, from 1.
        text: of the file after `MOTION`.
    """
    head = HEAD.match(text)
    if head is None:
        raise ValueError(f"{name} has no line `Frames:` or `Frame Time:` after MOTION: export it again.")
    said, time, body = head["frames"], head["time"], text[head.end() :]
    numbers = _numbers(name, body)
    frames = len(numbers) // len(channels)
    if said == "0" and not frames:
        raise ValueError(f"{name} holds a skeleton, but no frames: export it again with its motion.")
    if not frames or said != str(frames) or len(numbers) % len(channels):
        raise ValueError(
            f"{name} promises {said} frames of {len(channels)} channels, but holds {len(numbers):,} numbers: "
            "it is cut or damaged, export it again."
        )
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} holds missing or infinite numbers: export it again.")
    _check_lines(name, len(channels), line + text[: head.end()].count("\n"), body)
    return Motion(channels, _unwrapped(channels, numbers.reshape(frames, -1)), _seconds(name, time))


def _numbers(name: str, text: str) -> np.ndarray:
    """Returns the numbers of a text, shape (N,)."""
    numbers = [as_float(word) for word in text.split()]
    if None in numbers:
        raise ValueError(f"{name} holds a frame with text in place of a number: export it again.")
    return np.array(numbers, dtype=np.float64)


def _seconds(name: str, word: str) -> float:
    seconds = as_float(word)
    if seconds is None or not 0 < seconds < math.inf:
        raise ValueError(
            f"{name} has the Frame Time: {word}, which must be seconds above 0: correct it, such as to "
            "0.0333333 for 30 frames a second."
        )
    return seconds


def _check_lines(name: str, width: int, first: int, text: str) -> None:
    """Checks that frames begin where lines do: a number less here and one more there shift all between.

    Every frame is broken into lines in the same way as the first one, or the text has no lines at all.

    Args:
        name: the file, for messages.
        width: number of channels.
        first: number of the line with which the text begins, from 1.
        text: the numbers of all frames.
    """
    held = [(i, n) for i, line in enumerate(text.split("\n"), first) if (n := len(line.split()))]
    counts = [n for _, n in held]
    ends = list(accumulate(counts))
    if len(held) == 1:
        return
    lines = ends.index(width) + 1 if width in ends else 1
    wanted = counts[:lines] if lines > 1 else [width]
    for k, (i, n) in enumerate(held):
        if n != wanted[k % len(wanted)]:
            many = f"{wanted[k % len(wanted)]:,} of the {width:,}" if len(wanted) > 1 else f"{width:,}"
            raise ValueError(
                f"{name} has {n:,} number{'s' * (n > 1)} in line {i:,}, where a frame has {many} channels: "
                "it is damaged, export it again."
            )


def _unwrapped(channels: tuple[str, ...], frames: np.ndarray) -> np.ndarray:
    angles = [i for i, channel in enumerate(channels) if channel.endswith("rotation")]
    frames[:, angles] = np.unwrap(frames[:, angles], period=360.0, axis=0)
    return frames
