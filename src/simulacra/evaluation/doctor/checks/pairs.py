"""Checks of translations: a model that ignores its source, and one that ignores its noise."""

from __future__ import annotations

from collections.abc import Sequence

from simulacra.core.errors.finding import Finding, Severity
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, Reach, of_chance, of_rows, well
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.pairs import HEEDING
from simulacra.evaluation.pairs.heeding import Shown

PAGE = "docs/doctor.md"
SURE = 3.0  # standard errors
UNLIKELY = 1e-3  # significance level
HEEDED = 0.25  # smallest part of what sources tell that translations should show
TELLS = 4.0  # standard errors beyond which an answer tells of x for sure
EQUAL, HARDLY = (
    0.02,
    0.1,
)  # distances of draws, relative to that to the truth: they are equal, or hardly differ
MATTERS = 0.01  # squared error, relative to the variance of x, below which the source tells all

OF_SOURCE: tuple[str | Option, ...] = (
    Option("sees_condition", True, "for a critic that sees pairs"),
    Option("l1", 100.0, "for answers near the truth"),
    "more epochs",
    "a look at whether sources and rows belong together",
)
OF_NOISE: tuple[str | Option, ...] = (
    Option("l1", 1.0, "for answers that may differ", lower=True),
    "a diffusion of the same pairs",
    "no noise, if one answer of each source is enough",
)


def ignored_source(evidence: Evidence) -> Finding | None:
    """Translations that are as near to the truth of other sources as to that of their own."""
    found = evidence[HEEDING]
    if found is None:
        return None
    name, see = "ignored source", f"{PAGE}#ignored-source"
    telling = [shown for shown in found.shown if shown.told > TELLS]
    measured = (
        f"squared error {found.own:.3g} with its own source and {found.others:.3g} with another's, in "
        f"variances of x (p {found.chance:.2g}); {_of_answers(telling)}"
    )
    normal = f"about 100%, at least {HEEDED:.0%}"
    reach = of_rows(found.pairs, of="pairs") & of_chance(found.least, UNLIKELY, "pairs")
    if reach.short:
        return well(name, measured, normal, "", see, reach)
    if telling and all(shown.value + SURE * shown.error < HEEDED for shown in telling):
        little = found.chance < UNLIKELY
        meaning = "the model heeds its source little" if little else "the model ignores its source"
        suggestion, options = setting(evidence).ways(*OF_SOURCE)
        severity: Severity = "note" if little else "warning"
        return Finding(severity, name, measured, normal, meaning, suggestion, see, options)
    heeds = any(shown.value - SURE * shown.error > HEEDED for shown in telling)
    if heeds or found.chance < UNLIKELY:
        return well(name, measured, normal, "the source is heeded", see, CERTAIN)
    short = "both may be by chance" if telling else "nothing shows that sources tell of x"
    return well(name, measured, normal, "", see, Reach(short, "pairs"))


def _of_answers(telling: Sequence[Shown]) -> str:
    """Returns the part of what answers without a model tell of x that translations show, in words."""
    if not telling:
        return "no answer without a model tells of x for sure"
    most = max(telling, key=lambda shown: shown.told)
    return f"of what {most.by} tell{'' if most.by.endswith('s') else 's'}, translations show {_percent(most)}"


def _percent(shown: Shown) -> str:
    return f"{shown.value:.0%} +- {shown.error:.0%}"


def ignored_noise(evidence: Evidence) -> Finding | None:
    """Draws of one source that are equal, though the model draws noise and is uncertain."""
    found = evidence[HEEDING]
    if found is None or found.same is None:
        return None
    name, see, same = "ignored noise", f"{PAGE}#ignored-noise", found.same
    measured = (
        f"two draws of one source differ by {same.value:.2g} (squared, in variances of x), from the truth by "
        f"{found.own:.2g}"
    )
    normal = "as much, for honest draws"
    if not found.noisy:
        meaning = "the model draws no noise, so that its answers are the same by intention"
        return well(name, measured, "equal without noise", meaning, see, CERTAIN)
    reach = of_rows(found.pairs, of="pairs")
    if found.own < MATTERS or reach.short:
        return well(name, measured, normal, "sources tell nearly all of x", see, reach)
    part, equal = same.value + SURE * same.error, EQUAL**2 * found.own
    if part < HARDLY**2 * found.own:
        meaning = (
            "the model draws noise and answers as if it had none"
            if part < equal
            else ("its draws differ far less than they miss the truth: they do not show what is unknown")
        )
        suggestion, options = setting(evidence).ways(*OF_NOISE)
        severity: Severity = "warning" if part < equal else "note"
        return Finding(severity, name, measured, normal, meaning, suggestion, see, options)
    return well(name, measured, normal, "draws of one source differ", see, reach)


CHECKS = (ignored_source, ignored_noise)
