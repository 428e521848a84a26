"""Checks of adversarial models: a discriminator too strong or too weak, a generator that fails to learn.

Numbers and alarms come from `HasDiagnostics`; the checks know no model.
"""

from __future__ import annotations

from simulacra.core.errors.finding import Finding
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import of_rows, of_share, well
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import DIAGNOSTICS, NEIGHBOUR

STRONG = 0.95  # accuracy above which a discriminator is too strong
WEAK = 0.25  # a discriminator is too weak if a nearest-neighbour classifier is more accurate by this much
PAGE = "docs/doctor.md"
MEANINGS = {
    "mode collapse": "the generator shows few of the modes",
    "vanishing gradient": "the generator learns nothing",
}
OF_ALARMS = {
    "mode collapse": (
        Option("minibatch_kernels", 8),
        Option("feature_matching", True),
        Option("gradient_penalty", 10.0),
    ),
    "vanishing gradient": (
        Option("noise", 0.1),
        Option("smoothing", 0.9, lower=True),
        Option("objective", "wasserstein", "with a gradient penalty"),
    ),
}
ROWS = {"mode collapse": "F11", "vanishing gradient": "F8"}


def trouble(evidence: Evidence) -> Finding | None:
    """An alarm of the model itself, such as mode collapse or a vanishing gradient (rows F8, F11)."""
    found = evidence[DIAGNOSTICS]
    if found is None:
        return None
    if not found.alarm:
        meaning, see = "nothing is out of the ordinary", f"F8, {PAGE}#game"
        return well("game", str(found), "no alarm", meaning, see, of_rows(found.rows))
    # an alarm is `kind: what was measured; try what helps.`
    kind, colon, said = found.alarm.rstrip(".").partition(": ")
    name = kind if colon else "game"
    measured, _, suggestion = (said or kind).partition("; try ")
    suggestion, options = setting(evidence).ways(*OF_ALARMS.get(name, (suggestion,)))
    see = f"{ROWS.get(name, 'F8')}, {PAGE}#{name.replace(' ', '-')}"
    return Finding(
        "warning", name, f"{measured} ({found})", "no alarm", MEANINGS.get(name, ""), suggestion, see, options
    )


def discriminator(evidence: Evidence) -> Finding | None:
    """A discriminator that is too accurate, or less accurate than a nearest-neighbour classifier (row F8)."""
    found = evidence[DIAGNOSTICS]
    if found is None or "accuracy" not in found.numbers:
        return None
    name, see = "discriminator", f"F8, {PAGE}#discriminator"
    accuracy, neighbour = found.numbers["accuracy"], evidence[NEIGHBOUR]
    measured = f"the discriminator is right on {accuracy:.1%} of held-out rows and samples"
    measured += "" if neighbour is None else f", the nearest neighbour on {neighbour:.1%}"
    normal = f"at most {STRONG:.0%}, and not far below the nearest neighbour"
    if neighbour is not None and neighbour - accuracy > WEAK:
        meaning = "it is too weak: it passes samples that are easily told from the data"
        more = (Option("discriminator_steps", 2), Option("discriminator_lr", 2e-3, "or higher"))
        suggestion, options = setting(evidence).ways(*more, "more units for the discriminator")
        return Finding("warning", name, measured, normal, meaning, suggestion, see, options)
    if accuracy > STRONG:
        meaning = "it is too strong for a game with probabilities; a Wasserstein critic may be"
        stabilizers = (
            Option("noise", 0.1),
            Option("smoothing", 0.9, lower=True),
            Option("gradient_penalty", 10.0),
        )
        suggestion, options = setting(evidence).ways(*stabilizers, "fewer steps for the discriminator")
        return Finding("note", name, measured, normal, meaning, suggestion, see, options)
    return well(name, measured, normal, "the players are matched", see, of_share(found.rows))


CHECKS = (trouble, discriminator)
