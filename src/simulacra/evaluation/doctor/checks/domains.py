"""Checks of translations without pairs: answers that do not vary, and copies."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, of_rows, well
from simulacra.evaluation.measures.domains import CROSSED
from simulacra.evaluation.measures.measure import Evidence

PAGE = "docs/doctor.md"
COLLAPSED = 0.1  # variance of answers, relative to that of real rows of the class
COPIES = 0.02  # mean change of a row, relative to the distance between two rows

OF_COLLAPSE: tuple[str | Option, ...] = (
    Option("cycle", 10.0, "for a way back that needs the content"),
    Option("lr", 1e-4, "for a slower game", lower=True),
    "fewer epochs",
)
OF_COPIES: tuple[str | Option, ...] = (
    Option("identity", 0.5, "for answers that may change", lower=True),
    Option("adversarial", 1.0, "for a game that asks for the other class"),
    "more epochs",
)


def collapsed_translations(evidence: Evidence) -> Finding | None:
    """Translations to one class that hardly differ from each other."""
    found = evidence[CROSSED]
    if found is None:
        return None
    name, see = "collapsed translations", f"{PAGE}#collapsed-translations"
    least = min(range(len(found.variety)), key=lambda k: found.variety[k])
    measured = f"translations to {found.classes[least]} vary by {found.variety[least]:.1%} of real rows"
    normal = f"about 100%, at least {COLLAPSED:.0%}"
    reach = of_rows(found.rows)
    if reach.short:
        return well(name, measured, normal, "", see, reach)
    if found.variety[least] < COLLAPSED:
        suggestion, options = setting(evidence).ways(*OF_COLLAPSE)
        meaning = "all rows are led to nearly one answer"
        return Finding("warning", name, measured, normal, meaning, suggestion, see, options)
    return well(name, measured, normal, "translations vary", see, CERTAIN)


def copied_sources(evidence: Evidence) -> Finding | None:
    """Translations that are their sources."""
    found = evidence[CROSSED]
    if found is None:
        return None
    name, see = "copied sources", f"{PAGE}#copied-sources"
    measured = f"translations differ from their sources by {found.moved.value:.2%} of what two rows do"
    normal = f"at least {COPIES:.0%}"
    reach = of_rows(found.rows)
    if reach.short:
        return well(name, measured, normal, "", see, reach)
    if found.moved.high < COPIES:
        suggestion, options = setting(evidence).ways(*OF_COPIES)
        meaning = "the model answers with a copy of the source"
        return Finding("warning", name, measured, normal, meaning, suggestion, see, options)
    return well(name, measured, normal, "translations change their sources", see, CERTAIN)


CHECKS = (collapsed_translations, copied_sources)
