"""`evaluate`: a model or a run measured on what its capabilities allow, as a report."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import nn

from simulacra.core.artifact import CONFIG, WEIGHTS, record
from simulacra.core.boundary import checked
from simulacra.core.estimate import Protocol as ScoreProtocol
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.annealing import DEFAULT, Annealing
from simulacra.evaluation.doctor import diagnose
from simulacra.evaluation.extractor import Extractor
from simulacra.evaluation.history import history_of
from simulacra.evaluation.implicit import SAMPLES, Judging
from simulacra.evaluation.likelihood import protocol_of
from simulacra.evaluation.measure import Case, Evidence
from simulacra.evaluation.measures import GENERALISATION, LIKELIHOOD, MEASURES, examined
from simulacra.evaluation.provenance import provenance_of
from simulacra.evaluation.report import Report

log = logging.getLogger("simulacra")


@runtime_checkable
class Trained(Protocol):
    """What `fit` returns, as far as a report needs it."""

    model: Model
    data: Dataset | None
    path: Path


@checked
def evaluate(
    model: Model | Trained,
    data: Dataset | None = None,
    split: str = "test",
    k: int = 1000,
    seed: int = 0,
    limit: int | None = None,
    annealing: Annealing = DEFAULT,
    extractor: Extractor | nn.Module | str | Path | None = None,
    samples: int | None = None,
    tasks: bool = False,
    keep: bool = True,
) -> Report:
    """Score a model, or a run with its own data, on what its capabilities allow.

    The estimates of a run are written into its `config.json`, and so travel with the model. Its report is
    kept in its folder, where `compare` finds it.

    Args:
        model: a model, or the run that `fit` returned.
        data: the data set; None: the run's own.
        split: `train`, `valid` or `test`.
        k: importance samples of a bound.
        seed: same seed, same report.
        limit: use only so many rows, chosen at random by the seed; the protocol then says so.
        annealing: how log Z of an energy is bracketed where it cannot be summed.
        extractor: what gives the features in which samples are scored: a module, a file, or None: a network
            trained on the training rows. A model with a likelihood is scored by its samples too where this
            or `samples` is given.
        samples: number of samples that are scored so, 10,000 by default and at most that of held-out rows.
        tasks: score by tasks as well: a classifier that learned from labelled samples, and one that sees 100
            labels. It may take minutes.
        keep: write `report.json`, `report.md` and the scores of the rows into the folder of a run.

    Raises:
        ValueError: if no data are given, or they do not fit the model, or there are too few rows for the
            features of the extractor that was given.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> report = evaluate(simulacra.PPCA(data.space, latent=1), data, limit=100)
        >>> report.likelihood.kind, report.protocol.split
        ('exact', 'test[100 of 1,000, seed 0]')
    """
    folder: Path | None = None
    if not isinstance(model, Model):
        if not isinstance(model, Trained):
            raise ValueError(f"evaluate needs a model or a run, but got {type(model).__name__}.")
        data, folder, model = data or model.data, model.path, model.model
    if data is None:
        raise ValueError("there are no data to evaluate on: pass them, as in evaluate(model, data).")
    data = data.under(model.preprocessing)
    asked = extractor is not None or samples is not None
    judging = Judging(extractor, SAMPLES if samples is None else samples) if asked else None
    asked_for = frozenset({"tables", *(["tasks"] if tasks else [])})
    found = examined(
        Case(
            *(model, data, split, k, seed, limit),
            annealing=annealing,
            judging=judging,
            history=history_of(folder),
            asked=asked_for,
        )
    )
    report = reported(type(model).__name__, protocol_of(data, split, limit, seed), found)
    if folder is not None and (folder / CONFIG).is_file():
        entries = [{"name": name, **summary} for name, summary in report.summaries().items()]
        try:
            # a run that was interrupted in a notebook has no weights on disk yet
            finished = (folder / WEIGHTS).is_file()
            if finished:
                report.provenance = provenance_of(folder).json()
            model.estimates = record(folder, entries)
            if keep and finished:
                report.write(folder)
        except (ValueError, OSError) as error:
            # hours of scoring are done, and the report is in memory
            log.warning("the scores were not kept with the run: %s", error)
    return report


def reported(name: str, protocol: ScoreProtocol, found: Evidence) -> Report:
    """The report of the evidence, with the doctor's findings."""
    report = Report(name, protocol, findings=diagnose(found))
    if scored := found[LIKELIHOOD]:
        by_name = {"likelihood": scored.estimate, "elbo": scored.elbo, "pessimistic": scored.pessimistic}
        report.estimates |= {name: estimate for name, estimate in by_name.items() if estimate is not None}
    if compared := found[GENERALISATION]:
        report.estimates["training rows"] = compared.training
    recorded = {measure.name: measure.recorded(found[measure]) for measure in MEASURES}
    report.records = {name: record for name, record in recorded.items() if record is not None}
    return report
