"""Callbacks that also act when training has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from simulacra.training.run import Run


@runtime_checkable
class AtEnd(Protocol):
    """A callback that is called with the run when training has ended or was interrupted."""

    def at_end(self, run: Run, seconds: float) -> None:
        """Called at the end of training.

        Args:
            run: run with the trained model; the callback may add findings.
            seconds: training time in seconds.
        """
        ...


def with_ends(train: Callable[[], Run], callbacks: Iterable[object]) -> Run:
    """Trains, then calls the callbacks that implement `AtEnd`, and returns the run.

    Args:
        train: trains and returns the run.
        callbacks: callbacks; those without `at_end` are ignored.
    """
    began = time.perf_counter()
    run = train()
    seconds = time.perf_counter() - began
    for callback in callbacks:
        if isinstance(callback, AtEnd):
            callback.at_end(run, seconds)
    return run
