"""A model's declaration of its training: updates, grouped in stages with a length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.errors.argument_types import brief
from simulacra.core.errors.calls import WrongCall
from simulacra.core.optimizers import Adam, Optimizer
from simulacra.core.random.keyed import Rng

Loss = Callable[[Any, Batch, Rng], Terms]
Weight = Callable[[Batch], Tensor]
Start = Callable[[Any, "Source", Rng], None]


@dataclass(frozen=True)
class Steps:
    """A length counted in training steps.

    Args:
        n: number of steps.

    Example:
        >>> Steps(1000).n
        1000
    """

    n: int


@dataclass(frozen=True)
class Epochs:
    """A length counted in passes over the stage's data.

    Args:
        n: number of passes; a fraction is allowed.

    Example:
        >>> Epochs(0.5).n
        0.5
    """

    n: float


@dataclass
class Update:
    """One optimizer step of one set of parameters: its loss, its frequency and its hooks.

    Args:
        name: name of the player (such as "D" in a GAN); part of the key of its random draws.
        params: names or prefixes (`"D."`) of the parameters that it optimizes; `""` means all.
        loss: `loss(model, batch, rng) -> Terms`, a pure function.
        every: take the step in every n-th training step only.
        repeat: number of optimizer steps in one training step, each on a fresh batch (such as the critic's).
        before: `(model, batch, rng)`, called without gradient before the loss: Markov chains advance here,
            never in the loss.
        after: `(model, terms, progress)`, called after the step with the means of the terms and the sums
            of `Terms.stats` over the global batch, by name: clip weights, adapt a balance, move a codebook.
        weights: for a term, per-example weights as a function of the batch (known labels, valid frames);
            the sum of the weighted term is divided by the total weight of the global batch. A term over
            the rows of a further stream needs `weight_rows(stream)`.
        coupled: the loss mixes rows (MMD, batch statistics); it is refused under gradient accumulation, and
            under several processes unless `exchanges` is True.
        optimizer: optimizer, learning rate and schedule.
        exchanges: all sums over rows go through `core.numerics.exchange`, so that several processes compute
            the loss of one.

    Example:
        >>> def squared(model, batch, rng):
        ...     return Terms({"error": (model(batch.x) - batch.x).square().sum(1)})
        >>> Update("autoencoder", params=("",), loss=squared, optimizer=Adam(lr=1e-3)).every
        1
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
    """A source of batches, such as a split of a data set."""

    def __len__(self) -> int: ...

    def read(self, orders: Iterable[Tensor]) -> Iterator[Batch]:
        """Yields raw batches.

        Args:
            orders: index tensors, one for each batch, shape (B,).
        """
        ...

    def prepare(self, batch: Batch, rng: Rng) -> Batch:
        """Returns a raw batch in the model's space.

        Args:
            batch: raw batch.
            rng: generator of random preprocessing.
        """
        ...

    def batch(self, index: Tensor, rng: Rng) -> Batch:
        """Returns rows of the split, preprocessed, as a batch in the model's space.

        Args:
            index: row numbers, shape (B,).
            rng: generator of random preprocessing.
        """
        ...


@dataclass
class Stream:
    """A second stream of batches beside the main one, such as labelled rows or an unpaired domain.

    Args:
        source: source of its rows.
        batch_size: number of its rows in each step.
    """

    source: Source
    batch_size: int


@dataclass(frozen=True)
class Initial:
    """A start that sets initial weights from the training split, such as biases from its frequencies.

    Training that goes on from trained weights leaves it out: it would overwrite what they have learned.

    Args:
        start: `(model, source, rng)`, which sets them.
    """

    start: Start

    def __call__(self, model: Any, source: Source, rng: Rng) -> None:
        """Sets the weights."""
        self.start(model, source, rng)


@dataclass
class Stage:
    """A phase of training with its own updates, length and view of the data.

    Args:
        name: name in messages, and the key of the option `stages.NAME.epochs`.
        updates: updates of each step, in order; empty for a closed-form solution.
        length: number of steps or epochs.
        start: `(model, source, rng)`, called once at step 0: a closed-form solution, biases from the data,
            a reference batch. It stores its results in parameters and buffers. An `Initial` is left out
            where training goes on from trained weights.
        view: `(model, batch, rng) -> batch`, without gradient and in evaluation mode: codes of the layer
            below, another resolution. None: the batch as it is.
        streams: function of the training split that returns further streams by name, which become
            `batch.extra[name]`; None: no further streams.

    Example:
        >>> Stage("closed form", updates=(), length=Steps(0)).name
        'closed form'
    """

    name: str
    updates: Sequence[Update]
    length: Steps | Epochs
    start: Start | None = None
    view: Callable[[Any, Batch, Rng], Batch] | None = None
    streams: Callable[[Source], Mapping[str, Stream]] | None = None

    def __post_init__(self) -> None:
        """Raises WrongCall if `updates` is no list or tuple of updates."""
        if isinstance(self.updates, list | tuple) and all(isinstance(u, Update) for u in self.updates):
            return
        told = "one Update" if isinstance(self.updates, Update) else brief(self.updates)
        raise WrongCall(
            f"the updates of stage {self.name!r} are {told}, but they must be a list of Update, "
            "as in [Update(...)]."
        )


def weight_rows(stream: str) -> Weight:
    """Returns a weight function that gives each row of a further stream weight one, for `Update.weights`.

    Args:
        stream: name of the stream in `batch.extra`.

    Example:
        >>> batch = Batch.of(torch.zeros(3, 2))
        >>> batch.extra["labelled"] = Batch.of(torch.zeros(2, 2))
        >>> weight_rows("labelled")(batch).tolist()
        [1.0, 1.0]
    """
    return lambda batch: torch.ones(len(batch.extra[stream]), device=batch.x.device)


def selects(params: tuple[str, ...], name: str) -> bool:
    """Returns True if a parameter is among those of an update.

    Args:
        params: names, prefixes that end in a dot, or "" for all.
        name: name of the parameter.
    """
    return any(name == p or p == "" or (p.endswith(".") and name.startswith(p)) for p in params)
