"""The registry of measures: everything that is told of a model follows from it."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from importlib import import_module

import pytest
import torch

import simulacra
from simulacra.core.scores.estimate import Protocol
from simulacra.core.storage.records import Record, as_json, read_as
from simulacra.evaluation import evaluate, read_report
from simulacra.evaluation.compare.score_tables import Cell, Column, Scores
from simulacra.evaluation.measures.measure import Case, Evidence, Look, Measure, Need
from simulacra.evaluation.measures.registry import CODES, LIKELIHOOD, MEASURES, examined
from simulacra.evaluation.report import RECORDED, Report


@dataclass(frozen=True)
class Part(Record):
    """A number."""

    value: float


@dataclass(frozen=True)
class Other(Record):
    """A text."""

    why: str


@dataclass(frozen=True)
class Whole(Record):
    """One field of each kind."""

    parts: tuple[Part, ...]
    pair: tuple[str, int]
    named: dict[str, Part]
    either: Part | Other
    maybe: float | None
    later: int = 3
    derived = ("count",)

    @property
    def count(self) -> int:
        """How many parts there are."""
        return len(self.parts)


def test_a_record_comes_back_from_its_json_with_its_types():
    for either in (Part(1.0), Other("none")):
        whole = Whole((Part(1.5), Part(2.5)), ("a", 2), {"x": Part(0.0)}, either, None)
        content = json.loads(json.dumps(whole.json(), allow_nan=False))
        assert content["count"] == 2 and content["pair"] == ["a", 2]
        assert read_as(Whole, content) == whole
        # of a report that was written before the field was
        del content["later"]
        assert read_as(Whole, content) == whole


def test_what_is_not_finite_is_null_and_read_as_none():
    assert as_json(Part(math.inf)) == {"value": None}
    assert read_as(Part, as_json(Part(math.nan))) == Part(None)


@pytest.mark.parametrize("content", [{}, {"value": 1.0, "parts": 1}, {"parts": [3], "pair": ["a", 1]}])
def test_a_damaged_record_is_refused(content):
    with pytest.raises((KeyError, TypeError)):
        read_as(Whole, content)


def test_each_measure_has_a_name_a_cost_and_its_needs_in_words():
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)
    for measure in MEASURES:
        assert measure.cost, measure.name
        assert all(need.phrase for need in measure.needs), measure.name


def test_a_measure_is_not_computed_where_a_need_is_not_met():
    data = simulacra.load_data("ring")
    case = Case(simulacra.PCA(data.space, latent=1), data, limit=50)
    lacking = {measure.name: measure.lacks(case) for measure in MEASURES}
    assert lacking["likelihood"] == "a likelihood or a bound"
    assert lacking["tasks"] == "to be asked for"
    assert lacking["reconstruction"] == ""
    found = examined(case)
    assert set(found.results) <= {name for name, lacks in lacking.items() if not lacks}
    assert found[LIKELIHOOD] is None and found[CODES] is None


@pytest.mark.parametrize("name", ["VAE", "GAN", "PCA"])
def test_each_record_of_a_report_survives_its_file(name, tmp_path):
    data = simulacra.load_data("ring")
    model = getattr(simulacra, name)(data.space, **({"latent": 1} if name != "GAN" else {}))
    report = evaluate(model, data, k=3, limit=120)
    report.write(tmp_path)
    again = read_report(tmp_path)
    assert report.records and again.records == report.records
    assert again.table() == report.table() and again.headline() == report.headline()
    for measure in RECORDED:
        record = getattr(report, measure.name)
        assert record == report[measure]
        assert record is None or dataclasses.is_dataclass(record)


def test_a_report_says_which_records_there_are():
    empty = Report("M", Protocol("d", "digits", "test", "Binary((64,))", "raw"))
    assert empty.fidelity is None
    with pytest.raises(AttributeError, match="a report has no 'fidelty'; it has quality, latents"):
        _ = empty.fidelty


def width(case: Case, n: int) -> Part:
    return Part(float(case.data.train.x[:n].std()))


COLUMN = Column("width", "neither")
WIDTH: Measure[Part] = Measure(
    "width",
    lambda case, found: width(case, len(case.data.train)),
    "a pass over the rows",
    (Need("rows", lambda case: len(case.rows) > 0),),
    look=Look(width, lambda case: 100, after="history"),
    record=Part,
    lines=lambda found: [("width", f"{found.value:.3f}")],
    columns=lambda found, protocol: [
        Scores("width", {}, (Column("width", "neither"),), (Cell(found.value),))
    ],
)


def test_a_measure_is_added_in_one_place(monkeypatch, tmp_path):
    """It is in the report, its file, its lines, the columns of `compare` and the short look."""
    from simulacra.evaluation import report
    from simulacra.evaluation.doctor import quick_check
    from simulacra.evaluation.measures import registry

    # the package has a function of that name, too
    for module in (registry, import_module("simulacra.evaluation.evaluate"), quick_check):
        monkeypatch.setattr(module, "MEASURES", (*MEASURES, WIDTH))
    monkeypatch.setattr(report, "RECORDED", (*RECORDED, WIDTH))
    monkeypatch.setattr(report, "NAMES", (*report.NAMES, "width"))
    data = simulacra.load_data("ring")
    found = evaluate(simulacra.PPCA(data.space, latent=1), data, limit=100)
    expected = float(data.train.x.std())
    assert found.width.value == pytest.approx(expected)
    assert ("width", f"{expected:.3f}") in found.rows()
    assert [s.kind for s in found.columns()][-1] == "width"
    found.write(tmp_path)
    assert read_report(tmp_path).width == found.width
    run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run", doctor=False)
    assert torch.tensor(quick_check.quick_check(run, quick_check.TimeBudget(9.0))[WIDTH].value).isfinite()


def test_evidence_of_what_is_at_hand():
    found = Evidence.of({WIDTH: Part(1.0), CODES: None})
    assert found[WIDTH] == Part(1.0) and found.results == {"width": Part(1.0)}
