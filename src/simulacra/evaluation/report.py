"""The report of a trained model: typed estimates, what its codes carry, copies, and the doctor."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from torch import Tensor, nn

from simulacra.core.artifact import CONFIG, record
from simulacra.core.estimate import Estimate
from simulacra.core.estimate import Protocol as ScoreProtocol
from simulacra.core.files import read_json, read_tensors, write_atomically, write_json, write_tensors
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.annealing import DEFAULT, Annealing
from simulacra.evaluation.doctor import Finding, diagnose
from simulacra.evaluation.evidence import Evidence, collect, read_metrics
from simulacra.evaluation.extractor import Extractor
from simulacra.evaluation.implicit import SAMPLES, Judging
from simulacra.evaluation.likelihood import protocol_of
from simulacra.evaluation.quality import quality_rows

log = logging.getLogger("simulacra")
REPORT, SCORES, PAGE = "report.json", "scores.safetensors", "report.md"


@runtime_checkable
class Trained(Protocol):
    """What `fit` returns, as far as a report needs it."""

    model: Model
    data: Dataset | None
    path: Path


@dataclass
class Report:
    """What is known of a model on a split.

    Args:
        model: its class.
        protocol: what the scores were measured on.
        estimates: typed likelihoods by name; `likelihood` is the best of them.
        findings: of the doctor, warnings first.
        latents: active units and the terms of the aggregate KL, or None.
        memorisation: distances of samples to training rows, or None.
        samples: MMD, for models without a likelihood, or None.
        quality: scores of samples in the features of an extractor, or why there are none, or None.
        classes: wrong labels, where the model classifies.
        reconstruction: squared errors of decode(encode(x)), or None.
    """

    model: str
    protocol: ScoreProtocol
    estimates: dict[str, Estimate] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    latents: dict[str, Any] | None = None
    memorisation: dict[str, Any] | None = None
    samples: dict[str, Any] | None = None
    reconstruction: dict[str, Any] | None = None
    quality: dict[str, Any] | None = None
    classes: dict[str, Any] | None = None

    @property
    def likelihood(self) -> Estimate | None:
        """The best estimate of log p(x); None for implicit models."""
        return self.estimates.get("likelihood")

    def json(self) -> dict[str, Any]:
        """The report as JSON, without the scores of single rows."""
        return {
            "model": self.model,
            "protocol": {**asdict(self.protocol), "digest": self.protocol.digest},
            "estimates": self.summaries(),
            "latents": self.latents,
            "memorisation": self.memorisation,
            "samples": self.samples,
            "quality": self.quality,
            "classes": self.classes,
            "reconstruction": self.reconstruction,
            "findings": [finding.json() for finding in self.findings],
        }

    def summaries(self) -> dict[str, dict[str, Any]]:
        """Each estimate with its protocol as JSON, by name."""
        return {name: {**e.summary(), "dims": e.dims} for name, e in self.estimates.items()}

    def headline(self) -> str:
        """The typed likelihood, or why there is none."""
        if self.likelihood is not None:
            return str(self.likelihood)
        instead = f"; MMD^2 {self.samples['mmd2']:.3g}" if self.samples else ""
        if self.reconstruction and not instead:
            instead = f"; reconstruction explains {self.reconstruction['explained']:.1%} of the variance"
        return f"no likelihood: {self.model} has neither density nor bound ({self.protocol}{instead})"

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of each number, in words."""
        found = [(name, str(e)) for name, e in self.estimates.items()]
        if self.likelihood is None:
            found.insert(0, ("likelihood", f"none: {self.model} has neither density nor bound"))
        if self.latents:
            found.append(("active units", f"{self.latents['active']} of {self.latents['size']}"))
            kl = self.latents["kl"]
            found.append(("KL to the prior", f"{kl['total']:.2f} nats"))
            found.append(("  information I(x; z)", _with_error(kl, "information")))
            found.append(("  aggregate to prior", _with_error(kl, "marginal")))
        if self.reconstruction:
            r = self.reconstruction
            found.append(("reconstruction", f"MSE {r['mse']:.4g}, R^2 {r['explained']:.1%}"))
        if self.memorisation:
            m = self.memorisation
            found.append(("exact copies", f"{m['exact_copies']} of {m['samples']} samples"))
            found.append(
                ("nearer than 5% of held-out", f"{m['share_nearer_than_5th_percentile']:.1%} of samples")
            )
            found.append(("copying score C_T", f"{m['copying_score']:.1f} (below -3: nearer than held-out)"))
        if self.samples:
            s = self.samples
            found.append(
                ("MMD^2", f"{s['mmd2']:.3g} (training rows {s['reference']:.3g}, p {s['chance']:.2g})")
            )
        if self.classes:
            c = self.classes
            found.append(("wrong labels", f"{c['share']:.2%} +- {c['error']:.2%} of {c['rows']:,} rows"))
        if self.quality:
            found += quality_rows(self.quality)
        return found

    def table(self) -> str:
        """The numbers and the findings as text."""
        rows = self.rows()
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"{name:<{width}}  {value}" for name, value in rows]
        return "\n".join([f"{self.model} on {self.protocol}", *lines, "", *map(str, self.findings)])

    def page(self) -> str:
        """The report as Markdown."""
        body = "\n".join(f"| {name.strip()} | {value} |" for name, value in self.rows())
        found = "\n".join(f"- **{f.severity}**, {f.name}: {f.sentence}" for f in self.findings)
        return (
            f"# {self.model} on {self.protocol}\n\n{self.headline()}\n\n"
            f"| | |\n|---|---|\n{body}\n\n## The doctor's findings\n\n{found or 'None.'}\n"
        )

    def write(self, folder: str | Path) -> dict[str, Path]:
        """Write `report.json`, `report.md` and the scores of single rows, each atomically.

        Returns:
            name -> path.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {"report": folder / REPORT, "page": folder / PAGE, "scores": folder / SCORES}
        scores = {name: e.values for name, e in self.estimates.items()}
        write_tensors(paths["scores"], scores, {"digest": self.protocol.digest})
        write_atomically(paths["page"], lambda aside: aside.write_text(self.page(), encoding="utf-8"))
        write_json(paths["report"], self.json())
        return paths

    def __str__(self) -> str:
        return "\n".join([self.headline(), *map(str, self.findings)])


def _with_error(kl: dict[str, Any], name: str) -> str:
    return f"{kl[name]:.2f} +- {kl[f'{name}_error']:.2f} nats"


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
) -> Report:
    """Score a model, or a run with its own data, on what its capabilities allow.

    The estimates of a run are written into its `config.json`, and so travel with the model.

    Args:
        model: a model, or the run that `fit` returned.
        data: the data set; None: the run's own.
        split: `train`, `valid` or `test`.
        k: importance samples of a bound.
        seed: same seed, same report.
        limit: use only the first rows; the protocol then says so.
        annealing: how log Z of an energy is bracketed where it cannot be summed.
        extractor: what gives the features in which samples are scored: a module, a file, or None: a network
            trained on the training rows. A model with a likelihood is scored by its samples too where this
            or `samples` is given.
        samples: number of samples that are scored so, 10,000 by default and at most that of held-out rows.

    Raises:
        ValueError: if no data are given, or they do not fit the model, or there are too few rows for the
            features of the extractor that was given.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> report = evaluate(simulacra.PPCA(data.space, latent=1), data, limit=100)
        >>> report.likelihood.kind, report.protocol.split
        ('exact', 'test[:100]')
    """
    folder: Path | None = None
    if not isinstance(model, Model):
        if not isinstance(model, Trained):
            raise ValueError(f"evaluate needs a model or a run, but got {type(model).__name__}.")
        data, folder, model = data or model.data, model.path, model.model
    if data is None:
        raise ValueError("there are no data to evaluate on: pass them, as in evaluate(model, data).")
    asked = extractor is not None or samples is not None
    judging = Judging(extractor, SAMPLES if samples is None else samples) if asked else None
    metrics = read_metrics(folder)
    found = collect(model, data, split, k, seed, limit, metrics, annealing=annealing, judging=judging)
    report = _report(type(model).__name__, protocol_of(data, split, limit), found)
    if folder is not None and (folder / CONFIG).is_file():
        entries = [{"name": name, **summary} for name, summary in report.summaries().items()]
        try:
            model.estimates = record(folder, entries)
        except ValueError as error:
            log.warning("the scores were not recorded with the run: %s", error)
    return report


def _report(name: str, protocol: ScoreProtocol, found: Evidence) -> Report:
    report = Report(name, protocol, findings=diagnose(found))
    if found.likelihood:
        report.estimates["likelihood"] = found.likelihood.estimate
        if found.likelihood.elbo:
            report.estimates["elbo"] = found.likelihood.elbo
        if found.likelihood.pessimistic:
            report.estimates["pessimistic"] = found.likelihood.pessimistic
    if found.training:
        report.estimates["training rows"] = found.training
    if found.kl:
        units = found.units
        report.latents = {
            "active": units.count if units else None,
            "size": units.size if units else None,
            "variances": units.variances.tolist() if units else None,
            "kl": found.kl.summary(),
        }
    report.memorisation = found.memorisation.summary() if found.memorisation else None
    report.reconstruction = found.reconstruction.summary() if found.reconstruction else None
    report.samples = found.samples.summary() if found.samples else None
    report.quality = found.quality.summary() if found.quality else None
    report.classes = found.classes.summary() if found.classes else None
    return report


def read_report(path: str | Path) -> Report:
    """The report that `Report.write` left in a folder.

    Raises:
        ValueError: if it is missing, damaged, or its scores belong to another report.
    """
    folder = Path(path)
    content = read_json(folder / REPORT)
    scores, header = read_tensors(folder / SCORES)
    try:
        if header["digest"] == content["protocol"]["digest"]:
            return _read(content, scores)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder / REPORT} is damaged ({error}): evaluate again.") from error
    raise ValueError(f"{folder / SCORES} does not belong to {folder / REPORT}: evaluate again.")


def _read(content: dict[str, Any], scores: dict[str, Tensor]) -> Report:
    estimates = {
        name: Estimate(
            scores[name],
            e["kind"],
            e["dims"],
            e["method"],
            e["details"],
            ScoreProtocol(**e["protocol"]) if e["protocol"] else None,
            e["conditional"],
        )
        for name, e in content["estimates"].items()
    }
    protocol = {key: value for key, value in content["protocol"].items() if key != "digest"}
    rest = {key: content[key] for key in ("latents", "memorisation", "samples", "reconstruction")}
    # reports of 0.1 have neither
    rest |= {key: content.get(key) for key in ("quality", "classes")}
    found = [Finding(**cast(dict, f)) for f in content["findings"]]
    return Report(content["model"], ScoreProtocol(**protocol), estimates, found, **rest)
