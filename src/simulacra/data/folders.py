"""A folder of images: class subfolders are labels; train, valid and test subfolders are splits.

photos/*.png                      no labels
photos/cat/*.png  photos/dog/*    labels
photos/train/...  photos/test/... official splits, each of the above
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simulacra.core.pixels import Geometry
from simulacra.core.space import Levels
from simulacra.data.depth import levels_of
from simulacra.data.described import sentence
from simulacra.data.heads import SUFFIXES, Head, read_heads
from simulacra.data.images import ImageFiles
from simulacra.data.labels import encode
from simulacra.data.sides import with_paths
from simulacra.data.source import Part, Source
from simulacra.data.tiles import applied, check_sizes

log = logging.getLogger("simulacra")

SPLITS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}


def open_folder(folder: Path, geometry: Geometry, grey: bool = False, levels: int | None = None) -> Source:
    """The source in a folder of images; no pixel is read yet.

    Args:
        folder: where the images are.
        geometry: how rows are taken from images; without any all must have one size.
        grey: turn colour images grey.
        levels: that are in use, or None: as many as the files can hold.

    Raises:
        ValueError: if there is no image, a class folder is empty, sizes or depths differ, a link leads
            out of the folder, or a file is damaged.
    """
    found = {name: _listed(part) for name, part in _parts(folder).items()}
    classes = [c for files in found.values() for _, c in files]
    if len({c is None for c in classes}) > 1:
        raise ValueError(
            f"{folder} holds images both directly and in class folders: put all of them in class folders, "
            "or none."
        )
    every = [path for files in found.values() for path, _ in files]
    _check_links(folder, every)
    heads = dict(zip(every, read_heads(every)))
    check_sizes(geometry, heads)
    space = Levels(_shape(heads, geometry, grey), levels_of(heads, levels))
    log.info("%s", sentence(heads, geometry))
    numbers, label_names = (None, ()) if classes[0] is None else encode(np.array(classes), str(folder))
    labels = {} if numbers is None else dict(zip(found, numbers.split([len(f) for f in found.values()])))
    parts = {
        name: _part(name, {path: heads[path] for path, _ in files}, labels.get(name), geometry, space)
        for name, files in found.items()
    }
    below = _parts(folder)
    parts = {name: with_paths(part, folder, below[name]) for name, part in parts.items()}
    was_colour = any(head.channels == 3 for pages in heads.values() for head in pages)
    return Source(folder.resolve().name, space, parts, label_names, applied(geometry, grey and was_colour))


def list_images(folder: Path) -> list[Path]:
    """Every image that `open_folder` would read, in its order."""
    return [path for part in _parts(folder).values() for path, _ in _listed(part)]


def _part(
    name: str,
    heads: dict[Path, tuple[Head, ...]],
    labels: Tensor | None,
    geometry: Geometry,
    space: Levels,
) -> Part:
    """The rows of one official part: every place of every page, with the label of its file."""
    places = torch.tensor(
        [
            (file, head.page, top, left)
            for file, pages in enumerate(heads.values())
            for head in pages
            for top, left in geometry.places(head.height, head.width)
        ]
    )
    channels, height, width = space.shape
    rows = ImageFiles(tuple(heads), (channels, height, width), geometry, space.levels, places, part=name)
    return Part(rows, None if labels is None else labels[places[:, 0]])


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
    """Every image with its class, in an order that does not depend on the file system."""
    direct = _images(folder.iterdir())
    files: list[tuple[Path, str | None]] = [(path, None) for path in direct]
    empty: list[Path] = []
    for below in sorted(folder.iterdir()):
        if below.is_dir() and not below.name.startswith((".", "__")):
            images = _images(below.rglob("*"))
            empty += [below] if not images else []
            files += [(path, below.name) for path in images]
    if not files:
        raise ValueError(f"{folder} holds no images ({', '.join(SUFFIXES)}): give the folder that has them.")
    if empty:
        raise ValueError(f"the class folder {empty[0]} holds no images: put images in it or remove it.")
    return files


def _images(paths: Iterable[Path]) -> list[Path]:
    named = [p for p in paths if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    for path in named:
        if path.is_symlink() and not path.exists():
            raise ValueError(f"{path} is a link to a file that is not there: remove it or copy the file.")
    return sorted((p for p in named if p.is_file()), key=lambda path: path.as_posix())


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


def _shape(heads: dict[Path, tuple[Head, ...]], geometry: Geometry, grey: bool) -> tuple[int, int, int]:
    every = [head for pages in heads.values() for head in pages]
    channels = 1 if grey or all(head.channels == 1 for head in every) else 3
    side = geometry.side
    return channels, side or every[0].height, side or every[0].width
