"""Check of the length of training: few steps, and a validation score that still rose."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.course import FEWEST_NOISE, SHORT, Course
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, of_rows, well
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import HISTORY

PAGE = "docs/doctor.md"
NAME, SEE = "training length", f"{PAGE}#training-length"


def length(evidence: Evidence) -> Finding | None:
    """A training of few steps, or one that patience ended, whose validation score still rose."""
    history, known = evidence[HISTORY] or History(()), setting(evidence)
    steps, course = known.steps, known.course
    if steps is None or not known.stepwise:
        return None
    recommended = history.options.get("least_steps") or 0
    least = max(SHORT, recommended) if course.known else SHORT
    measured = f"{steps:,} step{'s' * (steps != 1)}"
    if course.known:
        measured += f", and the validation score {_said(course)}"
    normal = f"at least {least:,} steps" + (", which this model recommends" if least == recommended else "")
    normal += ", or a score that no longer rises" if known.validated else ""
    if course.stopped_early:
        meaning = f"patience={course.patience} took the noise between epochs for the end"
        longer = Option("patience", course.wait, "to wait longer", "train")
        said, options = known.ways(longer, learned=False)
        return Finding("note", NAME, measured, normal, meaning, said, SEE, options)
    if steps >= least or (course.known and not course.rose):
        few = steps < least and not course.fell
        reach = of_rows(len(course.scores), FEWEST_NOISE, "epochs") if few else CERTAIN
        return well(NAME, measured, normal, "it was long enough", SEE, reach)
    meaning = "training was short: what other checks find is that of a model which is still learning"
    ways = "more epochs or steps", "neither option, for the length that the model declares"
    said, _ = known.ways(*ways)
    return Finding("note", NAME, measured, normal, meaning, said, SEE)


def _said(course: Course) -> str:
    """Returns how the validation score went, as in `rose to the end`."""
    if not course.rose:
        return "was best before the end"
    if course.best == len(course.scores) - 1:
        return "rose to the end"
    return "rose to the end, but for noise"


CHECKS = (length,)
