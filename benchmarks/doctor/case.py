"""A case of the benchmark: a model, its data, and the findings that the doctor should raise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.doctor.diagnose import findings

SEEDS = range(3)
RAISED = ("warning", "note")


@dataclass(frozen=True)
class Subject:
    """A model and its data, as the doctor examines them.

    Args:
        model: made by hand or trained.
        data: the data set on which it is examined.
        metrics: rows of the training's metrics file.
        options: options of the training, where a case needs them.
    """

    model: Model
    data: Dataset
    metrics: Sequence[Mapping[str, str]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A model with one known defect, or a healthy model.

    Args:
        name: a unique description.
        make: returns the subject for a seed.
        sick: names of findings of which one must be raised; empty for a healthy model.
        beside: further findings that are correct for this model, as `name` or `severity name`; not false
            alarms.
        mends: words of which the finding's suggestion must contain one; empty: not checked.
        never: words that the suggestion must not contain.
    """

    name: str
    make: Callable[[int], Subject]
    sick: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    mends: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The result of one examination.

    Args:
        hit: True if a required finding is raised with fitting advice; None for a healthy model.
        raised: false warnings and notes, as `severity name`.
    """

    hit: bool | None
    raised: tuple[str, ...]


def outcome(case: Case, seed: int) -> Outcome:
    """Examines the subject of a seed with the default options of `simulacra doctor`.

    Args:
        case: the case.
        seed: seed of the subject and of the examination.
    """
    subject = case.make(seed)
    kept = bool(subject.options.get("patience"))
    try:
        found = findings(
            *(subject.model, subject.data, subject.metrics),
            seed=seed,
            best_kept=kept,
            options=subject.options,
        )
    except (ValueError, RuntimeError) as error:
        # an error is a miss for a sick model, and a false alarm for a healthy one
        return Outcome(False, ()) if case.sick else Outcome(None, (f"error {type(error).__name__}",))
    raised = [finding for finding in found if finding.severity in RAISED]
    if case.sick:
        right = [finding for finding in raised if finding.name in case.sick]
        return Outcome(any(_fits(case, finding.suggestion) for finding in right), ())
    said = [(finding.name, f"{finding.severity} {finding.name}") for finding in raised]
    return Outcome(None, tuple(whole for name, whole in said if not {name, whole} & set(case.beside)))


def _fits(case: Case, mend: str) -> bool:
    wanted = not case.mends or any(word in mend for word in case.mends)
    return wanted and not any(word in mend for word in case.never)
