"""Diagnostics of a model on held-out rows after each epoch: numbers for the metrics, alarms for the log."""

from __future__ import annotations

import logging
from contextlib import nullcontext

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng, some_of
from simulacra.data.dataset import Split
from simulacra.training.state.ema import Ema

ROWS = 256  # largest number of rows
LASTS = 3  # an alarm is logged if it lasts so many epochs in a row
log = logging.getLogger("simulacra")


class Diagnostics:
    """Measures the diagnostics of a model that has them, and logs an alarm once if it lasts `LASTS` epochs.

    Args:
        model: model in training.
        split: held-out rows, or the training rows if none are held out.
        seed: seed of the samples; the same noise is used each time, so that the numbers are comparable.
    """

    def __init__(self, model: Model, split: Split, seed: int):
        self.model, self.split, self.seed = model, split, seed
        self.active = model.supports(can.HasDiagnostics) and len(split) > 1
        self._seen: dict[str, int] = {}

    def measure(self, ema: Ema | None) -> dict[str, float]:
        """Returns the diagnostics by name, for the averaged weights if there are any."""
        chosen = some_of(len(self.split), ROWS, Rng(self.seed, "vitals"))
        rng = Rng(self.seed, "vitals", rows=range(len(chosen)), device=self.model.device)
        batch = self.split.scored(chosen, rng).to(self.model.device)
        told = can.able(self.model, can.HasDiagnostics)
        with ema.installed() if ema else nullcontext(), evaluating(self.model):
            found = told.diagnostics(batch.x, rng, batch.c)
        self._warn(told.alarm(found))
        return found

    def _warn(self, alarm: str | None) -> None:
        kind = (alarm or "").partition(":")[0]
        # an alarm counts only if it lasts, because an untrained generator looks collapsed
        self._seen = {name: n for name, n in self._seen.items() if name == kind or n >= LASTS}
        if alarm:
            self._seen[kind] = self._seen.get(kind, 0) + 1
            if self._seen[kind] == LASTS:
                log.warning("%s", alarm)
