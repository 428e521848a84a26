"""Progress of work that takes a while: one object, which a bar, the log and a file show.

Deep loops report without further arguments:

    with stage("annealing", total=1000, unit="temperature") as progress:
        for k in range(1000):
            ...
            progress.advance()

Nothing is shown until somebody asks for it. Within `showing(...)` the sinks are told, as the command line
and training do; `core.progress.display` has a bar, a log line and `progress.json`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
STEPS, SECONDS = 20, 2.0  # after so many steps, or so long, the pace is believed


class Sink(Protocol):
    """Is told how work goes on."""

    def begun(self, progress: Progress) -> None:
        """A stage begins."""
        ...

    def moved(self, progress: Progress) -> None:
        """Steps were made."""
        ...

    def ended(self, progress: Progress) -> None:
        """A stage is over, or was given up."""
        ...


@dataclass(eq=False)
class Progress:
    """One stretch of work.

    Args:
        stage: its name.
        total: steps; None where nobody knows.
        step: steps done, also before a resume.
        unit: what one step is called.
        message: what is known so far, such as a loss.
        goal: the whole in words, such as `20 epochs`; empty: the steps.
        beside: seconds that come on top of so many seconds of steps, such as those of pictures.
        parent: the work that this is a part of.
        sinks: who is told.
        over: whether it has ended.
        part: steps that the work within it, such as one chunk of rows, stands for.
        even: whether all steps are alike, so that some tell how long others take.

    Example:
        >>> with stage("counting", total=3) as progress:
        ...     progress.advance()
        >>> progress.step, progress.total, progress.json()["stage"]
        (1, 3, 'counting')
    """

    stage: str
    total: int | None
    step: int = 0
    unit: str = "step"
    message: str = ""
    goal: str = ""
    beside: Callable[[float], float] = lambda seconds: 0.0
    parent: Progress | None = None
    sinks: tuple[Sink, ...] = ()
    over: bool = False
    part: int = 1
    even: bool = True
    first: int = field(init=False)
    began: float = field(init=False)
    _moves: int = field(init=False, default=0)
    _paced: float = field(init=False, default=0.0)
    _paced_at: int = field(init=False, default=0)
    _now: float = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.step
        self.began = self._now = time.perf_counter()

    def advance(self, n: int = 1, message: str | None = None) -> None:
        """n steps more are done."""
        self.at(self.step + n, message)

    def at(self, step: int, message: str | None = None) -> None:
        """So many steps are done in all.

        Args:
            message: what is known now; None leaves what stood there.
        """
        self.step, self._now = step, time.perf_counter()
        self._moves += 1
        if self._moves == 1:
            # the first step also starts kernels and workers: the pace is that of the others
            self._paced, self._paced_at = self._now, step
        if message is not None:
            self.message = message
        # what is made anew for a gradient comes after the end
        for sink in () if self.over else self.sinks:
            sink.moved(self)

    @property
    def elapsed(self) -> float:
        """Seconds from the stage's beginning to its last step."""
        return self._now - self.began

    @property
    def pace(self) -> float | None:
        """Seconds of a step; None before the first, or where steps are not alike."""
        if not self.even:
            return None
        if self.step > self._paced_at and self._moves > 1:
            return (self._now - self._paced) / (self.step - self._paced_at)
        made = self.step - self.first
        return self.elapsed / made if made > 0 else None

    @property
    def known(self) -> bool:
        """Returns True if enough steps were made to believe the pace."""
        slow = self._moves == 1 and self.elapsed > SECONDS
        enough = self._moves > STEPS or (self._moves > 0 and self._now - self._paced > SECONDS)
        return self.even and (enough or slow)

    @property
    def seconds_left(self) -> float | None:
        """By the pace so far; None where it is not known, or the steps are not."""
        if self.pace is None or self.total is None:
            return None
        return self.pace * max(0, self.total - self.step)

    @property
    def whole(self) -> float | None:
        """Seconds of all steps from the first on, and of what comes on top; None as `seconds_left`."""
        if self.pace is None or self.total is None:
            return None
        steps = self.pace * (self.total - self.first)
        return steps + self.beside(steps)

    def json(self) -> dict[str, Any]:
        """What a file or another program is told: numbers, None where they are not known."""
        left = self.seconds_left
        return {
            "stage": self.stage,
            "step": self.step,
            "total": self.total,
            "seconds_left": None if left is None or not math.isfinite(left) else round(left, 1),
            "message": self.message,
        }


_began: ContextVar[float | None] = ContextVar("began", default=None)
_sinks: ContextVar[tuple[Sink, ...]] = ContextVar("sinks", default=())
_current: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def showing(*sinks: Sink) -> Iterator[None]:
    """Tell these sinks, and no others, of the stages within.

    Example:
        >>> class Names:
        ...     begun = ended = lambda self, progress: print(progress.stage, progress.step)
        ...     moved = lambda self, progress: None
        >>> with showing(Names()), stage("work", total=1) as progress:
        ...     progress.advance()
        work 0
        work 1
    """
    token = _sinks.set(sinks)
    try:
        yield
    finally:
        _sinks.reset(token)


@contextmanager
def stage(name: str, total: int | None = None, unit: str = "step", **more: Any) -> Iterator[Progress]:
    """A stretch of work, of which those that `showing` named are told.

    Args:
        name: of the work.
        total: steps; None where nobody knows.
        unit: what one step is called.
        more: further fields of `Progress`.
    """
    parent = _current.get()
    while parent is not None and parent.over:
        # a loop that was broken off may end later than what it is a part of
        parent = parent.parent
    progress = Progress(name, total, unit=unit, parent=parent, sinks=_sinks.get(), **more)
    token = _current.set(progress)
    for sink in progress.sinks:
        sink.begun(progress)
    try:
        yield progress
    finally:
        progress.over = True
        _current.reset(token)
        for sink in progress.sinks:
            sink.ended(progress)


def each(items: Sequence[T], name: str, unit: str = "step", even: bool = True) -> Iterator[T]:
    """The items in turn, each a step of a stage.

    Args:
        name: of the work.
        unit: what one step is called.
        even: whether all steps are alike.

    Example:
        >>> [i for i in each(range(3), "counting")]
        [0, 1, 2]
    """
    with stage(name, len(items), unit, even=even) as progress:
        for item in items:
            yield item
            progress.advance()


@contextmanager
def began(when: float) -> Iterator[None]:
    """Durations that are said within count from here: a command tells when it was started.

    Args:
        when: by `time.perf_counter()`.
    """
    token = _began.set(when)
    try:
        yield
    finally:
        _began.reset(token)


def start(otherwise: float) -> float:
    """Returns when the command that is running was started, by `time.perf_counter()`.

    Args:
        otherwise: the answer where there is no command.
    """
    when = _began.get()
    return otherwise if when is None else when


def duration(seconds: float) -> str:
    """Such as `45 s`, `12 min` or `3.5 h`.

    Example:
        >>> duration(700)
        '12 min'
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
