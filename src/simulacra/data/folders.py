"""A folder of images: class subfolders are labels; train, valid and test subfolders are splits.

photos/*.png                      no labels
photos/cat/*.png  photos/dog/*    labels
photos/train/...  photos/test/... official splits, each of the above
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from torch import Tensor

from simulacra.core.space import Levels
from simulacra.data.geometry import describe
from simulacra.data.images import SUFFIXES, Head, ImageFiles, read_heads
from simulacra.data.labels import encode
from simulacra.data.source import Part, Source

log = logging.getLogger("simulacra")

SPLITS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}


def open_folder(folder: Path, size: int | None, grey: bool) -> Source:
    """The source in a folder of images; no pixel is read yet.

    Args:
        folder: where the images are.
        size: side of the squares they are fitted to, or None: all must have one size.
        grey: turn colour images grey.

    Raises:
        ValueError: if there is no image, a class folder is empty, sizes differ, or a file is damaged.
    """
    found = {name: _listed(part) for name, part in _parts(folder).items()}
    classes = [c for files in found.values() for _, c in files]
    if len({c is None for c in classes}) > 1:
        raise ValueError(
            f"{folder} holds images both directly and in class folders: put all of them in class folders, "
            "or none."
        )
    paths = {name: tuple(path for path, _ in files) for name, files in found.items()}
    every = [path for files in paths.values() for path in files]
    heads = dict(zip(every, read_heads(every)))
    shape = _shape(heads, size, grey)
    labels: dict[str, Tensor] = {}
    label_names: tuple[str, ...] = ()
    if classes[0] is not None:
        numbers, label_names = encode(np.array(classes), str(folder))
        labels = dict(zip(found, numbers.split([len(files) for files in found.values()])))
    parts = {
        name: Part(ImageFiles(files, shape, size, part=name), labels.get(name))
        for name, files in paths.items()
    }
    was_colour = any(head.channels == 3 for head in heads.values())
    applied = tuple(filter(None, [describe(size, grey and was_colour)]))
    return Source(folder.resolve().name, Levels(shape, 256), parts, label_names, applied)


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


def _images(paths) -> list[Path]:
    fit = [p for p in paths if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()]
    return sorted(fit, key=lambda path: path.as_posix())


def _shape(heads: dict[Path, Head], size: int | None, grey: bool) -> tuple[int, int, int]:
    channels = 1 if grey or all(head.channels == 1 for head in heads.values()) else 3
    if size is not None:
        return channels, size, size
    first, head = next(iter(heads.items()))
    for path, other in heads.items():
        if (other.width, other.height) != (head.width, head.height):
            raise ValueError(
                f"the images differ in size: {first} is {head.width}x{head.height}, {path} is "
                f"{other.width}x{other.height}; load them with size=, such as size={min(64, head.width)}."
            )
    return channels, head.height, head.width
