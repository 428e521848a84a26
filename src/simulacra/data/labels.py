"""Labels as class numbers 0..K-1 with names."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def encode(values: np.ndarray, where: str) -> tuple[Tensor, tuple[str, ...]]:
    """Class numbers, shape (N,), and names in sorted order.

    Args:
        values: one label a row: whole numbers or text.
        where: file and field, for the error.

    Raises:
        ValueError: if a label is missing or is no whole number.

    Example:
        >>> encode(np.array(["cat", "ant", "cat"]), "a file")
        (tensor([1, 0, 1]), ('ant', 'cat'))
    """
    values = np.asarray(values)
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values) | (values != np.round(values))
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(
                f"{where} holds {values[row]} in row {row} (from 0): labels are whole numbers or text; "
                "choose another with label=."
            )
        values = values.astype(np.int64)
    if values.dtype.kind == "U":
        values = np.char.strip(values)
    classes, numbers = np.unique(values, return_inverse=True)
    names = [c.decode("utf-8", "replace") if isinstance(c, bytes) else str(c) for c in classes.tolist()]
    return torch.from_numpy(numbers.reshape(-1).astype(np.int64)), tuple(names)
