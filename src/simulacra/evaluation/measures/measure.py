"""Measures: computations on a trained model, with their requirements and their presentation.

The registry is `simulacra.evaluation.measures.registry`. The report, its JSON, its lines, the columns of
`compare` and the evidence of the doctor's checks all follow from it. The attributes of `Report` repeat the
names for type checkers; a test compares them with the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, cast

from simulacra.core.model import Model
from simulacra.core.progress.tasks import each
from simulacra.core.scores.estimate import Protocol
from simulacra.core.scores.likelihood import CutShort
from simulacra.core.storage.records import as_json, read_as
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.compare.score_tables import Scores
from simulacra.evaluation.likelihood.annealing import DEFAULT, Annealing
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.samples.implicit import Judging

T = TypeVar("T")
Lines = list[tuple[str, str]]


@dataclass(frozen=True)
class Case:
    """A model and the rows on which it is measured.

    Args:
        model: trained model.
        data: data set, with the model's preprocessing.
        split: `train`, `valid` or `test`.
        k: number of importance samples of a bound.
        seed: seed of draws and choices of rows.
        limit: use only so many rows, chosen at random; None: all.
        n: number of samples to draw.
        annealing: options for estimating log Z of an energy.
        judging: options for scoring samples in features; None: the defaults, for models without a likelihood.
        history: training history, if the model is that of a run.
        asked: names of optional measures to compute.
    """

    model: Model
    data: Dataset
    split: str = "test"
    k: int = 1000
    seed: int = 0
    limit: int | None = None
    n: int = 1000
    annealing: Annealing = DEFAULT
    judging: Judging | None = None
    history: History | None = None
    asked: frozenset[str] = frozenset()

    @property
    def rows(self) -> Split:
        """The split on which the model is measured."""
        return self.data[self.split]

    def can(self, *capabilities: type) -> bool:
        """Returns True if the model has all of these capabilities."""
        return all(self.model.supports(capability) for capability in capabilities)

    def limited(self, n: int) -> Case:
        """Returns the same case with at most n rows."""
        return replace(self, limit=n)


@dataclass(frozen=True)
class Need:
    """A requirement on model and data.

    Args:
        phrase: completes the sentence "the measure needs ...".
        met: returns True if a case meets it.
    """

    phrase: str
    met: Callable[[Case], bool]


@dataclass(frozen=True)
class Look(Generic[T]):
    """A measure's short form right after training, on as many rows as a share of the time permits.

    Args:
        compute: returns the result on n rows (or sweeps), or None.
        most: returns the largest useful n.
        share: share of the remaining time that may be spent.
        probe: n of a first, timed call.
        least: smallest useful n.
        needs: requirements in place of those of the measure; None: the same.
        after: name of a measure that must have a result.
    """

    compute: Callable[[Case, int], T | None]
    most: Callable[[Case], int]
    share: float = 0.4
    probe: int = 16
    least: int = 64
    needs: tuple[Need, ...] | None = None
    after: str = ""


@dataclass(frozen=True)
class Measure(Generic[T]):
    """A computation on a case, and the presentation of its result.

    Args:
        name: key in the report and its JSON.
        compute: returns the result for a case and the evidence so far, or None.
        cost: operations and draws, in words, for N rows.
        needs: requirements; if one is not met, the measure is skipped.
        optional: True if it is computed only on request.
        look: short form right after training; None: it is skipped then.
        record: type of the record in the report; None: the report has no record.
        summary: returns the record of a result; None: the result itself.
        lines: returns name and value of each number of a record, in words.
        columns: returns the scores of a record for `compare`.
        instead: returns a headline from a record, for models without a likelihood.
        ends: returns True if all further measures are meaningless, for example if weights are not finite.
    """

    name: str
    compute: Callable[[Case, Evidence], T | None]
    cost: str
    needs: tuple[Need, ...] = ()
    optional: bool = False
    look: Look[T] | None = None
    record: Any = None
    summary: Callable[[T], Any] | None = None
    lines: Callable[[Any], Lines] = lambda record: []
    columns: Callable[[Any, Protocol], Sequence[Scores]] = lambda record, protocol: ()
    instead: Callable[[Any], str] | None = None
    ends: Callable[[T], bool] = lambda result: False

    def lacks(self, case: Case) -> str:
        """Returns the first requirement that a case does not meet, or an empty string."""
        if self.optional and self.name not in case.asked:
            return "to be asked for"
        return next((need.phrase for need in self.needs if not need.met(case)), "")

    def looked(self, case: Case, found: Evidence) -> Look[T] | None:
        """Returns the short form, or None if there is none or its requirements are not met.

        Args:
            case: model and rows.
            found: evidence so far.
        """
        look = self.look
        if look is None or (look.after and look.after not in found.results):
            return None
        needs = self.needs if look.needs is None else look.needs
        return look if all(need.met(case) for need in needs) else None

    def recorded(self, result: T | None) -> Any:
        """Returns the record of a result for the report, equal to what reading its JSON returns; or None."""
        if result is None or self.record is None:
            return None
        kept = result if self.summary is None else self.summary(result)
        return None if kept is None else self.read(as_json(kept))

    def read(self, content: Any) -> Any:
        """Returns a record from its JSON.

        Raises:
            KeyError: if an entry is missing.
            TypeError: if an entry is of another type.
        """
        return read_as(self.record, content)


@dataclass
class Evidence:
    """Results of measures.

    Args:
        results: results by name of the measure; those of skipped measures are missing.
        interrupted: True if an interrupt skipped the missing measures.
    """

    results: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    @classmethod
    def of(cls, results: Mapping[Measure[Any], Any]) -> Evidence:
        """Returns evidence with the given results."""
        return cls({measure.name: result for measure, result in results.items() if result is not None})

    def __getitem__(self, measure: Measure[T]) -> T | None:
        """Returns the result of a measure, or None."""
        return cast(T | None, self.results.get(measure.name))

    def keep(self, measure: Measure[T], result: T | None) -> None:
        """Adds a result, unless it is None.

        Args:
            measure: the measure.
            result: its result.
        """
        if result is not None:
            self.results[measure.name] = result


class Unfinished(CutShort):
    """An interrupt during a measure, with its partial result in `done`."""


def evidence_of(measures: Sequence[Measure[Any]], case: Case) -> Evidence:
    """Returns the results of the measures whose requirements are met; after an interrupt, those so far.

    Args:
        measures: measures in the order of computation.
        case: model and rows.
    """
    found = Evidence()
    allowed = [measure for measure in measures if not measure.lacks(case)]
    try:
        for measure in each(allowed, "measures", "measure", even=False):
            try:
                found.keep(measure, measure.compute(case, found))
            except Unfinished as short:
                found.keep(measure, short.done)
                raise
            result = found[measure]
            if result is not None and measure.ends(result):
                break
    except KeyboardInterrupt:
        found.interrupted = True
    return found
