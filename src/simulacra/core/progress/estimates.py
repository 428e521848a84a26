"""Estimates the duration of work from the progress of its first steps."""

from __future__ import annotations

import time
from collections.abc import Callable

from simulacra.core.progress.tasks import Progress, showing


def estimated(action: Callable[[], object]) -> float:
    """Returns the number of seconds that an action takes, extrapolated from its first steps.

    The action is interrupted as soon as the pace of its stages is known, so it must tolerate that without
    side effects. An action that reports no stages runs to its end.

    Args:
        action: function without arguments.

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
        with showing(_DurationSink()):
            action()
    except _DurationKnown as found:
        return found.seconds
    return time.perf_counter() - began


class _DurationKnown(BaseException):
    """Interrupts an action whose duration is known."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds


class _DurationSink:
    """A sink that interrupts the action."""

    def begun(self, progress: Progress) -> None:
        """Does nothing, since no duration is known yet."""

    def moved(self, progress: Progress) -> None:
        """Raises `_DurationKnown` once the pace is known."""
        if not progress.known or progress.total is None:
            return
        seconds, part = progress.whole or 0.0, progress.parent
        while part is not None and part.sinks == progress.sinks:
            # scale the inner stage to the remaining steps of the outer one
            seconds = max(seconds, seconds * ((part.total or 1) - part.step) / part.part)
            part = part.parent
        raise _DurationKnown(seconds)

    def ended(self, progress: Progress) -> None:
        """Does nothing."""
