"""Checks of models that add noise and lead back: the end of the noise, variances, and averaged weights."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, of_rows, well
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.noising import AVERAGED, STEPS_BACK

LEFT = 5e-3  # nats an entry between the end of the noise and the start of samples
NARROW, WIDE = 0.5, 2.0  # ratios of squared error and variance that are still normal
SHORT = 10.0  # an average over a tenth of the recommended number of steps is as none
PAGE = "docs/doctor.md"


def signal_left(evidence: Evidence) -> Finding | None:
    """A schedule of noise that leaves something of x at its end, where samples begin (H20)."""
    found = evidence[STEPS_BACK]
    if found is None:
        return None
    name, see, normal = "signal left", f"H20, {PAGE}#signal-left", f"below {LEFT:g}"
    measured = f"x after all steps of noise is {found.left:.2g} nats an entry from where samples begin"
    if found.left <= LEFT:
        return well(name, measured, normal, "nothing of x is left", see, of_rows(found.rows))
    cosine = Option("schedule", "cosine")
    suggestion, options = setting(evidence).ways(cosine, "data of unit variance", learned=False)
    meaning = "samples begin where no x was led by the noise"
    return Finding("warning", name, measured, normal, meaning, suggestion, see, options)


def variance(evidence: Evidence) -> Finding | None:
    """Steps back whose variance is not that of their error (H21)."""
    found = evidence[STEPS_BACK]
    if found is None:
        return None
    name, see = "variance of steps", f"H21, {PAGE}#variance-of-steps"
    measured = f"the squared error of a step back is {found.ratio:.3g} times its variance, the median of "
    measured += f"{found.steps} steps"
    normal = f"from {NARROW:g} to {WIDE:g}"
    if NARROW <= found.ratio <= WIDE:
        return well(name, measured, normal, "the steps know their error", see, of_rows(found.rows))
    small = found.ratio > WIDE
    suggestion, options = setting(evidence).ways(
        "more epochs",
        Option("variance", "large" if small else "small"),
        "another parametrization of the variance",
    )
    meaning = "samples have too little noise" if small else "samples have too much noise"
    return Finding("warning", name, measured, normal, meaning, suggestion, see, options)


def averaged(evidence: Evidence) -> Finding | None:
    """Weights that are not averaged over steps, in a model that recommends it (H21)."""
    found = evidence[AVERAGED]
    if found is None:
        return None
    name, see = "average of weights", f"H21, {PAGE}#average-of-weights"
    measured = f"the weights are an average over about {found.steps:,.0f} step{'s' * (found.steps != 1)}"
    normal = f"about {found.recommended:,.0f} for this model"
    if found.steps * SHORT >= found.recommended:
        return well(name, measured, normal, "they do not hang on the last rows", see, CERTAIN)
    ema = Option("ema", round(1 - 1 / found.recommended, 6), of="train")
    suggestion, options = setting(evidence).ways(ema, learned=False)
    meaning = "they wander from step to step, and samples with them"
    return Finding("warning", name, measured, normal, meaning, suggestion, see, options)


CHECKS = (signal_left, variance, averaged)
