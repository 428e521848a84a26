"""Measures one model on one table; most measures are those of `simulacra evaluate`.

Drawn rows are compared with the training rows; usefulness and imputation are measured on held-out rows. The
target of the usefulness is the column that the source names.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tables.drawn import Drawn, Filler
from benchmarks.tables.peers import TABLE, metadata
from benchmarks.tables.sets import Case
from simulacra.evaluation.tables.columns import Columns, Completer, from_frame
from simulacra.evaluation.tables.detection import detection
from simulacra.evaluation.tables.fidelity import column_fidelity, mean_of, pair_errors
from simulacra.evaluation.tables.form import form
from simulacra.evaluation.tables.imputation import imputation
from simulacra.evaluation.tables.usefulness import usefulness

MANY, FEW = 20, 5  # completions whose mean is an imputation; the few are those of `simulacra evaluate`


def measures(drawn: Drawn, case: Case) -> dict[str, Any]:
    """Returns all measures of samples by name; None where a measure is impossible.

    Args:
        drawn: samples of a model.
        case: the table.
    """
    train = from_frame(case.train, case.source.classes)
    test, rows = (from_frame(frame, like=train) for frame in (case.held_out, drawn.frame))
    columns, shape = column_fidelity(train, rows), form(train, rows)
    # the held-out rows count as training rows without loss
    learned = train if drawn.frame is case.held_out else rows
    target = usefulness(train, learned, test, case.source.target, case.seed).targets
    return {
        "column": mean_of(columns),
        "pair": mean_of(pair_errors(train, rows)),
        "detect": detection(train, rows, case.seed).auc,
        "real": target[0].real if target else None,
        "drawn": target[0].drawn if target else None,
        "lost": target[0].loss if target else None,
        "range": shape.outside,
        "format": shape.decimals,
        "copies": shape.copies,
        "worst": {name: columns[name] for name in sorted(columns, key=columns.__getitem__)[:3]},
        **filled(drawn, case, train, test),
        **quality(drawn, case),
    }


def filled(drawn: Drawn, case: Case, train: Columns, test: Columns) -> dict[str, Any]:
    """Returns the imputation error of a model; for the held-out rows those of the two baselines.

    The baselines predict means. A generative model, ours or a peer, gets the mean of `MANY` completions, and
    beside it that of the first `FEW`: with the error e of the mean and the deviation s of a draw, the squared
    error of m completions is e^2 + s^2 / m.

    Args:
        drawn: samples of the model.
        case: the table.
        train: its training rows.
        test: its held-out rows.
    """
    if drawn.frame is case.held_out:
        found = imputation(train, test, None, case.seed)
        return {"impute": found.iterative, "impute_few": found.iterative, "impute_mean": found.mean}
    if drawn.fill is None:
        return {"impute": None}
    fill = once_each(completer(drawn.fill, case, train, test))
    found = lambda draws: imputation(train, test, fill, case.seed, draws).model
    try:
        return {"impute": found(MANY), "impute_few": found(FEW)}
    except ValueError as error:
        return {"impute": None, "impute_error": str(error)[:200]}


def once_each(fill: Completer) -> Completer:
    """Returns a completer that keeps its draws by seed, so that a mean of many begins with those of few.

    Args:
        fill: a completer, always called with the same rows.
    """
    kept: dict[int, np.ndarray] = {}

    def complete(x: np.ndarray, known: np.ndarray, seed: int) -> np.ndarray:
        if seed not in kept:
            kept[seed] = fill(x, known, seed)
        return kept[seed]

    return complete


def completer(fill: Filler, case: Case, train: Columns, test: Columns) -> Completer:
    """Converts a function that completes data frames to one that completes the matrices of the measures.

    Args:
        fill: completes a data frame.
        case: the table.
        train: its training rows.
        test: its held-out rows.
    """
    frames = pd.concat([case.train, case.held_out], ignore_index=True)
    both = from_frame(frames, like=test)
    # the value in the file for each class
    values = {n: dict(zip(both.classes[n].tolist(), frames[n].tolist())) for n in both.classes}

    def complete(x: np.ndarray, known: np.ndarray, seed: int) -> np.ndarray:
        columns = {}
        for name, column, there in zip(test.names, x.T, known.T):
            # whole numbers stay whole, as in the file
            cast = values[name].__getitem__ if name in values else case.train[name].dtype.type
            columns[name] = [
                cast(int(v) if name in values else v) if k else None for v, k in zip(column, there)
            ]
        return from_frame(fill(pd.DataFrame(columns, dtype=object), seed), like=test).matrix()

    return complete


def quality(drawn: Drawn, case: Case) -> dict[str, Any]:
    """Returns the score of sdmetrics' QualityReport, if sdmetrics is installed."""
    try:
        from sdmetrics.reports.single_table import QualityReport
    except ImportError:
        return {"quality": None}
    report, rows = QualityReport(), drawn.frame.astype(case.train.dtypes.to_dict(), errors="ignore")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report.generate(case.train, rows, metadata(case)["tables"][TABLE], verbose=False)
    return {"quality": float(report.get_score())}
