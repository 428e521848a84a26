"""The order of the data: a new permutation for each epoch, determined by the seed.

Batches are consecutive parts of the endless sequence of epochs, so all are full; a batch may contain the end
of one epoch and the beginning of the next. Only the position needs to be saved.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng


class Order:
    """Row indices of the batches of one stage.

    Args:
        n: number of rows of the data.
        batch_size: rows of the global batch; at most n.
        rng: random numbers, keyed by seed, stage and stream.

    Example:
        >>> order = Order(5, 3, Rng(0, "order"))
        >>> sorted(torch.cat([order.batch(0), order.batch(1)[:2]]).tolist())
        [0, 1, 2, 3, 4]
    """

    def __init__(self, n: int, batch_size: int, rng: Rng):
        self.n, self.batch_size, self.rng = n, min(batch_size, n), rng
        self._epoch, self._permutation = -1, torch.empty(0, dtype=torch.long)

    def _epoch_order(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            self._epoch, self._permutation = epoch, self.rng.permutation(f"epoch-{epoch}", self.n)
        return self._permutation

    def batch(self, number: int) -> Tensor:
        """Returns the row indices of a global batch, shape (batch_size,).

        Args:
            number: index of the batch.
        """
        start = number * self.batch_size
        epoch, offset = divmod(start, self.n)
        rows = self._epoch_order(epoch)[offset : offset + self.batch_size]
        if len(rows) < self.batch_size:
            rows = torch.cat([rows, self._epoch_order(epoch + 1)[: self.batch_size - len(rows)]])
        return rows

    def parts(self, first: int, last: int, rows: range) -> Iterator[Tensor]:
        """Yields the row indices of a part of each global batch.

        Args:
            first: index of the first batch.
            last: index after the last batch.
            rows: range within a batch.
        """
        for number in range(first, last):
            yield self.batch(number)[rows.start : rows.stop]


def share_of(total: int, rank: int, world: int) -> range:
    """Returns the contiguous range of rows of one process.

    Args:
        total: number of rows.
        rank: index of the process.
        world: number of processes.
    """
    return range(total * rank // world, total * (rank + 1) // world)
