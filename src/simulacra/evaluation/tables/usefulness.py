"""Usefulness: boosted trees are trained on drawn rows and tested on real held-out rows.

    loss = score of trees trained on training rows - score of trees trained on drawn rows                (1)

The score of a target is R^2 for numbers, which counts as 0 in (1) where it is negative, and the mean
one-vs-rest AUC for at most 6 classes; columns with more classes are treated as numbers.

Reference: Esteban, Hyland and Ratsch, Real-valued (medical) time series generation, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulacra.core.progress.tasks import each
from simulacra.core.storage.records import Record
from simulacra.tables.columns import Columns, NotMeasured, usable

ITERATIONS = 100
FEW_CLASSES = 6
LEAST = 5  # fewest held-out rows of a class that is scored
TARGETS = 8  # most columns that are targets in turn, if no target is given
MOST = 5000  # most rows that trees are trained on


@dataclass(frozen=True)
class Target:
    """Scores of one target on held-out rows.

    Args:
        name: name of the column.
        score: `R2` or `AUC`.
        drawn: score of trees that were trained on drawn rows.
        real: score of trees that were trained on training rows.
    """

    name: str
    score: str
    drawn: float
    real: float

    @property
    def loss(self) -> float:
        """The loss of equation (1)."""
        if self.score == "R2":
            return max(self.real, 0.0) - max(self.drawn, 0.0)
        return self.real - self.drawn


@dataclass(frozen=True)
class Usefulness(Record):
    """Scores of several targets.

    Args:
        targets: the targets that could be scored.
        rows: number of training rows that were used, and most drawn ones.
        tested: number of held-out rows.
        seed: seed of the choice of rows and of the trees.
    """

    targets: tuple[Target, ...]
    rows: int
    tested: int
    seed: int
    derived = ("loss",)

    @property
    def loss(self) -> float:
        """The mean loss over the targets, equation (1)."""
        return float(np.mean([target.loss for target in self.targets]))


def usefulness(
    train: Columns,
    drawn: Columns,
    held_out: Columns,
    target: str | None = None,
    seed: int = 0,
    most: int = MOST,
) -> Usefulness:
    """Scores each target with trees trained on drawn rows, and with trees trained on real rows.

    Args:
        train: training rows.
        drawn: drawn rows with the same columns.
        held_out: real rows for the test.
        target: name of a column; None: up to 8 columns in turn, spread evenly.
        seed: seed of the choice of rows and of the trees.
        most: most rows that trees are trained on; more are left out at random.

    Raises:
        NotMeasured: if there is only one column, or no target can be scored on the held-out rows.
        ValueError: if no column is called `target`.

    Example:
        >>> from simulacra.tables.columns import table_from
        >>> x = np.random.default_rng(0).normal(size=(3, 100))
        >>> train, held_out, drawn = (table_from({"a": v, "b": 2 * v}) for v in x)
        >>> usefulness(train, drawn, held_out, "a").targets[0].score
        'R2'
    """
    if len(train.names) < 2:
        raise NotMeasured("there is only one column: nothing is left to predict it from.")
    if target is not None and target not in train.names:
        raise ValueError(f"there is no column {target!r}; the table has {', '.join(train.names[:20])}.")
    chosen = [target] if target is not None else targets(train)
    a, b = train.some(most, seed), drawn.some(most, seed + 1)
    if not chosen:
        raise NotMeasured("no column changes in the training rows: there is nothing to predict.")
    found = []
    for name in each(chosen, "learning from samples", "column"):
        scores = [score(fit, held_out, train, name, seed) for fit in (b, a)]
        if not np.isnan(scores).any():
            found.append(Target(name, "AUC" if few(train, name) else "R2", *scores))
    if not found:
        raise NotMeasured(f"none of {', '.join(chosen[:5])} can be scored on {len(held_out)} held-out rows.")
    return Usefulness(tuple(found), len(a), len(held_out), seed)


def targets(table: Columns, most: int = TARGETS) -> list[str]:
    """Returns columns that vary, at most `most` of them, spread evenly.

    Args:
        table: the training rows.
        most: most columns.

    Example:
        >>> from simulacra.tables.columns import table_from
        >>> targets(table_from({"a": [1.0, 2.0], "b": [3.0, 3.0], "c": [4.0, 5.0]}))
        ['a', 'c']
    """
    changing = [n for n in table.names if len(np.unique(_known(table.column(n)))) > 1]
    n = min(most, len(changing))
    return [changing[i * len(changing) // n] for i in range(n)]


def score(fit: Columns, held_out: Columns, like: Columns, target: str, seed: int = 0) -> float:
    """Returns the R^2 or AUC of trees trained on `fit`, on the held-out rows.

    Args:
        fit: rows on which the trees are trained.
        held_out: rows for the test.
        like: the training rows, which decide whether the target is one of few classes.
        target: name of the column.
        seed: seed of the trees.

    Returns:
        The score; NaN if there are too few held-out rows, or only one class.

    Raises:
        NotMeasured: if no other column has enough known cells.
    """
    x, y = (t.only([n for n in like.names if n != target]).matrix() for t in (fit, held_out))
    seen = usable(x)
    x, y = x[:, seen], y[:, seen]
    if few(like, target):
        return _auc(x, fit.classes[target], y, held_out.classes[target], seed)
    numbers = like.numeric(held_out).keys() & fit.numeric(held_out).keys()
    values = [t.numeric()[target] if target in numbers else t.column(target) for t in (fit, held_out)]
    return _r2(x, values[0], y, values[1], seed)


def few(table: Columns, target: str) -> bool:
    """Returns True if the target is a column of at most 6 occurring classes.

    Args:
        table: the training rows.
        target: name of the column.
    """
    return target in table.classes and len(np.unique(_known(table.column(target)))) <= FEW_CLASSES


def _auc(x: np.ndarray, codes: np.ndarray, x_test: np.ndarray, test: np.ndarray, seed: int) -> float:
    """Returns the mean one-vs-rest AUC of the classes."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    x, codes, x_test, test = x[codes >= 0], codes[codes >= 0], x_test[test >= 0], test[test >= 0]
    scored = [k for k in np.unique(test) if LEAST <= (test == k).sum() < len(test)]
    if not scored:
        return float("nan")
    if len(np.unique(codes)) < 2:
        return 0.5
    trees = HistGradientBoostingClassifier(max_iter=ITERATIONS, random_state=seed).fit(x, codes)
    p, order = trees.predict_proba(x_test), list(trees.classes_)
    # a class that is missing in training has the same probability everywhere
    columns = {k: p[:, order.index(k)] if k in order else np.zeros(len(test)) for k in scored}
    return float(np.mean([roc_auc_score(test == k, columns[k]) for k in scored]))


def _r2(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, test: np.ndarray, seed: int) -> float:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.metrics import r2_score

    x, y, x_test, test = x[~np.isnan(y)], y[~np.isnan(y)], x_test[~np.isnan(test)], test[~np.isnan(test)]
    if len(y) < 2 or len(test) < 2 or test.min() == test.max():
        return float("nan")
    trees = HistGradientBoostingRegressor(max_iter=ITERATIONS, random_state=seed).fit(x, y)
    return float(r2_score(test, trees.predict(x_test)))


def _known(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]
