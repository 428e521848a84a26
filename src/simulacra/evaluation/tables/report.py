"""The report of a model of a table, from its samples and its completions of hidden cells.

Measures are also taken of held-out rows, where possible: real rows differ from training rows by chance, and a
model cannot be expected to do better. `evaluation.tables` defines the measures.

A measure that is not possible for the table is replaced by the reason. Models draw no missing cells: if
training rows have some, cells of the samples are hidden in the patterns of random training rows before trees
see them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.progress.logs import held_back
from simulacra.core.spaces.composite import Table
from simulacra.data.dataset import Dataset
from simulacra.evaluation.samples.quality import Skipped
from simulacra.evaluation.tables.detection import Detection, detection
from simulacra.evaluation.tables.draws import SAMPLES, TableRows, table_rows_of
from simulacra.evaluation.tables.fidelity import column_fidelity, mean_of, modelled_associations
from simulacra.evaluation.tables.form import Form, form
from simulacra.evaluation.tables.imputation import Imputation, imputation
from simulacra.evaluation.tables.kept_columns import Kept, KeptColumn, grouped, kept
from simulacra.evaluation.tables.summary import ColumnKept, ColumnsKept, PairKept, PairsKept, TableSummary
from simulacra.evaluation.tables.usefulness import Usefulness, usefulness
from simulacra.tables.associations import MOST_COLUMNS, Pair
from simulacra.tables.columns import NotMeasured, rounded
from simulacra.tables.sources import completer_of

T = TypeVar("T")
NAMED = 10  # number of pairs with the largest error that a report keeps


@dataclass(frozen=True)
class Columns:
    """Fidelity of columns.

    Args:
        drawn: fidelity of samples, by column.
        held_out: fidelity of held-out rows, by column.
        as_many: mean over columns for as many samples as held-out rows, since fewer rows differ more by
            chance.
    """

    drawn: dict[str, float]
    held_out: dict[str, float]
    as_many: float


@dataclass(frozen=True)
class Pairs:
    """Associations of pairs of columns.

    Args:
        data: association in training rows, by pair.
        drawn: association in samples, by pair.
        held_out: association in held-out rows, by pair.
        drawn_errors: absolute difference of samples from training rows, by pair.
        held_out_errors: absolute difference of held-out rows from training rows, by pair.
        as_many: mean error of as many samples as held-out rows.
        columns: number of columns that were paired, at most the first 60.
    """

    data: dict[Pair, float]
    drawn: dict[Pair, float]
    held_out: dict[Pair, float]
    drawn_errors: dict[Pair, float]
    held_out_errors: dict[Pair, float]
    as_many: float
    columns: int


@dataclass(frozen=True)
class TableReport:
    """The measures of a model of a table.

    Args:
        rows: number of training rows, held-out rows and samples, with split and seed.
        columns: fidelity of each column.
        pairs: associations, or the reason why there are none.
        detection: AUC of trees that tell samples from training rows, or the reason why there is none.
        held_out_detection: AUC of trees that tell held-out rows from training rows.
        usefulness: scores of trees that learned from samples.
        form: range, decimals and copies of samples.
        held_out_form: range, decimals and copies of held-out rows.
        imputation: errors of hidden cells.
        grouped: columns within groups of rows of like conditions; empty without a condition.
    """

    rows: dict[str, Any]
    columns: Columns
    pairs: Pairs | Skipped
    detection: Detection | Skipped
    held_out_detection: Detection | Skipped
    usefulness: Usefulness | Skipped
    form: Form
    held_out_form: Form
    imputation: Imputation | Skipped
    grouped: tuple[KeptColumn, ...] = ()

    @property
    def summary(self) -> TableSummary:
        """The numbers in the form in which a report is saved."""
        return TableSummary(
            **self.rows,
            columns=_columns_kept(self.columns),
            pairs=self.pairs if isinstance(self.pairs, Skipped) else _pairs_kept(self.pairs),
            detection=self.detection,
            detection_held_out=self.held_out_detection,
            usefulness=self.usefulness,
            form=self.form,
            form_held_out=self.held_out_form,
            imputation=self.imputation,
            grouped=_grouped_kept(self.grouped),
        )


def table_report(
    model: Model,
    data: Dataset,
    split: str = "test",
    n: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> TableReport:
    """Measures a model of a table by its samples and its completions of hidden cells.

    Args:
        model: a model that samples.
        data: the table that it was trained on.
        split: the split with the held-out rows.
        n: number of samples; None: as many as training rows, at most 5,000.
        seed: seed of samples, choices of rows and classifiers.
        limit: most held-out rows, chosen at random; None: all, at most 20,000.

    Raises:
        ValueError: if the data are not a table, or the model does not sample.

    Example:
        >>> import simulacra, torch
        >>> rows = torch.randn(60, 1) * torch.tensor([1.0, 2.0])
        >>> data = simulacra.from_tensors(rows, simulacra.Table(a=simulacra.Real(), b=simulacra.Real()))
        >>> found = table_report(simulacra.VAE(data.space, latent=1, hidden=(3,)), data)
        >>> found.rows["samples"] == len(data.train), list(found.columns.drawn)
        (True, ['a', 'b'])
    """
    return measured(model, data, table_rows_of(model, data, split, n, seed, limit))


def table_evidence(
    model: Model, data: Dataset, split: str, n: int, seed: int, limit: int | None, full: bool
) -> tuple[Kept, TableReport | None]:
    """Returns the losses of at least n samples, for the doctor, and the whole report if `full`.

    Args:
        model: a model that samples.
        data: the table that it was trained on.
        split: the split with the held-out rows.
        n: fewest samples.
        seed: seed of samples and choices of rows.
        limit: most held-out rows, chosen at random; None: all, at most 20,000.
        full: if True, everything in `table_report` is measured too, which takes seconds.
    """
    as_many = min(len(data.train), SAMPLES)
    rows = table_rows_of(model, data, split, max(n, as_many) if full else n, seed, limit)
    found = kept(rows.train, rows.held_out, rows.drawn, seed, rows.given)
    first = replace(rows, drawn=rows.drawn.rows(np.arange(as_many)) if full else rows.drawn)
    return found, measured(model, data, first) if full else None


def measured(model: Model, data: Dataset, rows: TableRows) -> TableReport:
    """Returns the report of given rows.

    Args:
        model: the model that drew the samples; it also completes hidden cells.
        data: the table that it was trained on.
        rows: training rows, held-out rows and samples.
    """
    train, held_out, drawn, seed = rows.train, rows.held_out, rows.drawn, rows.seed
    numbers = {"samples": len(drawn), "training_rows": len(train), "held_out_rows": len(held_out)}
    shown, of_x = drawn.shown_as(train, seed), rows.modelled
    return TableReport(
        {**numbers, "split": rows.split, "seed": seed},
        _columns(of_x),
        _or_skipped(lambda: _pairs(rows)),
        _or_skipped(lambda: detection(train, shown, seed)),
        _or_skipped(lambda: detection(train, held_out, seed)),
        _or_skipped(lambda: usefulness(train, drawn, held_out, seed=seed)),
        form(of_x.train, shown.only(of_x.train.names)),
        form(of_x.train, of_x.held_out),
        _or_skipped(lambda: _imputation(model, data, of_x)),
        tuple(grouped(train, held_out, drawn, rows.given)),
    )


def _columns(rows: TableRows) -> Columns:
    as_many = rows.drawn.some(len(rows.held_out), rows.seed)
    tables = (rows.drawn, rows.held_out, as_many)
    drawn, held_out, few = (column_fidelity(rows.train, table) for table in tables)
    return Columns(drawn, held_out, mean_of(few))


def _pairs(rows: TableRows) -> Pairs:
    columns = len(rows.train.names)
    if columns < 2:
        raise NotMeasured("there is only one column.")
    train, drawn, held_out = rows.train, rounded(rows.drawn, rows.train), rows.held_out
    of = partial(modelled_associations, given=rows.given)
    data, ours, theirs = map(of, (train, drawn, held_out))
    off = lambda found: {pair: abs(data[pair] - value) for pair, value in found.items()}
    few = mean_of(off(of(drawn.some(len(held_out), rows.seed))))
    return Pairs(data, ours, theirs, off(ours), off(theirs), few, min(columns, MOST_COLUMNS))


def _imputation(model: Model, data: Dataset, rows: TableRows) -> Imputation:
    """Measures the RMSE of a model that completes rows without a condition; otherwise only the baselines."""
    able = model.supports(can.Completes) and not model.supports(can.TakesCondition)
    space = cast(Table, data.preprocessing.raw)
    completer = completer_of(space, model.complete) if able else None
    # otherwise each completion would log its candidates
    with held_back(logging.WARNING):
        return imputation(rows.train, rows.held_out, completer, rows.seed)


def _or_skipped(measure: Callable[[], T]) -> T | Skipped:
    try:
        return measure()
    except NotMeasured as reason:
        return Skipped(str(reason))


def _columns_kept(found: Columns) -> ColumnsKept:
    each = {name: ColumnKept(value, found.held_out[name]) for name, value in found.drawn.items()}
    return ColumnsKept(mean_of(found.drawn), mean_of(found.held_out), found.as_many, each)


def _grouped_kept(found: tuple[KeptColumn, ...]) -> ColumnsKept | None:
    if not found:
        return None
    ours, theirs = ({c.name: getattr(c, side) for c in found} for side in ("drawn", "held_out"))
    each = {name: ColumnKept(value, theirs[name]) for name, value in ours.items()}
    return ColumnsKept(mean_of(ours), mean_of(theirs), None, each)


def _pairs_kept(found: Pairs) -> PairsKept:
    """Returns the mean error of all pairs, and the ten pairs with the largest error."""
    worst = sorted(found.drawn_errors, key=lambda pair: -found.drawn_errors[pair])[:NAMED]
    return PairsKept(
        error=mean_of(found.drawn_errors),
        held_out=mean_of(found.held_out_errors),
        error_as_many=found.as_many,
        pairs=len(found.data),
        columns=found.columns,
        worst=tuple(PairKept(p, found.data[p], found.drawn[p], found.held_out[p]) for p in worst),
    )
