"""Imputation: the error of hidden cells of held-out rows that a model fills in, with two baselines.

10 % of the cells are hidden at random, also those of classes. For hidden numbers x_ij, the deviation s_j of
the training column, and an imputation f that is the mean of 5 draws,

    RMSE = sqrt( mean over hidden cells of ((f_ij - x_ij) / s_j)^2 )                                     (1)

The column mean has about 1. The other baseline is scikit-learn's IterativeImputer: each column is regressed
on all others in turn, with one-hot classes.

Reference: van Buuren, Flexible Imputation of Missing Data, 2018.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from simulacra.core.progress.tasks import each
from simulacra.core.storage.records import Record
from simulacra.tables.columns import Columns, NotMeasured
from simulacra.tables.sources import Completer

HIDDEN, DRAWS = 0.1, 5
WIDEST = 80  # most columns of the chained regressions; with more, a round takes minutes
MOST, MOST_HELD_OUT = 5000, 2000  # most training rows for the baselines, and most held-out rows


@dataclass(frozen=True)
class Imputation(Record):
    """RMSE of hidden cells, equation (1), of a model and two baselines.

    Args:
        model: RMSE of the model; None if it does not complete rows.
        model_error: standard error of `model` over cells; None of a single cell, or without `model`.
        mean: RMSE of the column means.
        iterative: RMSE of IterativeImputer; None if the table is too wide for it.
        cells: number of hidden numbers.
        rows: number of held-out rows with hidden cells.
        draws: number of completions that are averaged.
        seed: seed of the hidden cells and the draws.
    """

    model: float | None
    model_error: float | None
    mean: float
    iterative: float | None
    cells: int
    rows: int
    draws: int
    seed: int


def imputation(
    train: Columns, held_out: Columns, completer: Completer | None = None, seed: int = 0, draws: int = DRAWS
) -> Imputation:
    """Hides cells of held-out rows, and measures the error of imputations.

    Args:
        train: training rows.
        held_out: held-out rows with the same columns.
        completer: called as `completer(x, known, seed)` with `Columns.matrix` of the rows, NaN where hidden
            or missing; returns the completed matrix. None: only the baselines are measured.
        seed: seed of the hidden cells.
        draws: number of completions, with the seeds 0, 1, ..., that are averaged.

    Raises:
        NotMeasured: if there is no column of numbers, or only one column, or no number was hidden.

    Example:
        >>> from simulacra.tables.columns import table_from
        >>> a = np.arange(50.0)
        >>> table = table_from({"a": a, "b": 2 * a})
        >>> found = imputation(table, table)
        >>> found.iterative < 0.1 < found.mean
        True
    """
    if len(train.names) < 2:
        raise NotMeasured("there is only one column: nothing is left to fill it in from.")
    if not train.numeric(held_out):
        raise NotMeasured("there is no column of numbers whose error could be measured.")
    rows, hole = hidden(held_out.some(MOST_HELD_OUT, seed), seed)
    cells = _cells(rows, train, hole)
    if not sum(map(np.sum, cells.values())):
        raise NotMeasured(f"the {len(held_out)} held-out rows are too few: none of their numbers was hidden.")
    filled = None if completer is None else _completed(rows, hole, completer, draws)
    model, error = (None, None) if filled is None else _rmse(filled, rows, train, cells)
    learned = train.some(MOST, seed)
    seen = learned.numeric(held_out)
    mean = {name: np.full(len(rows), np.nanmean(seen[name])) for name in cells}
    chained = _iterative(learned, rows, hole)
    iterative = None if chained is None else _rmse(chained, rows, train, cells)[0]
    n = int(sum(map(np.sum, cells.values())))
    return Imputation(model, error, _rmse(mean, rows, train, cells)[0], iterative, n, len(rows), draws, seed)


def hidden(table: Columns, seed: int) -> tuple[Columns, np.ndarray]:
    """Returns the rows with some but not all cells hidden, and the mask of hidden cells, shape (B, columns).

    Args:
        table: the rows.
        seed: seed of the hidden cells.
    """
    hole: np.ndarray = np.random.default_rng(seed).random((len(table), len(table.names))) < HIDDEN
    keep = np.asarray(hole.any(1) & ~hole.all(1))
    return table.rows(keep), hole[keep]


def _completed(rows: Columns, hole: np.ndarray, completer: Completer, draws: int) -> dict[str, np.ndarray]:
    """Returns the mean of several completions, for each column of numbers."""
    x = rows.matrix()
    known = ~hole & ~np.isnan(x)
    x[~known] = np.nan
    # a row with few known cells may have lost the last one
    some = known.any(1)
    total: dict[str, np.ndarray] = {}
    for seed in each(range(draws), "hidden cells", "draw"):
        filled = completer(x[some], known[some], seed)
        for name, values in _numeric(rows, filled).items():
            column = total.setdefault(name, np.full(len(rows), np.nan))
            column[some] = np.nan_to_num(column[some]) + values / draws
    return total


def _numeric(rows: Columns, filled: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the columns of numbers of a completed matrix, including classes whose names are numbers."""
    found = {}
    for i, name in enumerate(rows.names):
        if name in rows.numbers:
            found[name] = filled[:, i]
        elif name in rows.numeric():
            stands = np.array([*map(float, rows.levels[name]), np.nan])
            found[name] = stands[np.where(np.isnan(filled[:, i]), -1, filled[:, i]).astype(int)]
    return found


def _cells(rows: Columns, train: Columns, hole: np.ndarray) -> dict[str, np.ndarray]:
    """Returns a mask of the hidden numbers that were known, for each column that varies in training."""
    place = {name: i for i, name in enumerate(rows.names)}
    return {
        name: hole[:, place[name]] & ~np.isnan(values)
        for name, values in rows.numeric(train).items()
        if _deviation(train.numeric()[name]) > 0
    }


def _rmse(
    filled: dict[str, np.ndarray], rows: Columns, train: Columns, cells: dict[str, np.ndarray]
) -> tuple[float, float | None]:
    """Returns equation (1) and its standard error; None for the error of a single cell."""
    true, seen = rows.numeric(), train.numeric()
    errors = [
        (filled[name][at] - true[name][at]) / _deviation(seen[name]) for name, at in cells.items() if at.any()
    ]
    squares = np.concatenate(errors) ** 2
    squares = squares[~np.isnan(squares)]
    rmse = float(np.sqrt(squares.mean()))
    if len(squares) < 2:
        return rmse, None
    return rmse, float(squares.std(ddof=1) / (2 * max(rmse, 1e-12) * np.sqrt(len(squares))))


def _deviation(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else 0.0


def _iterative(train: Columns, rows: Columns, hole: np.ndarray) -> dict[str, np.ndarray] | None:
    """Returns the imputations of IterativeImputer by column; None if there are too many columns."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    names, seen = design(train, train)
    if len(names) > WIDEST:
        return None
    _, x = design(rows, train)
    place = {name: i for i, name in enumerate(rows.names)}
    for j, (column, _) in enumerate(names):
        x[hole[:, place[column]], j] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the warning that ten rounds do not always converge
        imputer = IterativeImputer(max_iter=10, random_state=0, keep_empty_features=True)
        filled = imputer.fit(seen).transform(x)
    return {column: filled[:, j] for j, (column, level) in enumerate(names) if not level}


def design(table: Columns, train: Columns) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Returns the design matrix: numbers unchanged, other classes one-hot; NaN where missing.

    Args:
        table: the rows.
        train: the training rows, which decide which columns are numbers and which classes occur.

    Returns:
        Column name and class (empty for a number) of each of the K columns, and the matrix, shape (B, K).
    """
    numbers = train.numeric(table)
    names = [(name, "") for name in numbers]
    columns = [table.numeric()[name] for name in numbers]
    for name in train.names:
        if name in numbers:
            continue
        codes = table.classes[name]
        for code in np.unique(train.classes[name][train.classes[name] >= 0]):
            names.append((name, train.levels[name][code]))
            columns.append(np.where(codes < 0, np.nan, (codes == code).astype(float)))
    return names, np.stack(columns, 1)
