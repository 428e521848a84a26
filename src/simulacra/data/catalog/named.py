"""Readers of the named data sets, from their publishers' files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.data.catalog import names
from simulacra.data.catalog.formats import opened, read_amat, read_cifar, read_idx
from simulacra.data.images.geometry import reshape_images
from simulacra.data.images.options import PictureOptions
from simulacra.data.sources.source import Part, Source

log = logging.getLogger("simulacra")

DIGITS = tuple(str(i) for i in range(10))
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FREY = 1965  # frames of the film
FIXED = "static binarization (Larochelle and Murray)"


def open_named(name: str, own: object = None, split: object = None) -> Source:
    """Reads the data set called `name`, with its published parts.

    Args:
        name: a name of the catalogue.
        own: unused: these data sets have no options of their own.
        split: unused; every reader takes it.

    Raises:
        ValueError: if its files are missing or damaged.

    Example:
        >>> source = open_named("digits")
        >>> source.space, len(source.parts["train"])
        (Levels(shape=(1, 8, 8), levels=17), 1797)
    """
    entry = names.find(name)
    if entry.kind == "embedded":
        return _digits()
    return _READERS[name](name, names.locate(entry))


def open_pictures(name: str, own: PictureOptions, split: object) -> Source:
    """Reads the images called `name`, and crops, resizes or converts them to grey.

    Args:
        name: a name of the catalogue.
        own: options of images.
        split: unused; every reader takes it.
    """
    return reshape_images(open_named(name), Geometry(own.size, own.crop), own.grey)


def _digits() -> Source:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x = torch.from_numpy(images.astype(np.uint8)).view(-1, 1, 8, 8)
    return Source("digits", Levels((1, 8, 8), 17), {"train": Part(x, _labels(labels))}, DIGITS)


def _labels(labels: np.ndarray) -> Tensor:
    return torch.from_numpy(labels.astype(np.int64))


def _idx(name: str, files: dict[str, Path]) -> Source:
    train = _idx_part(files, "train")
    test = _idx_part(files, "t10k")
    label_names = CLOTHES if name == "fashion-mnist" else DIGITS
    return Source(name, Levels((1, 28, 28), 256), {"train": train, "test": test}, label_names)


def _idx_part(files: dict[str, Path], prefix: str) -> Part:
    image_file, label_file = files[f"{prefix}-images-idx3-ubyte"], files[f"{prefix}-labels-idx1-ubyte"]
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if images.shape[1:] != (28, 28) or not len(images):
        raise ValueError(
            f"{image_file} holds images of shape {images.shape}, not (N, 28, 28): fetch it again."
        )
    if len(labels) != len(images):
        raise ValueError(
            f"{label_file} has {len(labels)} labels, but {image_file.name} has {len(images)} images: "
            "one of them is from another data set; fetch both again."
        )
    if labels.max() > 9:
        raise ValueError(
            f"{label_file} holds label {labels.max()}, but the classes are 0 to 9: fetch it again."
        )
    return Part(torch.from_numpy(images)[:, None], _labels(labels))


def _binarized(name: str, files: dict[str, Path]) -> Source:
    if names.PACKED in files:
        rows = _unpacked(files[names.PACKED])
    else:
        rows = {Path(file).stem.rsplit("_", 1)[1]: read_amat(path, 784) for file, path in files.items()}
    parts = {part: Part(torch.from_numpy(x).view(-1, 1, 28, 28)) for part, x in rows.items()}
    return Source(name, Binary((1, 28, 28)), parts, applied=(FIXED,))


def _unpacked(path: Path) -> dict[str, np.ndarray]:
    from simulacra.data.arrays.files import read_npz

    packed = read_npz(path)
    parts = ("train", "valid", "test")
    for part in parts:
        if part not in packed or packed[part].dtype != np.uint8 or packed[part].shape[1:] != (98,):
            raise ValueError(f"{path} has no array {part!r} of bytes with shape (N, 98): fetch it again.")
    return {part: np.unpackbits(packed[part], axis=1) for part in parts}


def _olivetti(name: str, files: dict[str, Path]) -> Source:
    from simulacra.data.arrays.matlab import read_mat

    (path,) = files.values()
    faces = read_mat(path).get("faces")
    if faces is None or faces.shape != (4096, 400):
        raise ValueError(f"{path} has no array 'faces' of shape (4096, 400): fetch it again.")
    # a face is a column of the array, in MATLAB's column-major order
    images = np.ascontiguousarray(faces.T.reshape(-1, 64, 64).transpose(0, 2, 1)).astype(np.uint8)
    people = tuple(f"person {i}" for i in range(1, 41))
    part = Part(torch.from_numpy(images)[:, None], torch.arange(40).repeat_interleave(10))
    return Source(name, Levels((1, 64, 64), 256), {"train": part}, people)


def _frey(name: str, files: dict[str, Path]) -> Source:
    """Reads the frames of the film; the last fifth is validation and test, since neighbours are alike."""
    from simulacra.data.arrays.matlab import read_mat

    (path,) = files.values()
    faces = read_mat(path).get("ff")
    if faces is None or faces.shape != (560, FREY):
        raise ValueError(f"{path} has no array 'ff' of shape (560, {FREY}): fetch it again.")
    images = torch.from_numpy(np.ascontiguousarray(faces.T.reshape(-1, 1, 28, 20)).astype(np.uint8))
    held = FREY // 10
    x = dict(zip(("train", "valid", "test"), images.split([FREY - 2 * held, held, held])))
    return Source(name, Levels((1, 28, 20), 256), {part: Part(rows) for part, rows in x.items()})


def _cifar10(name: str, files: dict[str, Path]) -> Source:
    folder = files["test_batch.bin"].parent
    batches = [path for i in range(1, 6) if (path := names.present(folder, f"data_batch_{i}.bin"))]
    if len(batches) < 5:
        log.warning("%s holds %d of the 5 training batches of CIFAR-10", folder, len(batches))
    read = [read_cifar(path) for path in batches]
    train = Part(_join([x for x, _ in read]), _labels(np.concatenate([y for _, y in read])))
    images, labels = read_cifar(files["test_batch.bin"])
    test = Part(torch.from_numpy(images), _labels(labels))
    return Source(name, Levels((3, 32, 32), 256), {"train": train, "test": test}, _class_names(folder))


def _join(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate(arrays) if len(arrays) > 1 else arrays[0])


def _class_names(folder: Path) -> tuple[str, ...]:
    path = folder / "batches.meta.txt"
    if not path.is_file():
        return THINGS
    with opened(path) as file:
        found = tuple(file.read(10_000).decode("utf-8", "replace").split())
    return found if len(found) == 10 else THINGS


def _music(name: str, files: dict[str, Path]) -> Source:
    from simulacra.data.audio.music import open_music

    (path,) = files.values()
    return replace(open_music(path), name=name)


_READERS: dict[str, Callable[[str, dict[str, Path]], Source]] = {
    "mnist": _idx,
    "fashion-mnist": _idx,
    "binarized-mnist": _binarized,
    "olivetti": _olivetti,
    "frey": _frey,
    "cifar10": _cifar10,
    "jsb-chorales": _music,
    "nottingham": _music,
    "piano-midi": _music,
    "musedata": _music,
}
