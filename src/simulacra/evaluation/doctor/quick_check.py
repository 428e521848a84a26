"""Quick diagnosis after training: measures the model on as many rows as a time limit permits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from simulacra.core.capabilities import general as can
from simulacra.evaluation.diagnostics.state import ROWS, Diagnostics
from simulacra.evaluation.doctor.advice import setting_of
from simulacra.evaluation.doctor.checks.training import PLACES
from simulacra.evaluation.measures.checked import SETTING
from simulacra.evaluation.measures.history import History, Metrics, history_of
from simulacra.evaluation.measures.measure import Case, Evidence, Look
from simulacra.evaluation.measures.noising import AVERAGED, averaging
from simulacra.evaluation.measures.registry import DIAGNOSTICS, HISTORY, MEASURES
from simulacra.training.hardware.memory import out_of_memory
from simulacra.training.run import Run

log = logging.getLogger("simulacra")
T = TypeVar("T")
PROBE = 16  # splits with fewer rows are not measured


class TimeBudget:
    """Remaining time for measurements.

    Args:
        seconds: time for all measurements together.
    """

    def __init__(self, seconds: float):
        self.left = seconds

    def buy(self, measure: Callable[[int], T], probe: int, least: int, most: int, share: float) -> T | None:
        """Returns measure(n) with the largest n whose predicted time fits into a share of the remaining time.

        Args:
            measure: measurement on n rows, whose time is roughly proportional to n.
            probe: n of a first, timed call.
            least: smallest useful n; below it the result is None.
            most: largest useful n.
            share: share of the remaining time that may be spent.

        Returns:
            the result, or None if the time is too short or the measurement failed.
        """
        if self.left <= 0:
            return None
        allowed, before = share * self.left, self.left
        self._timed(lambda: measure(probe))
        spent = max(before - self.left, 1e-9)
        n = min(most, int(probe * (allowed - spent) / spent))
        return self._timed(lambda: measure(n)) if n >= min(least, most) else None

    def _timed(self, action: Callable[[], T]) -> T | None:
        """Runs an action, subtracts its time, and returns its result; None if it fails."""
        began = time.perf_counter()
        try:
            return action()
        except (ValueError, RuntimeError) as error:
            # training has succeeded: skip the diagnosis if the model refuses rows or memory runs out
            if not (isinstance(error, ValueError) or out_of_memory(error)):
                raise
            log.info("the doctor skipped a measurement: %s", error)
            self.left = 0.0
            return None
        finally:
            self.left -= time.perf_counter() - began


def quick_check(run: Run, budget: TimeBudget) -> Evidence:
    """Measures a run right after training, on validation rows if there are any, or on training rows.

    Args:
        run: finished run.
        budget: time for everything but reading the metrics.

    Returns:
        the evidence for the doctor's checks.
    """
    history = history_of(run.path) or History(())
    found = Evidence()
    found.keep(HISTORY, history)
    found.keep(DIAGNOSTICS, last_diagnostics(run, history.metrics))
    data = run.data
    found.keep(SETTING, setting_of(run.model, data, history.metrics, history.options))
    found.keep(AVERAGED, averaging(run.model, history))
    if data is None or budget.left <= 0:
        return found
    split = "valid" if data.valid is not None and len(data.valid) > PROBE else "train"
    if min(len(data[split]), len(data.train)) <= PROBE:
        return found
    case = Case(run.model, data, split, history=history)
    for measure in MEASURES:
        if look := measure.looked(case, found):
            found.keep(measure, _measured(look, case, budget))
    return found


def _measured(look: Look[T], case: Case, budget: TimeBudget) -> T | None:
    return budget.buy(lambda n: look.compute(case, n), look.probe, look.least, look.most(case), look.share)


def last_diagnostics(run: Run, metrics: Metrics) -> Diagnostics | None:
    """Returns the model's diagnostics in the last row of the metrics, or None.

    Args:
        run: finished run.
        metrics: rows of its metrics file.
    """
    if not run.model.supports(can.HasDiagnostics) or len(metrics) < 2:
        return None
    before, row = metrics[-2:]
    # an epoch ends with a row of losses, then a row of diagnostics, which an interrupted run lacks
    if before["total_step"] != row["total_step"] or row.get("valid_score", "") != "":
        return None
    numbers = {name: float(value) for name, value in row.items() if value != "" and name not in PLACES}
    data = run.data
    seen = None if data is None else data.train if data.valid is None else data.valid
    rows = ROWS if seen is None else min(ROWS, len(seen))
    return Diagnostics(numbers, can.able(run.model, can.HasDiagnostics).alarm(numbers), rows)
