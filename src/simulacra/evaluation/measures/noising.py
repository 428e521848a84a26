"""Measures of models that add noise and lead back, and of averaged weights; only the doctor uses them."""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.core.model import Model
from simulacra.evaluation.diagnostics.noising import ROWS, STEPS, StepsBack, steps_back
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Look, Measure
from simulacra.evaluation.measures.needs import NOISING, TRAINED, WHOLE


@dataclass(frozen=True)
class Averaged:
    """Over how many steps the weights were averaged.

    Args:
        steps: 1 / (1 - ema) of the training; 1 without an average.
        recommended: the same of the model's recommendation.
    """

    steps: float
    recommended: float


def averaging(model: Model, history: History | None) -> Averaged | None:
    """Returns the average of the weights in training; None where it is unknown, or the model asks for none.

    Args:
        model: the model.
        history: its training, or None.
    """
    wanted = model.recommended.get("ema")
    if not wanted or history is None or "ema" not in history.options:
        return None
    return Averaged(1 / (1 - (history.options["ema"] or 0.0)), 1 / (1 - wanted))


STEPS_BACK: Measure[StepsBack] = Measure(
    "steps back",
    lambda case, found: steps_back(case.model, case.data, case.split, case.seed, case.limit),
    f"{STEPS} passes of at most {ROWS} rows",
    (NOISING, WHOLE),
    look=Look(
        lambda case, n: steps_back(case.model, case.data, case.split, limit=n),
        lambda case: min(ROWS, len(case.rows)),
        share=0.3,
    ),
)
AVERAGED: Measure[Averaged] = Measure(
    "averaged",
    lambda case, found: averaging(case.model, case.history),
    "none",
    (TRAINED,),
)
