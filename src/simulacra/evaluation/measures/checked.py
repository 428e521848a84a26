"""Measures that only the doctor's checks use: weights, splits, conditions, entries, and facts for advice."""

from __future__ import annotations

from torch import Tensor

from simulacra.evaluation.diagnostics.condition import ConditionUse, condition_use
from simulacra.evaluation.diagnostics.extreme_weights import Weights, scale_of, weights_of
from simulacra.evaluation.diagnostics.flat import kept_entries
from simulacra.evaluation.diagnostics.shared_rows import SharedRows, shared_rows
from simulacra.evaluation.doctor.advice import Setting, setting_of
from simulacra.evaluation.latents.against_mean import AgainstMean, against_mean
from simulacra.evaluation.measures.measure import Look, Measure
from simulacra.evaluation.measures.needs import CODED, CONDITIONED, HELD_OUT, LABELLED, SAMPLES, WHOLE
from simulacra.evaluation.rows import samples_like
from simulacra.evaluation.samples.cells import Cells, lost_cells
from simulacra.evaluation.tables.kept_columns import Kept

SETTING: Measure[Setting] = Measure(
    "setting",
    lambda case, found: setting_of(
        *(case.model, case.data), *((case.history.metrics, case.history.options) if case.history else ())
    ),
    "none",
)
WEIGHTS: Measure[Weights] = Measure(
    "weights",
    lambda case, found: weights_of(case.model, scale_of(case.data)),
    "a pass over the weights",
    ends=lambda found: bool(found.broken),
    look=Look(lambda case, n: weights_of(case.model, scale_of(case.data)), lambda case: 1, probe=1, least=1),
)
SHARED: Measure[SharedRows] = Measure(
    "shared rows", lambda case, found: shared_rows(case.data, case.split), "a hash a row", (HELD_OUT,)
)
CONDITION: Measure[ConditionUse] = Measure(
    "condition",
    lambda case, found: condition_use(case.model, case.data, case.split, case.n, case.seed, case.limit),
    "five scores a row, or n samples; n N distances to training rows",
    (CONDITIONED, LABELLED, HELD_OUT),
)
AGAINST_MEAN: Measure[AgainstMean] = Measure(
    "against mean",
    lambda case, found: against_mean(case.model, case.data, case.split, case.seed, case.limit),
    "an encoding and a decoding a row",
    (CODED,),
)
DRAWN: Measure[Tensor] = Measure(
    "drawn",
    lambda case, found: samples_like(case.model, case.rows, case.n, case.seed).cpu(),
    "n samples, once for several measures",
    (SAMPLES, HELD_OUT),
)
ENTRIES: Measure[Kept] = Measure(
    "entries",
    lambda case, found: kept_entries(
        *(case.model, case.data, case.split, case.n, case.seed, case.limit), drawn=found[DRAWN]
    ),
    "n samples, 1,770 associations",
    (SAMPLES, HELD_OUT),
)
CELLS: Measure[Cells] = Measure(
    "cells",
    lambda case, found: lost_cells(
        *(case.model, case.data, case.split, case.n, case.seed, case.limit), drawn=found[DRAWN]
    ),
    "n samples, 20 steps of k-means",
    (SAMPLES, HELD_OUT, WHOLE),
)
