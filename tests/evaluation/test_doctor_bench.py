"""The whole doctor on the cases of its benchmark at one seed, and what its two recorded runs claim."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.doctor import runs
from benchmarks.doctor.case import outcome
from benchmarks.doctor.cases import CASES, COLLAPSE, COPIES, FROZEN, HEALTHY, IGNORED, REPEATED, SICK, SPIKE

SEED = 0
FAULTS = {COPIES: "scores 2.4", **dict.fromkeys((IGNORED, FROZEN, REPEATED, SPIKE, COLLAPSE), "scores 2.6")}
SLOW = (
    "GSN",
    "energy with",
    "GAN",
    "Tabular",
    "RNADE",
    "nobody",
    "sees nothing",
    "one point",
    "150 epochs",
    "conditional MADE of",
    "past its best",
)


def case_parameters(cases):
    """Each case by its name, with its fault; the whole suite has the healthy and the slow."""
    for number, case in enumerate(cases):
        long = not case.sick or any(word in case.name for word in SLOW)
        marks = [pytest.mark.thorough] if long else []
        fault = FAULTS.get(case.sick[0], "scores 2.10") if case.sick else "scores 2.4"
        before = runs.read(runs.FIRST).get(case.name)
        failed = before is not None and (before["hits"] == 0 if case.sick else bool(before["alarms"][SEED]))
        marks += [pytest.mark.fault(fault)] if failed else []
        marks += [pytest.mark.thorough] if number % 5 else []
        yield pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", list(case_parameters(SICK)))
def test_what_is_sick_is_named_with_advice_that_fits(case):
    assert outcome(case, SEED).hit


@pytest.mark.parametrize("case", list(case_parameters(HEALTHY)))
def test_what_is_well_is_not_suspected(case):
    raised = outcome(case, SEED).raised
    assert list(raised) in runs.read(runs.LAST)[case.name]["alarms"]


@pytest.mark.fault("scores 2.10")
def test_the_runs_hold_what_is_claimed():
    first, last = runs.read(runs.FIRST), runs.read(runs.LAST)
    # cases that were added since have no first run
    assert list(last) == [case.name for case in CASES] and list(first) == [
        name for name in last if name in first
    ]
    assert len(HEALTHY) >= len(SICK)
    hits, sick = runs.totals(last, sick=True)
    alarms, healthy = runs.totals(last, sick=False)
    assert hits >= 0.95 * sick and alarms <= 0.05 * healthy, (hits, sick, alarms, healthy)
    assert runs.totals(first, sick=True)[0] < hits and runs.totals(first, sick=False)[0] > alarms


def test_the_page_prints_both_runs():
    page = Path(__file__).resolve().parents[2] / "docs" / "doctor.md"
    assert runs.table() in page.read_text(encoding="utf-8")
