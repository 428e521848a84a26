"""Lists the files of a folder: class subfolders are labels; train, valid and test subfolders are splits.

    photos/*.png                      no labels
    photos/cat/*.png  photos/dog/*    labels
    photos/train/...  photos/test/... official splits, each of the above

Folders of images, of recordings (.wav) and of motion (.bvh) have the same layout; one folder holds one kind.
Files of other kinds are left out and counted; hidden files and files of the operating system are ignored.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.data.images.headers import SUFFIXES as IMAGES
from simulacra.data.labels import encode
from simulacra.data.sources.source import Part
from simulacra.data.splits.options import SplitOptions

log = logging.getLogger("simulacra")

WAVES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".aiff", ".aif", ".aifc", ".au", ".snd"),
    *(".w64", ".rf64", ".caf"),
)
MOTIONS = (".bvh",)
KINDS = {"images": IMAGES, "recordings": WAVES, "recorded motion": MOTIONS}
EVERY = tuple(suffix for suffixes in KINDS.values() for suffix in suffixes)
# files and folders that operating systems create
SYSTEM = {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"}
SYSTEM |= {"__macosx", "__pycache__", "@eadir", "$recycle.bin", "system volume information", "lost+found"}
SPLITS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Listing:
    """The files of a folder, in an order that does not depend on the file system.

    Args:
        folder: the folder that was listed.
        below: the folder of each part; if there are no part folders, the whole folder is `train`.
        files: the files of each part.
        labels: the class number of each file of each part; empty if there are no class folders.
        label_names: names of the classes.
        left_out: number of files of other kinds, by suffix in lower case.
    """

    folder: Path
    below: Mapping[str, Path]
    files: Mapping[str, tuple[Path, ...]]
    labels: Mapping[str, Tensor]
    label_names: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def said_left_out(self) -> str:
        """A note such as `24 other files left out (.heic, .txt)`, or an empty string."""
        return _said(self.left_out)

    @property
    def paths(self) -> list[Path]:
        """All files, part by part."""
        return [path for files in self.files.values() for path in files]

    @property
    def waves(self) -> bool:
        """True if the files are recordings of sound."""
        return self.paths[0].suffix.lower() in WAVES


def list_folder(folder: Path) -> Listing:
    """Lists the images, recordings or motion of a folder without opening them.

    Raises:
        ValueError: if there are none, or several kinds, a class folder is empty, or a link leads out of the
            folder.
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
    return Listing(folder, below, files, labels, names, _others(folder, below, set(every)))


def list_file(path: Path) -> Listing:
    """Returns the listing of a single file, as of a folder that holds nothing else.

    Args:
        path: the file.
    """
    return Listing(path.parent, {"train": path.parent}, {"train": (path,)}, {}, ())


def list_path(path: Path) -> Listing:
    """Returns the listing of a folder, or of a single file.

    Args:
        path: the folder or file.

    Raises:
        ValueError: as `list_folder`.
    """
    return list_file(path) if path.is_file() else list_folder(path)


def _others(folder: Path, below: Mapping[str, Path], known: set[Path]) -> dict[str, int]:
    """Counts files of other kinds by suffix; folders beside `train` are reported by `_parts`."""
    shown = [path for part in below.values() for path in _shown(part) if path not in known]
    if folder not in below.values():
        shown += [path for path in folder.iterdir() if path.is_file() and not _passed_over(path.name)]
    return dict(sorted(Counter(path.suffix.lower() or "without suffix" for path in shown).items()))


def _said(left_out: Mapping[str, int]) -> str:
    count = sum(left_out.values())
    return f"{count:,} other file{'s' * (count > 1)} left out ({', '.join(left_out)})" if count else ""


def _shown(folder: Path) -> list[Path]:
    """Returns the files below a folder, except hidden ones and those of the operating system."""
    files: list[Path] = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _passed_over(name))
        files += [Path(where, name) for name in names if not _passed_over(name)]
    return files


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM


def kind_held(folder: Path) -> str:
    """Returns the kind of the first readable file of a folder, a key of `KINDS`; images if there is none."""
    for _, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if Path(name).suffix.lower() in EVERY and not name.startswith("."):
                return _kind(Path(name))
    return "images"


def check_two_files(
    path: Path,
    parts: Mapping[str, Part],
    split: SplitOptions,
    kind: str,
    cut: Mapping[str, int] | None = None,
) -> None:
    """Raises ValueError if splits are to be cut from a single file, whose rows must stay in one split.

    Args:
        path: the folder or file, for the error.
        parts: the parts of the source at `path`, with the file of each row.
        split: options of the splits.
        kind: `image` or `recording`, for the error.
        cut: the options that cut it into windows, if it is one row and can be cut.
    """
    sides = parts["train"].sides
    files = set(sides["file"].tolist())
    wanted = [name for name, share in (("valid", split.validation), ("test", split.test)) if share]
    if len(files) == 1 and len(parts) == 1 and wanted and not split.keys:
        none = load_with(validation=0, test=0)
        at_the_end = load_with(**(cut or {}), time="start")
        start = ""
        # each of the splits gets a row
        shares = (split.validation, split.test)
        enough = all(round(len(parts["train"]) * share) for share in shares if 0 < share < 1)
        if "start" in sides and (cut or enough):
            start = Phrase(f"with {at_the_end} to test on its end, or ", at_the_end)
        raise Refusal(
            f"{path} holds a single {kind}, {next(iter(files))}, which cannot be split into train, "
            f"{' and '.join(wanted)}: add {kind}s, or load it {start}with {none}.",
            *(start, none),
        )


def _parts(folder: Path) -> dict[str, Path]:
    """Returns the folder of each official split; without a train folder the whole folder is `train`."""
    below = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    parts = {split: below[name] for split, aliases in SPLITS.items() for name in aliases if name in below}
    if "train" not in parts:
        return {"train": folder}
    others = sorted(set(below.values()) - set(parts.values()))
    if others and not all(path.name.startswith(".") for path in others):
        log.warning("%s has a train folder: %s is left out", folder, ", ".join(path.name for path in others))
    return parts


def _listed(folder: Path) -> list[tuple[Path, str | None]]:
    """Returns every file of a part with its class, or None without class folders."""
    here = [path for path in folder.iterdir() if not _passed_over(path.name)]
    files: list[tuple[Path, str | None]] = [(path, None) for path in _known(here)]
    others: dict[Path, Counter[str]] = {}
    for below in sorted(path for path in here if path.is_dir()):
        shown = _shown(below)
        inside = _known(shown)
        if not inside:
            others[below] = Counter(path.suffix.lower() or "without suffix" for path in shown)
        files += [(path, below.name) for path in inside]
    if not files:
        found = _said(_others(folder, {"train": folder}, set()))
        read = ", ".join(f"no {kind} ({', '.join(suffixes)})" for kind, suffixes in KINDS.items())
        raise ValueError(
            f"{folder} holds {read}{f'; {found}' if found else ''}: give the folder that has them, or "
            "convert what is there."
        )
    if others:
        kind, (empty, held) = _kind(files[0][0]), next(iter(others.items()))
        there = f" that can be read ({_said(held)})" if held else ""
        raise ValueError(f"the class folder {empty} holds no {kind}{there}: put {kind} in it or remove it.")
    return files


def _known(paths: Iterable[Path]) -> list[Path]:
    named = [p for p in paths if p.suffix.lower() in EVERY]
    for path in named:
        if path.is_symlink() and not path.exists():
            raise ValueError(f"{path} is a link to a file that is not there: remove it or copy the file.")
    return sorted((p for p in named if p.is_file()), key=lambda path: path.as_posix())


def _kind(path: Path) -> str:
    return next(kind for kind, suffixes in KINDS.items() if path.suffix.lower() in suffixes)


def _check_kind(folder: Path, paths: list[Path]) -> None:
    """Raises ValueError if files of several kinds are mixed."""
    first = {_kind(path): path for path in reversed(paths)}
    if len(first) > 1:
        held = [f"{kind}, such as {first[kind].relative_to(folder)}" for kind in KINDS if kind in first]
        raise ValueError(f"{folder} holds {', and '.join(held)}: put one kind in a folder of its own.")


def _check_links(folder: Path, paths: list[Path]) -> None:
    """Raises ValueError if a link leads out of the folder."""
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
