"""Feeds: the batches of one step, from the main stream and those beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from simulacra.core.batch import Batch
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Source, Stage
from simulacra.data.dataset import Split
from simulacra.training.hardware.backend import Backend
from simulacra.training.options import Options, draws
from simulacra.training.steps.order import Order, share_of


@dataclass
class Feed:
    """One stream of batches: the rows of this process of each global batch, in order."""

    split: Source
    order: Order
    rows: range
    batches: Iterator[Batch]

    @classmethod
    def open(cls, split: Source, size: int, rng: Rng, first: int, last: int, backend: Backend) -> Feed:
        """Batches `first` to `last` of the stream keyed by `rng`."""
        order = Order(len(split), size, rng)
        rows = share_of(order.batch_size, backend.rank, backend.world)
        return cls(split, order, rows, split.read(order.parts(first, last, rows)))

    def next(self, rng: Rng) -> Batch:
        """The next batch, in the model's space."""
        return self.split.prepare(replace(next(self.batches), rows=self.rows), rng)


class Feeds:
    """All streams of a stage, from step `first` to `last`.

    Args:
        rng: keyed by seed and stage.

    Raises:
        ValueError: if the rows do not fill the processes and micro-batches.
    """

    def __init__(
        self, stage: Stage, train: Split, options: Options, rng: Rng, first: int, last: int, backend: Backend
    ):
        self.stage, self.per_step = stage, draws(stage)
        span = (first * self.per_step, last * self.per_step, backend)
        self.main = Feed.open(train, options.batch_size, rng.at("order"), *span)
        self.batch_size = self.main.order.batch_size
        if self.batch_size < backend.world * options.accumulate:
            raise ValueError(
                f"{len(train)} training rows do not fill {backend.world} processes with "
                f"{options.accumulate} micro-batches: use fewer."
            )
        declared = stage.streams(train) if stage.streams else {}
        self.streams = {
            name: Feed.open(s.source, s.batch_size, rng.at("order", name), *span)
            for name, s in declared.items()
        }

    def next(self, model: Model, rng: Rng) -> list[Batch]:
        """The fresh batches of one step, as the stage views them."""
        return [self._batch(model, rng, r) for r in range(self.per_step)]

    def _batch(self, model: Model, rng: Rng, r: int) -> Batch:
        batch = self.main.next(rng.at("data", r))
        batch.extra = {name: feed.next(rng.at("data", r, name)) for name, feed in self.streams.items()}
        if self.stage.view is None:
            return batch
        with evaluating(model):
            return self.stage.view(model, batch, rng.at("view", r).on(batch))
