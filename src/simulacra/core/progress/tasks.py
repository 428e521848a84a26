"""Progress of long computations: one object, which a bar, the log and a file display.

Nested loops report without further arguments:

    with stage("annealing", total=1000, unit="temperature") as progress:
        for k in range(1000):
            ...
            progress.advance()

By default nothing is displayed. Inside `showing(...)`, the given sinks receive the events; the command line
and training use this. `core.progress.display` has a bar, a log line and `progress.json`.
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
STEPS, SECONDS = 20, 2.0  # the pace counts as known after this many steps or seconds


class Sink(Protocol):
    """Receives the events of stages of work."""

    def begun(self, progress: Progress) -> None:
        """Called when a stage begins."""
        ...

    def moved(self, progress: Progress) -> None:
        """Called after steps of a stage."""
        ...

    def ended(self, progress: Progress) -> None:
        """Called when a stage has finished or was interrupted."""
        ...


@dataclass(eq=False)
class Progress:
    """The state of one stage of work.

    Args:
        stage: name of the stage.
        total: number of steps; None: unknown.
        step: number of steps done, including those before a resume.
        unit: name of one step, in the singular.
        message: current result, such as a loss.
        goal: the total in words, such as `20 epochs`; empty: the number of steps.
        beside: function from seconds of steps to additional seconds, such as those of drawing pictures.
        parent: enclosing stage, or None.
        sinks: receivers of the events.
        over: True once the stage has ended.
        part: number of this stage's steps that one inner stage covers, such as a chunk of rows.
        even: True if all steps take the same time, so that the first ones predict the rest.

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
        """Records n further steps.

        Args:
            n: number of steps.
            message: current result; None keeps the previous one.
        """
        self.at(self.step + n, message)

    def at(self, step: int, message: str | None = None) -> None:
        """Sets the number of steps done.

        Args:
            step: number of steps done in all.
            message: current result; None keeps the previous one.
        """
        self.step, self._now = step, time.perf_counter()
        self._moves += 1
        if self._moves == 1:
            # the first step also starts kernels and workers, so the pace excludes it
            self._paced, self._paced_at = self._now, step
        if message is not None:
            self.message = message
        # gradient checkpointing reruns a loop after its stage has ended: report nothing
        for sink in () if self.over else self.sinks:
            sink.moved(self)

    @property
    def elapsed(self) -> float:
        """Seconds from the beginning of the stage to its last step."""
        return self._now - self.began

    @property
    def pace(self) -> float | None:
        """Seconds a step; None before the first step, or if steps take unequal time."""
        if not self.even:
            return None
        if self.step > self._paced_at and self._moves > 1:
            return (self._now - self._paced) / (self.step - self._paced_at)
        made = self.step - self.first
        return self.elapsed / made if made > 0 else None

    @property
    def known(self) -> bool:
        """Returns True if enough steps were made for a reliable pace."""
        slow = self._moves == 1 and self.elapsed > SECONDS
        enough = self._moves > STEPS or (self._moves > 0 and self._now - self._paced > SECONDS)
        return self.even and (enough or slow)

    @property
    def seconds_left(self) -> float | None:
        """Expected remaining seconds; None if the pace or the total is unknown."""
        if self.pace is None or self.total is None:
            return None
        return self.pace * max(0, self.total - self.step)

    @property
    def whole(self) -> float | None:
        """Expected seconds of all steps, with the additional ones of `beside`; None if they are unknown."""
        if self.pace is None or self.total is None:
            return None
        steps = self.pace * (self.total - self.first)
        return steps + self.beside(steps)

    def json(self) -> dict[str, Any]:
        """Returns the progress as JSON for a file or another program; None for unknown numbers."""
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
    """Context in which stages report to these sinks and no others.

    Args:
        sinks: receivers of the events.

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
    """Context of one stage of work, which reports to the sinks of `showing`; yields its `Progress`.

    Args:
        name: name of the stage.
        total: number of steps; None: unknown.
        unit: name of one step, in the singular.
        more: further fields of `Progress`.
    """
    parent = _current.get()
    while parent is not None and parent.over:
        # an interrupted loop may end later than the stage around it
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
    """Yields the items in turn and reports each as a step of a stage.

    Args:
        items: items to iterate over.
        name: name of the stage.
        unit: name of one step, in the singular.
        even: True if all steps take the same time.

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
    """Context that sets the start time of the running command, from which reported durations count.

    Args:
        when: time by `time.perf_counter()`.
    """
    token = _began.set(when)
    try:
        yield
    finally:
        _began.reset(token)


def start(otherwise: float) -> float:
    """Returns the start time of the running command, by `time.perf_counter()`.

    Args:
        otherwise: result if no command is running.
    """
    when = _began.get()
    return otherwise if when is None else when


def duration(seconds: float) -> str:
    """Returns a duration in words, such as `45 s`, `12 min` or `3.5 h`.

    Example:
        >>> duration(700)
        '12 min'
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
