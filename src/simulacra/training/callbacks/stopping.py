"""Requests to stop training: answered between steps, or at once if nothing would be lost."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from multiprocessing import get_context
from typing import Any

_at_once: ContextVar[bool] = ContextVar("at_once", default=False)
_asked: ContextVar[tuple[list[int], ...]] = ContextVar("asked", default=())


class Interrupted(Exception):
    """Raised after a request to stop, when the checkpoint is written."""


def shared_request() -> Any:
    """Returns a number in shared memory: 1 once any process was asked to stop, 0 before."""
    return get_context("spawn").RawValue("b", 0)


@contextlib.contextmanager
def stop_requests(shared: Any = None) -> Iterator[Callable[[], bool]]:
    """Context in which the first SIGINT or SIGTERM is noted and a second one raises KeyboardInterrupt.

    Args:
        shared: a `shared_request` of several processes, which is read and set; None: a single process.

    Yields:
        a function that returns True once a request to stop was noted.
    """
    asked: list[int] = []
    told = lambda: shared is not None and bool(shared.value)
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    kept = {}

    def note(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        if shared is not None:
            shared.value = 1
        if _at_once.get():
            raise Interrupted

    for number in (signal.SIGINT, signal.SIGTERM):
        kept[number] = signal.signal(number, note)
    token = _asked.set((asked,))
    try:
        yield lambda: bool(asked) or told()
    finally:
        _asked.reset(token)
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def at_once(wanted: bool = True) -> Iterator[None]:
    """Context in which a request to stop raises at once, for long work that changes no state until its end.

    Args:
        wanted: False to leave requests to the next step.

    Raises:
        Interrupted: if a request comes, or came before.
    """
    if wanted and any(_asked.get()):
        raise Interrupted
    token = _at_once.set(wanted)
    try:
        yield
    finally:
        _at_once.reset(token)
