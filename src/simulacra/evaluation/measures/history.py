"""Reads the training history from a run folder."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulacra.core.artifact.save import CONFIG, WEIGHTS
from simulacra.core.storage.files import read_json

Metrics = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class History:
    """Record of a training.

    Args:
        metrics: rows of the metrics file.
        best_kept: True if the weights are those of the best validation score.
        options: options of training by name; empty: unknown.
    """

    metrics: Metrics
    best_kept: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


def history_of(folder: Path | str | None) -> History | None:
    """Returns the history in a run folder; None without a folder.

    Example:
        >>> history_of(None) is None
        True
    """
    return None if folder is None else History(read_metrics(folder), keeps_best(folder), options_in(folder))


def read_metrics(folder: Path | str | None) -> Metrics:
    """Returns the rows of `metrics.csv` in a run folder; empty without such a file."""
    path = Path(folder) / "metrics.csv" if folder is not None else None
    if path is None or not path.is_file():
        return ()
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def keeps_best(folder: Path | str | None) -> bool:
    """Returns True if the run was trained with `patience` and thus ended with its best weights."""
    return bool(options_in(folder).get("patience"))


def options_in(folder: Path | str | None) -> Mapping[str, Any]:
    """Returns the options of training in a run folder; empty without a trained run."""
    if folder is None or not all((Path(folder) / name).is_file() for name in (CONFIG, WEIGHTS)):
        return {}
    # a damaged configuration is reported later, when scores are recorded in it
    with contextlib.suppress(ValueError):
        return read_json(Path(folder) / CONFIG).get("options", {})
    return {}
