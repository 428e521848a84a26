"""What a model is good for: scores by a task, each where model and data allow it. Row I12."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from simulacra.core.capabilities.general import MissingCapability
from simulacra.core.model import Model
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.samples.implicit import NotScored
from simulacra.evaluation.samples.quality import Skipped
from simulacra.evaluation.tasks.downstream import Downstream, downstream_rows, train_on_samples
from simulacra.evaluation.tasks.few_labels import FewLabels, few_label_rows, few_labels

T = TypeVar("T")


@dataclass(frozen=True)
class Tasks(Record):
    """Scores by two tasks, or why there are none.

    Args:
        samples: of a classifier that learned from labelled samples.
        labels: of a classifier that learned from few labels.
    """

    samples: Downstream | Skipped
    labels: FewLabels | Skipped


def tasks(model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None) -> Tasks:
    """All scores by a task; where one cannot be measured, why.

    Args:
        limit: use only so many rows of `split`, chosen at random.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> print(tasks(simulacra.PPCA(data.space, latent=1), data).labels.skipped)
        the error at a few labels needs rows with labels, but ring train has none.
    """
    return Tasks(
        _or_why(lambda: train_on_samples(model, data, split, seed=seed, limit=limit)),
        _or_why(lambda: few_labels(model, data, split=split, limit=limit)),
    )


def _or_why(score: Callable[[], T]) -> T | Skipped:
    try:
        return score()
    except (NotScored, MissingCapability) as reason:
        return Skipped(str(reason))


def task_rows(found: Tasks) -> list[tuple[str, str]]:
    """Name and value of each score by a task, in words."""
    return [
        *_told("samples", found.samples, downstream_rows),
        *_told("labels", found.labels, few_label_rows),
    ]


def _told(
    name: str, found: T | Skipped, words: Callable[[T], list[tuple[str, str]]]
) -> list[tuple[str, str]]:
    if isinstance(found, Skipped):
        return [(f"task with {name}", f"not measured: {found.skipped}")]
    return words(found)
