"""Pairs that `load_data` refuses, or finds, with a suggestion: a case for each sentence of the source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from data_suggestions import KEEP, R, Says, images, npz, wave_bytes
from PIL import Image

Case = Callable[[Path], tuple[Any, dict[str, Any]]]


def given(make: Case, condition: str, **options: Any) -> Case:
    """Data with a condition, in which {folder} is the folder of the case."""

    def made(folder: Path) -> tuple[Any, dict[str, Any]]:
        what, before = make(folder)
        return what, {**before, "condition": condition.format(folder=folder), **options}

    return made


def two_folders(inner: tuple[int, int], fewer: int = 0) -> Case:
    """Pictures in `a` and `b`, and in `c` of the same names; `b` lacks some of them."""

    def make(folder: Path) -> tuple[Any, dict[str, Any]]:
        for name, (height, width), n in (("a", (6, 8), 12), ("b", inner, 12 - fewer), ("c", (6, 8), 12)):
            (folder / name).mkdir()
            for i in range(n):
                x = R.integers(0, 256, (height, width)).astype(np.uint8)
                Image.fromarray(x).save(folder / name / f"{i}.png")
        return folder / "a", {}

    return make


def waves_and_noises(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Recordings, and a folder `noises` of two; `one` has a single one."""
    for name, n in (("clean", 12), ("noises", 2), ("one", 1)):
        (folder / name).mkdir()
        for i in range(n):
            (folder / name / f"{i}.wav").write_bytes(wave_bytes(64))
    return folder / "clean", {}


PICTURES = images([(6, 8)] * 24)
PHOTOS = {name: R.integers(0, 256, (24, 4, 4)).astype(np.uint8) for name in ("photo", "sketch")}
CASES = (
    Says(
        "data/pairs/forms.py",
        "needs the number of frames before",
        given(PICTURES, "past:0", validation=6, test=6),
    ),
    Says("data/pairs/forms.py", "condition={} needs {}: load", given(PICTURES, "blur:-1")),
    Says(
        "data/pairs/forms.py",
        "behind the folder: load",
        given(waves_and_noises, "mix:{folder}/noises:loud"),
    ),
    Says("data/pairs/halves.py", "needs pictures, whose halves", lambda _: ("ring", {"condition": "left"})),
    Says("data/pairs/folders.py", "but its partner", given(two_folders((6, 7)), "folder:{folder}/b")),
    Says("data/pairs/keys.py", "names no array of", given(npz(**PHOTOS), "scetch", key="photo")),
    Says("data/pairs/made.py", "condition={} needs {}, but", lambda _: ("ring", {"condition": "edges"})),
    Says(
        "data/pairs/names.py",
        "whose files have the same names",
        given(two_folders((6, 8)), "folder:{folder}/d"),
    ),
    Says(
        "data/pairs/names.py",
        "or, if you meant it, load",
        given(two_folders((6, 8), fewer=3), "folder:{folder}/b"),
    ),
    Says(
        "data/pairs/noises.py",
        "there is no recording",
        given(waves_and_noises, "mix:{folder}/noises:5:3"),
    ),
    Says("data/pairs/noises.py", "is the only recording", given(waves_and_noises, "mix:{folder}/one:5:0")),
    Says(
        "data/pairs/opening.py",
        "pairs the files of two folders",
        lambda _: ("digits", {"condition": "folder:x"}),
    ),
    Says("data/pairs/opening.py", "which would be a column", given(PICTURES, "rigt")),
    Says("data/pairs/past.py", "needs frames, which are", given(waves_and_noises, "past:2")),
    Says("data/pairs/past.py", "{}: load the data with {}", given(PICTURES, "past:30", **KEEP)),
    Says("data/pairs/proposing.py", "{}: load them with {}", npz(**PHOTOS), "inspection"),
)
