"""A table's report as it is saved: means, and the columns and pairs that are furthest off."""

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
    """Fidelity of one column, None if unknown.

    Args:
        drawn: fidelity of samples.
        held_out: fidelity of held-out rows.
    """

    drawn: float | None
    held_out: float | None


@dataclass(frozen=True)
class ColumnsKept:
    """Fidelity of the columns.

    Args:
        drawn: mean over columns for samples.
        held_out: mean over columns for held-out rows.
        drawn_as_many: mean over columns for as many samples as held-out rows.
        each: fidelity by column.
    """

    drawn: float | None
    held_out: float | None
    drawn_as_many: float | None
    each: dict[str, ColumnKept]


@dataclass(frozen=True)
class PairKept:
    """The association of one pair of columns, None if unknown.

    Args:
        pair: the names of the two columns.
        data: association in training rows.
        drawn: association in samples.
        held_out: association in held-out rows.
    """

    pair: tuple[str, str]
    data: float | None
    drawn: float | None
    held_out: float | None


@dataclass(frozen=True)
class PairsKept:
    """Errors of the associations of pairs.

    Args:
        error: mean error of samples.
        held_out: mean error of held-out rows.
        error_as_many: mean error of as many samples as held-out rows.
        pairs: number of pairs.
        columns: number of columns that were paired.
        worst: the ten pairs with the largest error.
    """

    error: float | None
    held_out: float | None
    error_as_many: float | None
    pairs: int
    columns: int
    worst: tuple[PairKept, ...]


@dataclass(frozen=True)
class TableSummary(Record):
    """A table's report in the form in which it is saved.

    Args:
        samples: number of samples.
        training_rows: number of training rows.
        held_out_rows: number of held-out rows.
        split: name of the split with the held-out rows.
        seed: seed of samples, choices of rows and classifiers.
        columns: fidelity of each column.
        pairs: associations, or the reason why there are none.
        detection: AUC of trees that tell samples from training rows, or the reason why there is none.
        detection_held_out: AUC of trees that tell held-out rows from training rows.
        usefulness: scores of trees that learned from samples.
        form: range, decimals and copies of samples.
        form_held_out: range, decimals and copies of held-out rows.
        imputation: errors of hidden cells.
        grouped: of p(x|c), fidelity of each column within groups of like conditions; None: without c.
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
    grouped: ColumnsKept | None = None
