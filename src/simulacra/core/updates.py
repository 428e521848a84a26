"""How a model says it is trained: updates (players' moves) in stages, with lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.optimizers import Adam, Optimizer
from simulacra.core.random.keyed import Rng

Loss = Callable[[Any, Batch, Rng], Terms]
Weight = Callable[[Batch], Tensor]


@dataclass(frozen=True)
class Steps:
    """A length counted in steps."""

    n: int


@dataclass(frozen=True)
class Epochs:
    """A length counted in passes over the stage's data."""

    n: float


@dataclass
class Update:
    """One player's move: which parameters, which loss, how often, what happens around it.

    Args:
        name: the player, part of the key of its random draws.
        params: names or prefixes (`"D."`) of the parameters that move; `""` is all.
        loss: `loss(model, batch, rng) -> Terms`, a plain, pure function.
        every: move at every n-th step only.
        repeat: moves in one step, each on a fresh batch (the k of a critic).
        before: `(model, batch, rng)`, without gradient: chains advance here, never in the loss.
        after: `(model, terms, progress)` with the terms averaged over all processes: clip
            weights, adapt a balance, anneal a buffer.
        weights: for a term, per-example weights as a function of the batch (known labels,
            valid frames); the term's mean is divided by their total over the global batch. A
            term over the rows of a further stream needs them: `weight_rows(stream)`.
        coupled: the loss mixes rows (MMD, batch statistics): refused by name under accumulation, and
            under several processes unless it exchanges.
        optimizer: how the parameters move.
        exchanges: all sums over rows are those of `core.numerics.exchange`, so that several processes compute
            the loss of one.
    """

    name: str
    params: tuple[str, ...]
    loss: Loss
    every: int = 1
    repeat: int = 1
    before: Callable[[Any, Batch, Rng], None] | None = None
    after: Callable[[Any, Mapping[str, Tensor], float], None] | None = None
    weights: Mapping[str, Weight] = field(default_factory=dict)
    coupled: bool = False
    optimizer: Optimizer = Adam()
    exchanges: bool = False


class Source(Protocol):
    """What a stage can draw batches from: a split of a data set."""

    def __len__(self) -> int: ...

    def read(self, orders: Iterable[Tensor]) -> Iterator[Batch]:
        """Raw batches, one for each index tensor of `orders`."""
        ...

    def prepare(self, batch: Batch, rng: Rng) -> Batch:
        """The raw batch in the model's space."""
        ...

    def batch(self, index: Tensor, rng: Rng) -> Batch:
        """The rows `index`, preprocessed, as a batch in the model's space."""
        ...


@dataclass
class Stream:
    """A second stream of batches beside the main one: labelled rows, an unpaired domain.

    Args:
        source: where its rows come from.
        batch_size: its own number of rows a step.
    """

    source: Source
    batch_size: int


@dataclass
class Stage:
    """A stretch of training with its own updates and view of the data.

    Args:
        name: shown, and the key of the option `stages.NAME.epochs`.
        updates: the moves of each step, in order; empty for a closed form.
        length: how long.
        start: `(model, source, rng)`, once at step 0: a closed-form solve, biases from data, a
            reference batch, a new level. What it learns it stores in parameters and buffers.
        view: `(model, batch, rng) -> batch`, without gradient and in evaluation mode: codes of
            the layer below, another resolution.
        streams: further streams by name, as a function of the training split, which become
            `batch.extra[name]`.
    """

    name: str
    updates: Sequence[Update]
    length: Steps | Epochs
    start: Callable[[Any, Source, Rng], None] | None = None
    view: Callable[[Any, Batch, Rng], Batch] | None = None
    streams: Callable[[Source], Mapping[str, Stream]] | None = None


def weight_rows(stream: str) -> Weight:
    """Weight one for each row of a further stream: what a term over its rows declares."""
    return lambda batch: torch.ones(len(batch.extra[stream]), device=batch.x.device)


def selects(params: tuple[str, ...], name: str) -> bool:
    """Returns True if the parameter `name` is named or prefixed by one of `params`."""
    return any(name == p or p == "" or (p.endswith(".") and name.startswith(p)) for p in params)
