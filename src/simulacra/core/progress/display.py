"""Displays of progress: a terminal bar, one log line with the expected duration, and `progress.json`."""

from __future__ import annotations

import builtins
import logging
import sys
import time
from pathlib import Path
from typing import Any

from simulacra.core.progress.tasks import Progress, Sink, duration
from simulacra.core.storage.files import write_json

log = logging.getLogger("simulacra")
NAME = "progress.json"
WORTH_SAYING = 5.0  # seconds; longer durations are logged
EVERY_BAR, EVERY_FILE = 0.2, 1.0  # seconds between two updates
WAIT = 1.0  # seconds after which a nested stage gets a bar


class Bar:
    """Shows a progress bar for each stage on standard error.

    Args:
        wait: seconds after which the bar of a stage appears.
        stays: leave the bar of a finished stage on the terminal.
    """

    def __init__(self, wait: float = 0.0, stays: bool = True):
        self.wait, self.stays = wait, stays
        self._bars: dict[int, Any] = {}
        self._shown: dict[int, float] = {}

    def begun(self, progress: Progress) -> None:
        """Shows the bar at once if `wait` is 0."""
        if self._wait(progress) == 0 and progress.total:
            self._bars[id(progress)] = self._bar(progress)

    def moved(self, progress: Progress) -> None:
        """Updates the bar, at most five times a second."""
        now, key = time.perf_counter(), id(progress)
        if key not in self._bars:
            over = not progress.total or progress.step >= progress.total
            if over or now - progress.began < self._wait(progress):
                return
            self._bars[key] = self._bar(progress)
        if now - self._shown.get(key, 0.0) > EVERY_BAR or progress.step == progress.total:
            self._shown[key] = now
            bar = self._bars[key]
            bar.set_postfix_str(progress.message, refresh=False)
            bar.update(progress.step - bar.n)

    def ended(self, progress: Progress) -> None:
        """Closes the bar; it stays visible or is erased, depending on `stays`."""
        self._shown.pop(id(progress), None)
        bar = self._bars.pop(id(progress), None)
        if bar is not None:
            bar.close()

    def _wait(self, progress: Progress) -> float:
        return self.wait if progress.parent is None else max(self.wait, WAIT)

    def _bar(self, progress: Progress) -> Any:
        from tqdm import tqdm

        return tqdm(
            total=progress.total,
            initial=progress.first,
            desc=progress.stage,
            unit=progress.unit,
            leave=self.stays and progress.parent is None,
            dynamic_ncols=True,
        )


class Said:
    """Logs the expected duration of a stage after its first steps, once for each stage name."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._judged: set[int] = set()

    def begun(self, progress: Progress) -> None:
        """Does nothing, since no duration is known yet."""

    def moved(self, progress: Progress) -> None:
        """Logs the expected duration as soon as the pace is known, if it exceeds `WORTH_SAYING` seconds."""
        if id(progress) in self._judged or progress.stage in self._said or not progress.known:
            return
        self._judged.add(id(progress))
        if progress.whole is not None and progress.whole > WORTH_SAYING:
            self._said.add(progress.stage)
            log.info("%s: about %s for %s", progress.stage, duration(progress.whole), goal(progress))

    def ended(self, progress: Progress) -> None:
        """Forgets the stage."""
        self._judged.discard(id(progress))


class ProgressFile:
    """Writes `progress.json` in a folder, atomically and at most once a second.

    Args:
        folder: folder of the run.
    """

    def __init__(self, folder: Path):
        self.path = folder / NAME
        self._written = 0.0
        self._last: dict[str, Any] = {}

    def begun(self, progress: Progress) -> None:
        """Does nothing, since no step is done yet."""

    def moved(self, progress: Progress) -> None:
        """Writes the file if a second has passed since the last time."""
        if time.monotonic() - self._written >= EVERY_FILE:
            self._write(progress)

    def ended(self, progress: Progress) -> None:
        """Writes the final state."""
        if progress.parent is None and self._last and self._last != progress.json():
            self._write(progress)

    def _write(self, progress: Progress) -> None:
        self._written, self._last = time.monotonic(), _overall(progress)
        try:
            write_json(self.path, self._last)
        except ValueError as error:
            # a full disk must not stop the run because of its progress file
            log.debug("%s", error)


def _overall(progress: Progress) -> dict[str, Any]:
    """Returns the outermost stage as JSON, with the current inner stage in its message."""
    whole = progress
    while whole.parent is not None and whole.parent.sinks == progress.sinks:
        whole = whole.parent
    content = whole.json()
    if whole is not progress:
        of = "" if progress.total is None else f" of {progress.total:,}"
        # steps of unequal cost tell no total time, so the inner stage's is reported
        if not whole.even:
            content["seconds_left"] = progress.json()["seconds_left"]
        content["message"] = f"{progress.stage}: {progress.step:,}{of} {_plural(progress.unit)}"
    return content


def _plural(unit: str) -> str:
    return unit[:-1] + "ies" if unit.endswith("y") else f"{unit}s"


def goal(progress: Progress) -> str:
    """Returns the amount of work of the stage in words, such as `20 epochs`."""
    if progress.goal or progress.total is None:
        return progress.goal or "all of it"
    n = progress.total - progress.first
    return f"1 {progress.unit}" if n == 1 else f"{n:,} {_plural(progress.unit)}"


def on_terminal(show: bool | None = None) -> bool:
    """Returns True if bars are shown.

    Args:
        show: the user's choice; None: True if standard error is a terminal or a notebook shows it.
    """
    return (sys.stderr.isatty() or in_notebook()) if show is None else show


def in_notebook() -> bool:
    """Returns True inside IPython, such as in a notebook."""
    return hasattr(builtins, "get_ipython")


def sinks(folder: Path | None = None, show: bool | None = None, wait: float = 0.0) -> tuple[Sink, ...]:
    """Returns the sinks of a run: its log line, a bar on a terminal, and a file if there is a folder.

    Args:
        folder: folder of the run; None: no file.
        show: show bars; None: only if standard error is a terminal.
        wait: seconds after which the bar of a stage appears; above 0, a finished bar is erased.
    """
    bar = (Bar(wait, stays=wait == 0),) if on_terminal(show) else ()
    file = () if folder is None else (ProgressFile(folder),)
    return (Said(), *bar, *file)
