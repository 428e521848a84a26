"""Checks of translations: a model that ignores its source, and one that ignores its noise."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding, Severity
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, Reach, of_chance, of_rows, well
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.pairs import HEEDING
from simulacra.evaluation.pairs.heeding import Heeding

PAGE = "docs/doctor.md"
SURE = 3.0  # standard errors
UNLIKELY = 1e-3  # significance level
HEEDED = 0.25  # smallest part of what sources tell that translations should show
SAYS = 0.05  # share of the variance of x that sources must tell for sure before a model is accused
EQUAL = 0.02  # draws of one source that are nearer than this part of their distance to the truth are equal
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
    name, see, g = "ignored source", f"{PAGE}#ignored-source", found.model
    least = max(0.0, found.told.value - SURE * found.told.error)
    measured = (
        f"squared error {found.own:.3g} with its own source and {found.others:.3g} with another's, so that "
        f"translations show {g.value:.1%} +- {g.error:.1%} of the variance of x, and {found.told_by} "
        f"{least:.1%} or more"
    )
    normal = f"at least {HEEDED:.0%} of that"
    reach = of_rows(found.pairs, of="pairs") & of_chance(found.least, UNLIKELY, "pairs")
    if reach.short:
        return well(name, measured, normal, "", see, reach)
    if least >= SAYS and g.value + SURE * g.error < HEEDED * least:
        little = found.chance < UNLIKELY
        meaning = "the model heeds its source little" if little else "the model ignores its source"
        suggestion, options = setting(evidence).ways(*OF_SOURCE)
        severity: Severity = "note" if little else "warning"
        return Finding(severity, name, measured, normal, meaning, suggestion, see, options)
    if found.chance < UNLIKELY:
        return well(name, measured, normal, "the source is heeded", see, CERTAIN)
    return well(name, measured, normal, "", see, Reach(_undecided(found, least), "pairs"))


def _undecided(found: Heeding, least: float) -> str:
    """Returns why it is unknown whether the source is heeded."""
    by_chance = f"p is {found.chance:.2g}"
    if least < SAYS:
        return f"{by_chance}, and it is unknown whether sources tell of x"
    return f"{by_chance}, and {found.model.value + SURE * found.model.error:.1%} could be by chance"


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
    if found.own < MATTERS:
        return well(
            name, measured, normal, "sources tell nearly all of x", see, of_rows(found.pairs, of="pairs")
        )
    if same.value + SURE * same.error < EQUAL**2 * found.own:
        reach = of_rows(found.pairs, of="pairs")
        if reach.short:
            return well(name, measured, normal, "", see, reach)
        meaning = "the model draws noise and answers as if it had none"
        suggestion, options = setting(evidence).ways(*OF_NOISE)
        return Finding("warning", name, measured, normal, meaning, suggestion, see, options)
    return well(name, measured, normal, "draws of one source differ", see, of_rows(found.pairs, of="pairs"))


CHECKS = (ignored_source, ignored_noise)
