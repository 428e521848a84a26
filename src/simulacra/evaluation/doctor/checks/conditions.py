"""Checks of conditions, of splits with common rows, and of the weights."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding, Severity
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, Reach, of_interval, of_share, well
from simulacra.evaluation.measures.checked import CONDITION, SHARED, WEIGHTS
from simulacra.evaluation.measures.measure import Evidence

SURE = 3.0  # standard errors of a significant difference
HEEDED = 0.25  # smallest share of the data's information about the condition that a model should use
SAYS = 0.05  # nats; with less information in the data, the check passes
MUCH = 0.2  # nats; what the condition says of the rows should not go unseen
SOME, MANY = 0.01, 0.05  # shares of held-out rows in the training split, for a note and a warning
TIMES = 5.0  # tolerated ratio of equal rows to their expected number, which is a rough estimate
HUGE = 1000.0  # largest gain of a healthy layer
FEW_STEPS = 50  # after fewer steps, changes of a layer may be too small to detect
SHOWN = 3  # number of names to list
PAGE = "docs/doctor.md"


def ignored(evidence: Evidence) -> Finding | None:
    """A model that ignores its condition, although x depends on the condition in the data."""
    found = evidence[CONDITION]
    if found is None:
        return None
    name, see = "ignored condition", f"{PAGE}#ignored-condition"
    what = "with the condition of another row log p(x|c) falls by" if found.by_score else "samples show"
    measured = f"{what} {found.model:.3g} +- {found.error:.1g} nats, where rows show {found.data:.3g} or more"
    normal = f"at least {HEEDED:.0%} of what rows show"
    if found.data < SAYS:
        heeds = of_interval(found.model, found.error, HEEDED * found.most, found.rows)
        if found.by_score and found.most >= MUCH and not heeds.short:
            return well(name, measured, normal, "the condition is heeded", see, heeds)
        short = f"it may say {found.most:.2g} nats" if found.most >= MUCH else ""
        return well(name, measured, normal, "the condition says little of the rows", see, Reach(short))
    if found.model + SURE * found.error < HEEDED * found.data:
        meaning = "the model ignores its condition"
        suggestion, _ = setting(evidence).ways("more epochs", "a look at the labels of the training rows")
        return Finding("warning", name, measured, normal, meaning, suggestion, see)
    reach = of_interval(found.model, found.error, HEEDED * found.data, found.rows)
    return well(name, measured, normal, "the condition is heeded", see, reach)


def repeated(evidence: Evidence) -> Finding | None:
    """Held-out rows that also are training rows."""
    found = evidence[SHARED]
    if found is None:
        return None
    name, see = "repeated rows", f"{PAGE}#repeated-rows"
    measured = f"{found.rows:,} of {found.of:,} held-out rows are training rows"
    normal = f"at most {SOME:.0%}, or {TIMES:g} times the {found.expected:,.1f} that chance makes"
    if found.rows <= TIMES * found.expected and found.share >= SOME:
        meaning = "rows of so few values are equal by chance"
        return well(name, measured, normal, meaning, see, of_share(found.of))
    if found.share < SOME:
        return well(name, measured, normal, "the splits are apart", see, of_share(found.of))
    severity: Severity = "warning" if found.share >= MANY else "note"
    drop = Option("duplicates", "drop", "when the data are loaded", "data")
    suggestion, options = setting(evidence).ways(drop, "copies in one split (groups=)", learned=False)
    meaning = "the scores of held-out rows are those of rows that were learned"
    return Finding(severity, name, measured, normal, meaning, suggestion, see, options)


def frozen(evidence: Evidence) -> Finding | None:
    """Layers that training did not change, while others changed."""
    found = evidence[WEIGHTS]
    steps = setting(evidence).steps
    if found is None or not found.layers or found.broken or (steps is not None and steps < FEW_STEPS):
        return None
    name, see = "frozen part", f"{PAGE}#frozen-part"
    measured = f"{len(found.still)} of {found.layers} layers are as they were made"
    if not found.still:
        return well(name, measured, "none", "all of them learned", see, CERTAIN)
    more = f" and {len(found.still) - SHOWN} more" if len(found.still) > SHOWN else ""
    measured += f" ({', '.join(found.still[:SHOWN])}{more})"
    meaning = "their weights are still random: no update moves them, or no gradient reaches them"
    suggestion, _ = setting(evidence).ways(
        "naming them in params= of an update", "a lr above 0", learned=False
    )
    return Finding("warning", name, measured, "none", meaning, suggestion, see)


def exploding(evidence: Evidence) -> Finding | None:
    """Weights that are not finite, or a layer with a huge gain."""
    found = evidence[WEIGHTS]
    if found is None:
        return None
    name, see = "exploding weights", f"{PAGE}#exploding-weights"
    normal = f"all finite, and no layer above {HUGE:,.0f} times the size of what it is given"
    suggestion, options = setting(evidence).ways(
        Option("clip", 1.0, of="train", lower=True), "a lower lr", learned=False
    )
    if found.broken:
        more = f" and {len(found.broken) - SHOWN} more" if len(found.broken) > SHOWN else ""
        measured = f"{', '.join(found.broken[:SHOWN])}{more} hold weights that are not finite"
        return Finding("warning", name, measured, normal, "training broke down", suggestion, see, options)
    if not found.largest:
        return None
    measured = f"{found.largest} multiplies the size of what it is given by {found.gain:.3g}, the most of all"
    if found.gain > HUGE * max(1.0, found.scale):
        return Finding("warning", name, measured, normal, "its weights exploded", suggestion, see, options)
    return well(name, measured, normal, "no weight exploded", see, CERTAIN)


CHECKS = (ignored, repeated, frozen, exploding)
