"""Progress: a bar where there is a terminal, and the expected duration said early."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

log = logging.getLogger("simulacra")


class Progress:
    """The bar of one stage.

    Args:
        name: of the stage.
        total: its steps.
        done: steps already done before a resume.
        rows: rows a step, for samples per second.
        show: whether to draw; None: where standard error is a terminal.
    """

    def __init__(self, name: str, total: int, done: int, rows: int, show: bool | None):
        self.name, self.total, self.done, self.rows = name, total, done, rows
        self.began = time.perf_counter()
        self.first = done
        self.announced = False
        self._shown = 0.0
        shown = sys.stderr.isatty() if show is None else show
        self.bar: Any = self._bar() if shown and total else None

    def _bar(self) -> Any:
        from tqdm import tqdm

        return tqdm(total=self.total, initial=self.done, desc=self.name, unit="step", dynamic_ncols=True)

    def step(self, done: int, terms: dict[str, float] | None) -> None:
        """Note that `done` steps are done; `terms` is what to show, when there is news."""
        self.done = done
        now = time.perf_counter()
        if not self.announced and (done - self.first == 50 or now - self.began > 3 or done == self.total):
            self._announce()
        if self.bar is None:
            return
        if now - self._shown > 0.2 or done == self.total:
            self._shown = now
            self.bar.update(done - self.bar.n)
            if terms:
                rate = (done - self.first) * self.rows / (now - self.began)
                shown = {name: f"{value:.4g}" for name, value in terms.items()}
                self.bar.set_postfix({**shown, "samples/s": f"{rate:,.0f}"}, refresh=False)

    def _announce(self) -> None:
        self.announced = True
        pace = (time.perf_counter() - self.began) / max(1, self.done - self.first)
        left = pace * (self.total - self.done)
        if left > 5:
            log.info("%s: %s steps, about %s left", self.name, f"{self.total:,}", duration(left))

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self.bar is not None:
            self.bar.close()


def duration(seconds: float) -> str:
    """Such as `45 s`, `12 min` or `3.5 h`.

    Example:
        >>> duration(700)
        '12 min'
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
