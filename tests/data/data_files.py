"""Tiny files in the formats of the named data sets, for machines that have none of the real ones."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from PIL import Image

RNG = np.random.default_rng(0)


def write(path: Path, content: bytes, zipped: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


def idx_bytes(array: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_mnist(folder: Path, train: int = 40, test: int = 20, zipped: bool = True) -> dict[str, np.ndarray]:
    """The four files in `folder`, and the arrays in them."""
    arrays = {
        "train-images-idx3-ubyte": RNG.integers(0, 256, (train, 28, 28), np.uint8),
        "train-labels-idx1-ubyte": np.arange(train, dtype=np.uint8) % 10,
        "t10k-images-idx3-ubyte": RNG.integers(0, 256, (test, 28, 28), np.uint8),
        "t10k-labels-idx1-ubyte": np.arange(test, dtype=np.uint8) % 10,
    }
    for name, array in arrays.items():
        write(folder / (name + ".gz" * zipped), idx_bytes(array), zipped)
    return arrays


def amat_bytes(rows: np.ndarray) -> bytes:
    return b"".join(b" ".join(b"%d" % v for v in row) + b"\n" for row in rows)


def write_binarized(folder: Path, packed: bool) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    rows = {
        part: rng.integers(0, 2, (n, 784), np.uint8) for part, n in (("train", 9), ("valid", 4), ("test", 5))
    }
    folder.mkdir(parents=True, exist_ok=True)
    if packed:
        bits = {part: np.packbits(x, axis=1) for part, x in rows.items()}
        np.savez_compressed(folder / "binarized_mnist_packed.npz", **bits)
    else:
        for part, x in rows.items():
            write(folder / f"binarized_mnist_{part}.amat.gz", amat_bytes(x), zipped=True)
    return rows


def cifar_bytes(images: np.ndarray, labels: np.ndarray) -> bytes:
    return np.concatenate(
        [labels.astype(np.uint8)[:, None], images.reshape(len(images), -1).astype(np.uint8)], 1
    ).tobytes()


def write_cifar(folder: Path, batches: int = 5, rows: int = 6) -> np.ndarray:
    """The batches in `folder`; returns the training images."""
    images = RNG.integers(0, 256, (batches * rows, 3, 32, 32), np.uint8)
    for i in range(batches):
        part = images[i * rows : (i + 1) * rows]
        write(folder / f"data_batch_{i + 1}.bin", cifar_bytes(part, np.arange(rows) % 10))
    write(folder / "test_batch.bin", cifar_bytes(images[:4], np.array([9, 8, 7, 6])))
    return images


def write_image(path: Path, seed: int, size: tuple[int, int] = (8, 8), mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0]) + ((3,) if mode == "RGB" else ())
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_folder(folder: Path, n: int = 12, size: tuple[int, int] = (8, 8), mode: str = "L") -> Path:
    for i in range(n):
        write_image(folder / f"image_{i:02d}.png", i, size, mode)
    return folder


def write_classes(folder: Path, names: tuple[str, ...] = ("ant", "bee"), n: int = 10, size=(8, 8)) -> Path:
    for k, name in enumerate(names):
        for i in range(n):
            write_image(folder / name / f"{i:02d}.png", 100 * k + i, size)
    return folder
