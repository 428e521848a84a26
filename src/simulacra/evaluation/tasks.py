"""What a model is good for: scores by a task, each where model and data allow it. Row I12."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulacra.core.capabilities import MissingCapability
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.downstream import downstream_rows, train_on_samples
from simulacra.evaluation.fewlabels import few_label_rows, few_labels
from simulacra.evaluation.implicit import NotScored

Found = dict[str, dict[str, Any]]


def tasks(model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None) -> Found:
    """The summaries of all task scores by name; where one cannot be measured, why.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = tasks(simulacra.PPCA(data.space, latent=1), data)
        >>> sorted(found), "skipped" in found["samples"]
        (['labels', 'samples'], True)
    """
    scores: dict[str, Callable[[], Any]] = {
        "samples": lambda: train_on_samples(model, data, split, seed=seed, limit=limit),
        "labels": lambda: few_labels(model, data, split=split, limit=limit),
    }
    return {name: _summary(score) for name, score in scores.items()}


def _summary(score: Callable[[], Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = score().summary()
        return found
    except (NotScored, MissingCapability) as reason:
        return {"skipped": str(reason)}


def task_rows(found: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Name and value of each number of `tasks`, in words."""
    words = {"samples": downstream_rows, "labels": few_label_rows}
    rows: list[tuple[str, str]] = []
    for name, summary in found.items():
        if "skipped" in summary:
            rows.append((f"task with {name}", f"not measured: {summary['skipped']}"))
        else:
            rows += words[name](summary)
    return rows
