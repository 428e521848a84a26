"""Digests (hashes) of single rows, which key the noise of scores and codes.

    d = m(sum_j m(b_j + (j + 1) g))   mod 2^64                     (1)

with b_j the bits of entry j in single precision, and m and g of `core.random.counter`. Rows that are equal in
single precision have the same digest, whatever their type; 0 and -0 are equal. All missing entries count as
the same value. Rows that differ in one bit have unrelated digests. Among n different rows, two have the same
digest with probability of about n^2 / 2^65; these two then get the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from simulacra.core.random.counter import GAMMA, mixed, tiles

# (states of streams, numbers of each, type) to numbers, shape (B, numbers)
Stream = Callable[[np.ndarray, int, torch.dtype], Tensor]


class Contents:
    """The contents of rows: equal rows have equal digests, which are computed at first use.

    Args:
        n: number of rows.
        of: function that returns the digests of a slice of the rows, uint64, shape (B,).

    Example:
        >>> rows = contents_of(torch.tensor([[0, 1], [2, 3], [0, 1]]))
        >>> len(rows), len(rows[1:]), bool(rows.digests[0] == rows.digests[2])
        (3, 2, True)
    """

    def __init__(self, n: int, of: Callable[[slice], np.ndarray]):
        self.n, self.of = n, of

    @classmethod
    def having(cls, digests: np.ndarray) -> Contents:
        """Returns contents with the given digests, uint64, shape (B,)."""
        return cls(len(digests), digests.__getitem__)

    @cached_property
    def digests(self) -> np.ndarray:
        """Digest d of each row, uint64, shape (B,)."""
        return self.of(slice(0, self.n))

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, rows: slice) -> Contents:
        if "digests" in vars(self):
            return Contents.having(self.digests[rows])
        part = range(self.n)[rows]
        return Contents(len(part), lambda of: self.of(slice(part.start + of.start, part.start + of.stop)))

    def repeated(self, n: int) -> Contents:
        """Returns n contents for each row, all different; copy i does not depend on n."""
        places = np.arange(1, n + 1, dtype=np.uint64) * GAMMA
        return Contents.having(mixed(self.digests[:, None] + places).reshape(-1))

    def after(self, others: Contents) -> Contents:
        """Returns the contents of the rows of `others`, each followed by the row here (concatenation)."""
        return Contents.having(mixed(mixed(others.digests + GAMMA) + self.digests))

    def streams(self, key: int) -> np.ndarray:
        """Returns a generator state of `core.random.counter` for each row, uint64, shape (B,).

        Args:
            key: key of the draw; see `core.random.keyed.key_of`.
        """
        return mixed(self.digests ^ np.uint64(key))

    def numbers(self, stream: Stream, key: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Returns the numbers of a draw for each row, shape (B, width) with the product of `shape` as width.

        Args:
            stream: `normals` or `uniforms` of `core.random.counter`.
            key: key of the draw.
            shape: shape of one row of the draw.
            dtype: floating-point type.
        """
        return stream(self.streams(key), math.prod(shape), dtype)


def contents_of(x: Tensor, known: Tensor | None = None) -> Contents:
    """Returns the contents of raw rows, with the digests of equation (1).

    Args:
        x: rows of any type, shape (B, *).
        known: True where x is observed, shape of x; None: everywhere.

    Example:
        >>> bytes_, doubles = torch.tensor([[0, 3]]), torch.tensor([[-0.0, 3.0]], dtype=torch.float64)
        >>> bool(contents_of(bytes_).digests == contents_of(doubles).digests)
        True
    """
    return Contents(len(x), lambda rows: _digests(x[rows], None if known is None else known[rows]))


def _digests(x: Tensor, known: Tensor | None) -> np.ndarray:
    width = math.prod(x.shape[1:])
    # missing entries become NaN below; adding 0 turns -0 into 0
    values = x.detach().reshape(len(x), width).cpu().to(torch.float32) + 0.0
    if known is not None:
        values = values.masked_fill(~known.reshape(len(x), width).cpu(), torch.nan)
    bits = values.numpy().view(np.uint32)
    sums = np.zeros(len(x), dtype=np.uint64)
    for rows, columns, steps in tiles(len(x), width):
        sums[rows] += mixed(bits[rows, columns] + steps).sum(1, dtype=np.uint64)
    # (1)
    return mixed(sums)


def histories(x: Tensor) -> list[Contents]:
    """Returns, for each of the T steps of sequences, the contents of the steps before it.

    Args:
        x: sequences, shape (B, T, *).

    Returns:
        T contents of B rows each; the first is the same for all rows.

    Example:
        >>> first, second = histories(torch.tensor([[[1.0], [0.0]], [[0.0], [0.0]]]))
        >>> bool(first.digests[0] == first.digests[1]), bool(second.digests[0] == second.digests[1])
        (True, False)
    """
    found = [Contents.having(np.zeros(len(x), dtype=np.uint64))]
    for step in x.unbind(1):
        found.append(contents_of(step).after(found[-1]))
    return found[:-1]


def joined(parts: list[Contents]) -> Contents:
    """Returns the concatenation of all parts."""
    return Contents.having(np.concatenate([part.digests for part in parts]))
