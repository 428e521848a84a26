"""Streams of labelled rows: a class-balanced subset, and the rows of each class."""

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
    """A subset of a source, with the source's interface.

    Args:
        source: the split that the rows come from.
        index: row numbers of the subset in the source, shape (rows,).
    """

    source: Source
    index: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def read(self, orders: Iterable[Tensor]) -> Iterator[Batch]:
        """Yields raw batches of the subset.

        Args:
            orders: for each batch, the positions of its rows within the subset.
        """
        return self.source.read(self.index[order] for order in orders)

    def prepare(self, batch: Batch, rng: Rng) -> Batch:
        """Converts a raw batch to the model's space.

        Args:
            batch: rows as `read` yields them.
            rng: random numbers of the preprocessing, such as dequantization noise.
        """
        return self.source.prepare(batch, rng)

    def batch(self, index: Tensor, rng: Rng) -> Batch:
        """Returns rows of the subset as a batch in the model's space.

        Args:
            index: positions of the rows within the subset, shape (B,).
            rng: random numbers of the preprocessing.
        """
        return self.source.batch(self.index[index], rng)


def balanced_rows(source: Source, n: int) -> Chosen:
    """Selects n rows with equal class counts: the first n / classes rows of each class, in source order.

    Args:
        source: a labelled split.
        n: number of rows to select; rounded down to a multiple of the number of classes.

    Raises:
        ValueError: if the rows have no labels, or a class has fewer than n / classes rows.
    """
    y = _labels_of(source)
    classes = y.unique()
    each = n // len(classes)
    found = [(y == k).nonzero()[:each, 0] for k in classes]
    short = [int(k) for k, rows in zip(classes, found) if len(rows) < each]
    if short:
        raise ValueError(f"labels={n} asks for {each} rows of each class, but class {short[0]} has fewer.")
    return Chosen(source, torch.cat(found).sort().values)


def rows_by_class(source: Source, classes: int) -> list[Chosen]:
    """Returns the rows of each class, in source order; a class may have none.

    Args:
        source: a labelled split.
        classes: number of classes.

    Raises:
        ValueError: if the rows have no labels.
    """
    y = _labels_of(source)
    return [Chosen(source, (y == k).nonzero()[:, 0]) for k in range(classes)]


def _labels_of(source: Source) -> Tensor:
    """Returns the labels of all rows, shape (rows,)."""
    read = source.read(torch.arange(len(source)).split(CHUNK))
    return torch.cat([_labels(batch) for batch in read])


def _labels(batch: Batch) -> Tensor:
    if batch.c is None:
        given = load_with(condition="label")
        raise Refusal(f"the rows have no label: load the data with {given}.", given)
    return batch.c.flatten()
