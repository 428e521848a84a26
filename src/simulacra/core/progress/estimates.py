"""The time of work that reports its progress, from its first steps."""

from __future__ import annotations

import time
from collections.abc import Callable

from simulacra.core.progress.tasks import Progress, showing


def estimated(action: Callable[[], object]) -> float:
    """Seconds that an action takes: it is broken off as soon as the pace of its stages tells.

    The action must leave nothing behind when it is broken off. Without stages it runs to its end.

    Example:
        >>> from simulacra.core.progress.tasks import stage
        >>> def action():
        ...     with stage("sleeping", total=10_000) as progress:
        ...         for _ in range(10_000):
        ...             time.sleep(0.001)
        ...             progress.advance()
        >>> 10 < estimated(action) < 1000
        True
    """
    began = time.perf_counter()
    try:
        with showing(_Clock()):
            action()
    except _Known as found:
        return found.seconds
    return time.perf_counter() - began


class _Known(BaseException):
    """Breaks an action off whose time is known."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds


class _Clock:
    """A sink that breaks off."""

    def begun(self, progress: Progress) -> None:
        """Nothing is known yet."""

    def moved(self, progress: Progress) -> None:
        """Break off where the pace is known."""
        if not progress.known or progress.total is None:
            return
        seconds, part = progress.whole or 0.0, progress.parent
        while part is not None and part.sinks == progress.sinks:
            # the whole is as many times as long as its part
            seconds = max(seconds, seconds * ((part.total or 1) - part.step) / part.part)
            part = part.parent
        raise _Known(seconds)

    def ended(self, progress: Progress) -> None:
        """Nothing is left to do."""
