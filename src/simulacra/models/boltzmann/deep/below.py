"""A source of training rows of a layer: what the layers below make of the rows of another source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Source


@dataclass(frozen=True)
class Below:
    """A source whose rows are units of a layer, with the interface of a split.

    Args:
        source: the split.
        view: `(batch, rng) -> batch`, the units of the layer in place of x.
        device: device of the model.
    """

    source: Source
    view: Callable[[Batch, Rng], Batch]
    device: torch.device

    def __len__(self) -> int:
        return len(self.source)

    def read(self, orders: Iterable[Tensor]) -> Iterator[Batch]:
        """Yields raw batches of the split."""
        return self.source.read(orders)

    def prepare(self, batch: Batch, rng: Rng) -> Batch:
        """Returns the units for a raw batch.

        Args:
            batch: rows as `read` yields them.
            rng: source of random numbers.
        """
        return self.view(self.source.prepare(batch, rng).to(self.device), rng)

    def batch(self, index: Tensor, rng: Rng) -> Batch:
        """Returns the units for some rows.

        Args:
            index: row numbers in the split, shape (B,).
            rng: source of random numbers.
        """
        return self.view(self.source.batch(index, rng).to(self.device), rng)
