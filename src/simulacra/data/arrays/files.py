"""Arrays of your own: .npy, .npz and .mat files, and how their shapes are understood.

    (N, D)                                   rows of a table
    (N, H, W), (N, H, W, C), (N, C, H, W)    images with 1 or 3 channels, kept as (C, H, W)

    only 0 and 1                             Binary
    whole numbers 0..255                     Levels(256)
    images of 16-bit whole numbers           Levels(65536), or as many as levels= says
    other numbers                            Real

Pickled objects are never read.
"""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from simulacra.core.space import Binary, Levels, Real, Space
from simulacra.data.arrays.matlab import read_mat
from simulacra.data.labels import encode
from simulacra.data.source import Part, Source
from simulacra.data.splits.keys import array_sides

# what numpy raises on damaged headers of one kind or another
DAMAGED = (EOFError, OSError, ValueError, KeyError, TypeError, struct.error, SyntaxError, tokenize.TokenError)
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
    struct.error,
)


def open_arrays(
    path: Path,
    key: str | None,
    label: str | None,
    levels: int | None = None,
    aside: Collection[str | None] = (),
    missing: str = "error",
) -> Source:
    """The source in an array file.

    Args:
        path: a .npy, .npz or .mat file.
        key: which array holds the observations; needed where there are several.
        label: which array holds the labels, shape (N,).
        levels: number of levels of the observations, or None: as their values and type say.
        aside: arrays that split the rows and are no observations.
        missing: `mask` takes NaN for missing entries, `error` refuses them.

    Raises:
        ValueError: if the file is damaged, the array cannot be chosen, or it holds no observations.
    """
    if path.suffix.lower() == ".npy":
        if key or label:
            raise ValueError(
                f"{path} holds one array: key= and label= apply to npz and mat files, leave them out."
            )
        arrays = {path.name: read_npy(path)}
    else:
        arrays = read_npz(path) if path.suffix.lower() == ".npz" else read_mat(path)
    chosen = _choose(path, arrays, key, {label, *aside})
    field = f"array {chosen!r}"
    x, known, space = observations(path, field, arrays[chosen], levels, missing == "mask")
    others = {name: array for name, array in arrays.items() if name not in (chosen, label)}
    part = Part(x, known=known, sides=array_sides(others, len(x)))
    if label is None:
        return Source(path.stem, space, {"train": part})
    if label not in arrays:
        raise ValueError(f"{path} has no array {label!r}, which label= names; it has {_listed(arrays)}.")
    given = arrays[label]
    labels = given.reshape(-1) if given.ndim == 2 and 1 in given.shape else given
    if labels.shape != (len(x),):
        raise ValueError(
            f"{path} has labels {label!r} of shape {given.shape}, but {field} has {len(x)} rows: "
            "there must be one label a row."
        )
    numbers, label_names = encode(labels, f"{path}, array {label!r}")
    return Source(path.stem, space, {"train": replace(part, labels=numbers)}, label_names)


def _choose(
    path: Path, arrays: dict[str, np.ndarray], key: str | None, others: Collection[str | None]
) -> str:
    if key is not None:
        if key not in arrays:
            raise ValueError(f"{path} has no array {key!r}, which key= names; it has {_listed(arrays)}.")
        return key
    rest = [name for name in arrays if name not in others]
    if len(rest) != 1:
        raise ValueError(
            f"{path} holds {len(rest)} arrays that could be the observations ({_listed(arrays)}): "
            "name one with key=."
        )
    return rest[0]


def _listed(arrays: dict[str, np.ndarray]) -> str:
    return ", ".join(f"{name} {a.shape}" for name, a in arrays.items()) or "none"


# ---- files


def read_npy(path: Path) -> np.ndarray:
    """The array of a .npy file.

    Raises:
        ValueError: if the file is damaged or holds pickled objects.
    """
    with open(path, "rb") as file:
        return _npy(path, path.name, file, path.stat().st_size)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file.

    Raises:
        ValueError: if the file is damaged or holds pickled objects.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                with archive.open(info) as file:
                    arrays[name] = _npy(path, name, file, info.file_size)
    except BROKEN_ZIP as error:
        raise ValueError(
            f"{path} is truncated or no npz file ({error}): save it again with numpy.savez."
        ) from error
    return arrays


def _npy(path: Path, name: str, file: IO[bytes], size: int) -> np.ndarray:
    """One array, after its header was compared with the bytes that are there."""
    damaged = f"{path} is truncated or damaged in array {name!r}"
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(file)
    except DAMAGED as error:
        raise ValueError(f"{damaged} ({error}): save it again with numpy.") from error
    _check_type(path, name, dtype)
    count = 1
    for n in shape:
        count *= n
    # compared before anything of that size is allocated
    if count * dtype.itemsize > size:
        raise ValueError(
            f"{damaged}: its header promises {shape} of {dtype}, but the file ends before; save it again."
        )
    content = file.read(count * dtype.itemsize)
    if len(content) != count * dtype.itemsize:
        raise ValueError(
            f"{damaged}: it has {len(content)} of {count * dtype.itemsize} bytes; save it again."
        )
    array = np.frombuffer(bytearray(content), dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def _check_type(path: Path, name: str, dtype: np.dtype) -> None:
    if dtype.hasobject:
        raise ValueError(
            f"{path} holds Python objects in array {name!r}, which would need pickle and is never read: "
            "save numbers or strings."
        )
    if dtype.kind not in "buifUS":
        raise ValueError(f"{path} holds {dtype} in array {name!r}: save real numbers or strings.")


# ---- shapes and supports


def observations(
    path: Path, field: str, array: np.ndarray, levels: int | None = None, masked: bool = False
) -> tuple[Tensor, Tensor | None, Space]:
    """Rows, what is known of them (None: all) and their space, from an array of any accepted shape.

    Args:
        masked: whether NaN stands for a missing entry.

    Raises:
        ValueError: if shape or values are not accepted; it names file, field and mend.
    """
    if array.dtype.kind not in "buif":
        raise ValueError(
            f"{path} holds text in {field}: the observations must be numbers; name another with key=."
        )
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(
            f"{path} has {field} of shape {array.shape}: it must be (N, D) or images (N, H, W) with N > 0."
        )
    x = images_first(path, field, array)
    known = ~np.isnan(x) if masked and x.dtype.kind == "f" else np.ones(x.shape, bool)
    if not known.all():
        # some value of the array, so that what is missing says nothing of the support
        x = np.where(known, x, x[known].flat[0] if known.any() else np.nan)
    if x.dtype.kind == "f":
        _check_finite(path, field, x)
    x, space = _support(path, field, x) if levels is None else _declared(path, field, x, levels)
    rows, there = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(np.ascontiguousarray(known))
    return (rows, None, space) if known.all() else (space.filled(rows, there), there, space)


def images_first(path: Path, field: str, array: np.ndarray) -> np.ndarray:
    """(N, D) as it is; images as (N, C, H, W)."""
    if array.ndim == 2:
        return array
    if array.ndim == 3:
        return array[:, None]
    channels = (1, 3)
    if array.ndim == 4 and array.shape[1] in channels:
        return array
    if array.ndim == 4 and array.shape[3] in channels:
        return array.transpose(0, 3, 1, 2)
    raise ValueError(
        f"{path} has {field} of shape {array.shape}: images are (N, H, W), (N, H, W, C) or (N, C, H, W) "
        "with C 1 or 3 (leave an alpha channel out)."
    )


def _check_finite(path: Path, field: str, x: np.ndarray) -> None:
    if not np.isfinite(x).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise ValueError(
            f"{path} has a missing or infinite value in {field}, row {where[0]} (from 0), at {where[1:]}: "
            "load it with missing='mask' where NaN stands for what is missing, or correct it."
        )


def _support(path: Path, field: str, x: np.ndarray) -> tuple[np.ndarray, Space]:
    shape = x.shape[1:]
    low, high = x.min(), x.max()
    whole = x.dtype.kind in "bui" or bool((x == np.round(x)).all())
    if whole and low >= 0 and high <= 1:
        return x.astype(np.uint8), Binary(shape)
    # MATLAB keeps pixels as doubles
    if x.dtype.kind in "bui" or (whole and x.ndim == 4):
        if low >= 0 and high <= 255:
            return x.astype(np.uint8), Levels(shape, 256)
        if x.dtype == np.uint16 and x.ndim == 4:
            return x.astype(np.int32), Levels(shape, 2**16)
        if x.dtype.kind in "bui":
            raise ValueError(
                f"{path} holds whole numbers from {low} to {high} in {field}: they must be 0..255 "
                "(8-bit pixels) or 0/1; say how many levels they have with levels=, or save them as floats "
                "to have them taken as real."
            )
    return narrowest(x, f"{path}, {field}"), Real(shape)


def _declared(path: Path, field: str, x: np.ndarray, levels: int) -> tuple[np.ndarray, Space]:
    """Whole numbers of as many levels as the user says."""
    if not 2 <= levels <= 2**16:
        raise ValueError(f"levels={levels} must be from 2 to {2**16}.")
    if x.min() < 0 or x.max() >= levels or (x.dtype.kind == "f" and (x != np.round(x)).any()):
        raise ValueError(
            f"{path} holds numbers from {x.min()} to {x.max()} in {field}, but levels={levels} needs whole "
            f"numbers from 0 to {levels - 1}: give another levels=, or leave it out."
        )
    return x.astype(np.uint8 if levels <= 256 else np.int32), Levels(x.shape[1:], levels)


def narrowest(x: np.ndarray, where: str) -> np.ndarray:
    """Real numbers in single precision if it holds all of them exactly, otherwise in double precision.

    Raises:
        ValueError: if one is beyond single precision, which models compute in, or more precise than double.
    """
    double = x.astype(np.float64)
    if x.dtype.itemsize > 8 and (double != x).any():
        raise ValueError(
            f"{where} holds numbers of {x.dtype} that double precision rounds: save x.astype('float64') to "
            "have them rounded."
        )
    largest = np.abs(double).max(initial=0)
    if largest > np.finfo(np.float32).max:
        raise ValueError(f"{where} holds numbers up to {largest:.3g}, beyond single precision: rescale them.")
    single = double.astype(np.float32)
    return single if (single == double).all() else double
