"""The measure of models that draw pictures from captions."""

from __future__ import annotations

from simulacra.evaluation.captions.agreement import ROWS, Agreement, agreement
from simulacra.evaluation.captions.wording import agreement_columns, agreement_rows, headline
from simulacra.evaluation.measures.measure import Measure
from simulacra.evaluation.measures.needs import CAPTIONED, SAMPLES, WHOLE

AGREEMENT: Measure[Agreement] = Measure(
    "captions",
    lambda case, found: agreement(case.model, case.data, case.split, case.n, case.seed, case.limit),
    f"a judge trained on the training rows, and at most {ROWS} samples",
    (SAMPLES, CAPTIONED, WHOLE),
    record=Agreement,
    lines=agreement_rows,
    columns=agreement_columns,
    instead=headline,
)
