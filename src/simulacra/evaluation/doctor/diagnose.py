"""The doctor: names the failures that the literature warns of, with a number and a mend.

Each check is a function from what was measured to one finding or None; it speaks only where the
model's capabilities gave it something to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from simulacra.core.capabilities import general as can
from simulacra.core.errors.finding import ORDER, Finding
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.budget import Share
from simulacra.evaluation.doctor.checks import (
    codes,
    conditions,
    copies,
    games,
    learning,
    networks,
    scores,
    tables,
)
from simulacra.evaluation.likelihood.annealing import Annealing
from simulacra.evaluation.measures.history import History, Metrics
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.registry import examined
from simulacra.evaluation.samples.implicit import Judging

CHECKS: tuple[Callable[[Evidence], Finding | None], ...] = (
    *codes.CHECKS,
    *copies.CHECKS,
    *learning.CHECKS,
    *scores.CHECKS,
    *networks.CHECKS,
    *games.CHECKS,
    *tables.CHECKS,
    *conditions.CHECKS,
)
QUICK = Annealing(most=(300, 30))
SAMPLES, DRAWN = 1000, 200  # samples of a model, and of one that draws entry by entry or by a long chain
BRIEF = Annealing(most=(100, 10))  # of each law, where frames have their own
BUDGET = 30.0  # seconds
SEQUENCES = 8  # rows whose frames do


def findings(
    model: Model,
    data: Dataset,
    metrics: Metrics = (),
    split: str = "test",
    k: int = 100,
    seed: int = 0,
    limit: int | None = 1000,
    best_kept: bool = False,
    budget: float | None = BUDGET,
    annealing: Annealing | None = None,
    judging: Judging | None = None,
    asked: frozenset[str] = frozenset(),
) -> list[Finding]:
    """Measure the model on `split` at moderate cost and say what is wrong with it.

    Annealing is brief, models that draw entry by entry draw little, and sequences with a log Z for each
    frame are few: `evaluate` takes more time.

    Args:
        metrics: rows of the training's metrics file.
        k: importance samples.
        limit: use only so many rows, chosen at random.
        best_kept: whether the weights are the best that the metrics tell of, as `patience` keeps them.
        budget: seconds, of which shares go to annealing and to samples of chains; None: no limit.
        annealing: how log Z of an energy is bracketed; what is None is brief.
        judging: how samples are scored in features; None: as usual, where there is no likelihood.
        asked: names of measures that are asked for beyond the usual ones.

    Raises:
        ValueError: if model and data do not fit.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> for finding in findings(simulacra.PPCA(data.space, latent=1), data, limit=100):
        ...     print(finding.severity, finding.name)
        note lost columns
        ok reconstructions
        ok memorization
        ok missing modes
        ok overfitting
        ok density on discrete data
        ok unbounded density
        ok lost dependences
        ok repeated rows
    """
    chained = model.supports(can.HasMarkovChain) or model.supports(can.HasPartitionFunctions)
    stepwise = isinstance(model, can.Samples) and model.entry_by_entry
    n = DRAWN if chained or stepwise else SAMPLES
    brief = BRIEF if model.supports(can.HasPartitionFunctions) else QUICK
    if model.supports(can.HasPartitionFunctions):
        limit = min(limit or SEQUENCES, SEQUENCES)
    share, history = Share(budget), History(metrics, best_kept)
    n = min(n, share.samples(model, data[split], n))
    length = share.annealing(_filled(annealing, brief), model)
    found = examined(Case(model, data, split, k, seed, limit, n, length, judging, history, asked))
    if found.interrupted:
        raise KeyboardInterrupt
    return diagnose(found)


def _filled(given: Annealing | None, brief: Annealing) -> Annealing:
    """What was asked for, and the rest brief."""
    asked = {} if given is None else {name: n for name, n in vars(given).items() if n is not None}
    return replace(brief, **asked)


def diagnose(evidence: Evidence) -> list[Finding]:
    """The findings that the evidence allows, warnings first."""
    found = [check(evidence) for check in CHECKS]
    return sorted((f for f in found if f is not None), key=lambda f: ORDER.index(f.severity))
