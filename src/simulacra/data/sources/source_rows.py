"""`SourceRows`: the row numbers of a split in its source."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class SourceRows:
    """Row numbers within an official part of a source, in the order of a split.

    Args:
        part: name of the official part, such as `train`.
        numbers: numbers of the rows in that part, from 0, shape (N,).
        files: the file of each row relative to the folder, shape (N,), or None if rows are not files.

    Example:
        >>> rows = SourceRows("train", torch.arange(10))[torch.tensor([2, 7])]
        >>> rows.numbers.tolist(), rows.name(1)
        ([2, 7], 'row 7')
    """

    part: str
    numbers: Tensor
    files: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Tensor) -> SourceRows:
        index = index.cpu()
        files = None if self.files is None else self.files[index.numpy()]
        return SourceRows(self.part, self.numbers[index], files)

    def name(self, i: int) -> str:
        """Returns the name of row `i`: its file, or its number in the source."""
        return f"row {int(self.numbers[i])}" if self.files is None else str(self.files[i])

    def digest(self) -> str:
        """Returns the SHA-256 over the part and the numbers; files are left out, since folders may move."""
        content = self.numbers.to(torch.int64).contiguous().numpy()
        return hashlib.sha256(f"{self.part}:".encode() + content.tobytes()).hexdigest()
