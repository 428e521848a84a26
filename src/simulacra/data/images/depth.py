"""How many levels image files have: as deep as the files are, or as the user declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from simulacra.data.images.headers import Head

CAMERAS = (1024, 4096, 16384)  # levels of cameras whose values are kept in 16 bits


def levels_of(heads: Mapping[Path, Sequence[Head]], declared: int | None) -> int:
    """The number of levels that all files share.

    Raises:
        ValueError: if depths are mixed and nothing is declared, or more levels than a file can hold.
    """
    first: dict[int, Path] = {}
    for path, pages in heads.items():
        for head in pages:
            first.setdefault(head.bits, path)
    if declared is not None:
        least = min(first)
        if not 2 <= declared <= 2**least:
            raise ValueError(
                f"levels={declared} does not fit {first[least]}, whose {least} bits hold {2**least} levels: "
                f"give a number from 2 to {2**least}."
            )
        return declared
    if len(first) > 1:
        (a, one), (b, other) = sorted(first.items())[:2]
        raise ValueError(
            f"the images differ in depth: {one} has {a} bits a channel, {other} has {b}; convert one kind "
            f"or keep them in folders of their own, or where no value is above {2**a - 1} load them with "
            f"levels={2**a}."
        )
    return 2 ** next(iter(first))


def check_levels(path: Path, pixels: np.ndarray, levels: int) -> None:
    """Raise ValueError where a pixel is beyond the levels."""
    # a byte holds no more than 256
    if levels > np.iinfo(pixels.dtype).max:
        return
    most = int(pixels.max())
    if most >= levels:
        raise ValueError(
            f"{path} holds the value {most}, but levels={levels} allows 0 to {levels - 1}: give a larger "
            "levels=, or leave it out."
        )


def suggestion(levels: int, highest: Iterable[int], looked_at: str) -> str | None:
    """The sentence that proposes `levels=`, or None where it would not help.

    Args:
        levels: that the files can hold.
        highest: the highest value of each image or split looked at.
        looked_at: what was looked at, such as `200 rows`.

    Example:
        >>> suggestion(65536, [3900, 4095], "2 rows").split(": ")[0]
        'no value of 2 rows is above 4,095 of 65,535'
    """
    most = max(highest, default=0)
    fits = [camera for camera in CAMERAS if most < camera < levels]
    # a dark or empty picture says nothing of its camera
    if not fits or most < CAMERAS[0] // 2:
        return None
    return (
        f"no value of {looked_at} is above {most:,} of {levels - 1:,}: if the camera has "
        f"{fits[0].bit_length() - 1} bits, add levels={fits[0]} to have higher values refused; "
        "models see the range that is used either way."
    )
