"""Infers from an array's shape whether it holds rows, images or volumes, and from its values the space.

(N, D)                                   rows of a table
(N, H, W), (N, H, W, C), (N, C, H, W)    images with 1 or 3 channels, kept as (C, H, W)
(N, D, H, W), (N, 1, D, H, W)            volumes with sides of 5 or more, kept as (1, D, H, W)

only 0 and 1                             Binary
whole numbers 0..255                     Levels(256)
images of 16-bit whole numbers           Levels(65536), or as many as levels= says
other numbers                            Real, in double precision unless single holds them exactly
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.core.spaces.plain import Binary, Levels, Real, Space

MOST_LEVELS = 2**16
LEAST_SIDE = 5  # of a volume without its channel; what is smaller may be channels of an image


def observations(
    path: Path | str, field: str, array: np.ndarray, levels: int | None = None, masked: bool = False
) -> tuple[Tensor, Tensor | None, Space]:
    """Converts an array of any accepted shape to rows, and infers their space.

    Args:
        path: the file, for errors.
        field: the name of the array, for errors.
        array: shape (N, D) or that of images.
        levels: number of levels of whole numbers, or None: inferred.
        masked: if True, NaN stands for a missing entry; otherwise NaN is an error.

    Returns:
        The rows (N, *), the mask of known entries (None: all known), and the space.

    Raises:
        ValueError: if shape or values are not accepted; it names the file, the array and a remedy.
    """
    if array.dtype.kind not in "buif":
        raise ValueError(
            f"{path} holds text in {field}: the observations must be numbers; name another with key=."
        )
    _check_shape(path, field, array)
    x = images_first(path, field, array)
    known = ~np.isnan(x) if masked and x.dtype.kind == "f" else np.ones(x.shape, bool)
    if not known.all():
        # missing entries get some value of the array, so that they do not change the inferred support
        x = np.where(known, x, x[known].flat[0] if known.any() else np.nan)
    if x.dtype.kind == "f":
        _check_finite(path, field, x)
    x, space = _support(path, field, x) if levels is None else _declared(path, field, x, levels)
    rows, there = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(np.ascontiguousarray(known))
    return (rows, None, space) if known.all() else (space.filled(rows, there), there, space)


def _check_shape(path: Path | str, field: str, array: np.ndarray) -> None:
    has = f"{path} has {field} of shape {array.shape}"
    if array.ndim == 1 and array.size:
        raise ValueError(
            f"{has}: it must be (N, D); save x.reshape(-1, 1), which has one number in each row."
        )
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(f"{has}: it must be (N, D) or images (N, H, W) with N > 0.")
    if array.ndim == 2 and len(array) == 1:
        raise ValueError(f"{has}, which is a single row: save its transpose if it is one column of numbers.")


def images_first(path: Path | str, field: str, array: np.ndarray) -> np.ndarray:
    """Returns images as (N, C, H, W), volumes as (N, 1, D, H, W), and rows (N, D) unchanged.

    Args:
        path: the file, for errors.
        field: the name of the array, for errors.
        array: shape (N, D), (N, H, W), (N, H, W, C) or (N, C, H, W), C = 1 or 3, (N, D, H, W) or
            (N, 1, D, H, W).

    Raises:
        ValueError: if the shape is none of these.
    """
    if array.ndim == 2:
        return array
    if array.ndim == 3:
        return array[:, None]
    channels = (1, 3)
    if array.ndim == 4 and array.shape[1] in channels:
        return array
    if array.ndim == 4 and array.shape[3] in channels:
        return array.transpose(0, 3, 1, 2)
    if array.ndim == 4 and min(array.shape[1:]) >= LEAST_SIDE:
        return array[:, None]
    if array.ndim == 5 and array.shape[1] == 1:
        return array
    if array.ndim == 5 and array.shape[4] == 1:
        return array.transpose(0, 4, 1, 2, 3)
    raise ValueError(
        f"{path} has {field} of shape {array.shape}: images are (N, H, W), (N, H, W, C) or (N, C, H, W) "
        f"with C 1 or 3 (leave an alpha channel out), and volumes (N, 1, D, H, W), or (N, D, H, W) with "
        f"sides of {LEAST_SIDE} or more."
    )


def _check_finite(path: Path | str, field: str, x: np.ndarray) -> None:
    if not np.isfinite(x).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        masked = load_with(missing="mask")
        raise Refusal(
            f"{path} has a missing or infinite value in {field}, row {where[0]} (from 0), at {where[1:]}: "
            f"load it with {masked} where NaN stands for what is missing, or correct it.",
            masked,
        )


def _support(path: Path | str, field: str, x: np.ndarray) -> tuple[np.ndarray, Space]:
    shape = x.shape[1:]
    low, high = x.min(), x.max()
    whole = x.dtype.kind in "bui" or bool((x == np.round(x)).all())
    if whole and low >= 0 and high <= 1:
        return x.astype(np.uint8), Binary(shape)
    # MATLAB stores pixels as doubles
    if x.dtype.kind in "bui" or (whole and x.ndim >= 4):
        if low >= 0 and high <= 255:
            return x.astype(np.uint8), Levels(shape, 256)
        if x.dtype == np.uint16 and x.ndim >= 4:
            return x.astype(np.int32), Levels(shape, MOST_LEVELS)
        if x.dtype.kind in "bui":
            said = _no_pixels(path, field, int(low), int(high))
            raise Refusal(said, said)
    return narrowest(x, f"{path}, {field}"), Real(shape)


def _no_pixels(path: Path | str, field: str, low: int, high: int) -> str:
    """Returns the message for whole numbers that are neither 0/1 nor bytes."""
    holds = (
        f"{path} holds whole numbers from {low} to {high} in {field}, but those of pixels are 0..255 or 0/1"
    )
    real = "save x.astype('float64') to have them taken as real"
    if max(high, -low) > 2**53:
        return f"{holds}: subtract an offset (double precision rounds them), and {real}."
    if low >= 0 and high < MOST_LEVELS:
        levels = load_with(levels=1 << high.bit_length())
        return Phrase(f"{holds}: {real}; or if they are levels, load the data with {levels}.", levels)
    return f"{holds}: {real}."


def _declared(path: Path | str, field: str, x: np.ndarray, levels: int) -> tuple[np.ndarray, Space]:
    """Checks and converts whole numbers with the number of levels that the user gave."""
    if not 2 <= levels <= MOST_LEVELS:
        raise ValueError(f"levels={levels} must be from 2 to {MOST_LEVELS}.")
    if x.min() < 0 or x.max() >= levels or (x.dtype.kind == "f" and (x != np.round(x)).any()):
        raise ValueError(
            f"{path} holds numbers from {x.min()} to {x.max()} in {field}, but levels={levels} needs whole "
            f"numbers from 0 to {levels - 1}: give another levels=, or leave it out."
        )
    return x.astype(np.uint8 if levels <= 256 else np.int32), Levels(x.shape[1:], levels)


def narrowest(x: np.ndarray, where: str) -> np.ndarray:
    """Returns real numbers in single precision if that holds all of them exactly, otherwise in double.

    Args:
        x: real numbers of any shape.
        where: the file and array, for errors.

    Raises:
        ValueError: if a number exceeds the range of single precision, in which models compute, or the
            precision of double.
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
