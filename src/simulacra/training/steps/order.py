"""The order of the data: a fresh permutation for each epoch, a pure function of the seed.

Batches are cut from the endless sequence of epochs, so each is full; where one epoch ends within
a batch the next begins. Nothing but the position needs saving.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng


class Order:
    """Row numbers of the batches of one stage.

    Args:
        n: rows of the data.
        batch_size: rows of the global batch.
        rng: keyed by seed, stage and stream.

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
        """Rows of the `number`-th global batch, shape (batch_size,)."""
        start = number * self.batch_size
        epoch, offset = divmod(start, self.n)
        rows = self._epoch_order(epoch)[offset : offset + self.batch_size]
        if len(rows) < self.batch_size:
            rows = torch.cat([rows, self._epoch_order(epoch + 1)[: self.batch_size - len(rows)]])
        return rows

    def parts(self, first: int, last: int, rows: range) -> Iterator[Tensor]:
        """The share `rows` of each global batch from `first` to `last`."""
        for number in range(first, last):
            yield self.batch(number)[rows.start : rows.stop]


def share_of(total: int, rank: int, world: int) -> range:
    """The contiguous rows of `rank` when `total` rows are split over `world` processes."""
    return range(total * rank // world, total * (rank + 1) // world)
