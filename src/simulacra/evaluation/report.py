"""The report of a trained model, in memory and on disk: typed estimates, codes, copies, findings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from simulacra.core.estimate import Estimate
from simulacra.core.estimate import Protocol as ScoreProtocol
from simulacra.core.files import read_json, read_tensors, write_atomically, write_json, write_tensors
from simulacra.core.finding import Finding, read_finding
from simulacra.evaluation.fidelity import fidelity_rows
from simulacra.evaluation.quality import quality_rows
from simulacra.evaluation.table_words import table_rows
from simulacra.evaluation.tasks import task_rows

REPORT, SCORES, PAGE = "report.json", "scores.safetensors", "report.md"
KEPT = "evaluations"  # folder of a run: its report under each protocol


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
        fidelity: PSNR and SSIM of reconstructed images, or None.
        tasks: scores by a task, or why there are none, or None where they were not asked for.
        tables: the report of a table, for models that sample one, or None.
        provenance: of which weights and settings the numbers are, where they are of a run, or None.
        asked: the options of `evaluate` that it was made with by name, or None where nobody knows.
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
    fidelity: dict[str, Any] | None = None
    tasks: dict[str, dict[str, Any]] | None = None
    tables: dict[str, Any] | None = None
    provenance: dict[str, Any] | None = None
    asked: dict[str, Any] | None = None

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
            "fidelity": self.fidelity,
            "tasks": self.tasks,
            "tables": self.tables,
            "findings": [finding.json() for finding in self.findings],
            "provenance": self.provenance,
            "asked": self.asked,
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
        if self.fidelity:
            found += fidelity_rows(self.fidelity)
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
        if self.tasks:
            found += task_rows(self.tasks)
        if self.tables:
            found += table_rows(self.tables)
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

        The report stands in the folder until the next one is written, and is kept beside those of other
        protocols in `evaluations/`, where `compare` finds it.

        Returns:
            name -> path.
        """
        folder = Path(folder)
        self._write(folder / KEPT / self.protocol.digest)
        return self._write(folder)

    def _write(self, folder: Path) -> dict[str, Path]:
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


def reports_in(path: str | Path) -> list[Report]:
    """The report that was written last into a folder, and those of other protocols.

    Raises:
        ValueError: as `read_report`.
    """
    last = read_report(path)
    kept = [
        read_report(folder)
        for folder in sorted(Path(path, KEPT).glob("*"))
        # the report is written last: without it the folder was left half done
        if (folder / REPORT).is_file()
    ]
    return [last, *(report for report in kept if report.protocol != last.protocol)]


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
    # reports of 0.1 have none of these
    young = ("quality", "classes", "fidelity", "tasks", "tables", "provenance", "asked")
    rest |= {key: content.get(key) for key in young}
    found = [read_finding(f) for f in content["findings"]]
    return Report(content["model"], ScoreProtocol(**protocol), estimates, found, **rest)
