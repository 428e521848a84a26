"""A measure: one thing that `evaluate` and the doctor find out about a model, and how it is told.

The registry is `simulacra.evaluation.measures.registry`. Nothing else lists measures: the report, its JSON,
its lines, the columns of `compare` and the evidence of the doctor's checks all follow from it.
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
    """A model and the rows that it is measured on.

    Args:
        model: trained.
        data: as the model's preprocessing makes them.
        split: `train`, `valid` or `test`.
        k: importance samples of a bound.
        seed: of draws and choices of rows.
        limit: use only so many rows, chosen at random.
        n: number of samples to draw.
        annealing: how log Z of an energy is bracketed.
        judging: how samples are scored in features; None: as usual, where there is no likelihood.
        history: of the training, where the model is that of a run.
        asked: names of measures that were asked for beyond the usual ones.
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
        """The split that is measured."""
        return self.data[self.split]

    def can(self, *capabilities: type) -> bool:
        """Returns True if the model has all of these capabilities."""
        return all(self.model.supports(capability) for capability in capabilities)

    def limited(self, n: int) -> Case:
        """The same case with n rows at most."""
        return replace(self, limit=n)


@dataclass(frozen=True)
class Need:
    """A condition on model and data.

    Args:
        phrase: completes the sentence "the measure needs ...".
        met: returns True if a case meets it.
    """

    phrase: str
    met: Callable[[Case], bool]


@dataclass(frozen=True)
class Look(Generic[T]):
    """A measure on as many rows as a share of the time of training pays for, right after it.

    Args:
        compute: the result on n rows (or sweeps), None where there is none.
        most: n above which no more is learned.
        share: of the time that is left that may be spent.
        probe: n that is timed.
        least: n below which nothing is measured.
        needs: conditions in place of those of the measure; None: the same.
        after: name of a measure without whose result it is not computed.
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
    """One thing to measure.

    Args:
        name: key of the report and its JSON.
        compute: the result from a case and the evidence so far, None where there is none.
        cost: operations and draws, in words, for N rows.
        needs: conditions without which it is not computed.
        optional: it is computed only where it was asked for by name.
        look: in place of `compute` right after training; None: it is left out there.
        record: type of what the report keeps; None: the report keeps nothing.
        summary: that record from a result; None: the result itself.
        lines: name and value of each number of a record, in words.
        columns: scores of a record for `compare`.
        instead: a headline from a record, where the model has no likelihood.
        ends: returns True if no other number of the model is one, such as of weights that are not finite.
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
        """The first condition that a case does not meet, or nothing."""
        if self.optional and self.name not in case.asked:
            return "to be asked for"
        return next((need.phrase for need in self.needs if not need.met(case)), "")

    def looked(self, case: Case, found: Evidence) -> Look[T] | None:
        """The look at this case, or None where there is none or its needs are not met."""
        look = self.look
        if look is None or (look.after and look.after not in found.results):
            return None
        needs = self.needs if look.needs is None else look.needs
        return look if all(need.met(case) for need in needs) else None

    def recorded(self, result: T | None) -> Any:
        """The record that the report keeps of a result, as reading its JSON gives it back."""
        if result is None or self.record is None:
            return None
        kept = result if self.summary is None else self.summary(result)
        return None if kept is None else self.read(as_json(kept))

    def read(self, content: Any) -> Any:
        """A record from its JSON.

        Raises:
            KeyError: if an entry is missing.
            TypeError: if an entry is of another kind.
        """
        return read_as(self.record, content)


@dataclass
class Evidence:
    """Results by measure.

    Args:
        results: by the name of the measure; what was not measured is missing.
        interrupted: whether an interrupt left out what is missing.
    """

    results: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    @classmethod
    def of(cls, results: Mapping[Measure[Any], Any]) -> Evidence:
        """The evidence of results that are at hand."""
        return cls({measure.name: result for measure, result in results.items() if result is not None})

    def __getitem__(self, measure: Measure[T]) -> T | None:
        """The result of a measure, or None."""
        return cast(T | None, self.results.get(measure.name))

    def keep(self, measure: Measure[T], result: T | None) -> None:
        """Add a result, unless it is None."""
        if result is not None:
            self.results[measure.name] = result


class Unfinished(CutShort):
    """An interrupt of a measure, whose result so far is in `done`."""


def evidence_of(measures: Sequence[Measure[Any]], case: Case) -> Evidence:
    """The results of the measures whose needs a case meets; an interrupt leaves those that it did not reach.

    Args:
        measures: in the order in which they are computed.
        case: a model and its rows.
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
