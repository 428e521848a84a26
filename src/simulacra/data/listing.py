"""A folder of files: class subfolders are labels; train, valid and test subfolders are splits.

photos/*.png                      no labels
photos/cat/*.png  photos/dog/*    labels
photos/train/...  photos/test/... official splits, each of the above

Images and recordings (.wav) are laid out alike; one folder holds one kind of them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from simulacra.data.images.headers import SUFFIXES as IMAGES
from simulacra.data.labels import encode
from simulacra.data.source import Part
from simulacra.data.splits.options import SplitOptions

log = logging.getLogger("simulacra")

WAVES = (
    ".wav",
    ".wave",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".aiff",
    ".aif",
    ".aifc",
    ".au",
    ".snd",
    ".w64",
    ".rf64",
    ".caf",
)
SPLITS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Listing:
    """The files of a folder, in an order that does not depend on the file system.

    Args:
        folder: that was listed.
        below: the folder of each official part; the whole folder is `train` where there are none.
        files: of each part.
        labels: class number of each file of each part; empty where there are no class folders.
        label_names: what the classes are called.
    """

    folder: Path
    below: Mapping[str, Path]
    files: Mapping[str, tuple[Path, ...]]
    labels: Mapping[str, Tensor]
    label_names: tuple[str, ...]

    @property
    def paths(self) -> list[Path]:
        """Every file, part by part."""
        return [path for files in self.files.values() for path in files]

    @property
    def waves(self) -> bool:
        """Whether these are recordings; otherwise they are images."""
        return self.paths[0].suffix.lower() in WAVES


def list_folder(folder: Path) -> Listing:
    """The images or recordings of a folder; no file is opened.

    Raises:
        ValueError: if there are none, or both, a class folder is empty, or a link leads out of the folder.
    """
    below = _parts(folder)
    found = {name: _listed(part) for name, part in below.items()}
    every = [path for files in found.values() for path, _ in files]
    _check_kind(folder, every)
    classes = [c for files in found.values() for _, c in files]
    if len({c is None for c in classes}) > 1:
        raise ValueError(
            f"{folder} holds {_kind(every[0])} both directly and in class folders: put all of them in class "
            "folders, or none."
        )
    _check_links(folder, every)
    numbers, names = (None, ()) if classes[0] is None else encode(np.array(classes), str(folder))
    labels = {} if numbers is None else dict(zip(found, numbers.split([len(f) for f in found.values()])))
    files = {name: tuple(path for path, _ in listed) for name, listed in found.items()}
    return Listing(folder, below, files, labels, names)


def holds_waves(folder: Path) -> bool:
    """Returns True if the first file of a folder that can be read is a recording."""
    for _, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            suffix = Path(name).suffix.lower()
            if suffix in (*IMAGES, *WAVES) and not name.startswith("."):
                return suffix in WAVES
    return False


def check_two_files(path: Path, parts: Mapping[str, Part], split: SplitOptions, kind: str) -> None:
    """Raise ValueError where splits are to be cut from a single file, whose rows stay together.

    Args:
        parts: of the source in `path`, with the file of each row.
        kind: `image` or `recording`, for the error.
    """
    sides = parts["train"].sides
    files = set(sides["file"].tolist())
    wanted = [name for name, share in (("valid", split.validation), ("test", split.test)) if share]
    if len(files) == 1 and len(parts) == 1 and wanted and not split.keys:
        start = "with time=start to test on its end, or " if "start" in sides else ""
        raise ValueError(
            f"{path} holds a single {kind}, {next(iter(files))}, which cannot be split into train, "
            f"{' and '.join(wanted)}: add {kind}s, or load it {start}with validation=0 and test=0."
        )


def _parts(folder: Path) -> dict[str, Path]:
    """The folder of each official split; the whole folder is `train` where there are none."""
    below = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    parts = {split: below[name] for split, aliases in SPLITS.items() for name in aliases if name in below}
    if "train" not in parts:
        return {"train": folder}
    others = sorted(set(below.values()) - set(parts.values()))
    if others and not all(path.name.startswith(".") for path in others):
        log.warning("%s has a train folder: %s is left out", folder, ", ".join(path.name for path in others))
    return parts


def _listed(folder: Path) -> list[tuple[Path, str | None]]:
    """Every file of a part with its class."""
    files: list[tuple[Path, str | None]] = [(path, None) for path in _known(folder.iterdir())]
    empty: list[Path] = []
    for below in sorted(folder.iterdir()):
        if below.is_dir() and not below.name.startswith((".", "__")):
            inside = _known(below.rglob("*"))
            empty += [below] if not inside else []
            files += [(path, below.name) for path in inside]
    if not files:
        raise ValueError(
            f"{folder} holds no images ({', '.join(IMAGES)}) and no recordings ({', '.join(WAVES)}): "
            "give the folder that has them."
        )
    if empty:
        kind = _kind(files[0][0])
        raise ValueError(f"the class folder {empty[0]} holds no {kind}: put {kind} in it or remove it.")
    return files


def _known(paths: Iterable[Path]) -> list[Path]:
    named = [p for p in paths if p.suffix.lower() in (*IMAGES, *WAVES) and not p.name.startswith(".")]
    for path in named:
        if path.is_symlink() and not path.exists():
            raise ValueError(f"{path} is a link to a file that is not there: remove it or copy the file.")
    return sorted((p for p in named if p.is_file()), key=lambda path: path.as_posix())


def _kind(path: Path) -> str:
    return "recordings" if path.suffix.lower() in WAVES else "images"


def _check_kind(folder: Path, paths: list[Path]) -> None:
    """Raise ValueError where images and recordings stand together."""
    first = {_kind(path): path for path in reversed(paths)}
    if len(first) > 1:
        raise ValueError(
            f"{folder} holds images, such as {first['images'].relative_to(folder)}, and recordings, such as "
            f"{first['recordings'].relative_to(folder)}: put one kind in a folder of its own."
        )


def _check_links(folder: Path, paths: list[Path]) -> None:
    """Raise ValueError where a link leads out of the folder."""
    inside = folder.resolve()
    parents = {path.parent: path.parent.resolve() for path in paths}
    for path in paths:
        target = path.resolve() if path.is_symlink() else parents[path.parent] / path.name
        if not target.is_relative_to(inside):
            link = next(p for p in (path, *path.parents) if p.is_symlink())
            raise ValueError(
                f"{link} is a link that leads out of {folder} (to {link.resolve()}): copy what it leads to "
                "into the folder, or remove the link."
            )
