"""Checks of the samples: copies of training rows, missing modes, and differences from the data."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding, Severity
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, QUARTER, Reach, of_chance, of_rows, of_share, well
from simulacra.evaluation.measures.checked import CELLS
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import MEMORIZATION, MODES, QUALITY, SAMPLE_SCORE
from simulacra.evaluation.samples.cells import ALPHA, Cells
from simulacra.evaluation.samples.cells import CELLS as CELLS_OF
from simulacra.evaluation.samples.copying import SURE
from simulacra.evaluation.samples.memorization import Memorization
from simulacra.evaluation.samples.mmd import DISTINCT
from simulacra.evaluation.samples.quality import SampleQuality

NEAR = 0.1  # share of near samples that is never remarked on
FEWEST = 20  # fewer samples and rows cannot be told apart by MMD^2 unless they lie wholly apart
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
    most, equal = max(NEAR, m.near_limit), m.copied_limit
    normal = f"at most {most:.0%} and {equal} by the chance of {len(m.held_out):,} held-out rows"
    if m.copies and setting(evidence).copies:
        meaning = "the samples are training rows, as this model intends: they show nothing that is new"
        return Finding("note", name, measured, normal, meaning, "", see)
    if m.copies:
        known = setting(evidence)
        suggestion, options = known.ways("more data", "a smaller model", known.earlier, learned=False)
        return Finding("warning", name, measured, normal, "the model copies", suggestion, see, options)
    short = f"{m.near_limit:.0%} of the samples could be near by chance" if m.near_limit > QUARTER else ""
    reach = Reach(short, "held-out rows")
    if near > NEAR and m.near_chance < SURE and not m.too_near:
        meaning = (
            "training rows are as near to each other: held-out rows lie elsewhere, and nothing is copied"
        )
        return well(name, measured, normal, meaning, see, reach)
    if near > NEAR and m.near_chance < SURE:
        meaning = (
            "they are as near to other rows or samples, so they are no copies but lack variety or detail"
        )
        return Finding("note", name, measured, normal, meaning, "", see)
    meaning = "no sign of copying" if copies <= equal else _equal_rows(m)
    return well(name, measured, normal, meaning, see, reach)


def _equal_rows(m: Memorization) -> str:
    """Says why more samples equal a training row than held-out rows explain, though the model copies none."""
    if not m.too_near:
        return "training rows equal each other as often, so that equal rows are no copies"
    return "they are as near to held-out rows or to each other, so that equal rows are no copies"


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
        return well(name, measured, "all", "none is missing", see, CERTAIN)
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
    return well(name, measured, normal, "none is missing", see, of_share(quality.samples))


def _all_parts(cells: Cells) -> Finding:
    measured = f"none of {cells.of} parts of the training rows lacks samples beyond chance"
    # a part with as many rows as the mean of all
    reach = of_chance((1 - 1 / CELLS_OF) ** cells.samples, ALPHA / CELLS_OF, "samples")
    return well("missing modes", measured, "none", "none is missing", f"F11, {PAGE}#missing-modes", reach)


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
    reach = of_chance(score.smallest_chance, DISTINCT) & of_rows(score.samples, FEWEST)
    return well(name, measured, normal, meaning, see, reach)


CHECKS = (copying, missing_modes, samples_off)
