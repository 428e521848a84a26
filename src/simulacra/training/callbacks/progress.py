"""How training says where it is: the words of its bar, and the whole that is said early."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from simulacra.core.progress.display import WORTH_SAYING, on_terminal, sinks
from simulacra.core.progress.tasks import Progress, duration, showing, stage, start

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.capabilities.ancestral import Watch
    from simulacra.core.model import Model
    from simulacra.training.loop import Loop

__all__ = ["Begins", "Costly", "Pace", "begin", "duration", "entries_shown", "passes", "shown"]


@runtime_checkable
class Costly(Protocol):
    """A callback that says what it will cost."""

    def seconds(self, loop: Loop, steps: float) -> float:
        """Seconds that it takes in a stage whose steps take so many."""
        ...


@runtime_checkable
class Begins(Protocol):
    """A callback that looks at the model before the first step of training."""

    def begun(self, loop: Loop) -> None:
        """Look; nothing was trained yet."""
        ...


def begin(loop: Loop) -> None:
    """Tell the callbacks that want to know that training begins."""
    watching: tuple[object, ...] = loop.callbacks
    for callback in watching:
        if isinstance(callback, Begins):
            callback.begun(loop)


class Pace:
    """Tells a stage of training how far it is: terms, and samples per second.

    Args:
        progress: of the stage.
        rows: rows a step.
    """

    def __init__(self, progress: Progress, rows: int):
        self.progress, self.rows = progress, rows
        self.began = time.perf_counter()

    def step(self, done: int, terms: Mapping[str, float]) -> None:
        """Note that `done` steps are done; `terms` is what to show."""
        self.progress.at(done, self._message(done, terms) if terms and self.progress.sinks else None)

    def _message(self, done: int, terms: Mapping[str, float]) -> str:
        rate = (done - self.progress.first) * self.rows / (time.perf_counter() - self.began)
        shown = [f"{name}={value:.4g}" for name, value in terms.items()]
        return ", ".join([*shown, f"samples/s={rate:,.0f}"])


@contextmanager
def shown(loop: Loop, name: str, rows: int) -> Iterator[Pace]:
    """The progress of a stage of training, told to the log, to a terminal and to a file in the run folder.

    Args:
        name: of the stage.
        rows: rows a step.
    """
    first = loop.position.step
    told = () if loop.folder is None else sinks(loop.folder, loop.options.progress)
    goal, more = passes(loop.total, first, loop.per_epoch), lambda steps: beside(loop, steps)
    with showing(*told), stage(name, loop.total, step=first, goal=goal, beside=more) as progress:
        yield Pace(progress, rows)


def beside(loop: Loop, steps: float) -> float:
    """Seconds that come on top of so many of steps: start-up, validation and what callbacks do."""
    if steps < WORTH_SAYING:
        return 0.0
    epochs = (loop.total - loop.position.step) / loop.per_epoch
    watching: tuple[object, ...] = loop.callbacks
    callbacks = sum(w.seconds(loop, steps) for w in watching if isinstance(w, Costly))
    before = 0.0 if loop.position.past else loop.entered - start(loop.entered)
    return before + callbacks + epochs * loop.validator.seconds()


def passes(total: int, first: int, per_epoch: float) -> str:
    """What a stage has before it, in words.

    Args:
        total: its steps.
        first: steps done before a resume.
        per_epoch: steps of an epoch.

    Example:
        >>> passes(100, 50, 10.0)
        '5 more epochs'
    """
    return f"{round((total - first) / per_epoch, 1):g} {'more ' if first else ''}epochs"


@contextmanager
def entries_shown(model: Model, show: bool | None = None) -> Iterator[Watch | None]:
    """A callback for `sample` that draws a bar, where the model draws entry by entry.

    Args:
        show: whether to draw; None: where standard error is a terminal.
    """
    shown = on_terminal(show)
    if not shown or not getattr(model, "entry_by_entry", False):
        yield None
        return
    from tqdm import tqdm

    form = "entry {n_fmt} of {total_fmt} |{bar}| {elapsed}<{remaining}"
    with tqdm(bar_format=form, dynamic_ncols=True) as bar:

        def drawn(t: int, d: int, x: Tensor) -> None:
            bar.total = d
            bar.update(t - bar.n)

        yield drawn
