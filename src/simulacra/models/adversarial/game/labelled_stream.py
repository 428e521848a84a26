"""A few labelled rows of a split, as many of each class: the second stream of semi-supervised training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Source

CHUNK = 4096


@dataclass(frozen=True)
class Chosen:
    """Some rows of a source.

    Args:
        source: the split.
        index: their numbers in it, shape (rows,).
    """

    source: Source
    index: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def read(self, orders: Iterable[Tensor]) -> Iterator[Batch]:
        """Raw batches of the chosen rows."""
        return self.source.read(self.index[order] for order in orders)

    def prepare(self, batch: Batch, rng: Rng) -> Batch:
        """The raw batch in the model's space."""
        return self.source.prepare(batch, rng)

    def batch(self, index: Tensor, rng: Rng) -> Batch:
        """The chosen rows number `index`, as a batch in the model's space."""
        return self.source.batch(self.index[index], rng)


def balanced_rows(source: Source, n: int) -> Chosen:
    """n rows, of each class the first n / classes, in the order of the source.

    Raises:
        ValueError: if rows have no label, or a class has too few.
    """
    y = torch.cat([_labels(batch) for batch in source.read(torch.arange(len(source)).split(CHUNK))])
    classes = y.unique()
    each = n // len(classes)
    found = [(y == k).nonzero()[:each, 0] for k in classes]
    short = [int(k) for k, rows in zip(classes, found) if len(rows) < each]
    if short:
        raise ValueError(f"labels={n} asks for {each} rows of each class, but class {short[0]} has fewer.")
    return Chosen(source, torch.cat(found).sort().values)


def _labels(batch: Batch) -> Tensor:
    if batch.c is None:
        given = load_with(condition="label")
        raise Refusal(f"the rows have no label: load the data with {given}.", given)
    return batch.c.flatten()
