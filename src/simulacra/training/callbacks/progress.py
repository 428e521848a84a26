"""Progress of training: messages of the bar, and the predicted total time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from simulacra.core.progress.display import WORTH_SAYING, on_terminal, sinks
from simulacra.core.progress.tasks import Progress, duration, showing, stage, start

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.capabilities.sampling import Watch
    from simulacra.core.model import Model
    from simulacra.training.loop import Loop

__all__ = ["Begins", "Costly", "Pace", "begin", "duration", "entries_shown", "passes", "shown"]


@runtime_checkable
class Costly(Protocol):
    """A callback that predicts the time it will take."""

    def seconds(self, loop: Loop, steps: float) -> float:
        """Returns the seconds that the callback takes in a stage.

        Args:
            loop: the training loop.
            steps: seconds that the steps of the stage take.
        """
        ...


@runtime_checkable
class Begins(Protocol):
    """A callback that is called before the first step of training."""

    def begun(self, loop: Loop) -> None:
        """Called before the first step."""
        ...


def begin(loop: Loop) -> None:
    """Calls the callbacks that implement `Begins`."""
    watching: tuple[object, ...] = loop.callbacks
    for callback in watching:
        if isinstance(callback, Begins):
            callback.begun(loop)


class Pace:
    """Updates the progress of a stage with the losses and the samples per second.

    Args:
        progress: progress of the stage.
        rows: rows of a step.
    """

    def __init__(self, progress: Progress, rows: int):
        self.progress, self.rows = progress, rows
        self.began = time.perf_counter()

    def step(self, done: int, terms: Mapping[str, float]) -> None:
        """Reports progress.

        Args:
            done: number of finished steps.
            terms: losses to show, by name.
        """
        self.progress.at(done, self._message(done, terms) if terms and self.progress.sinks else None)

    def _message(self, done: int, terms: Mapping[str, float]) -> str:
        rate = (done - self.progress.first) * self.rows / (time.perf_counter() - self.began)
        shown = [f"{name}={value:.4g}" for name, value in terms.items()]
        return ", ".join([*shown, f"samples/s={rate:,.0f}"])


@contextmanager
def shown(loop: Loop, name: str, rows: int) -> Iterator[Pace]:
    """Context that shows the progress of a stage in the log, at a terminal and in a file of the run folder.

    Args:
        loop: the training loop.
        name: name of the stage.
        rows: rows of a step.
    """
    first = loop.position.step
    told = () if loop.folder is None else sinks(loop.folder, loop.options.progress)
    goal, more = passes(loop.total, first, loop.per_epoch), lambda steps: beside(loop, steps)
    if loop.options.patience and loop.validator.active:
        goal += f" at most, or until {loop.options.patience} pass without a better validation score"
    with showing(*told), stage(name, loop.total, step=first, goal=goal, beside=more) as progress:
        yield Pace(progress, rows)


def beside(loop: Loop, steps: float) -> float:
    """Returns the seconds of start-up, validation and callbacks in a stage.

    Args:
        loop: the training loop.
        steps: seconds that the steps of the stage take.
    """
    if steps < WORTH_SAYING:
        return 0.0
    epochs = (loop.total - loop.position.step) / loop.per_epoch
    watching: tuple[object, ...] = loop.callbacks
    callbacks = sum(w.seconds(loop, steps) for w in watching if isinstance(w, Costly))
    before = 0.0 if loop.position.past else loop.entered - start(loop.entered)
    return before + callbacks + epochs * loop.validator.seconds()


def passes(total: int, first: int, per_epoch: float) -> str:
    """Returns the remaining epochs of a stage, in words.

    Args:
        total: steps of the stage.
        first: steps before a resume.
        per_epoch: steps of an epoch.

    Example:
        >>> passes(100, 50, 10.0)
        '5 more epochs'
    """
    return f"{round((total - first) / per_epoch, 1):g} {'more ' if first else ''}epochs"


@contextmanager
def entries_shown(model: Model, show: bool | None = None) -> Iterator[Watch | None]:
    """Context with a callback for `sample` that draws a bar, for models that draw entry by entry.

    Args:
        model: model to sample from.
        show: True to draw a bar; None: only if standard error is a terminal.
    """
    shown = on_terminal(show)
    if not shown or not getattr(model, "entry_by_entry", False):
        yield None
        return
    from tqdm import tqdm

    form = "entry {n_fmt} of {total_fmt} |{bar}| {elapsed}<{remaining}"
    with tqdm(bar_format=form, dynamic_ncols=True) as bar:

        def drawn(t: int, total: int, x: Tensor, known: Tensor) -> None:
            bar.total = total
            bar.update(t - bar.n)

        yield drawn
