"""CPU seconds of a run over all its starts, its limit, and a stop that does not wait for long.

Seconds are those of the processor for this process and its children: a busy machine makes a run longer on
the clock, not dearer. They are written down every few seconds, so that a killed run loses no more.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simulacra.core.storage.files import read_json, write_json

SPENT = "spent.json"
EVERY = 2.0  # seconds between two notes of what was spent
GRACE = 10.0  # seconds for a step and its checkpoint after a stop was asked for


def cpu_seconds() -> float:
    """CPU seconds of this process so far, and of its children that have ended."""
    found = os.times()
    return found.user + found.system + found.children_user + found.children_system


@dataclass
class Spent:
    """Time that a run took.

    Args:
        cpu: CPU seconds.
        wall: seconds on the clock.
        starts: how often it was begun or gone on with.
    """

    cpu: float = 0.0
    wall: float = 0.0
    starts: int = 0


class Meter:
    """Counts a run's CPU seconds in its folder and stops it at a limit.

    Args:
        folder: of the run.
        minutes: CPU minutes that the run may take.
        clock: CPU seconds of this process.
        since: what the clock showed when the run began: 0 counts imports as well.
    """

    def __init__(
        self, folder: Path, minutes: float, clock: Callable[[], float] = cpu_seconds, since: float = 0.0
    ):
        self.file, self.limit, self.clock, self.since = folder / SPENT, 60 * minutes, clock, since
        self.before, self.began = read_spent(folder), time.monotonic()

    @property
    def spent(self) -> Spent:
        """So far, over all starts."""
        cpu, wall = self.clock() - self.since, time.monotonic() - self.began
        return Spent(self.before.cpu + cpu, self.before.wall + wall, self.before.starts + 1)

    @property
    def exhausted(self) -> bool:
        """True when the limit is reached."""
        return self.spent.cpu >= self.limit

    def note(self) -> None:
        """Write down what was spent; a disk that is full for a while ends no run."""
        with contextlib.suppress(ValueError):
            write_json(self.file, asdict(self.spent))

    @contextlib.contextmanager
    def watching(self, last: Callable[[], Any]) -> Iterator[None]:
        """Note what is spent, and interrupt the main thread at the limit.

        A first SIGINT or SIGTERM is answered where the main thread stands, in a training after its step and
        checkpoint. Where it does not come to that within `GRACE` seconds, the process ends: all that is
        kept is written atomically.

        Args:
            last: called before the process ends so.
        """
        ear, mouth = socket.socketpair()
        mouth.setblocking(False)
        ended = threading.Event()
        heard = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        # SIGINT too: what a shell starts in the background ignores it
        asked = (signal.SIGINT, signal.SIGTERM)
        handlers = {number: signal.signal(number, signal.default_int_handler) for number in asked}
        self.note()
        thread = threading.Thread(target=self._watch, args=(ear, ended, last), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            signal.set_wakeup_fd(heard)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            mouth.close()
            thread.join()
            ear.close()
            self.note()

    def _watch(self, ear: socket.socket, ended: threading.Event, last: Callable[[], Any]) -> None:
        ear.settimeout(min(EVERY, GRACE) / 4)
        noted, deadline, told = time.monotonic(), float("inf"), False
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                if set(ear.recv(64)) & {signal.SIGINT, signal.SIGTERM}:
                    deadline = min(deadline, time.monotonic() + GRACE)
            now = time.monotonic()
            if not told and self.exhausted:
                told, deadline = True, min(deadline, now + GRACE)
                _thread.interrupt_main()
            if now - noted > EVERY:
                self.note()
                noted = now
            if now > deadline and not ended.is_set():
                self.note()
                last()
                os._exit(130)
                return  # where a test stands in for the exit


def read_spent(folder: Path) -> Spent:
    """Time that earlier starts of the run in `folder` took."""
    if not (folder / SPENT).is_file():
        return Spent()
    found = read_json(folder / SPENT)
    return Spent(found["cpu"], found["wall"], found["starts"])
