"""Check of the length of training: few steps, and a validation score that still rose."""

from __future__ import annotations

import math

from simulacra.core.errors.finding import Finding
from simulacra.evaluation.doctor.advice import SHORT
from simulacra.evaluation.doctor.reach import CERTAIN, well
from simulacra.evaluation.measures.checked import setting
from simulacra.evaluation.measures.history import History, Metrics
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import HISTORY

FEWEST = 3  # fewest scores of a stage from which a rise to the end is known
PAGE = "docs/doctor.md"


def length(evidence: Evidence) -> Finding | None:
    """A training of few steps whose validation score, if there is one, was the best at the end."""
    history, steps = evidence[HISTORY] or History(()), setting(evidence).steps
    if steps is None or not setting(evidence).stepwise:
        return None
    recommended = history.options.get("least_steps") or 0
    scores = _scores(history.metrics)
    known = len(scores) >= FEWEST
    rising = not known or scores[-1] >= max(scores)
    name, see = "training length", f"{PAGE}#training-length"
    least = max(SHORT, recommended) if known else SHORT
    measured = f"{steps:,} step{'s' * (steps != 1)}"
    if known:
        measured += f", and the validation score {'rose to the end' if rising else 'was best before the end'}"
    normal = f"at least {least:,} steps" + (", which this model recommends" if least == recommended else "")
    normal += ", or a score that no longer rises" if setting(evidence).validated else ""
    if steps >= least or not rising:
        return well(name, measured, normal, "it was not cut short", see, CERTAIN)
    meaning = "training was cut short: what other checks find is that of a model which is still learning"
    ways = "more epochs or steps", "neither option, for the length that the model declares"
    said, _ = setting(evidence).ways(*ways)
    return Finding("note", name, measured, normal, meaning, said, see)


def _scores(metrics: Metrics) -> list[float]:
    """Returns the finite validation scores of the last stage."""
    last = metrics[-1].get("stage") if metrics else None
    cells = [row.get("valid_score") for row in metrics if row.get("stage") == last]
    numbers = [float(cell) for cell in cells if cell]
    return [number for number in numbers if math.isfinite(number)]


CHECKS = (length,)
