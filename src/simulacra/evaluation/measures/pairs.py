"""Measures of models of pairs: translations of held-out sources, their scores, and what they depend on."""

from __future__ import annotations

from simulacra.evaluation.compare.pair_columns import pair_columns
from simulacra.evaluation.measures.measure import Case, Evidence, Measure
from simulacra.evaluation.measures.needs import HELD_OUT, NUMBERS, TRANSLATES, WHOLE
from simulacra.evaluation.pairs.heeding import PERMUTATIONS, TRAIN, Heeding, heeding
from simulacra.evaluation.pairs.paired import Paired, paired
from simulacra.evaluation.pairs.translated import (
    DRAWS,
    PAIRS,
    TooFew,
    Translated,
    too_few,
    too_few_rows,
    translated,
)
from simulacra.evaluation.pairs.wording import headline, paired_rows


def _paired(case: Case, found: Evidence) -> Paired | None:
    pairs = found[TRANSLATED]
    return None if pairs is None else paired(pairs, case.data, case.split, case.seed)


def _heeding(case: Case, found: Evidence) -> Heeding | None:
    pairs = found[TRANSLATED]
    return None if pairs is None else heeding(pairs, case.data, case.seed)


TRANSLATED: Measure[Translated] = Measure(
    "translated",
    lambda case, found: translated(case.model, case.data, case.split, case.seed, case.limit, case.n),
    f"{DRAWS} translations of at most {PAIRS} sources",
    (TRANSLATES, NUMBERS, WHOLE),
)
PAIRED: Measure[Paired] = Measure(
    "translations",
    _paired,
    "scores of these translations and of answers without a model",
    (TRANSLATES, NUMBERS, WHOLE),
    record=Paired,
    lines=paired_rows,
    columns=pair_columns,
    instead=headline,
)
TOO_FEW: Measure[TooFew] = Measure(
    "few_pairs",
    lambda case, found: too_few(case.data, case.split, case.limit),
    "nothing",
    (TRANSLATES, NUMBERS, WHOLE),
    record=TooFew,
    lines=too_few_rows,
)
HEEDING: Measure[Heeding] = Measure(
    "heeding",
    _heeding,
    f"{PERMUTATIONS:,} permutations of the pairs, and distances to {TRAIN:,} training sources",
    (TRANSLATES, NUMBERS, WHOLE, HELD_OUT),
)
