"""`RowStore`: the interface to rows that are read from disk on demand, such as images of a folder."""

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

    A store behaves like a sequence: indexing it reads nothing, and `read` returns tensors. It must
    be picklable, since worker processes read ahead while a model trains.

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

    shape: tuple[int, ...]  # shape of one row

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """The type of the entries that `read` returns."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: Tensor) -> RowStore:
        """Returns the store of the rows `index`, shape (M,), without reading them."""

    @abstractmethod
    def read(self, index: list[int] | range) -> Tensor:
        """Reads the rows `index`, shape (B, *).

        Raises:
            ValueError: if a row cannot be read; the message names the file.
        """

    @abstractmethod
    def digest(self) -> str:
        """Returns a hash of the contents of all rows, computed without holding all of them in memory."""

    @property
    def bytes(self) -> int:
        """The memory of all rows, in bytes."""
        return len(self) * math.prod(self.shape) * self.dtype.itemsize

    def read_all(self) -> Tensor:
        """Reads all rows, shape (N, *)."""
        return self.read(range(len(self)))

    def some(self, n: int) -> Tensor:
        """Returns the numbers of at most n rows at equal distances."""
        return torch.tensor(sorted({i * len(self) // n for i in range(n)}))

    def sample(self, n: int) -> Tensor:
        """Reads the rows that `some(n)` chooses, or all rows if there are no more than n."""
        return self.read(self.some(n).tolist())

    def origins(self) -> Sequence[Path] | None:
        """Returns the file of each row, or None if rows are not files; rows of one file stay in one split."""
        return None

    def binarized(self, step: Binarize) -> RowStore:
        """Returns the store whose rows are binarized by a fixed scheme.

        Args:
            step: static or threshold binarization.

        Raises:
            ValueError: if these rows cannot be binarized.
        """
        raise ValueError(
            f"binarize={step.scheme!r} is not for rows that are read from disk as {self.dtype}: leave it out."
        )
