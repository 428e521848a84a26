"""The doctor: detects known failures of generative models, with a measurement and a remedy for each.

Each check is a function from the evidence to a finding or None; it returns None if the model's capabilities
do not permit the measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulacra.core.capabilities import general as can
from simulacra.core.errors.finding import ORDER, Finding
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.budget import Share
from simulacra.evaluation.doctor.checks import (
    codes,
    conditions,
    copies,
    denoising,
    domains,
    games,
    length,
    networks,
    noising,
    pairs,
    predictions,
    scores,
    tables,
)
from simulacra.evaluation.doctor.checks import training as learning
from simulacra.evaluation.likelihood.annealing import Annealing
from simulacra.evaluation.measures.history import History, Metrics
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.registry import examined
from simulacra.evaluation.samples.implicit import Judging

CHECKS: tuple[Callable[[Evidence], Finding | None], ...] = (
    *codes.CHECKS,
    *denoising.CHECKS,
    *predictions.CHECKS,
    *copies.CHECKS,
    *learning.CHECKS,
    *length.CHECKS,
    *scores.CHECKS,
    *networks.CHECKS,
    *noising.CHECKS,
    *games.CHECKS,
    *tables.CHECKS,
    *conditions.CHECKS,
    *pairs.CHECKS,
    *domains.CHECKS,
)
QUICK = Annealing(most=(300, 30))
SAMPLES, DRAWN = 1000, 200  # samples; fewer from models that draw entry by entry or by Markov chains
BRIEF = Annealing(most=(100, 10))  # for models with one log Z for each frame
BUDGET = 30.0  # seconds
SEQUENCES = 8  # rows, for such models


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
    options: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Measures the model on `split` at moderate cost and returns the doctor's findings, warnings first.

    Annealing is short, slow samplers draw few samples, and few sequences are used if each frame has its own
    log Z; `evaluate` measures more thoroughly.

    Args:
        model: trained model.
        data: data set.
        metrics: rows of the training's metrics file.
        split: `train`, `valid` or `test`.
        k: number of importance samples.
        seed: seed of the choice of rows and of all draws.
        limit: use only so many rows, chosen at random; None: all.
        best_kept: True if training kept the weights of the best epoch, as with `patience`.
        budget: time limit in seconds of annealing and of sampling by Markov chains; None: no limit.
        annealing: options of annealing; entries that are None are short.
        judging: options for scoring samples in features; None: the defaults, for models without a likelihood.
        asked: names of measures to compute in addition to the usual ones.
        options: options of the training by name; None: unknown.

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
    share, history = Share(budget), History(metrics, best_kept, options or {})
    n = min(n, share.samples(model, data[split], n))
    length = share.annealing(_with_defaults(annealing, brief), model)
    found = examined(Case(model, data, split, k, seed, limit, n, length, judging, history, asked))
    if found.interrupted:
        raise KeyboardInterrupt
    return diagnose(found)


def _with_defaults(given: Annealing | None, brief: Annealing) -> Annealing:
    """Returns the given options, with None replaced by those of `brief`."""
    asked = {} if given is None else {name: n for name, n in vars(given).items() if n is not None}
    return replace(brief, **asked)


def diagnose(evidence: Evidence) -> list[Finding]:
    """Returns the findings of all checks, warnings first."""
    found = [check(evidence) for check in CHECKS]
    return sorted((f for f in found if f is not None), key=lambda f: ORDER.index(f.severity))
