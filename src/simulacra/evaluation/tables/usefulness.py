"""Boosted trees that learn from drawn rows and are tested on real held-out rows.

    loss = score of trees trained on training rows - score of trees trained on drawn rows                (1)

The score of a target is R^2 for numbers and the mean area under the curve of one class against the rest for
at most 6 classes; more classes are numbers in their order.

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
LEAST = 5  # held-out rows of a class that is scored
TARGETS = 8  # columns that are targets in turn, where none is named
MOST = 5000  # rows that are learned from


@dataclass(frozen=True)
class Target:
    """Scores of one target on held-out rows.

    Args:
        name: of the column.
        score: `R2` or `AUC`.
        drawn: of trees that learned from drawn rows.
        real: of trees that learned from training rows.
    """

    name: str
    score: str
    drawn: float
    real: float

    @property
    def loss(self) -> float:
        """Equation (1)."""
        return self.real - self.drawn


@dataclass(frozen=True)
class Usefulness(Record):
    """Scores of several targets.

    Args:
        targets: those that could be scored.
        rows: training rows that were learned from, and as many drawn ones at most.
        tested: held-out rows.
        seed: of the choice of rows and of the trees.
    """

    targets: tuple[Target, ...]
    rows: int
    tested: int
    seed: int
    derived = ("loss",)

    @property
    def loss(self) -> float:
        """The mean of equation (1) over the targets."""
        return float(np.mean([target.loss for target in self.targets]))


def usefulness(
    train: Columns,
    drawn: Columns,
    held_out: Columns,
    target: str | None = None,
    seed: int = 0,
    most: int = MOST,
) -> Usefulness:
    """Score each target with trees that learned from drawn rows, and with trees that learned from real ones.

    Args:
        target: name of a column; None: each in turn, up to 8 that are spread evenly.
        most: rows that are learned from; more are left out at random.

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
    """Columns that change, at most `most` of them, spread evenly.

    Example:
        >>> from simulacra.tables.columns import table_from
        >>> targets(table_from({"a": [1.0, 2.0], "b": [3.0, 3.0], "c": [4.0, 5.0]}))
        ['a', 'c']
    """
    changing = [n for n in table.names if len(np.unique(_known(table.column(n)))) > 1]
    n = min(most, len(changing))
    return [changing[i * len(changing) // n] for i in range(n)]


def score(fit: Columns, held_out: Columns, like: Columns, target: str, seed: int = 0) -> float:
    """R^2 or the area under the curve of trees that learned from `fit`, on the held-out rows.

    Args:
        like: the training rows: they say whether the target is one of few classes.

    Returns:
        NaN where held-out rows do not allow a score: too few, or of one class.

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
    """Returns True if the target is one of at most 6 classes that occur."""
    return target in table.classes and len(np.unique(_known(table.column(target)))) <= FEW_CLASSES


def _auc(x: np.ndarray, codes: np.ndarray, x_test: np.ndarray, test: np.ndarray, seed: int) -> float:
    """The mean area under the curve of each class against the rest."""
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
    # a class that was never learned is as likely everywhere
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
