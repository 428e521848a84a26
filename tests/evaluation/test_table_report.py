"""The report of tables: what it holds of a model, how it is kept and compared, and what the doctor names."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Count, Real
from simulacra.core.storage.records import read_as
from simulacra.evaluation.doctor.checks import tables as checks
from simulacra.evaluation.doctor.diagnose import diagnose, findings
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.registry import TABLE, examined
from simulacra.evaluation.measures.tables import TableFound
from simulacra.evaluation.report import read_report
from simulacra.evaluation.tables.report import table_evidence, table_report
from simulacra.evaluation.tables.summary import TableSummary
from simulacra.evaluation.tables.wording import table_rows

SPACE = Table(
    age=Count(), weight=Real(), sex=Categorical((), 2, ("f", "m")),
    region=Categorical((), 4, tuple("ABCD")), grade=Ordinal((), 3, ("1", "2", "3")),
)  # fmt: skip


def truth(n, seed):
    """Rows in which weight depends on age and sex, and grade on weight."""
    r = np.random.default_rng(seed)
    age, sex = r.integers(18, 80, n), r.integers(0, 2, n)
    weight = (50 + 0.4 * age + 12 * sex + 5 * r.normal(size=n)).round(1)
    region = r.choice(4, n, p=[0.5, 0.3, 0.15, 0.05])
    grade = np.digitize(weight, [65, 85])
    return torch.from_numpy(np.stack([age, weight, sex, region, grade], 1).astype(float))


def rows(n=600, seed=0, space=SPACE):
    return simulacra.from_tensors(truth(n, seed), space, valid=0, test=0.2, seed=seed)


class Given(simulacra.Model, can.Samples):
    """Draws what it is given."""

    def __init__(self, space, make):
        super().__init__(space)
        self.make = make

    def draw(self, rng, c=None):
        """Rows by their numbers."""
        return self.make(10_000)[list(rng.rows)].float()


class Filling(Given, can.Completes):
    """Completes with a line: weight is 50 + 0.4 age + 6, all else is 1."""

    def fill(self, x, known, rng, c=None):
        """x with its gaps filled in."""
        line = torch.ones_like(x)
        line[:, 1] = 56 + 0.4 * x[:, 0]
        return torch.where(known, x, line)


def resample(data, seed=5):
    """Draws of the training rows."""
    at = torch.from_numpy(np.random.default_rng(seed).integers(0, len(data.train), 10_000))
    return lambda n: data.train.x[at[:n]]


def changed(change):
    """Fresh rows of the truth, changed."""

    def make(n):
        x = truth(n, 77)
        change(x)
        return x

    return make


def said(model, data, **options):
    """The findings of tables by name."""
    return {f.name: f for f in findings(model, data, **options) if f.name.startswith("lost")}


def test_a_report_has_each_measure_with_rows_and_seed():
    data = rows()
    found = table_report(Filling(data.space, lambda n: truth(n, 99)), data, seed=3).summary.json()
    assert (found["samples"], found["training_rows"], found["held_out_rows"], found["seed"]) == (
        480,
        480,
        120,
        3,
    )
    assert found["columns"]["drawn"] > 0.9 and set(found["columns"]["each"]) == set(SPACE.names)
    assert found["pairs"]["pairs"] == 10 and found["pairs"]["error"] < 0.1
    assert 0.4 < found["detection"]["auc"] < 0.65 and found["detection"]["rows"] == 480
    assert [t["name"] for t in found["usefulness"]["targets"]] == list(SPACE.names)
    assert abs(found["usefulness"]["loss"]) < 0.1
    assert found["form"]["outside"] < 0.01 and found["form"]["decimals"] == 1
    assert found["imputation"]["iterative"] < found["imputation"]["mean"]
    # single precision on its way through the model gives no digits away
    assert found["form"]["finer"] == []
    json.dumps(found, allow_nan=False)


@pytest.mark.thorough
def test_imputation_is_of_models_that_complete():
    data = rows()
    able = table_report(Filling(data.space, resample(data)), data).imputation
    unable = table_report(Given(data.space, resample(data)), data).imputation
    assert able.model > 0 and unable.model is None
    assert able.iterative == unable.iterative
    summary = table_report(Given(data.space, resample(data)), data).summary
    words = dict(table_rows(replace(summary, imputation=unable)))
    assert "completes nothing or takes a condition" in words["hidden cells filled in"]


def table_of_report(data):
    """The summary of a resample."""
    return table_report(Given(data.space, resample(data)), data).summary.json()


def test_a_report_is_the_same_for_the_same_seed():
    data = rows(200)
    model = Filling(data.space, lambda n: truth(n, 99))
    assert table_report(model, data).summary.json() == table_report(model, data).summary.json()


@pytest.mark.parametrize("n", [6, 12])
def test_few_rows_give_reasons_and_no_error(n):
    data = simulacra.from_tensors(truth(n, 0), SPACE, valid=0, test=0.2)
    found = table_report(Filling(data.space, lambda m: truth(m, 1)), data).summary.json()
    words = dict(table_rows(read_as(TableSummary, found)))
    assert "skipped" in found["imputation"] or found["imputation"]["cells"] < 5
    assert words["hidden cells filled in"].startswith(("not measured: ", "RMSE"))
    json.dumps(found, allow_nan=False)


def test_one_column_gives_reasons():
    data = simulacra.from_tensors(truth(100, 0)[:, :1], Table(age=Count()), valid=0, test=0.2)
    found = table_report(Given(data.space, lambda n: truth(n, 1)[:, :1]), data).summary.json()
    words = dict(table_rows(read_as(TableSummary, found)))
    for name in ("associations of pairs", "learning from samples", "hidden cells filled in"):
        assert words[name].startswith("not measured: there is only one column")
    assert "AUC" in words["samples told from data"]


def test_columns_that_never_change_and_missing_cells_do_no_harm():
    space = Table(a=Real(), b=Real(), g=Categorical((), 2, ("x", "y")), e=Real())
    r = np.random.default_rng(0)
    a = r.normal(size=300)
    x = torch.from_numpy(np.stack([a, np.ones(300), np.zeros(300), a + r.normal(size=300)], 1))
    known = torch.from_numpy(r.random((300, 4)) < 0.8)
    data = simulacra.from_tensors(x, space, known=known, valid=0, test=0.2)
    fresh = torch.from_numpy(np.random.default_rng(1).permutation(x.numpy())).repeat(40, 1)
    model = Given(data.space, lambda n: fresh[:n])
    found = table_report(model, data).summary.json()
    # rows of the same law are not told by the gaps that only real rows have
    assert found["detection"]["auc"] < 0.65
    assert found["columns"]["each"]["b"]["drawn"] == 1
    json.dumps(found, allow_nan=False)


def test_evaluate_keeps_the_report_and_older_reports_are_read(tmp_path):
    data = rows()
    report = simulacra.evaluate(Filling(data.space, resample(data)), data)
    assert report.tables.samples == 480
    page = report.page()
    for name, value in table_rows(report.tables):
        assert f"| {name} | {value} |" in page and value in report.table()
    report.write(tmp_path)
    assert read_report(tmp_path).tables == report.tables
    content = json.loads((tmp_path / "report.json").read_text())
    del content["tables"]
    (tmp_path / "report.json").write_text(json.dumps(content))
    assert read_report(tmp_path).tables is None


def test_nothing_is_reported_of_what_is_no_table_or_was_trained_on():
    ring = simulacra.load_data("ring")
    assert simulacra.evaluate(simulacra.PPCA(ring.space, latent=1), ring, limit=50).tables is None
    data = rows(200)
    assert simulacra.evaluate(Given(data.space, resample(data)), data, split="train").tables is None
    with pytest.raises(ValueError, match="is no table"):
        table_report(simulacra.PPCA(ring.space, latent=1), ring)


@pytest.mark.thorough
def test_tables_are_compared_by_how_well_samples_are_told():
    data = rows()
    good = simulacra.evaluate(Filling(data.space, lambda n: truth(n, 99)), data)
    bad = simulacra.evaluate(Given(data.space, changed(lambda x: x[:, 1].add_(30))), data)
    found = simulacra.compare(good=good, bad=bad)
    table = next(t for t in found.tables if t.first.kind == "table")
    assert table.better("good", "bad") is True
    assert table.lines()[-1][0] == "(held-out rows)" and "samples 480" in table.title
    scores = next(s for s in bad.columns() if s.kind == "table")
    assert scores.cells[-1] is None and len(scores.cells) == len(scores.columns)


def test_a_resample_of_the_data_is_not_named():
    for seed in range(5):
        data = rows(seed=seed)
        found = said(Given(data.space, resample(data, seed)), data)
        assert {f.severity for f in found.values()} == {"ok"} and len(found) == 3


def test_a_column_that_is_lost_is_named():
    data = rows()
    # a column that never changes, and one that lies elsewhere
    flat = said(Given(data.space, changed(lambda x: x[:, 1].fill_(70))), data)["lost columns"]
    assert flat.severity == "warning" and "weight" in flat.measured and "age" not in flat.measured
    moved = said(Given(data.space, changed(lambda x: x[:, 0].add_(15))), data)["lost columns"]
    assert moved.severity in ("note", "warning") and "age" in moved.measured


def test_a_dependence_that_is_lost_is_named_with_both_associations():
    data = rows()

    def shuffle(x):
        x[:, 0] = x[torch.from_numpy(np.random.default_rng(0).permutation(len(x))), 0]

    found = said(Given(data.space, changed(shuffle)), data)
    lost = found["lost dependences"]
    assert lost.severity == "warning" and found["lost columns"].severity == "ok"
    assert "age and weight have" in lost.measured and "in the data" in lost.measured
    assert "weight and sex" not in lost.measured


def test_a_class_that_is_lost_is_named_with_its_chance():
    data = rows()
    lost = said(Given(data.space, changed(lambda x: x[:, 3].clamp_(max=2))), data)["lost classes"]
    assert lost.severity == "warning" and "region=D" in lost.measured and "by chance" in lost.measured
    # of few samples it may be missing by chance
    few = examined(Case(Given(data.space, changed(lambda x: x[:, 3].clamp_(max=2))), data, n=50))
    named = {f.name: f.severity for f in diagnose(few)}
    assert named["lost classes"] == "unknown"


@pytest.mark.thorough
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_samples_that_are_no_numbers_lose_their_column(value):
    data = rows()
    model = Given(data.space, changed(lambda x: x[:, 1].fill_(value)))
    found = table_report(model, data).summary.json()
    assert not found["columns"]["each"]["weight"]["drawn"]
    json.dumps(found, allow_nan=False)
    lost = checks.columns(
        Evidence.of({TABLE: TableFound(table_evidence(model, data, "test", 500, 0, None, False)[0], None)})
    )
    assert lost.severity == "warning" and "weight 0% kept" in lost.measured


@pytest.mark.thorough
def test_a_column_that_is_missing_in_all_training_rows_does_no_harm():
    data = rows()
    for split in data.splits.values():
        split.known = torch.ones_like(split.x, dtype=torch.bool)
        split.known[:, 0] = False
    found = table_report(Given(data.space, lambda n: truth(n, 9)), data).summary.json()
    assert found["columns"]["each"]["age"]["drawn"] is None
    json.dumps(found, allow_nan=False)
