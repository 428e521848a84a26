"""Checks of training: the gap between training and held-out rows, and the recorded metrics."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from simulacra.core.errors.finding import Finding
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.course import LARGE_FALL, number
from simulacra.evaluation.doctor.facts import SURE, gap_of, setting
from simulacra.evaluation.doctor.reach import CERTAIN, Reach, of_effect, of_rows, well
from simulacra.evaluation.measures.history import History, Metrics
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import GENERALIZATION, HISTORY

LARGE_GAP = 0.05  # gap relative to the held-out score above which it is a warning
UNSEEN = 1.0  # nats: a larger gap or fall should not go unseen, unless the score is above 20 nats
GROWN = 1000.0  # a term that exceeds its median by this factor has exploded
ROWS = 8  # smallest number of rows of the metrics from which a median is taken
PLACES = ("stage", "step", "epoch", "seconds", "total_step", "valid_score")  # columns that are no terms
PAGE = "docs/doctor.md"


def overfitting(evidence: Evidence) -> Finding | None:
    """A higher score of training rows than of held-out rows."""
    found, gap = evidence[GENERALIZATION], gap_of(evidence)
    if found is None or gap is None:
        return None
    train, test = found.training, found.held_out
    name, see = "overfitting", f"{PAGE}#overfitting"
    measured = f"training rows score {gap.nats:+.2f} +- {gap.error:.2f} nats against held-out ones"
    normal = f"within {SURE:g} standard errors"
    if gap.by_chance:
        n, limit = min(len(train.values), len(test.values)), max(UNSEEN, LARGE_GAP * abs(test.mean))
        reach = of_effect(gap.error, n, limit, "nats")
        return well(name, measured, normal, "no overfitting beyond chance", see, reach)
    if gap.drifts:
        meaning = "held-out rows lie further off than training rows from each other, which may be all of it"
        suggestion, _ = setting(evidence).ways(
            "a split at random, to tell drift from overfitting", learned=False
        )
        return Finding("note", name, measured, normal, meaning, suggestion, see)
    if gap.by_cells:
        measured += f", {gap.cells:+.2f} of them by values of the columns alone"
        meaning = "held-out rows have values that no training row has: the rest is no more than chance"
        other = "columns of many values as real (types=)"
        suggestion, _ = setting(evidence).ways(other, "more rows", learned=False)
        return Finding("note", name, measured, normal, meaning, suggestion, see)
    large = gap.nats > LARGE_GAP * max(1.0, abs(test.mean))
    meaning = "the model knows its training rows better than others"
    fewer = Option("dropout", 0.2)
    known = setting(evidence)
    suggestion, options = known.ways(known.earlier, fewer, "more data")
    return Finding("warning" if large else "note", name, measured, normal, meaning, suggestion, see, options)


def past_best(evidence: Evidence) -> Finding | None:
    """A validation score that has fallen since its best epoch."""
    history, known = evidence[HISTORY] or History(()), setting(evidence)
    course = known.course
    if not course.known:
        return None
    best = course.scores[course.best]
    name, see = "validation score", f"{PAGE}#validation-score"
    measured = f"the validation score fell by {course.fallen:.2f} nats since epoch "
    measured += f"{course.epochs[course.best]:.0f}, its best ({best:.2f})"
    if round(course.fallen, 2) == 0:
        measured = f"the validation score ended at its best ({best:.2f})"
    noise = SURE * course.noise
    normal = f"by at most {LARGE_FALL:.0%}" + (f", or {noise:.2g} by chance" if noise else "")
    noisy = noise > max(UNSEEN, LARGE_FALL * abs(best))
    reach = Reach(f"a fall of {noise:.2g} nats could be noise" if noisy else "", "epochs")
    if course.fell:
        if history.best_kept:
            return well(name, measured, normal, "patience kept the best weights", see, reach)
        meaning = "training went on past the best weights"
        suggestion, options = known.ways(known.earlier, learned=False)
        return Finding("warning", name, measured, normal, meaning, suggestion, see, options)
    return well(name, measured, normal, "it ended near its best", see, reach)


def terms(evidence: Evidence) -> Finding | None:
    """Terms of the loss that are not finite, or grew by orders of magnitude."""
    columns = dict(_columns((evidence[HISTORY] or History(())).metrics))
    if not columns:
        return None
    name, see = "terms of the loss", f"{PAGE}#terms-of-the-loss"
    normal = f"all finite and below {GROWN:,.0f} times their median"
    lost = [term for term, values in columns.items() if not all(map(math.isfinite, values))]
    suggestion, options = setting(evidence).ways(
        Option("clip", 1.0, of="train", lower=True), "a lower lr", learned=False
    )
    if lost:
        measured = f"{', '.join(lost)} of the metrics is not finite in some rows"
        return Finding("warning", name, measured, normal, "training broke down", suggestion, see, options)
    rows = max(map(len, columns.values()))
    if rows < ROWS:
        measured, reach = f"all {len(columns)} terms are finite", of_rows(rows, ROWS, "rows of the metrics")
        return well(name, measured, normal, "", see, reach)
    term, ratio = max(((term, _growth(values)) for term, values in columns.items()), key=lambda pair: pair[1])
    measured = f"{term} reached {ratio:,.3g} times its median, the most of {len(columns)} terms"
    if ratio > GROWN:
        return Finding("warning", name, measured, normal, "it exploded", suggestion, see, options)
    return well(name, measured, normal, "none exploded", see, CERTAIN)


def _columns(metrics: Metrics) -> Iterator[tuple[str, list[float]]]:
    """Yields each term of the metrics with its values in order."""
    names = dict.fromkeys(name for row in metrics for name in row if name not in PLACES)
    for name in names:
        values = [number(row.get(name)) for row in metrics]
        found = [value for value in values if value is not None]
        if found:
            yield name, found


def _growth(values: list[float]) -> float:
    """Returns the largest absolute value after the first quarter, over the median of all."""
    sizes = [abs(value) for value in values]
    middle = statistics.median(sizes)
    if len(sizes) < ROWS or not middle:
        return 1.0
    return max(sizes[len(sizes) // 4 :]) / middle


CHECKS = (overfitting, past_best, terms)
