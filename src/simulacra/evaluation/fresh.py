"""Finds reports that are still valid for a run, so that it need not be measured again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulacra.core.artifact.save import CONFIG, WEIGHTS
from simulacra.evaluation.provenance import doubt
from simulacra.evaluation.report import REPORT, Report, reports_in


def why_not(path: Path, report: Report) -> str | None:
    """Returns the reason why a report is not valid for the run's present weights; None if it is valid.

    Args:
        path: run folder.
        report: report in that folder; one without provenance counts as valid.
    """
    if report.provenance is None:
        return None
    for needed in (CONFIG, WEIGHTS):
        if not (path / needed).is_file():
            return f"its {needed} is gone, so that its report cannot be checked"
    return doubt(path, report.provenance)


def fresh_report(path: Path, asked: Mapping[str, Any]) -> Report | None:
    """Returns the last valid report of a run with the given options.

    Args:
        path: run folder.
        asked: options of `evaluate` by name; None matches any value.

    Returns:
        the report; None if there is none, or the run has changed since.
    """
    if not (path / REPORT).is_file():
        return None
    wanted = {name: value for name, value in asked.items() if value is not None}
    for report in reports_in(path):
        if report.provenance is None or report.asked is None or why_not(path, report) is not None:
            continue
        # samples that were drawn with other options than the model's own say nothing about the model
        if report.protocol.sampling:
            continue
        if all(report.asked.get(name) == value for name, value in wanted.items()):
            return report
    return None
