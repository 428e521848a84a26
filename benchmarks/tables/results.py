"""Results as lines of JSON, and as Markdown: one table for each data set, and means over data sets."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.tables.wanted import Row, wanted

MEASURES = {
    "column": "column fidelity, up",
    "pair": "pair error, down",
    "detect": "detection AUC, 0.5 is best",
    "lost": "TSTR lost, down",
    "range": "outside the range, down",
    "format": "format, up",
    "impute": "imputation RMSE, mean of 20 draws, down",
    "impute_few": "mean of 5 draws, down",
    "copies": "copies, down",
    "quality": "QualityReport, up",
    "cpu": "CPU s",
}
NOTE = (
    "Row `held-out`: the held-out rows in the place of drawn ones; its imputation is that of chained "
    "regressions (IterativeImputer), which predict means. TSTR lost: score (R2, or AUC of classes) of "
    "boosted trees trained on training rows minus that of trees trained on drawn rows. CPU seconds of "
    "training and drawing, one thread of a shared machine."
)


def key(row: Row) -> tuple[str, str, int]:
    """Returns table, model and seed of a row; the last row of a key counts."""
    return row["table"], row["model"], row["seed"]


def read(paths: Iterable[Path]) -> list[Row]:
    """Returns the rows of several files; later rows replace earlier ones of the same key."""
    found: dict[tuple[str, str, int], Row] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            row = json.loads(line)
            found[key(row)] = row
    return list(found.values())


def append(path: Path, row: Row) -> None:
    """Appends one row to a file, so that an interrupted benchmark keeps the earlier ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({name: _short(value) for name, value in row.items()}) + "\n")


def of_table(name: str, rows: list[Row]) -> str:
    """Returns the Markdown of one data set."""
    mine = [row for row in rows if row["table"] == name]
    if not mine:
        return ""
    first = mine[0]
    title = f"### {name} ({first['half']}): {first['rows']:,} training rows, {first['columns']} columns"
    return f"{title}\n\n{_markdown([(row['model'], _cells(row)) for row in mine])}"


def means(rows: list[Row]) -> str:
    """Returns the Markdown of the means over data sets and seeds.

    If a model has a measure on only some of its data sets, their number follows the mean.
    """
    models = list(dict.fromkeys(row["model"] for row in rows))
    lines = []
    for model in models:
        mine = [row for row in rows if row["model"] == model and "error" not in row]
        tables = len({row["table"] for row in mine})
        failed = len({row["table"] for row in rows if row["model"] == model}) - tables
        label = f"{model} ({tables} tables{f', {failed} failed' if failed else ''})"
        cells = [_mean([row.get(name) for row in mine], name) for name in MEASURES]
        lines.append((label, " | ".join(cells)))
    return _markdown(lines)


def report(rows: list[Row]) -> str:
    """Returns the Markdown of all data sets, then the means of each half that occurs."""
    tables = list(dict.fromkeys(row["table"] for row in rows))
    halves = [half for half in ("chosen", "reported") if any(row["half"] == half for row in rows)]
    parts = [of_table(name, rows) for name in tables]
    for half in halves:
        what = "settings were chosen on these" if half == "chosen" else "no setting was chosen on these"
        some = [row for row in rows if row["half"] == half]
        parts.append(f"### Mean, {half} half ({what})\n\n{means(some)}\n\n{wanted(some)}")
    if len(halves) > 1:
        parts.append(f"### Mean, all\n\n{means(rows)}\n\n{wanted(rows)}")
    return "\n\n".join([*parts, NOTE])


def _markdown(lines: list[tuple[str, str]]) -> str:
    head = ["| model | " + " | ".join(MEASURES.values()) + " |", "|---" * (len(MEASURES) + 1) + "|"]
    return "\n".join([*head, *(f"| {label} | {cells} |" for label, cells in lines)])


def _cells(row: Row) -> str:
    if "error" in row:
        return f"failed: {row['error']}" + " |" * (len(MEASURES) - 1)
    return " | ".join(_cell(row.get(name), name) for name in MEASURES)


def _cell(value: float | None, name: str) -> str:
    if value is None or math.isnan(value):
        return ""
    return f"{value:.0f}" if name == "cpu" else f"{value:.3f}"


def _mean(values: list[float | None], name: str) -> str:
    known = [value for value in values if value is not None and not math.isnan(value)]
    some = f" (of {len(known)})" if 0 < len(known) < len(values) else ""
    return _cell(sum(known) / len(known), name) + some if known else ""


def _short(value: Any) -> Any:
    """Rounds to five digits; the noise of the measures is larger."""
    if isinstance(value, dict):
        return {name: _short(part) for name, part in value.items()}
    return float(f"{value:.5g}") if isinstance(value, float) else value
