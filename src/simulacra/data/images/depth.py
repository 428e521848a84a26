"""The number of levels of image files: their full depth, or as the user declares."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.images.headers import Head

log = logging.getLogger("simulacra")

BLACK_AND_WHITE = {2, 256}  # levels that may be mixed: black and white become 0 and 255
CAMERAS = (1024, 4096, 16384)  # levels of cameras whose values are stored in 16 bits


def levels_of(heads: Mapping[Path, Sequence[Head]], declared: int | None) -> int:
    """Returns the number of levels that all files share; black-and-white files may be mixed with 256 levels.

    Args:
        heads: the pages of each file.
        declared: the number of levels that the user gave, or None.

    Raises:
        ValueError: if depths are mixed and none is declared, or more levels are declared than a file can
            hold.
    """
    first: dict[int, Path] = {}
    for path, pages in heads.items():
        for head in pages:
            first.setdefault(head.levels, path)
    least = min(first)
    if declared is not None:
        if not 2 <= declared <= least and not (declared == 256 and set(first) <= BLACK_AND_WHITE):
            raise ValueError(
                f"levels={declared} does not fit {first[least]}, whose {_depth(least)} hold {least} levels: "
                f"give a number from 2 to {least}."
            )
        return declared
    if set(first) == BLACK_AND_WHITE:
        return 256
    if len(first) > 1:
        (a, one), (b, other) = sorted(first.items())[:2]
        levels = load_with(levels=a)
        raise Refusal(
            f"the images differ in depth: {one} has {_depth(a)} a channel, {other} has {_depth(b)}; convert "
            f"one kind or keep them in folders of their own, or where no value is above {a - 1} load them "
            f"with {levels}.",
            levels,
        )
    return least


def _depth(levels: int) -> str:
    """Describes a number of levels, in bits if it is a power of 2."""
    bits = (levels - 1).bit_length()
    return f"{bits} bit{'s' * (bits > 1)}" if levels == 2**bits else f"values from 0 to {levels - 1}"


def depths(heads: Iterable[Head]) -> str:
    """Describes the depths of images, such as `8 and 16 bit`.

    Example:
        >>> from simulacra.data.images.headers import Head
        >>> depths([Head(4, 3, 1, 256), Head(4, 3, 1, 200)])
        '8 bit and 200 levels'
    """
    found = sorted({head.levels for head in heads})
    bits = [levels.bit_length() - 1 for levels in found if levels & (levels - 1) == 0]
    others = [f"{levels:,} levels" for levels in found if levels & (levels - 1)]
    return " and ".join([*([f"{' and '.join(map(str, bits))} bit"] if bits else []), *others])


def check_levels(path: Path, pixels: np.ndarray, levels: int) -> None:
    """Raises ValueError if a pixel exceeds the levels.

    Args:
        path: the file, for the error.
        pixels: values of any shape.
        levels: number of levels: values go from 0 to levels - 1.
    """
    # the type itself cannot exceed the levels
    if levels > np.iinfo(pixels.dtype).max:
        return
    most = int(pixels.max())
    if most >= levels:
        raise ValueError(
            f"{path} holds the value {most}, but levels={levels} allows 0 to {levels - 1}: convert the "
            "file, or train with a larger levels= or without it."
        )


def suggest_levels(levels: int, rows: int, highest: Iterable[Mapping[tuple[int, int], int]]) -> None:
    """Logs a suggestion if the values of deep images look like those of a camera with fewer bits.

    Args:
        levels: number of levels that the files can hold.
        rows: number of rows.
        highest: for each part, the highest value of each decoded page, by (file, page).
    """
    # maxima of whole pages, since averaged pixels are lower
    said = suggestion(levels, [most for part in highest for most in part.values()], f"{rows:,} rows")
    if levels > 256 and said:
        log.info("%s", said)


def suggestion(levels: int, highest: Iterable[int], looked_at: str) -> str | None:
    """Returns the sentence that proposes `levels=`, or None if it would not help.

    Args:
        levels: number of levels that the files can hold.
        highest: the highest value of each image or split.
        looked_at: a description of the images, such as `200 rows`.

    Example:
        >>> suggestion(65536, [3900, 4095], "2 rows").split(": ")[0]
        'no value of 2 rows is above 4,095 of 65,535'
    """
    most = max(highest, default=0)
    fits = [camera for camera in CAMERAS if most < camera < levels]
    # a dark or empty picture does not reveal the depth of its camera
    if not fits or most < CAMERAS[0] // 2:
        return None
    return (
        f"no value of {looked_at} is above {most:,} of {levels - 1:,}: if the camera has "
        f"{fits[0].bit_length() - 1} bits, add levels={fits[0]} to have higher values refused; "
        "models see the range that is used either way."
    )
