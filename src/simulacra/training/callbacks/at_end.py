"""Callbacks that also act when training has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from simulacra.training.run import Run


@runtime_checkable
class AtEnd(Protocol):
    """A callback that is given the run when training has ended or was interrupted."""

    def at_end(self, run: Run, seconds: float) -> None:
        """Act on the run.

        Args:
            run: with the trained model; a callback may add findings.
            seconds: that training took.
        """
        ...


def with_ends(train: Callable[[], Run], callbacks: Iterable[object]) -> Run:
    """The run of a training, after each callback that acts at its end.

    Args:
        train: does the training.
        callbacks: those without `at_end` are left out.
    """
    began = time.perf_counter()
    run = train()
    seconds = time.perf_counter() - began
    for callback in callbacks:
        if isinstance(callback, AtEnd):
            callback.at_end(run, seconds)
    return run
