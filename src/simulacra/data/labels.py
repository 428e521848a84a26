"""Labels as class numbers 0..K-1 with names."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.inputs.arrays import EXACT, as_tensor, is_gone
from simulacra.core.inputs.tables import class_name

log = logging.getLogger("simulacra")


def encode(values: np.ndarray, where: str) -> tuple[Tensor, tuple[str, ...]]:
    """Encodes labels as class numbers, shape (N,), and returns the class names in sorted order.

    Args:
        values: one label for each row: whole numbers, booleans or text.
        where: the file and field, for errors.

    Raises:
        ValueError: if a label is missing, or neither a whole number nor text.

    Example:
        >>> encode(np.array(["cat", "ant", "cat"]), "a file")
        (tensor([1, 0, 1]), ('ant', 'cat'))
    """
    values = np.asarray(values)
    if values.dtype.kind == "O":
        values = _plain_values(values, where)
    if values.dtype.kind not in "buifUS":
        raise ValueError(f"{where} holds {values.dtype}: labels are whole numbers or text.")
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values) | (values != np.round(values)) | (np.abs(values) > EXACT)
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(
                f"{where} holds {values[row]} in row {row} (from 0): labels are whole numbers or text; "
                "choose another with label=."
            )
        values = values.astype(np.int64)
    if values.dtype.kind in "US":
        values = np.char.strip(values)
        _check_none_missing(values == values.dtype.type(), where)
    classes, numbers = np.unique(values, return_inverse=True)
    names = [c.decode("utf-8", "replace") if isinstance(c, bytes) else str(c) for c in classes.tolist()]
    return torch.from_numpy(numbers.reshape(-1).astype(np.int64)), tuple(names)


def _plain_values(values: np.ndarray, where: str) -> np.ndarray:
    """Converts Python objects to numbers if all of them are numbers, otherwise to text."""
    given = values.tolist()
    _check_none_missing(np.array([is_gone(value) for value in given], bool), where)
    kinds = {type(value) for value in given}
    if kinds <= {int, float} or kinds == {bool}:
        return np.array(given)
    return np.array(list(map(class_name, given)))


def _check_none_missing(gone: np.ndarray, where: str) -> None:
    if gone.any():
        raise ValueError(
            f"{where} has no label in row {int(gone.argmax())} (from 0): fill it in, or leave it out."
        )


def one_column(labels: np.ndarray, rows: int) -> np.ndarray:
    """Returns labels of shape (N,) from those of shape (N, 1), (1, N), or one-hot (N, K).

    Args:
        labels: labels of any shape; other shapes are returned unchanged.
        rows: N, the number of observations.

    Example:
        >>> one_column(np.eye(3)[[2, 0]], 2).tolist()
        [2, 0]
    """
    if labels.ndim == 2 and 1 in labels.shape:
        return labels.reshape(-1)
    if labels.ndim != 2 or len(labels) != rows or labels.dtype.kind not in "buif":
        return labels
    if not ((labels == 0) | (labels == 1)).all() or not ((labels != 0).sum(1) == 1).all():
        return labels
    log.info("labels of shape %s have a single 1 in each row: its column is the class", labels.shape)
    return labels.argmax(1)


def class_numbers(labels: Any, rows: int) -> tuple[Tensor | None, tuple[str, ...]]:
    """Returns class numbers as given, or encodes labels that are given by name.

    Args:
        labels: one label for each row, as numbers or names, or None.
        rows: the number of rows, for the check.

    Returns:
        Class numbers (N,), or None without labels, and class names, empty for numbers.

    Raises:
        ValueError: if the number of labels differs from that of rows.

    Example:
        >>> class_numbers(["b", "a"], 2)
        (tensor([1, 0]), ('a', 'b'))
    """
    if labels is None:
        return None, ()
    names: tuple[str, ...] = ()
    if isinstance(labels, Tensor):
        numbers = labels
    elif (values := np.asarray(labels)).dtype.kind in "iu":
        numbers = as_tensor(values, "labels").long()
    else:
        numbers, names = encode(values, "labels")
    if numbers.shape != (rows,):
        raise ValueError(f"labels has shape {tuple(numbers.shape)}, but x has {rows} rows: one label a row.")
    return numbers, names


def classes_in(split: Any) -> Tensor | None:
    """Returns the class of each row, shape (N,): its label, or its condition; None without either.

    Args:
        split: a split of a data set.
    """
    return split.labels if split.labels is not None else split.c
