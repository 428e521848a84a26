"""Measures of tables see the condition of p(x|c), and a training that was cut short is noted."""

from __future__ import annotations

import numpy as np
import pytest

import simulacra
from simulacra.evaluation.doctor.advice import Setting
from simulacra.evaluation.doctor.checks.length import length
from simulacra.evaluation.doctor.checks.tables import columns, dependences
from simulacra.evaluation.measures.checked import SETTING
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import HISTORY, TABLE
from simulacra.evaluation.measures.tables import TableFound
from simulacra.evaluation.tables.kept_columns import kept
from simulacra.evaluation.tables.report import table_evidence
from simulacra.evaluation.tables.wording import table_rows
from simulacra.tables.columns import Columns, table_from

pytestmark = pytest.mark.fault("outside 1.w2b.6")
N = 900


def rows(seed: int, effect=lambda c: 3.0 * c, numbers: bool = False) -> Columns:
    """Rows of c and x, whose mean given c is `effect(c)`."""
    draw = np.random.default_rng(seed)
    c = draw.uniform(0, 2, N) if numbers else draw.integers(0, 3, N)
    x = {"x": effect(c) + draw.normal(size=N), "other": draw.normal(size=N)}
    if numbers:
        return table_from({"c": c, **x})
    return table_from(x, {"c": c}, {"c": ("low", "mid", "high")}, ("c", *x))


def findings(drawn: Columns, numbers: bool = False):
    train, held_out = rows(1, numbers=numbers), rows(2, numbers=numbers)
    found = TableFound(kept(train, held_out, drawn, given=("c",)), None)
    evidence = Evidence.of({TABLE: found, SETTING: Setting(columns=True)})
    return columns(evidence), dependences(evidence)


@pytest.mark.parametrize("numbers", [False, True])
def test_the_law_itself_is_well(numbers):
    assert [f.severity for f in findings(rows(3, numbers=numbers), numbers)] == ["ok", "ok"]


@pytest.mark.parametrize("numbers", [False, True])
def test_means_that_do_not_follow_the_condition_are_named(numbers):
    lost, pairs = findings(rows(3, lambda c: 3.0 + 0.3 * (c - 1), numbers), numbers)
    assert lost.severity == "warning" and "x at c" in lost.measured
    assert pairs.severity == "warning" and "c and x have" in pairs.measured


def test_swapped_classes_are_named_though_the_association_is_kept():
    lost, pairs = findings(rows(3, lambda c: 6.0 - 3.0 * c))
    assert lost.severity == "warning" and "x at c=low" in lost.measured and "x at c=high" in lost.measured
    assert pairs.severity == "ok"


def test_a_report_holds_the_pairs_with_the_condition():
    draw = np.random.default_rng(0)
    c = draw.integers(0, 3, N)
    x = np.stack([3.0 * c + draw.normal(size=N), draw.normal(size=N)], 1)
    space = simulacra.Table(x=simulacra.Real(), y=simulacra.Real())
    data = simulacra.from_tensors(x, space, c=c)
    model = simulacra.VAE(data.space, data.condition, latent=1, hidden=(3,))
    found, report = table_evidence(model, data, "test", 300, 0, None, True)
    assert {pair.pair for pair in found.pairs} == {("label", "x"), ("label", "y"), ("x", "y")}
    assert [c.name for c in found.columns] == ["x", "y"] == list(report.columns.drawn)
    assert {c.name for c in found.grouped} == {f"{n} at label={k}" for n in "xy" for k in range(3)}
    lines = dict(table_rows(report.summary))
    assert "at label=" in lines["columns given the condition"]


def history(scores, steps, **options):
    cells = [{"stage": "train", "valid_score": str(s), "total_step": str(steps)} for s in scores]
    return Evidence.of(
        {
            HISTORY: History(cells or [{"total_step": str(steps)}], options=options),
            SETTING: Setting(steps=steps),
        }
    )


@pytest.mark.parametrize(
    ("scores", "steps", "options", "severity"),
    [
        ([-3, -2, -1], 19, {}, "note"),
        ([], 19, {}, "note"),
        ([-3, -1, -2], 19, {}, "ok"),
        ([-3, -2, -1], 900, {"least_steps": 3000}, "note"),
        ([-3, -1, -2], 900, {"least_steps": 3000}, "ok"),
        ([-3, -2, -1], 900, {}, "ok"),
        ([], 900, {"least_steps": 3000}, "ok"),
    ],
)
def test_a_training_that_was_cut_short_is_noted(scores, steps, options, severity):
    found = length(history(scores, steps, **options))
    assert found.severity == severity and f"{steps} step" in found.measured
