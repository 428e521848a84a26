"""Progress: a bar at a terminal and in a notebook, and the expected duration said early."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.ancestral import Watch
    from simulacra.core.model import Model

from simulacra.training.interactive import in_notebook

log = logging.getLogger("simulacra")
STEPS, SECONDS = 20, 2.0  # after so many, or so long, the duration is said
WORTH_SAYING = 5.0  # seconds


def seen_by_someone() -> bool:
    """Returns True if standard error is a terminal, or a notebook shows it."""
    return sys.stderr.isatty() or in_notebook()


class Progress:
    """The bar of one stage.

    Args:
        name: of the stage.
        total: its steps.
        done: steps already done before a resume.
        rows: rows a step, for samples per second.
        show: whether to draw; None: at a terminal and in a notebook.
        per_epoch: steps of an epoch.
    """

    def __init__(self, name: str, total: int, done: int, rows: int, show: bool | None, per_epoch: float):
        self.name, self.total, self.done, self.rows = name, total, done, rows
        self.per_epoch = per_epoch
        self.began = time.perf_counter()
        self.first = done
        self.announced = False
        self._shown = self._paced = 0.0
        shown = seen_by_someone() if show is None else show
        self.bar: Any = self._bar() if shown and total else None

    def _bar(self) -> Any:
        from tqdm import tqdm

        return tqdm(total=self.total, initial=self.done, desc=self.name, unit="step", dynamic_ncols=True)

    def step(self, done: int, terms: dict[str, float] | None) -> None:
        """Note that `done` steps are done; `terms` is what to show, when there is news."""
        self.done = done
        now = time.perf_counter()
        if not self.announced:
            self._announce(now)
        if self.bar is None:
            return
        if now - self._shown > 0.2 or done == self.total:
            self._shown = now
            self.bar.update(done - self.bar.n)
            if terms:
                rate = (done - self.first) * self.rows / (now - self.began)
                shown = {name: f"{value:.4g}" for name, value in terms.items()}
                self.bar.set_postfix({**shown, "samples/s": f"{rate:,.0f}"}, refresh=False)

    def _announce(self, now: float) -> None:
        """Say how long the stage will take, as soon as some steps were made."""
        made = self.done - self.first
        if made == 1:
            # the first step also starts kernels and workers: the pace is that of the others
            self._paced = now
        elif made > STEPS or now - self._paced > SECONDS:
            self.announced = True
            whole = (now - self._paced) / (made - 1) * (self.total - self.first)
            if whole > WORTH_SAYING:
                epochs = (self.total - self.first) / self.per_epoch
                more = "more " if self.first else ""
                log.info("%s: about %s for %g %sepochs", self.name, duration(whole), round(epochs, 1), more)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self.bar is not None:
            self.bar.close()


@contextmanager
def entries_shown(model: Model, show: bool | None = None) -> Iterator[Watch | None]:
    """A watcher for `sample` that draws a bar, where the model draws entry by entry.

    Args:
        show: whether to draw; None: at a terminal and in a notebook.
    """
    shown = seen_by_someone() if show is None else show
    if not shown or not getattr(model, "entry_by_entry", False):
        yield None
        return
    from tqdm import tqdm

    form = "entry {n_fmt} of {total_fmt} |{bar}| {elapsed}<{remaining}"
    with tqdm(bar_format=form, dynamic_ncols=True) as bar:

        def drawn(t: int, d: int, x: Tensor) -> None:
            bar.total = d
            bar.update(t - bar.n)

        yield drawn


def duration(seconds: float) -> str:
    """Such as `45 s`, `12 min` or `3.5 h`.

    Example:
        >>> duration(700)
        '12 min'
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
