"""`evaluate`: measures a model or a run as its capabilities allow, and returns a report."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import nn

from simulacra.core.artifact.save import CONFIG, WEIGHTS, record
from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.sampling import drawing_with, in_words
from simulacra.core.errors.calls import checked
from simulacra.core.model import Model
from simulacra.core.scores.estimate import Protocol as ScoreProtocol
from simulacra.core.scores.likelihood import CutShort
from simulacra.data.dataset import Dataset
from simulacra.data.reopening import warn_of_other_rows
from simulacra.evaluation.budget import BUDGET, Share, interrupted
from simulacra.evaluation.doctor.diagnose import diagnose
from simulacra.evaluation.likelihood.annealing import DEFAULT, Annealing
from simulacra.evaluation.likelihood.held_out import protocol_of
from simulacra.evaluation.measures.history import history_of
from simulacra.evaluation.measures.kept_parts import forget, keeping
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.registry import GENERALIZATION, LIKELIHOOD, MEASURES, examined
from simulacra.evaluation.provenance import provenance_of
from simulacra.evaluation.report import Report
from simulacra.evaluation.samples.extractor import Extractor
from simulacra.evaluation.samples.implicit import SAMPLES, Judging
from simulacra.training.callbacks.interactive import interactive
from simulacra.training.fit import load_run

log = logging.getLogger("simulacra")


@runtime_checkable
class Trained(Protocol):
    """The attributes of a run, as `fit` returns it, that a report needs.

    Args:
        model: trained model.
        data: data set; None if it was not made by `load_data`.
        path: run folder.
    """

    model: Model
    data: Dataset | None
    path: Path


@checked
def evaluate(
    model: Model | Trained | str | Path,
    data: Dataset | None = None,
    split: str = "test",
    k: int = 1000,
    seed: int = 0,
    limit: int | None = None,
    annealing: Annealing = DEFAULT,
    extractor: Extractor | nn.Module | str | Path | None = None,
    samples: int | None = None,
    tasks: bool = False,
    refine: bool = False,
    dimension: bool = False,
    keep: bool = True,
    budget: float | None = BUDGET,
    sampling: Mapping[str, Any] | None = None,
) -> Report:
    """Scores a model, or a run with its own data, as its capabilities allow.

    Estimates of a run are also recorded in its `config.json`, so that they travel with the model, and its
    report is saved in its folder, where `compare` finds it. Until then, results of long computations are
    stored in `partial/` of the run, from which an evaluation that was killed continues.

    Args:
        model: a model, the run that `fit` returned, or the folder of a run.
        data: the data set; None: the run's own.
        split: `train`, `valid` or `test`.
        k: number of importance samples of a bound.
        seed: random seed; the same seed gives the same report.
        limit: use only so many rows, chosen at random by the seed; the protocol then says so.
        annealing: options for estimating log Z of an energy where it cannot be summed.
        extractor: network whose outputs are the features in which samples are scored: a module, a file, or
            None: a network trained on the training rows. If this or `samples` is given, a model with a
            likelihood is scored by its samples too.
        samples: number of samples to score; None: 10,000, and at most the number of held-out rows.
        tasks: also score by downstream tasks: a classifier trained on labelled samples, and one trained on
            100 labels. It may take minutes.
        refine: also optimize q(z|x) for each of up to 200 rows, where the model has a Gaussian posterior, and
            report the refined ELBO and the amortization gap. It may take minutes.
        dimension: also report the local dimension of training rows and of samples, of data of numbers.
        keep: write `report.json`, `report.md` and the scores of the rows to the folder of a run.
        budget: time limit in seconds, from which the length of annealing and the number of samples from
            Markov chains are chosen; None: no limit.
        sampling: options of drawing by name, such as `{"burn_in": 500}`; None: the model's own. Scores of
            samples that were drawn with others have a protocol of their own, which `compare` never mixes with
            that of the model.

    Raises:
        KeyboardInterrupt: after an interrupt in a script, with the unfinished report in `done`; in a notebook
            or at a prompt, the unfinished report is returned and says so.
        ValueError: if no data are given, or they do not fit the model, or there are too few rows for the
            features of the given extractor.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> report = evaluate(simulacra.PPCA(data.space, latent=1), data, limit=100)
        >>> report.likelihood.kind, report.protocol.split
        ('exact', 'test[100 of 1,000, seed 0]')
    """
    folder: Path | None = None
    if isinstance(model, str | Path):
        model = load_run(model, data=data)
    if not isinstance(model, Model):
        if not isinstance(model, Trained):
            raise ValueError(f"evaluate needs a model or a run, but got {type(model).__name__}.")
        if data is not None and data is not model.data:
            warn_of_other_rows(data, getattr(model, "config", {}).get("data", {}), str(model.path))
        data, folder, model = data or model.data, model.path, model.model
    if data is None:
        raise ValueError("there are no data to evaluate on: pass them, as in evaluate(model, data).")
    data = data.under(model.preprocessing, model.conditioning)
    judging = _judging(extractor, samples)
    asked_for = _named(tables=True, tasks=tasks, refined=refine, dimension=dimension)
    share = Share(budget)
    if sampling:
        model._need("sample", can.Samples)
    kept = keeping(folder if folder is not None and (folder / CONFIG).is_file() else None)
    with drawing_with(model, sampling or {}) as unlike, kept:
        n, length = share.samples(model, data[split]), share.annealing(annealing, model)
        case = Case(model, data, split, k, seed, limit, n, length, judging, history_of(folder), asked_for)
        found = examined(case)
    protocol = replace(protocol_of(data, split, limit, seed), sampling=in_words(unlike))
    report = reported(type(model).__name__, protocol, found)
    report.asked = asked_of(k, split, limit, seed, annealing, extractor, samples, tasks, refine)
    report.asked |= ({"sampling": unlike} if unlike else {}) | ({"dimension": True} if dimension else {})
    if found.interrupted:
        return _cut_short(report, found)
    if folder is not None and (folder / CONFIG).is_file():
        entries = [{"name": name, **summary} for name, summary in report.summaries().items()]
        try:
            # a run interrupted in a notebook has no weights on disk
            finished = (folder / WEIGHTS).is_file()
            if finished:
                report.provenance = provenance_of(folder).json()
            model.estimates = record(folder, entries)
            if keep and finished:
                report.write(folder)
                forget(folder)
        except (ValueError, OSError) as error:
            # do not lose the report in memory because of an error in writing it
            log.warning("the scores were not kept with the run: %s", error)
    return report


def _judging(extractor: Any, samples: int | None) -> Judging | None:
    """Returns the options of scores of samples, or None if none is given."""
    if extractor is None and samples is None:
        return None
    return Judging(extractor, SAMPLES if samples is None else samples)


def _named(**wanted: bool) -> frozenset[str]:
    """Returns the names of the optional measures that are wanted."""
    return frozenset(name for name, is_wanted in wanted.items() if is_wanted)


def asked_of(
    k: int | None,
    split: str | None,
    limit: int | None,
    seed: int | None,
    annealing: Annealing,
    extractor: object,
    samples: int | None,
    tasks: bool | None,
    refine: bool | None = None,
) -> dict[str, Any]:
    """Returns the options of `evaluate` by name, as a report stores them.

    Args:
        k: number of importance samples.
        split: `train`, `valid` or `test`.
        limit: largest number of rows.
        seed: random seed.
        annealing: options of annealing.
        extractor: network or file.
        samples: number of samples to score.
        tasks: True to score by downstream tasks.
        refine: True to refine posteriors.
    """
    drawn = {"extractor": None if extractor is None else str(extractor), "samples": samples}
    drawn |= {"tasks": tasks, "refine": refine}
    length = {name: getattr(annealing, name) for name in ("temperatures", "chains", "sweeps")}
    return {"k": k, "split": split, "limit": limit, "seed": seed, **length, **drawn}


def _cut_short(report: Report, found: Evidence) -> Report:
    """Returns the unfinished report after an interrupt, or raises CutShort with it in a script."""
    scored = found[LIKELIHOOD]
    if scored and scored.estimate.protocol:
        report.protocol = scored.estimate.protocol
    report.findings.insert(0, interrupted(sorted([*report.estimates, *report.records])))
    if not interactive():
        raise CutShort(report)
    log.warning("interrupted: this is the report as far as it was measured")
    return report


def reported(name: str, protocol: ScoreProtocol, found: Evidence) -> Report:
    """Returns the report of the evidence, with the doctor's findings.

    Args:
        name: name of the model.
        protocol: protocol of the scores.
        found: results of the measures.
    """
    report = Report(name, protocol, findings=diagnose(found))
    if scored := found[LIKELIHOOD]:
        by_name = {"likelihood": scored.estimate, "elbo": scored.elbo, "pessimistic": scored.pessimistic}
        report.estimates |= {name: estimate for name, estimate in by_name.items() if estimate is not None}
    if compared := found[GENERALIZATION]:
        report.estimates["training rows"] = compared.training
    recorded = {measure.name: measure.recorded(found[measure]) for measure in MEASURES}
    report.records = {name: record for name, record in recorded.items() if record is not None}
    return report
