"""Facts on which the advice of all checks depends: model, data, and the length of training that fits.

A gap between the scores of training and held-out rows counts as overfitting if it is beyond three standard
errors, held-out rows are not further from training rows than these are from each other, and the values of
columns do not explain it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from simulacra.evaluation.doctor.advice import Setting
from simulacra.evaluation.doctor.course import course_of
from simulacra.evaluation.measures.checked import SETTING
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import CELLS_GAP, GENERALIZATION, HISTORY, MEMORIZATION

SURE = 3.0  # standard errors of a significant gap between training and held-out score
UNLIKELY = 1e-3  # significance level of drift


@dataclass(frozen=True)
class Gap:
    """Mean score of training rows less that of held-out rows.

    Args:
        nats: the gap.
        error: its standard error.
        drifts: True if held-out rows lie further off than training rows from each other.
        cells: nats of the gap that the values of a table's columns explain; None: unknown.
    """

    nats: float
    error: float
    drifts: bool
    cells: float | None

    @property
    def by_chance(self) -> bool:
        """True if the gap is within three standard errors."""
        return self.nats <= SURE * self.error

    @property
    def by_cells(self) -> bool:
        """True if what the values of the columns leave is within three standard errors."""
        return self.cells is not None and self.nats - self.cells <= SURE * self.error

    @property
    def learned(self) -> bool:
        """True if the model fits its training rows better than others: the gap is overfitting."""
        return not (self.by_chance or self.drifts or self.by_cells)


def gap_of(evidence: Evidence) -> Gap | None:
    """Returns the gap between training and held-out rows; None without standard errors.

    Args:
        evidence: results of the measures.
    """
    found, copies = evidence[GENERALIZATION], evidence[MEMORIZATION]
    if found is None or math.isnan(found.training.error) or math.isnan(found.held_out.error):
        return None
    train, test = found.training, found.held_out
    drifts = copies is not None and copies.drift_chance < UNLIKELY
    return Gap(train.mean - test.mean, math.hypot(train.error, test.error), drifts, evidence[CELLS_GAP])


def setting(evidence: Evidence) -> Setting:
    """Returns the facts on which advice depends; unknown facts rule nothing out.

    Args:
        evidence: results of the measures.
    """
    found, history = evidence[SETTING] or Setting(), evidence[HISTORY]
    gap, samples = gap_of(evidence), evidence[MEMORIZATION]
    copies = samples is not None and bool(samples.copies) and not found.copies
    course = found.course if history is None else course_of(history.metrics, history.options)
    return replace(found, course=course, too_long=copies or (gap is not None and gap.learned))
