"""Detection: the AUC of boosted trees that classify drawn rows against real ones.

Both are first rounded to the decimals of the real columns, so that extra digits are no cue. Rows of the same
distribution get 0.5, disjoint distributions get 1. An area A over m and n rows has the variance

    (A (1 - A) + (m - 1) (A / (2 - A) - A^2) + (n - 1) (2 A^2 / (1 + A) - A^2)) / (m n)                  (1)

Reference: Lopez-Paz and Oquab 2017; Hanley and McNeil 1982.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulacra.core.storage.records import Record
from simulacra.tables.columns import Columns, NotMeasured, rounded, usable

ITERATIONS, FOLDS = 60, 5
MOST = 5000  # most rows of each side


@dataclass(frozen=True)
class Detection(Record):
    """The AUC of trees that classify drawn rows against real ones; 0.5 is best.

    Args:
        auc: area under the ROC curve over held-out folds.
        rows: number of real rows.
        drawn: number of drawn rows.
        seed: seed of the choice of rows and of the trees.
    """

    auc: float
    rows: int
    drawn: int
    seed: int
    derived = ("error",)

    @property
    def error(self) -> float:
        """The standard error of the area, equation (1)."""
        a, more = self.auc, (self.rows - 1, self.drawn - 1)
        q = (a / (2 - a) - a * a, 2 * a * a / (1 + a) - a * a)
        variance = a * (1 - a) + more[0] * q[0] + more[1] * q[1]
        return math.sqrt(max(variance, 0.0) / (self.rows * self.drawn))


def detection(real: Columns, drawn: Columns, seed: int = 0, most: int = MOST) -> Detection:
    """Measures how well trees (60 iterations, 5 stratified folds) tell drawn rows from real ones.

    Args:
        real: real rows, such as the training rows.
        drawn: drawn rows with the same columns.
        seed: seed of the choice of rows, the folds and the trees.
        most: most rows of each side; more are left out at random.

    Raises:
        NotMeasured: if a side has fewer rows than there are folds.

    Example:
        >>> from simulacra.tables.columns import table_from
        >>> x = np.random.default_rng(0).normal(size=200)
        >>> detection(table_from({"x": x}), table_from({"x": x + 9})).auc > 0.99
        True
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    a, b = real.some(most, seed), rounded(drawn, real).some(most, seed + 1)
    if min(len(a), len(b)) < FOLDS:
        raise NotMeasured(f"there are {min(len(a), len(b))} rows of a side: {FOLDS} folds need one each.")
    x = np.concatenate([rounded(a, real).matrix(), b.matrix()])
    y = np.r_[np.zeros(len(a)), np.ones(len(b))]
    x = x[:, usable(x)]
    trees = HistGradientBoostingClassifier(max_iter=ITERATIONS, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    p = cross_val_predict(trees, x, y, cv=folds, method="predict_proba")[:, 1]
    return Detection(float(roc_auc_score(y, p)), len(a), len(b), seed)
