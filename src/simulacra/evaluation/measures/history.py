"""The history of a run's training, as its folder keeps it."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulacra.core.artifact.save import CONFIG, WEIGHTS
from simulacra.core.storage.files import read_json

Metrics = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class History:
    """How training went.

    Args:
        metrics: rows of the metrics file.
        best_kept: True if the weights are those of the best validation score.
    """

    metrics: Metrics
    best_kept: bool = False


def history_of(folder: Path | str | None) -> History | None:
    """The history that a run folder keeps; None without a folder.

    Example:
        >>> history_of(None) is None
        True
    """
    return None if folder is None else History(read_metrics(folder), keeps_best(folder))


def read_metrics(folder: Path | str | None) -> Metrics:
    """Rows of `metrics.csv` in a run folder; none where there is no such file."""
    path = Path(folder) / "metrics.csv" if folder is not None else None
    if path is None or not path.is_file():
        return ()
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def keeps_best(folder: Path | str | None) -> bool:
    """Returns True if the run in a folder ended with `patience`, and so with its best weights."""
    if folder is None or not all((Path(folder) / name).is_file() for name in (CONFIG, WEIGHTS)):
        return False
    # a damaged configuration is said where the scores are recorded in it
    with contextlib.suppress(ValueError):
        return bool(read_json(Path(folder) / CONFIG).get("options", {}).get("patience"))
    return False
