"""Checks of the samples: copies of training rows, missing modes, and differences from the data."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding, Severity
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.measures.checked import CELLS, setting
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import MEMORIZATION, MODES, QUALITY, SAMPLE_SCORE
from simulacra.evaluation.samples.cells import Cells
from simulacra.evaluation.samples.memorization import SURE
from simulacra.evaluation.samples.mmd import DISTINCT
from simulacra.evaluation.samples.quality import SampleQuality

MISSED = 0.75  # a smaller share of the coverage of training rows gives a note
MOST_MISSED = 0.5  # and a smaller one than this a warning
SHOWN = 3  # number of clusters to list
PAGE = "docs/doctor.md"


def copying(evidence: Evidence) -> Finding | None:
    """Samples that are copies of training rows (F28)."""
    m = evidence[MEMORIZATION]
    if m is None:
        return None
    name, see = "memorization", f"F28, I8, {PAGE}#memorization"
    near, copies = m.share_nearer(5), int(m.flagged.sum())
    measured = (
        f"{near:.1%} of {len(m.distances)} samples are nearer to a training row than 95% of held-out rows "
        f"are, and {copies} are exact copies"
    )
    normal = "5%, and as many copies as held-out rows have"
    if m.copies and setting(evidence).copies:
        meaning = "the samples are training rows, as this model intends: they show nothing that is new"
        return Finding("note", name, measured, normal, meaning, "", see)
    if m.copies:
        stop = Option("patience", 5, "to stop earlier", "train")
        suggestion, options = setting(evidence).ways("more data", "a smaller model", stop, learned=False)
        return Finding("warning", name, measured, normal, "the model copies", suggestion, see, options)
    if near > 0.1 and m.near_chance < SURE and not m.too_near:
        meaning = (
            "training rows are as near to each other: held-out rows lie elsewhere, and nothing is copied"
        )
        return Finding("ok", name, measured, normal, meaning, "", see)
    if near > 0.1 and m.near_chance < SURE:
        meaning = (
            "they are as near to other rows or samples, so they are no copies but lack variety or detail"
        )
        return Finding("note", name, measured, normal, meaning, "", see)
    return Finding("ok", name, measured, normal, "no sign of copying", "", see)


def missing_modes(evidence: Evidence) -> Finding | None:
    """Modes of the data without samples (F11)."""
    name, see = "missing modes", f"F11, {PAGE}#missing-modes"
    meaning = "the samples leave out part of the data"
    apart = Option("minibatch_kernels", 8)
    suggestion, options = setting(evidence).ways("more epochs", "a larger model", apart)
    if (found := evidence[MODES]) is not None:
        measured = f"{found.covered} of {found.of} modes have a sample"
        if found.covered < found.of:
            return Finding("warning", name, measured, "all", meaning, suggestion, see, options)
        return Finding("ok", name, measured, "all", "none is missing", "", see)
    cells, quality = evidence[CELLS], evidence[QUALITY]
    if cells is not None and cells.lost:
        shares = " and ".join(f"{share:.0%}" for share in cells.lost[:SHOWN])
        measured = f"of {cells.of} parts of the training rows {len(cells.lost)} have all but no sample, "
        measured += f"with {shares} of the rows"
        return Finding("warning", name, measured, "none", meaning, suggestion, see, options)
    if not isinstance(quality, SampleQuality):
        return None if cells is None else _all_parts(cells)
    ours, best = quality.model.coverage, quality.reference.coverage
    share = ours.coverage / max(best.coverage, 1e-12)
    measured = (
        f"{ours.coverage:.1%} of held-out rows have a sample nearby and {ours.recall:.1%} lie among "
        f"samples, of training rows {best.coverage:.1%} and {best.recall:.1%}"
    )
    normal = f"{MISSED:.0%} of what training rows cover"
    if share < MISSED:
        severity: Severity = "warning" if share < MOST_MISSED else "note"
        return Finding(severity, name, measured, normal, meaning, suggestion, see, options)
    return Finding("ok", name, measured, normal, "none is missing", "", see)


def _all_parts(cells: Cells) -> Finding:
    measured = f"all {cells.of} parts of the training rows have samples"
    return Finding(
        "ok", "missing modes", measured, "all", "none is missing", "", f"F11, {PAGE}#missing-modes"
    )


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
    if score.differs:
        meaning = "the samples can be told from the data"
        suggestion, _ = setting(evidence).ways("more epochs; samples.png shows what is off")
        return Finding("note", name, measured, normal, meaning, suggestion, see)
    meaning = "the samples cannot be told from the data"
    if score.to_training is not None:
        meaning = (
            f"they cannot be told from training rows (p = {score.to_training:.2g}): held-out rows differ"
        )
    return Finding("ok", name, measured, normal, meaning, "", see)


CHECKS = (copying, missing_modes, samples_off)
