"""Check of predictions: numbers that the mean of the training rows predicts better."""

from __future__ import annotations

import math

from simulacra.core.errors.finding import Finding
from simulacra.core.scores.chance import chance_of
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import of_interval, well
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import PREDICTION

PAGE = "docs/doctor.md"
UNLIKELY = 1e-3  # significance level


def worse_than_mean(evidence: Evidence) -> Finding | None:
    """Predictions that are worse than the mean of the training rows (E24)."""
    found = evidence[PREDICTION]
    if found is None:
        return None
    name, see, normal = "prediction", f"E24, {PAGE}#prediction", "below that of the mean"
    # a number that is the same in all rows cannot be told from its mean
    varying = [one for one in found.columns if not math.isnan(one.explained)]
    if not varying:
        return None
    worst = min(varying, key=lambda one: one.gain.value / max(one.gain.error, 1e-300))
    gain, mean = worst.gain, worst.trivial.value
    measured = (
        f"{worst.name} of {found.rows:,} rows: MAE {worst.error.value:.4g}, that of the training rows' mean "
        f"{mean:.4g}"
    )
    chance = chance_of(-gain.value, gain.error, found.rows - 1)
    if gain.value < 0 and chance < UNLIKELY:
        more = Option("property_weight", 10.0, "for a code that predicts")
        suggestion, options = setting(evidence).ways("more epochs", more)
        meaning = "its predictions are worse than the same number for every row"
        return Finding("warning", name, measured, normal, meaning, suggestion, see, options)
    meaning = "it predicts" if gain.value > 0 else "no worse than the mean beyond chance"
    reach = of_interval(gain.value, gain.error, 0.0, found.rows)
    return well(name, measured, normal, meaning, see, reach)


CHECKS = (worse_than_mean,)
