"""Checks of the scores: reliability of likelihoods, and densities that can grow without limit."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding, Severity
from simulacra.core.scores.few_samples import FEW, FewSamples
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, of_rows, of_share, well
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import CONSTANT, LIKELIHOOD, REPEATED

SHARE = 0.01  # share of the rows with few effective samples, for a note
DISCRETE = 0.5  # share of repeated values above which real-valued data look rounded
REPEATING = 50  # with fewer rows, rounded values need not recur
NARROW = 0.01  # a density is a spike below this width, relative to the spread of the other columns
SHOWN = 5  # number of columns to list
PAGE = "docs/doctor.md"


def importance(evidence: Evidence) -> Finding | None:
    """A bound dominated by few of its importance samples."""
    scored = evidence[LIKELIHOOD]
    if scored is None or scored.effective is None or scored.k < 2:
        return None
    name, see, k = "importance samples", f"{PAGE}#importance-samples", scored.k
    median, counted = float(scored.effective.nanmedian()), FewSamples(k)
    counted.add(scored.effective)
    measured = f"the median row has {median:.1f} effective of k={k} importance samples"
    if counted.few:
        have = "has" if counted.few == 1 else "have"
        measured += f", {counted.few:,} of {counted.rows:,} rows {have} fewer than {counted.limit:g}"
        measured += f" (the fewest {counted.least:.1f})"
    normal = f"{counted.limit:g} or more, in {1 - SHARE:.0%} of the rows"
    if median < counted.limit or counted.share > SHARE:
        severity: Severity = "warning" if median < FEW / 4 else "note"
        more = Option("k", 10 * k, of="evaluate")
        suggestion, options = setting(evidence).ways(more, "more epochs for a better posterior")
        return Finding(
            severity, name, measured, normal, "the bound may be loose by nats", suggestion, see, options
        )
    reach = of_share(counted.rows)
    return well(name, measured, normal, "the bound rests on many samples", see, reach)


def partition(evidence: Evidence) -> Finding | None:
    """An unreliable annealing estimate of the partition function (row A7)."""
    scored = evidence[LIKELIHOOD]
    if scored is None or scored.bracket is None:
        return None
    name, see, found = "partition function", f"A7, {PAGE}#partition-function", scored.bracket
    normal = "both directions within 1 nat, a tenth of the chains effective"
    if found.doubts:
        meaning = "the likelihood cannot be believed"
        more = {"temperatures": 10 * found.betas, "chains": 2 * found.chains}
        longer = (Option(name, n, of="evaluate") for name, n in more.items())
        suggestion, options = setting(evidence).ways(*longer, "more sweeps", learned=False)
        return Finding("warning", name, str(found), normal, meaning, suggestion, see, options)
    reach = of_rows(found.chains, of="chains")
    return well(name, str(found), normal, "the two sides agree", see, reach)


def levels(evidence: Evidence) -> Finding | None:
    """A continuous density on discrete data, which can put a spike on each level."""
    scored, repeated = evidence[LIKELIHOOD], evidence[REPEATED]
    if scored is None:
        return None
    name, see = "density on discrete data", f"I7, {PAGE}#density-on-discrete-data"
    bits = scored.estimate.bits_per_dim
    spread = Option("dequantize", "uniform", "when the data are loaded", "data")
    kinds = "other kinds for the rounded columns (types=), such as count"
    other = kinds if setting(evidence).columns else "levels in place of reals"
    suggestion, options = setting(evidence).ways(spread, other, learned=False)
    if repeated is None:
        if bits >= 0:
            return None
        meaning = "a probability has no less than 0 bits: a density was put on levels"
        return Finding(
            "warning", name, f"{bits:.2f} bits/dim", "0 or more", meaning, suggestion, see, options
        )
    measured = f"{repeated:.0%} of the values in a column occur again, at {bits:.2f} bits/dim"
    normal = f"at most {DISCRETE:.0%}"
    if repeated > DISCRETE:
        meaning = "the real-valued data look rounded, and their density can grow without limit"
        severity: Severity = "warning" if bits < 0 else "note"
        return Finding(severity, name, measured, normal, meaning, suggestion, see, options)
    reach = of_rows(len(scored.estimate.values), REPEATING)
    return well(name, measured, normal, "the values are continuous", see, reach)


def unbounded(evidence: Evidence) -> Finding | None:
    """Constant columns, on which the density grows without limit as its variance goes to 0 (row I7)."""
    found = evidence[CONSTANT]
    if found is None:
        return None
    name, see = "unbounded density", f"I7, {PAGE}#unbounded-density"
    if not found.names:
        measured = f"no column of {found.of} is constant"
        return well(name, measured, "none", "no spike is rewarded", see, CERTAIN)
    more = f" and {len(found.names) - SHOWN} more" if len(found.names) > SHOWN else ""
    which = f"{', '.join(found.names[:SHOWN])}{more}"
    measured = (
        f"{len(found.names)} of {found.of} columns are constant ({which}), and the model is "
        f"{found.width:.2g} times as wide there as the other columns"
    )
    meaning = (
        "a density that narrows around a constant is likelier without limit, and says nothing of the data"
    )
    severity: Severity = "warning" if found.width < NARROW else "note"
    spread = Option("dequantize", "uniform", of="data")
    suggestion, options = setting(evidence).ways(
        "leaving these columns out", spread, "a fixed scale", learned=False
    )
    return Finding(severity, name, measured, "none", meaning, suggestion, see, options)


CHECKS = (importance, partition, levels, unbounded)
