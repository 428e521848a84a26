"""All scores by downstream tasks that model and data permit. Row I12."""

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
    """Scores by two tasks, or the reasons why they were not computed.

    Args:
        samples: score of a classifier trained on labelled samples.
        labels: score of a classifier trained with few labels.
    """

    samples: Downstream | Skipped
    labels: FewLabels | Skipped


def tasks(model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None) -> Tasks:
    """Computes all scores by downstream tasks; for one that is not possible, the reason.

    Args:
        model: the model.
        data: data set.
        split: split of the test rows.
        seed: seed of samples and classifiers.
        limit: use only so many rows of `split`, chosen at random; None: all.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> print(tasks(simulacra.PPCA(data.space, latent=1), data).labels.skipped)
        the error at a few labels needs rows with labels, but ring train has none.
    """
    return Tasks(
        _score_or_reason(lambda: train_on_samples(model, data, split, seed=seed, limit=limit)),
        _score_or_reason(lambda: few_labels(model, data, split=split, limit=limit)),
    )


def _score_or_reason(score: Callable[[], T]) -> T | Skipped:
    try:
        return score()
    except (NotScored, MissingCapability) as reason:
        return Skipped(str(reason))


def task_rows(found: Tasks) -> list[tuple[str, str]]:
    """Returns name and value of each score by a task, in words."""
    return [
        *_lines("samples", found.samples, downstream_rows),
        *_lines("labels", found.labels, few_label_rows),
    ]


def _lines(
    name: str, found: T | Skipped, words: Callable[[T], list[tuple[str, str]]]
) -> list[tuple[str, str]]:
    if isinstance(found, Skipped):
        return [(f"task with {name}", f"not measured: {found.skipped}")]
    return words(found)
