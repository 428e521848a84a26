"""The report of a trained model: typed estimates, records of measures and findings, saved in a run folder."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from torch import Tensor

from simulacra.core.card import Card, html_of
from simulacra.core.errors.argument_types import brief
from simulacra.core.errors.finding import Finding, read_finding
from simulacra.core.renamed import renamed_arguments
from simulacra.core.scores.estimate import Estimate
from simulacra.core.scores.estimate import Protocol as ScoreProtocol
from simulacra.core.storage.links import check_links
from simulacra.core.storage.plain_text import in_markdown
from simulacra.core.storage.records import as_json
from simulacra.core.storage.typed_values import wrongly_typed
from simulacra.evaluation.captions.agreement import Agreement
from simulacra.evaluation.compare.score_tables import Scores
from simulacra.evaluation.domains.crossed import Crossed
from simulacra.evaluation.latents.codes import Latents
from simulacra.evaluation.latents.dimension import Dimensions
from simulacra.evaluation.latents.fidelity import Fidelity
from simulacra.evaluation.latents.rates import Rates
from simulacra.evaluation.latents.reconstruction import Reconstruction
from simulacra.evaluation.likelihood.refined import Refined
from simulacra.evaluation.measures.measure import Measure
from simulacra.evaluation.measures.registry import MEASURES
from simulacra.evaluation.pairs.paired import Paired
from simulacra.evaluation.pairs.translated import TooFew
from simulacra.evaluation.report_files import NEXT, PAGE, REPORT, SCORES, finish, read_files, write_files
from simulacra.evaluation.samples.memorization import Copies
from simulacra.evaluation.samples.mmd import SampleScore
from simulacra.evaluation.samples.overlap import Overlap
from simulacra.evaluation.samples.quality import SampleQuality, Skipped
from simulacra.evaluation.tables.summary import TableSummary
from simulacra.evaluation.tasks.classification import Classification
from simulacra.evaluation.tasks.denoising import Denoising
from simulacra.evaluation.tasks.prediction import Prediction
from simulacra.evaluation.tasks.suite import Tasks
from simulacra.evaluation.tasks.validity import Validity

RECORDED = tuple(measure for measure in MEASURES if measure.record is not None)
NAMES = tuple(measure.name for measure in RECORDED)
KEPT = "evaluations"  # subfolder of a run with its latest report for each protocol
R = TypeVar("R")


class RecordOf(Generic[R]):
    """Attribute of a report: the record, of type R, of the measure with the attribute's name, or None."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, report: None, owner: type) -> RecordOf[R]: ...

    @overload
    def __get__(self, report: Report, owner: type) -> R | None: ...

    def __get__(self, report: Report | None, owner: type) -> RecordOf[R] | R | None:
        return self if report is None else report.records.get(self.name)


@dataclass(repr=False)
class Report:
    """Scores of a model on a split.

    `report[measure]` returns the record of a measure of `simulacra.evaluation.measures.registry`, and
    `report.NAME` that of the measure of this name with its type, such as `report.samples`; None if it was not
    measured. Every measure that keeps a record is an attribute of this class.

    Args:
        model: name of the model's class.
        protocol: rows and preprocessing on which the scores were measured.
        estimates: typed likelihoods by name; `likelihood` is the best of them.
        findings: findings of the doctor, warnings first.
        records: records of the measures, by name.
        provenance: digests of weights and configuration, for the report of a run; otherwise None.
        asked: options of `evaluate` by name; None: unknown.
    """

    model: str
    protocol: ScoreProtocol
    estimates: dict[str, Estimate] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    records: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] | None = None
    asked: dict[str, Any] | None = None

    quality = RecordOf[SampleQuality | Skipped]()
    latents = RecordOf[Latents]()
    rates = RecordOf[Rates]()
    refined = RecordOf[Refined | Skipped]()
    dimension = RecordOf[Dimensions]()
    samples = RecordOf[SampleScore]()
    reconstruction = RecordOf[Reconstruction]()
    fidelity = RecordOf[Fidelity]()
    denoising = RecordOf[Denoising]()
    translations = RecordOf[Paired]()
    few_pairs = RecordOf[TooFew]()
    captions = RecordOf[Agreement]()
    crossed = RecordOf[Crossed]()
    memorization = RecordOf[Copies]()
    classes = RecordOf[Classification]()
    prediction = RecordOf[Prediction]()
    validity = RecordOf[Validity]()
    overlap = RecordOf[Overlap]()
    tasks = RecordOf[Tasks]()
    tables = RecordOf[TableSummary]()

    def __getitem__(self, measure: Measure[Any]) -> Any:
        """Returns the record of a measure, or None."""
        return self.records.get(measure.name)

    if not TYPE_CHECKING:  # to a type checker, a name that is not above is a mistake

        def __getattr__(self, name: str) -> Any:
            """Returns the record of a user-defined measure, or None."""
            if name in NAMES:
                return self.records.get(name)
            raise AttributeError(f"a report has no {name!r}; it has {', '.join(NAMES)}.")

    @property
    def likelihood(self) -> Estimate | None:
        """Best estimate of log p(x); None for implicit models."""
        return self.estimates.get("likelihood")

    def json(self) -> dict[str, Any]:
        """Returns the report as a dictionary for JSON, without the scores of single rows."""
        return {
            "model": self.model,
            "protocol": {**self.protocol.json(), "digest": self.protocol.digest},
            "estimates": self.summaries(),
            **{m.name: None if self[m] is None else as_json(self[m]) for m in RECORDED},
            "findings": [finding.json() for finding in self.findings],
            "provenance": self.provenance,
            "asked": self.asked,
        }

    def summaries(self) -> dict[str, dict[str, Any]]:
        """Returns each estimate with its protocol as a dictionary for JSON, by name."""
        return {name: {**e.summary(), "dims": e.dims} for name, e in self.estimates.items()}

    def headline(self) -> str:
        """Returns the typed likelihood as text, or the reason why there is none."""
        if self.likelihood is not None:
            return str(self.likelihood)
        said = (m.instead(self[m]) for m in RECORDED if m.instead is not None and self[m] is not None)
        instead = next((f"; {words}" for words in said), "")
        return f"no likelihood: {self.model} has neither density nor bound ({self.protocol}{instead})"

    def rows(self) -> list[tuple[str, str]]:
        """Returns name and value of each number, in words."""
        found = [(name, str(e)) for name, e in self.estimates.items()]
        if self.likelihood is None:
            found.insert(0, ("likelihood", f"none: {self.model} has neither density nor bound"))
        return [*found, *(line for m in RECORDED if self[m] is not None for line in m.lines(self[m]))]

    def columns(self) -> list[Scores]:
        """Returns the scores that need no likelihood, each with its protocol."""
        return [s for m in RECORDED if self[m] is not None for s in m.columns(self[m], self.protocol)]

    def table(self) -> str:
        """Returns numbers and findings as text."""
        rows = self.rows()
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"{name:<{width}}  {value}" for name, value in rows]
        return "\n".join([f"{self.model} on {self.protocol}", *lines, "", *map(str, self.findings)])

    def page(self) -> str:
        """Returns the report as Markdown."""
        cell = lambda text: in_markdown(text.strip(), cell=True)
        body = "\n".join(f"| {cell(name)} | {cell(value)} |" for name, value in self.rows())
        told = ((f.severity, in_markdown(f"{f.name}: {f.sentence}")) for f in self.findings)
        found = "\n".join(f"- **{severity}**, {sentence}" for severity, sentence in told)
        return (
            f"# {in_markdown(f'{self.model} on {self.protocol}')}\n\n{in_markdown(self.headline())}\n\n"
            f"| | |\n|---|---|\n{body}\n\n## The doctor's findings\n\n{found or 'None.'}\n"
        )

    def write(self, folder: str | Path) -> dict[str, Path]:
        """Writes `report.json`, `report.md` and the scores of single rows, which change together.

        The report replaces the previous one of the folder; a copy is saved by protocol in `evaluations/`,
        where `compare` finds it.

        Args:
            folder: run folder, or another one, created if it does not exist.

        Returns:
            paths by name: `report`, `page` and `scores`.

        Raises:
            ValueError: if a file cannot be written, or a link leads out of the folder.
        """
        folder = Path(folder)
        check_links(folder, REPORT, SCORES, NEXT, PAGE, KEPT, f"{KEPT}/{self.protocol.digest}")
        self._write(folder / KEPT / self.protocol.digest)
        return self._write(folder)

    def _write(self, folder: Path) -> dict[str, Path]:
        scores = {name: e.values for name, e in self.estimates.items()}
        write_files(folder, self.json(), scores, self.page())
        return {"report": folder / REPORT, "page": folder / PAGE, "scores": folder / SCORES}

    def __repr__(self) -> str:
        return f"<Report of {self.model}: {self.headline()}>"

    def _repr_html_(self) -> str:
        findings = [(f.severity, f"{f.name}: {f.sentence}") for f in self.findings]
        scores = None if self.likelihood is None else self.likelihood.values
        return html_of(Card(f"{self.model} on {self.protocol}", (*self.rows(), *findings), scores))

    def __str__(self) -> str:
        return "\n".join([self.headline(), *map(str, self.findings)])


def read_report(path: str | Path) -> Report:
    """Reads a report that `Report.write` saved.

    Args:
        path: folder of the report.

    Raises:
        ValueError: if it is missing, damaged, or its scores belong to another report.

    Example:
        >>> import simulacra, tempfile
        >>> data, folder = simulacra.load_data("ring"), tempfile.mkdtemp()
        >>> report = simulacra.evaluate(simulacra.PPCA(data.space, latent=1), data, limit=100)
        >>> sorted(report.write(folder)), read_report(folder).headline() == report.headline()
        (['page', 'report', 'scores'], True)
    """
    folder = Path(path)
    check_links(folder, REPORT, SCORES, NEXT, PAGE)
    files = read_files(folder)
    try:
        report = _read(files.content, files.scores) if files.agree else None
        doubt = None if report is None else _contradiction(report, files.content)
    except (KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        raise ValueError(f"{folder / REPORT} is damaged ({error}): evaluate again.") from error
    if report is None:
        raise ValueError(f"{folder / SCORES} does not belong to {folder / REPORT}: evaluate again.")
    if doubt is not None:
        raise ValueError(f"{folder / SCORES} contradicts {folder / REPORT} ({doubt}): evaluate again.")
    if files.unfinished:
        # reading must work in a read-only folder, too
        with contextlib.suppress(ValueError, OSError):
            finish(folder, report.page())
    return report


def reports_in(path: str | Path) -> list[Report]:
    """Returns the latest report of a folder, followed by those of other protocols.

    Args:
        path: run folder.

    Raises:
        ValueError: as `read_report`.
    """
    check_links(Path(path), KEPT)
    last = read_report(path)
    kept = [
        read_report(folder)
        for folder in sorted(Path(path, KEPT).glob("*"))
        # a folder without a report is left from a killed process
        if (folder / REPORT).is_file()
    ]
    return [last, *(report for report in kept if report.protocol != last.protocol)]


def _contradiction(report: Report, content: dict[str, Any]) -> str | None:
    """Returns the first number of the report that disagrees with the scores of its rows, or None."""
    if report.protocol.digest != content["protocol"]["digest"]:
        return "the protocol is not that of its digest"
    for name, estimate in report.estimates.items():
        told = content["estimates"][name]
        if len(estimate.values) != told["examples"]:
            return f"{name}: {len(estimate.values):,} scores, {told['examples']:,} in the report"
        mean = math.nan if told["mean_nats"] is None else told["mean_nats"]
        if not isinstance(mean, (int, float)):
            raise TypeError(f"mean_nats is {mean!r}")
        if not _agrees(estimate.mean, mean):
            return f"{name}: the scores have a mean of {estimate.mean:.6g} nats, the report {mean:.6g}"
    return None


def _agrees(ours: float, told: float) -> bool:
    """Returns True if two means are equal up to rounding."""
    if not (math.isfinite(ours) and math.isfinite(told)):
        return math.isnan(ours) == math.isnan(told) and (math.isnan(ours) or ours == told)
    return math.isclose(ours, told, rel_tol=1e-6, abs_tol=1e-9)


def _check_typed(owner: type, values: Mapping[str, Any]) -> None:
    """Raises TypeError if a value of a file has another type than its field."""
    plain = {name: value for name, value in values.items() if name not in ("values", "protocol", "effective")}
    wrong = wrongly_typed(owner, plain)
    if wrong:
        raise TypeError(wrong)


def _read(content: dict[str, Any], scores: dict[str, Tensor]) -> Report:
    content = renamed_arguments(["Report"], content, quiet=True)
    for e in content["estimates"].values():
        _check_typed(Estimate, e)
        _check_typed(ScoreProtocol, e["protocol"] or {})
    _check_typed(ScoreProtocol, content["protocol"])
    if not isinstance(content.get("provenance"), Mapping | None):
        raise TypeError(f"provenance is {brief(content['provenance'])}")
    estimates = {
        name: Estimate(
            scores[name],
            e["kind"],
            e["dims"],
            e["method"],
            e["details"],
            ScoreProtocol(**e["protocol"]) if e["protocol"] else None,
            e["conditional"],
            per=e.get("per", "dim"),
        )
        for name, e in content["estimates"].items()
    }
    protocol = {key: value for key, value in content["protocol"].items() if key != "digest"}
    # measures that the report's version did not have are null or missing
    records = {m.name: m.read(content[m.name]) for m in RECORDED if content.get(m.name) is not None}
    findings = [read_finding(f) for f in content["findings"]]
    whole = (content["model"], ScoreProtocol(**protocol), estimates, findings, records)
    return Report(*whole, content.get("provenance"), content.get("asked"))
