"""Measures of models that lead rows to classes without pairs: translations of held-out rows, their scores."""

from __future__ import annotations

from simulacra.evaluation.domains.crossed import Crossed, crossed
from simulacra.evaluation.domains.led import ROWS, Led, led
from simulacra.evaluation.domains.wording import crossed_columns, crossed_rows, headline
from simulacra.evaluation.measures.measure import Case, Evidence, Measure
from simulacra.evaluation.measures.needs import HELD_OUT, LEADS, NUMBERS, UNSAMPLED, WHOLE


def _crossed(case: Case, found: Evidence) -> Crossed | None:
    rows = found[LED]
    return None if rows is None else crossed(rows, case.data, case.split, case.seed)


LED: Measure[Led] = Measure(
    "led",
    lambda case, found: led(case.model, case.data, case.split, case.seed, case.limit),
    f"two translations of at most {ROWS} rows",
    (LEADS, UNSAMPLED, NUMBERS, WHOLE),
)
CROSSED: Measure[Crossed] = Measure(
    "crossed",
    _crossed,
    "a classifier trained on the training rows, and scores of these translations",
    (LEADS, UNSAMPLED, NUMBERS, WHOLE, HELD_OUT),
    record=Crossed,
    lines=crossed_rows,
    columns=crossed_columns,
    instead=headline,
)
