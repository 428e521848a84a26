"""Check of denoising: answers that are further from the truth than the noisy rows."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding
from simulacra.core.scores.chance import chance_of
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import of_effect, well
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import DENOISING

PAGE = "docs/doctor.md"

UNLIKELY = 1e-3  # significance level
DOUBLED = 3.0  # dB: answers with twice the error of the noisy rows should not go unseen


def worse_than_noisy(evidence: Evidence) -> Finding | None:
    """Answers that are worse than the noisy rows as they are (D6)."""
    found = evidence[DENOISING]
    at = None if found is None else found.trained
    if found is None or at is None:
        return None
    name, see, normal = "denoising", f"D6, {PAGE}#denoising", "above 0"
    measured = (
        f"{at.corruption} of {found.rows} rows: a gain of {at.gain.value:.2f} +- {at.gain.error:.2g} dB"
    )
    chance = chance_of(-at.gain.value, at.gain.error, found.rows - 1)
    if at.gain.value < 0 and chance < UNLIKELY:
        suggestion, options = setting(evidence).ways("more epochs", Option("latent", 64, "for a longer code"))
        meaning = "its answers are further from the truth than the noisy rows"
        return Finding("warning", name, measured, normal, meaning, suggestion, see, options)
    meaning = "it removes noise" if at.gain.value > 0 else "no worse than the noisy rows beyond chance"
    reach = of_effect(at.gain.error, found.rows, DOUBLED, "dB", UNLIKELY)
    return well(name, measured, normal, meaning, see, reach)


CHECKS = (worse_than_noisy,)
