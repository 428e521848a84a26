"""Evidence within a budget of time: what is free, then as many rows as are paid for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from simulacra.core import capabilities as can
from simulacra.data.dataset import Dataset
from simulacra.evaluation.chains import Mixing, chains_of, mixing
from simulacra.evaluation.checks.learning import PLACES
from simulacra.evaluation.constants import constant_columns
from simulacra.evaluation.evidence import Evidence, Metrics, keeps_best, read_metrics
from simulacra.evaluation.latents import active_in, coded, decompose
from simulacra.evaluation.neighbours import neighbour_accuracy
from simulacra.evaluation.relative import has_relative, relative_estimate
from simulacra.evaluation.spread import spread
from simulacra.evaluation.units import dead_units
from simulacra.evaluation.vitals import Vitals
from simulacra.training.memory import out_of_memory
from simulacra.training.run import Run

log = logging.getLogger("simulacra")
T = TypeVar("T")
PROBE, FEWEST = 16, 64  # rows that are timed, and below which nothing is said
MOST, MOST_CODES = 2000, 500
CHAINS, PROBED, SWEEPS = 8, 50, (200, 500)  # sweeps that are timed, and that are run


class Purse:
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


def glance(run: Run, purse: Purse) -> Evidence:
    """What the metrics say, and what the purse pays for on validation rows, or training rows where none are.

    Args:
        run: as training left it.
        purse: for everything but the metrics.
    """
    metrics = read_metrics(run.path)
    found = Evidence(metrics=metrics, best_kept=keeps_best(run.path), vitals=last_vitals(run, metrics))
    data = run.data
    if data is None or purse.left <= 0:
        return found
    split = "valid" if data.valid is not None and len(data.valid) > PROBE else "train"
    if min(len(data[split]), len(data.train)) <= PROBE:
        return found
    _bought(found, purse, run, data, split)
    return found


def _bought(found: Evidence, purse: Purse, run: Run, data: Dataset, split: str) -> None:
    """What the purse pays for, the most telling first."""
    model, rows = run.model, len(data[split])
    few, many = min(MOST_CODES, rows), min(MOST, rows, len(data.train))
    buy = lambda measure, most, share: purse.buy(measure, PROBE, FEWEST, most, share)
    if model.supports(can.HasPosterior):
        found.kl, found.units = buy(lambda n: _codes(run, data, split, n), few, 0.3) or (None, None)
    if found.vitals is not None and model.supports(can.HasPrior):
        found.neighbour = buy(lambda n: neighbour_accuracy(model, data, split, limit=n), few, 0.4)
    if has_relative(model) and split == "valid":
        found.held_out, found.training = buy(lambda n: _scores(run, data, n), many, 0.4) or (None, None)
    found.layers = buy(lambda n: dead_units(model, data, split, limit=n), few, 0.4) or []
    found.spread = buy(lambda n: spread(model, data, split, limit=n), few, 0.4)
    found.constant = buy(lambda n: constant_columns(model, data, limit=n), min(MOST, len(data.train)), 0.4)
    if chains_of(model):
        found.mixing = purse.buy(lambda n: _mixing(run, data, split, n), PROBED, *SWEEPS, 0.9)


def last_vitals(run: Run, metrics: Metrics) -> Vitals | None:
    """What the model said of itself after the last epoch, as the metrics have it."""
    if not run.model.supports(can.HasVitals) or len(metrics) < 2:
        return None
    before, row = metrics[-2:]
    # at the end of an epoch the terms of its last step come first; an interrupted run ends with them
    if before["total_step"] != row["total_step"] or row.get("valid_score"):
        return None
    numbers = {name: float(value) for name, value in row.items() if value and name not in PLACES}
    return Vitals(numbers, cast(Any, run.model).alarm(numbers))


def _codes(run: Run, data: Dataset, split: str, n: int) -> Any:
    laws = coded(run.model, data[split], limit=n)
    return decompose(laws.q, rows=laws.rows), active_in(laws.q)


def _scores(run: Run, data: Dataset, n: int) -> Any:
    return tuple(relative_estimate(run.model, data, split, 0, n) for split in ("valid", "train"))


def _mixing(run: Run, data: Dataset, split: str, sweeps: int) -> Mixing | None:
    return mixing(run.model, data, split, chains=CHAINS, sweeps=sweeps)
