"""Requests to stop: noted, and answered between steps, or at once where nothing would be lost."""

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
    """Someone asked to stop; the checkpoint is written."""


def shared_request() -> Any:
    """A number in memory that several processes share: 1 once one of them was asked to stop, 0 before."""
    return get_context("spawn").RawValue("b", 0)


@contextlib.contextmanager
def stop_requests(shared: Any = None) -> Iterator[Callable[[], bool]]:
    """Ctrl-C (or a polite kill) is noted and answered between steps; a second one is answered at once.

    Args:
        shared: a `shared_request` that counts as well and is told; None: this process is alone.
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
    """Within, a request breaks the work off: for what is long and changes nothing until it is done.

    Raises:
        Interrupted: where a request comes, or has come already.
    """
    if wanted and any(_asked.get()):
        raise Interrupted
    token = _at_once.set(wanted)
    try:
        yield
    finally:
        _at_once.reset(token)
