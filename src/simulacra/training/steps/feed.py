"""Streams of batches: the main stream of a stage, and further ones that it declares."""

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
    """One stream of batches, with this process's rows of each global batch.

    Args:
        split: source of the rows.
        order: order of the rows.
        rows: range of this process's rows in a global batch.
        batches: iterator over the raw batches.
    """

    split: Source
    order: Order
    rows: range
    batches: Iterator[Batch]

    @classmethod
    def open(cls, split: Source, size: int, rng: Rng, first: int, last: int, backend: Backend) -> Feed:
        """Opens a stream.

        Args:
            split: source of the rows.
            size: rows of the global batch.
            rng: random numbers of the order.
            first: index of the first batch.
            last: index after the last batch.
            backend: one process or several.
        """
        order = Order(len(split), size, rng)
        rows = share_of(order.batch_size, backend.rank, backend.world)
        return cls(split, order, rows, split.read(order.parts(first, last, rows)))

    def next(self, rng: Rng) -> Batch:
        """Returns the next batch, in the model's space."""
        return self.split.prepare(replace(next(self.batches), rows=self.rows), rng)


class Feeds:
    """All streams of a stage.

    Args:
        stage: the stage.
        train: training rows.
        options: training options.
        rng: random numbers, keyed by seed and stage.
        first: first step.
        last: step after the last.
        backend: one process or several.

    Raises:
        ValueError: if there are fewer rows than processes times micro-batches.
    """

    def __init__(
        self, stage: Stage, train: Split, options: Options, rng: Rng, first: int, last: int, backend: Backend
    ):
        self.stage, self.per_step = stage, draws(stage)
        span = (first * self.per_step, last * self.per_step, backend)
        self.main = Feed.open(train, options.step_rows, rng.at("order"), *span)
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
        """Returns the batches of one step, transformed by the stage's `view` if it has one.

        Args:
            model: the model.
            rng: random numbers of the step.
        """
        return [self._batch(model, rng, r) for r in range(self.per_step)]

    def _batch(self, model: Model, rng: Rng, r: int) -> Batch:
        batch = self.main.next(rng.at("data", r))
        batch.extra = {name: feed.next(rng.at("data", r, name)) for name, feed in self.streams.items()}
        if self.stage.view is None:
            return batch
        with evaluating(model):
            return self.stage.view(model, batch, rng.at("view", r).on(batch))
