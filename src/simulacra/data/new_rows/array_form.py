"""The form of the rows in an array file: answers and masks have the shape and the type that the file has.

Readers turn images of shape (H, W) or (H, W, C) into rows of shape (C, H, W).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from simulacra.data.arrays.shapes import LEAST_SIDE, images_first


@dataclass(frozen=True)
class ArrayForm:
    """Shape and type of an array of observations.

    Args:
        path: the file.
        key: name of the array.
        shape: shape of the array, (N, *).
        dtype: type of its entries.
    """

    path: Path
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def mask(self, known: np.ndarray) -> np.ndarray:
        """Returns a mask of the file as one of rows, shape (N, *), or (1, *) where it is one for all rows.

        Args:
            known: the mask, with the shape of the array or of one of its rows, as in the file or as rows.

        Raises:
            ValueError: if it has another shape.
        """
        row = images_first(self.path, self.key, np.empty((1, *self.shape[1:]), bool)).shape[1:]
        for wanted in (self.shape, (self.shape[0], *row)):
            for shape, mask in ((wanted, known), (wanted[1:], known[None])):
                if known.shape == shape:
                    return mask.astype(bool) if mask.shape[1:] == row else self._rows(mask.astype(bool))
        raise ValueError(
            f"{self.path} has the array 'known' of shape {known.shape}, but {self.key!r} has {self.shape}: "
            f"give one of that shape, or one of shape {self.shape[1:]} for all rows."
        )

    def _rows(self, array: np.ndarray) -> np.ndarray:
        return images_first(self.path, self.key, array)

    def back(self, x: np.ndarray, volumes: bool = False) -> np.ndarray:
        """Returns answers in the form of the file's rows, and in its type where that holds them.

        Args:
            x: answers, shape (..., *), whose last sides are those of a row.
            volumes: True if answers are volumes (1, D, H, W), which keep their channel beside pictures.
        """
        sides = len(self.shape) - 1
        if volumes:
            x = x.squeeze(-4) if sides == 3 and min(self.shape[1:]) >= LEAST_SIDE else x
        elif sides == 2:
            # images without channels in the file: those of colored answers stand last
            x = x.squeeze(-3) if x.shape[-3] == 1 else np.moveaxis(x, -3, -1)
        elif sides == 3 and self.shape[1] not in (1, 3):
            x = np.moveaxis(x, -3, -1)
        with np.errstate(all="ignore"):
            same = x.astype(self.dtype)
        return same if np.array_equal(same, x, equal_nan=x.dtype.kind == "f") else x


def form_of(path: Path, key: str | None) -> ArrayForm | None:
    """Returns the form of the rows of a .npy or .npz file; None for other data.

    Args:
        path: the file, whose array has been read.
        key: name of the array in a .npz file, or None if the file has none of one name.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy" and path.is_file():
        with path.open("rb") as file:
            return ArrayForm(path, path.name, *_header(file))
    if suffix != ".npz" or key is None or not path.is_file():
        return None
    with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as member:
        return ArrayForm(path, key, *_header(member))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Returns shape and type of an array."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
