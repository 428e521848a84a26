"""The numbers of a table's report as they are written: means, and what is furthest off by name."""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.core.storage.records import Record
from simulacra.evaluation.samples.quality import Skipped
from simulacra.evaluation.tables.detection import Detection
from simulacra.evaluation.tables.form import Form
from simulacra.evaluation.tables.imputation import Imputation
from simulacra.evaluation.tables.usefulness import Usefulness


@dataclass(frozen=True)
class ColumnKept:
    """Fidelity of one column, None where it is unknown.

    Args:
        drawn: of samples.
        held_out: of held-out rows.
    """

    drawn: float | None
    held_out: float | None


@dataclass(frozen=True)
class ColumnsKept:
    """Fidelity of the columns.

    Args:
        drawn: mean of samples.
        held_out: mean of held-out rows.
        drawn_as_many: mean of as many samples as held-out rows.
        each: by column.
    """

    drawn: float | None
    held_out: float | None
    drawn_as_many: float | None
    each: dict[str, ColumnKept]


@dataclass(frozen=True)
class PairKept:
    """The association of one pair of columns.

    Args:
        pair: the two names.
        data: of training rows.
        drawn: of samples.
        held_out: of held-out rows.
    """

    pair: tuple[str, str]
    data: float | None
    drawn: float | None
    held_out: float | None


@dataclass(frozen=True)
class PairsKept:
    """Errors of the associations of pairs.

    Args:
        error: mean of samples.
        held_out: mean of held-out rows.
        error_as_many: mean of as many samples as held-out rows.
        pairs: how many.
        columns: how many columns were paired.
        worst: the ten pairs of the largest error.
    """

    error: float | None
    held_out: float | None
    error_as_many: float | None
    pairs: int
    columns: int
    worst: tuple[PairKept, ...]


@dataclass(frozen=True)
class TableSummary(Record):
    """A table's report as it is written.

    Args:
        samples: number of samples.
        training_rows: number of training rows.
        held_out_rows: number of held-out rows.
        split: of the held-out rows.
        seed: of samples, choices of rows and classifiers.
        columns: fidelity of each column.
        pairs: associations, or why there are none.
        detection: samples told from training rows, or why not.
        detection_held_out: held-out rows told from training rows.
        usefulness: of training on samples.
        form: range, decimals and copies of samples.
        form_held_out: those of held-out rows.
        imputation: of hidden cells.
    """

    samples: int
    training_rows: int
    held_out_rows: int
    split: str
    seed: int
    columns: ColumnsKept
    pairs: PairsKept | Skipped
    detection: Detection | Skipped
    detection_held_out: Detection | Skipped
    usefulness: Usefulness | Skipped
    form: Form
    form_held_out: Form
    imputation: Imputation | Skipped
