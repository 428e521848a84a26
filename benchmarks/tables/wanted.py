"""Targets for the means of our models of tables, fixed before any result, and whether they are met."""

from __future__ import annotations

import math
from typing import Any

Row = dict[str, Any]
MOST = {
    "vae": {
        "pair": 0.05,
        "detect": 0.62,
        "lost": 0.06,
        "range": 0.0,
        "impute": 0.80,
        "impute_few": 0.80,
        "cpu": 30.0,
    },
    "gaussian-copula": {"pair": 0.065, "range": 0.0, "cpu": 1.0},
    "tabular": {
        "pair": 0.035,
        "detect": 0.52,
        "lost": 0.03,
        "range": 0.0,
        "impute": 0.75,
        "impute_few": 0.75,
    },
}
LEAST = {"format": 1.0}
NAMES = {
    "pair": "pair error",
    "detect": "detection AUC",
    "lost": "TSTR lost",
    "range": "outside the range",
    "impute": "imputation RMSE, 20 draws",
    "impute_few": "imputation RMSE, 5 draws",
    "cpu": "CPU s, slowest table",
    "format": "format",
}


def wanted(rows: list[Row]) -> str:
    """Returns a line for each model and measure: the mean over tables, the target, and whether it is met."""
    lines = []
    for model, most in MOST.items():
        mine = [row for row in rows if row["model"] == model and "error" not in row]
        if not mine:
            continue
        for name, limit in most.items():
            found = over([row.get(name) for row in mine], name)
            lines.append(_line(model, name, mine, f"<= {limit:g}", found <= limit + 1e-9))
        for name, limit in LEAST.items():
            found = over([row.get(name) for row in mine], name)
            lines.append(_line(model, name, mine, f">= {limit:g}", found >= limit - 1e-9))
    head = "| model | measure | mean | wanted | holds |\n|---|---|---|---|---|"
    return "\n".join([head, *lines]) if lines else ""


def over(values: list[float | None], name: str) -> float:
    """Returns the mean of the measured values; for times the largest.

    Args:
        values: the measured values, None where a measure failed.
        name: key of the measure; `cpu` is a time.
    """
    known = [value for value in values if value is not None and not math.isnan(value)]
    if not known:
        return math.nan
    return max(known) if name == "cpu" else sum(known) / len(known)


def _line(model: str, name: str, rows: list[Row], limit: str, holds: bool) -> str:
    """Returns one line; a mean over some of the tables decides nothing."""
    values = [row.get(name) for row in rows]
    known = sum(value is not None for value in values)
    some = f" (of {known})" if known < len(rows) else ""
    verdict = "not measured on all" if some else "yes" if holds else "**no**"
    return f"| {model} | {NAMES[name]} | {over(values, name):.3f}{some} | {limit} | {verdict} |"
