"""Rows that are read when they are asked for: the protocol of image folders, and of other kinds to come."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from simulacra.core.preprocessing.transforms import Binarize


class RowStore(ABC):
    """Rows of one shape that lie outside memory, such as in files.

    A store is a sequence of rows: it is indexed before anything is read, and `read` gives tensors. It must
    survive the way to another process, since worker processes read ahead while a model trains.

    Example:
        >>> class Squares(RowStore):
        ...     shape, dtype = (1,), torch.int32
        ...
        ...     def __init__(self, numbers):
        ...         self.numbers = numbers
        ...
        ...     def __len__(self):
        ...         return len(self.numbers)
        ...
        ...     def __getitem__(self, index):
        ...         return Squares(self.numbers[index])
        ...
        ...     def read(self, index):
        ...         return self.numbers[list(index)].square().unsqueeze(1)
        ...
        ...     def digest(self):
        ...         return str(self.numbers.tolist())
        >>> rows = Squares(torch.arange(6, dtype=torch.int32))
        >>> rows[torch.tensor([4, 5])].read_all().tolist(), rows.sample(2).tolist(), rows.bytes
        ([[16], [25]], [[0], [9]], 24)
    """

    shape: tuple[int, ...]  # of one row

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """Type of the entries that `read` gives."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: Tensor) -> RowStore:
        """The store of the rows `index`, shape (M,); nothing is read."""

    @abstractmethod
    def read(self, index: list[int] | range) -> Tensor:
        """The rows `index`, shape (B, *).

        Raises:
            ValueError: if a row cannot be read; it names the file.
        """

    @abstractmethod
    def digest(self) -> str:
        """A hash of the rows' contents that does not need all of them in memory."""

    @property
    def bytes(self) -> int:
        """Bytes that all rows take in memory."""
        return len(self) * math.prod(self.shape) * self.dtype.itemsize

    def read_all(self) -> Tensor:
        """Every row, shape (N, *)."""
        return self.read(range(len(self)))

    def some(self, n: int) -> Tensor:
        """Numbers of at most n rows at equal distances, which are read in seconds."""
        return torch.tensor(sorted({i * len(self) // n for i in range(n)}))

    def sample(self, n: int) -> Tensor:
        """Those rows, or all if they are fewer."""
        return self.read(self.some(n).tolist())

    def origins(self) -> Sequence[Path] | None:
        """The file of each row, or None where rows are no files: rows of one file belong into one split."""
        return None

    def binarized(self, step: Binarize) -> RowStore:
        """The store whose rows are 0 or 1 by a fixed scheme.

        Raises:
            ValueError: if such rows cannot be binarized.
        """
        raise ValueError(
            f"binarize={step.scheme!r} is not for rows that are read from disk as {self.dtype}: leave it out."
        )
