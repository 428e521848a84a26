"""Counts the CPU seconds of a run over all its starts, and stops it at its limit.

CPU time of this process and its children is counted, so that a busy machine does not shorten a run. It is
saved every few seconds, so that a killed run loses no more.
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
EVERY = 2.0  # seconds between two saves of the spent time
GRACE = 10.0  # seconds for a step and its checkpoint after a request to stop


BEFORE = 0.0  # CPU seconds of this process that belong to no run


def cpu_seconds() -> float:
    """Returns the CPU seconds of this process so far, and of its children that have ended."""
    found = os.times()
    return found.user + found.system + found.children_user + found.children_system


@dataclass
class Spent:
    """The time that a run took.

    Args:
        cpu: CPU seconds.
        wall: wall-clock seconds.
        starts: number of times that it was started or resumed.
    """

    cpu: float = 0.0
    wall: float = 0.0
    starts: int = 0


class Meter:
    """Counts a run's CPU seconds in its folder, and stops it at a limit.

    Args:
        folder: folder of the run.
        minutes: most CPU minutes of the run.
        clock: returns the CPU seconds of this process.
        since: value of the clock when the run began; None: `BEFORE`, which counts imports as well.
    """

    def __init__(
        self,
        folder: Path,
        minutes: float,
        clock: Callable[[], float] = cpu_seconds,
        since: float | None = None,
    ):
        self.file, self.limit, self.clock = folder / SPENT, 60 * minutes, clock
        self.since = BEFORE if since is None else since
        self.before, self.began = read_spent(folder), time.monotonic()

    @property
    def spent(self) -> Spent:
        """The time spent so far, over all starts."""
        cpu, wall = self.clock() - self.since, time.monotonic() - self.began
        return Spent(self.before.cpu + cpu, self.before.wall + wall, self.before.starts + 1)

    @property
    def exhausted(self) -> bool:
        """True if the limit is reached."""
        return self.spent.cpu >= self.limit

    def note(self) -> None:
        """Saves the spent time; errors of the disk are ignored."""
        with contextlib.suppress(ValueError):
            write_json(self.file, asdict(self.spent))

    @contextlib.contextmanager
    def watching(self, last: Callable[[], Any]) -> Iterator[None]:
        """Saves the spent time within the context, and interrupts the main thread at the limit.

        A first SIGINT or SIGTERM interrupts the main thread, a training after its step and
        checkpoint. If that takes more than `GRACE` seconds, the process exits; all files are
        written atomically.

        Args:
            last: called before such an exit.
        """
        ear, mouth = socket.socketpair()
        mouth.setblocking(False)
        ended = threading.Event()
        heard = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        # also SIGINT, which background processes of a shell ignore by default
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
                return  # reached only in tests, which replace the exit


def read_spent(folder: Path) -> Spent:
    """Returns the time that earlier starts of the run in `folder` took."""
    if not (folder / SPENT).is_file():
        return Spent()
    found = read_json(folder / SPENT)
    return Spent(found["cpu"], found["wall"], found["starts"])
