"""Checks of the samples: copies of training rows, modes that are missing, and whether they look like data."""

from __future__ import annotations

from simulacra.core.finding import Finding, Severity
from simulacra.evaluation.measure import Evidence
from simulacra.evaluation.measures import MEMORISATION, MODES, QUALITY, SAMPLE_SCORE
from simulacra.evaluation.quality import SampleQuality

DISTINCT = 0.01  # probability of the samples' MMD by chance below which they differ from the data
MISSED = 0.75  # of the coverage of training rows below which modes are missing
MOST_MISSED = 0.5
PAGE = "docs/doctor.md"


def copying(evidence: Evidence) -> Finding | None:
    """Samples that are training rows (F28)."""
    m = evidence[MEMORISATION]
    if m is None:
        return None
    name, see = "memorisation", f"F28, I8, {PAGE}#memorisation"
    near, copies = m.share_nearer(5), int(m.flagged.sum())
    measured = (
        f"{near:.1%} of {len(m.distances)} samples are nearer to a training row than 95% of held-out rows "
        f"are, and {copies} are exact copies"
    )
    normal = "5%, and as many copies as held-out rows have"
    if m.copies:
        mend = "more data, a smaller model, or patience=5 to stop earlier"
        return Finding("warning", name, measured, normal, "the model copies", mend, see)
    if near > 0.1 and m.near_chance < 1e-3:
        means = "they are as near to held-out rows, so they are not copies but lack variety or detail"
        return Finding("note", name, measured, normal, means, "", see)
    return Finding("ok", name, measured, normal, "no sign of copying", "", see)


def missing_modes(evidence: Evidence) -> Finding | None:
    """Parts of the data that no sample shows (F11)."""
    name, see = "missing modes", f"F11, {PAGE}#missing-modes"
    means, mend = (
        "the samples leave out part of the data",
        "more epochs, a larger model, or minibatch_kernels=8 in a game",
    )
    if (found := evidence[MODES]) is not None:
        measured = f"{found.covered} of {found.of} modes have a sample"
        if found.covered < found.of:
            return Finding("warning", name, measured, "all", means, mend, see)
        return Finding("ok", name, measured, "all", "none is missing", "", see)
    quality = evidence[QUALITY]
    if not isinstance(quality, SampleQuality):
        return None
    ours, best = quality.model.coverage, quality.reference.coverage
    share = ours.coverage / max(best.coverage, 1e-12)
    measured = (
        f"{ours.coverage:.1%} of held-out rows have a sample nearby and {ours.recall:.1%} lie among "
        f"samples, of training rows {best.coverage:.1%} and {best.recall:.1%}"
    )
    normal = f"{MISSED:.0%} of what training rows cover"
    if share < MISSED:
        severity: Severity = "warning" if share < MOST_MISSED else "note"
        return Finding(severity, name, measured, normal, means, mend, see)
    return Finding("ok", name, measured, normal, "none is missing", "", see)


def samples_off(evidence: Evidence) -> Finding | None:
    """Samples of an implicit model that differ from the data."""
    score = evidence[SAMPLE_SCORE]
    if score is None:
        return None
    name, see = "samples", f"{PAGE}#samples"
    measured = (
        f"MMD^2 of {score.samples} samples to held-out rows is {score.mmd2:.3g}, "
        f"of training rows {score.reference:.3g} (p = {score.chance:.2g})"
    )
    normal = f"p above {DISTINCT:g}"
    if score.chance < DISTINCT:
        means = "the samples can be told from the data"
        return Finding(
            "note", name, measured, normal, means, "more epochs; samples.png shows what is off", see
        )
    return Finding("ok", name, measured, normal, "the samples cannot be told from the data", "", see)


CHECKS = (copying, missing_modes, samples_off)
