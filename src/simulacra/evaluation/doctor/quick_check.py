"""Evidence within a budget of time: what is free, then as many rows as are paid for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from simulacra.core.capabilities import general as can
from simulacra.evaluation.diagnostics.state import Diagnostics
from simulacra.evaluation.doctor.advice import setting_of
from simulacra.evaluation.doctor.checks.learning import PLACES
from simulacra.evaluation.measures.checked import SETTING
from simulacra.evaluation.measures.history import History, Metrics, history_of
from simulacra.evaluation.measures.measure import Case, Evidence, Look
from simulacra.evaluation.measures.registry import DIAGNOSTICS, HISTORY, MEASURES
from simulacra.training.hardware.memory import out_of_memory
from simulacra.training.run import Run

log = logging.getLogger("simulacra")
T = TypeVar("T")
PROBE = 16  # rows below which nothing is looked at


class TimeBudget:
    """Seconds that may still be spent.

    Args:
        seconds: of all measurements together.
    """

    def __init__(self, seconds: float):
        self.left = seconds

    def buy(self, measure: Callable[[int], T], probe: int, least: int, most: int, share: float) -> T | None:
        """measure(n) with the n that a share of what is left pays for; None where that is too few.

        Args:
            measure: what costs about n times as much for n as for 1.
            probe: the n that is timed.
            least: the n below which nothing is measured.
            most: the n above which no more is learned.
            share: of what is left that may be spent.
        """
        if self.left <= 0:
            return None
        allowed, before = share * self.left, self.left
        self._paid(lambda: measure(probe))
        spent = max(before - self.left, 1e-9)
        n = min(most, int(probe * (allowed - spent) / spent))
        return self._paid(lambda: measure(n)) if n >= min(least, most) else None

    def _paid(self, action: Callable[[], T]) -> T | None:
        began = time.perf_counter()
        try:
            return action()
        except (ValueError, RuntimeError) as error:
            # a model of one's own may refuse rows, and memory may end: training is done all the same
            if not (isinstance(error, ValueError) or out_of_memory(error)):
                raise
            log.info("the doctor left something out: %s", error)
            self.left = 0.0
            return None
        finally:
            self.left -= time.perf_counter() - began


def quick_check(run: Run, budget: TimeBudget) -> Evidence:
    """What the metrics say, and what the budget pays for on validation rows, or training rows where none are.

    Args:
        run: as training left it.
        budget: for everything but the metrics.
    """
    history = history_of(run.path) or History(())
    found = Evidence()
    found.keep(HISTORY, history)
    found.keep(DIAGNOSTICS, last_diagnostics(run, history.metrics))
    data = run.data
    found.keep(SETTING, setting_of(run.model, data, history.metrics))
    if data is None or budget.left <= 0:
        return found
    split = "valid" if data.valid is not None and len(data.valid) > PROBE else "train"
    if min(len(data[split]), len(data.train)) <= PROBE:
        return found
    case = Case(run.model, data, split, history=history)
    for measure in MEASURES:
        if look := measure.looked(case, found):
            found.keep(measure, _bought(look, case, budget))
    return found


def _bought(look: Look[T], case: Case, budget: TimeBudget) -> T | None:
    return budget.buy(lambda n: look.compute(case, n), look.probe, look.least, look.most(case), look.share)


def last_diagnostics(run: Run, metrics: Metrics) -> Diagnostics | None:
    """What the model said of itself after the last epoch, as the metrics have it."""
    if not run.model.supports(can.HasDiagnostics) or len(metrics) < 2:
        return None
    before, row = metrics[-2:]
    # at the end of an epoch the terms of its last step come first; an interrupted run ends with them
    if before["total_step"] != row["total_step"] or row.get("valid_score", "") != "":
        return None
    numbers = {name: float(value) for name, value in row.items() if value != "" and name not in PLACES}
    return Diagnostics(numbers, can.able(run.model, can.HasDiagnostics).alarm(numbers))
