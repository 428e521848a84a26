"""The doctor: names the failures that the literature warns of, with a number and a mend.

Each check is a function from what was measured to one finding or None; it speaks only where the
model's capabilities gave it something to look at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.evidence import Evidence, Metrics, collect

Severity = Literal["ok", "note", "warning"]

FEW = 10  # effective importance samples below which a bound rests on chance
DEAD_KL = 0.1  # nats: less and the code says next to nothing of x
GAP = 3.0  # standard errors between training and held-out score
LARGE_GAP = 0.05  # of the held-out score
DISTINCT = 0.01  # probability of the samples' MMD by chance below which they differ from the data
DISCRETE = 0.5  # share of repeated values above which real data look rounded


@dataclass(frozen=True)
class Finding:
    """One sentence of the doctor.

    Args:
        severity: `ok`, `note` or `warning`.
        name: what was looked for, such as `posterior collapse`.
        sentence: the number and the mend.
    """

    severity: Severity
    name: str
    sentence: str

    def json(self) -> dict[str, str]:
        """The finding as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.severity}: {self.sentence}"


def findings(
    model: Model,
    data: Dataset,
    metrics: Metrics = (),
    split: str = "test",
    k: int = 100,
    seed: int = 0,
    limit: int | None = 1000,
) -> list[Finding]:
    """Measure the model on `split` and say what is wrong with it.

    Args:
        metrics: rows of the training's metrics file.
        k: importance samples.
        limit: use only the first rows.

    Raises:
        ValueError: if model and data do not fit.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> for finding in findings(simulacra.PPCA(data.space, latent=1), data, limit=100):
        ...     print(finding.severity, finding.name)
        ok memorisation
        ok overfitting
        ok unbounded density
    """
    return diagnose(collect(model, data, split, k, seed, limit, metrics))


def diagnose(evidence: Evidence) -> list[Finding]:
    """The findings that the evidence allows, warnings first."""
    found = [check(evidence) for check in CHECKS]
    order = {"warning": 0, "note": 1, "ok": 2}
    return sorted((f for f in found if f is not None), key=lambda f: order[f.severity])


def collapse(evidence: Evidence) -> Finding | None:
    """Posterior collapse: the code carries nothing, the decoder models x alone (E7)."""
    kl, units = evidence.kl, evidence.units
    if kl is None or units is None:
        return None
    name = "posterior collapse"
    measured = f"KL to the prior {kl.total:.3g} nats, {units.count} of {units.size} units active"
    if units.count == 0 or kl.total < DEAD_KL:
        mend = "the decoder ignores the code: anneal the KL (kl_warmup), or weaken the decoder"
        return Finding("warning", name, f"{measured}: {mend}.")
    return Finding("ok", name, f"the code is used: {measured}.")


def unused(evidence: Evidence) -> Finding | None:
    """Units of the code that stay at the prior whatever x is."""
    units = evidence.units
    if units is None or not 0 < units.count < units.size:
        return None
    idle = units.size - units.count
    sentence = (
        f"{idle} of {units.size} units of the code are idle (variance of their mean at most "
        f"{units.threshold:g}): latent={units.count} would do, or anneal the KL to use more."
    )
    return Finding("note", "unused units", sentence)


def mismatch(evidence: Evidence) -> Finding | None:
    """An aggregate posterior that is not the prior (E6)."""
    kl = evidence.kl
    if kl is None or kl.saturated:
        return None
    name, size = "aggregate posterior", f"{kl.marginal:.2f} +- {kl.marginal_error:.2f} nats"
    if kl.marginal > 1 + GAP * kl.marginal_error:
        mend = "samples start where no x was encoded: train longer, or use a richer prior"
        return Finding("note", name, f"the codes of the data are {size} from the prior: {mend}.")
    return Finding("ok", name, f"the codes of the data fill the prior (KL {size}).")


def copying(evidence: Evidence) -> Finding | None:
    """Samples that are training rows (F28)."""
    m = evidence.memorisation
    if m is None:
        return None
    name = "memorisation"
    near, copies = m.share_nearer(5), int(m.flagged.sum())
    measured = (
        f"{near:.1%} of {len(m.distances)} samples are nearer to a training row than 95% of held-out rows "
        f"are (expected 5%), and {copies} are exact copies"
    )
    if m.copies:
        mend = "the model copies: use more data, a smaller model, or stop earlier"
        return Finding("warning", name, f"{measured}: {mend}.")
    if near > 0.1 and m.near_chance < 1e-3:
        why = "they are as near to held-out rows, so they are not copies but lack variety or detail"
        return Finding("note", name, f"{measured}; {why}.")
    return Finding("ok", name, f"{measured}: no sign of copying.")


def overfitting(evidence: Evidence) -> Finding | None:
    """Training rows are likelier than held-out ones."""
    train, test = evidence.training, evidence.held_out
    if train is None or test is None or math.isnan(train.error) or math.isnan(test.error):
        return None
    name, gap = "overfitting", train.mean - test.mean
    error = math.hypot(train.error, test.error)
    measured = f"training rows score {gap:+.2f} +- {error:.2f} nats against held-out ones"
    if gap <= GAP * error:
        return Finding("ok", name, f"{measured}: no overfitting beyond chance.")
    mend = "stop earlier (patience), use dropout, or more data"
    large = gap > LARGE_GAP * max(1.0, abs(test.mean))
    return Finding("warning" if large else "note", name, f"{measured}: {mend}.")


def past_best(evidence: Evidence) -> Finding | None:
    """The validation score has fallen since its best epoch."""
    scores = [(row.get("epoch", ""), _number(row.get("valid_score"))) for row in evidence.metrics]
    scores = [(epoch, score) for epoch, score in scores if score is not None]
    if len(scores) < 3:
        return None
    best_epoch, best = max(scores, key=lambda pair: pair[1] or 0.0)
    last = scores[-1][1]
    assert best is not None and last is not None
    name = "validation score"
    if best - last > LARGE_GAP * max(1.0, abs(best)):
        sentence = (
            f"the validation score fell by {best - last:.2f} nats since epoch {best_epoch}, its best: "
            "train with patience=5 to keep the best weights."
        )
        return Finding("warning", name, sentence)
    return Finding("ok", name, f"the validation score ended at {last:.2f} nats, its best is {best:.2f}.")


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def unbounded(evidence: Evidence) -> Finding | None:
    """A density that can grow without limit on data that are discrete."""
    if evidence.likelihood is None:
        return None
    name, bits = "unbounded density", evidence.likelihood.estimate.bits_per_dim
    if evidence.discrete is None:
        if bits < 0:
            sentence = (
                f"{bits:.2f} bits/dim, but a probability of discrete data has no less than 0: "
                "a density was put on levels, load the data with dequantise='uniform'."
            )
            return Finding("warning", name, sentence)
        return None
    if evidence.discrete > DISCRETE:
        sentence = (
            f"{evidence.discrete:.0%} of the values in a column occur again, so the real-valued data look "
            "rounded and their density can grow without limit: load them as levels, or dequantise them."
        )
        return Finding("warning" if bits < 0 else "note", name, sentence)
    return Finding("ok", name, f"{bits:.2f} bits/dim on data without repeated values.")


def unreliable(evidence: Evidence) -> Finding | None:
    """A bound that rests on few of its importance samples."""
    if evidence.likelihood is None or evidence.likelihood.effective is None or evidence.k < 2:
        return None
    name, k = "importance samples", evidence.k
    median = float(evidence.likelihood.effective.median())
    measured = f"the median row has {median:.1f} effective of k={k} importance samples"
    if median < min(FEW, 0.5 * k):
        mend = "the bound may be loose by nats: raise k, or train a better posterior"
        return Finding("warning" if median < FEW / 4 else "note", name, f"{measured}: {mend}.")
    return Finding("ok", name, f"{measured}.")


def partition(evidence: Evidence) -> Finding | None:
    """A partition function that annealing cannot be trusted with (row A7)."""
    if evidence.likelihood is None or evidence.likelihood.bracket is None:
        return None
    found = evidence.likelihood.bracket
    if found.doubts:
        mend = "the likelihood cannot be believed: raise temperatures, chains or sweeps"
        return Finding("warning", "partition function", f"{found}: {mend}.")
    return Finding("ok", "partition function", f"{found}.")


def trouble(evidence: Evidence) -> Finding | None:
    """What a model that can tell says is wrong: a collapsed generator, a vanished gradient (rows F8, F11)."""
    found = evidence.vitals
    if found is None:
        return None
    if found.alarm:
        return Finding("warning", "training", f"{found.alarm.rstrip('.')} ({found}).")
    return Finding("ok", "training", f"{found}: nothing is out of the ordinary.")


def samples_off(evidence: Evidence) -> Finding | None:
    """Samples of an implicit model that differ from the data."""
    score = evidence.samples
    if score is None:
        return None
    measured = (
        f"MMD^2 of {score.samples} samples to held-out rows is {score.mmd2:.3g}, "
        f"of training rows {score.reference:.3g} (p = {score.chance:.2g})"
    )
    if score.chance < DISTINCT:
        mend = "train longer, or look for missing modes in samples.png"
        return Finding("note", "samples", f"{measured}: the samples can be told from the data; {mend}.")
    return Finding("ok", "samples", f"{measured}: the samples cannot be told from the data.")


CHECKS: tuple[Callable[[Evidence], Finding | None], ...] = (
    collapse,
    unused,
    mismatch,
    copying,
    overfitting,
    past_best,
    unbounded,
    unreliable,
    partition,
    trouble,
    samples_off,
)
