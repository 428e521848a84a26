"""A case: a model, its data, and what the doctor should say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.doctor.diagnose import findings

SEEDS = range(3)
RAISED = ("warning", "note")


@dataclass(frozen=True)
class Subject:
    """What the doctor is given.

    Args:
        model: made or trained.
        data: on which it is examined.
        metrics: rows of the training's metrics file.
    """

    model: Model
    data: Dataset
    metrics: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Case:
    """One way of being sick, or of being well.

    Args:
        name: in words, unique.
        make: the subject of a seed.
        sick: names of findings of which one must be raised; none for a healthy model.
        beside: names of findings that are true of this model too, or `severity name`, and so no false alarms.
        mends: words of which the finding's mend must hold one, where its advice is judged.
        never: words that its mend must not hold.
    """

    name: str
    make: Callable[[int], Subject]
    sick: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    mends: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What the doctor said of one subject.

    Args:
        hit: whether a finding that must be raised is raised, with advice that fits; None for the healthy.
        raised: findings with a warning or note that are not true of the model, as `severity name`.
    """

    hit: bool | None
    raised: tuple[str, ...]


def outcome(case: Case, seed: int) -> Outcome:
    """Examine the subject of a seed with the options that `simulacra doctor` takes by default."""
    subject = case.make(seed)
    try:
        found = findings(subject.model, subject.data, subject.metrics, seed=seed)
    except (ValueError, RuntimeError) as error:
        # no finding helps nobody, and an error in place of findings is a false alarm of the healthy
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
