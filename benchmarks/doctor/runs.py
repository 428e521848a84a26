"""Runs of the benchmark: measuring, recording and printing them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.doctor.case import SEEDS, Case, outcome

FOLDER = Path(__file__).parent
FIRST, LAST = "before", "after"
PAGE = FOLDER.parents[1] / "docs" / "doctor.md"
BEGIN, END = "<!-- both runs: python -m benchmarks.doctor --write -->", "<!-- end of both runs -->"
Row = dict[str, Any]


def measured(cases: Iterable[Case]) -> list[Row]:
    """Examines each case with all seeds."""
    rows = []
    for case in cases:
        began = time.perf_counter()
        found = [outcome(case, seed) for seed in SEEDS]
        row = {"case": case.name, "sick": list(case.sick)}
        if case.sick:
            row["hits"] = sum(bool(o.hit) for o in found)
        else:
            row["alarms"] = [list(o.raised) for o in found]
        row["seconds"] = round(time.perf_counter() - began, 1)
        print(json.dumps(row), file=sys.stderr, flush=True)
        rows.append(row)
    return rows


def write(name: str, rows: list[Row]) -> None:
    """Records a run, one case a line."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (FOLDER / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def read(name: str) -> dict[str, Row]:
    """Returns the rows of a recorded run by case; {} if it was not recorded."""
    path = FOLDER / f"{name}.jsonl"
    if not path.is_file():
        return {}
    return {row["case"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def table() -> str:
    """Returns both recorded runs as Markdown."""
    first, last = read(FIRST), read(LAST)
    rows = last or first
    sick = [name for name, row in rows.items() if row["sick"]]
    well = [name for name, row in rows.items() if not row["sick"]]
    lines = ["| made sick | finding | before | after |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {' or '.join(rows[name]['sick'])} | {_hits(first, name)} | {_hits(last, name)} |"
        for name in sick
    ]
    lines += ["", "| healthy | before | after |", "|---|---|---|"]
    lines += [f"| {name} | {_alarms(first, name)} | {_alarms(last, name)} |" for name in well]
    return "\n".join([*lines, "", *map(_total, (FIRST, LAST), (first, last))])


def write_page() -> None:
    """Writes both runs into the page, between its markers."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}", encoding="utf-8")


def _hits(run: dict[str, Row], name: str) -> str:
    return f"{run[name]['hits']} of {len(SEEDS)}" if name in run else ""


def _alarms(run: dict[str, Row], name: str) -> str:
    if name not in run:
        return ""
    found = sorted({alarm for each in run[name]["alarms"] for alarm in each})
    times = sum(map(bool, run[name]["alarms"]))
    return f"{times} of {len(SEEDS)}" + (f": {', '.join(found)}" if found else "")


def _total(name: str, run: dict[str, Row]) -> str:
    hits, subjects = totals(run, sick=True)
    alarms, healthy = totals(run, sick=False)
    return f"{name}: {hits} of {subjects} sick models named, {alarms} of {healthy} healthy models suspected."


def totals(run: dict[str, Row], sick: bool) -> tuple[int, int]:
    """Returns the number of sick models found, or of healthy ones suspected, and the number of examinations.

    Args:
        run: rows by case.
        sick: if True, sick models are counted, otherwise healthy ones.
    """
    rows = [row for row in run.values() if bool(row["sick"]) == sick]
    found = sum(row["hits"] if sick else sum(map(bool, row["alarms"])) for row in rows)
    return found, len(SEEDS) * len(rows)
