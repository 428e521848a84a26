"""Reports of a run that are of the run as it is now: what was measured once need not be measured again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulacra.core.artifact.save import CONFIG, WEIGHTS
from simulacra.evaluation.provenance import doubt
from simulacra.evaluation.report import REPORT, Report, reports_in


def why_not(path: Path, report: Report) -> str | None:
    """Why the report does not tell of the run as it is now; one without provenance is believed."""
    if report.provenance is None:
        return None
    for needed in (CONFIG, WEIGHTS):
        if not (path / needed).is_file():
            return f"its {needed} is gone, so that its report cannot be checked"
    return doubt(path, report.provenance)


def fresh_report(path: Path, asked: Mapping[str, Any]) -> Report | None:
    """The last report of the run that was made with these options, if it still tells of the run.

    Args:
        path: folder of a run.
        asked: options of `evaluate` by name; None is any.

    Returns:
        None where there is no such report, or the run has changed since.
    """
    if not (path / REPORT).is_file():
        return None
    wanted = {name: value for name, value in asked.items() if value is not None}
    for report in reports_in(path):
        if report.provenance is None or report.asked is None or why_not(path, report) is not None:
            continue
        if all(report.asked.get(name) == value for name, value in wanted.items()):
            return report
    return None
