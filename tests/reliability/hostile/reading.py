"""Work in forked processes with limits of memory and time, and what became of it."""

from __future__ import annotations

import os
import resource
import signal
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MEMORY = 1.5e9  # bytes that a process may hold
SECONDS = 30  # of CPU time
LOADED = 4e8  # bytes of a fresh process with the library and its readers
ROOM = 2**31  # bytes by which the address space may grow: a process beyond it has failed the test anyway


@dataclass(frozen=True)
class Outcome:
    """What became of a piece of work.

    Args:
        said: `done`, the sentence of a refusal, or a traceback.
        ended: `returned`, `refused`, `failed`, or the number of the signal that ended the process.
        peak: most bytes that the process held, without what earlier tests left in the process that forked it.
    """

    said: str
    ended: str
    peak: int

    @property
    def fault(self) -> str | None:
        """The reason why this is no clean answer, or None."""
        if self.ended not in ("returned", "refused"):
            return f"{self.ended}: {self.said[-1500:]}"
        if self.peak > MEMORY:
            return f"held {self.peak / 1e9:.2f} GB: {self.said}"
        if self.ended == "refused" and (not self.said.strip() or "Traceback" in self.said):
            return f"no sentence: {self.said!r}"
        return None


def forked(work: Callable[[], object], answers: Path) -> Outcome:
    """Run `work` in a forked process within the limits."""
    answers.unlink(missing_ok=True)
    left = max(0, _pages(1) - LOADED)
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            _limit()
            said, code = _answer(work)
            answers.write_text(said, encoding="utf-8", errors="replace")
        finally:
            # whatever happens, the child is not to go on with the tests
            os._exit(code)
    _, status, used = os.wait4(pid, 0)
    said = answers.read_text(encoding="utf-8") if answers.exists() else ""
    peak = int(used.ru_maxrss * 1024 - left)
    if os.WIFSIGNALED(status):
        return Outcome(said, f"signal {os.WTERMSIG(status)}", peak)
    return Outcome(said, ("returned", "refused", "failed")[os.WEXITSTATUS(status)], peak)


def _answer(work: Callable[[], object]) -> tuple[str, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            work()
        except ValueError as error:
            return str(error), 1
        except BaseException:
            return traceback.format_exc(), 2
    return "done", 0


def _pages(column: int) -> int:
    """Bytes of this process's address space (0) or of what it holds in memory (1)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[column]) * resource.getpagesize()


def _limit() -> None:
    now = _pages(0)
    resource.setrlimit(resource.RLIMIT_AS, (now + ROOM, resource.RLIM_INFINITY))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
