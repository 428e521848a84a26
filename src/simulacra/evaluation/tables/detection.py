"""Drawn rows told from real ones: the area under the curve of boosted trees that try.

Both are rounded to the decimals of the real columns first, so that digits alone give nothing away. Rows of
the same law get 0.5, rows that share nothing get 1. An area A over m and n rows has the variance

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
MOST = 5000  # rows of each side


@dataclass(frozen=True)
class Detection(Record):
    """The area under the curve of trees that tell drawn rows from real ones.

    Args:
        auc: area under the curve over held-out folds.
        rows: real rows; drawn ones come beside them.
        drawn: drawn rows.
        seed: of the choice of rows and of the trees.
    """

    auc: float
    rows: int
    drawn: int
    seed: int
    derived = ("error",)

    @property
    def error(self) -> float:
        """The standard error of the area, by equation (1)."""
        a, more = self.auc, (self.rows - 1, self.drawn - 1)
        q = (a / (2 - a) - a * a, 2 * a * a / (1 + a) - a * a)
        variance = a * (1 - a) + more[0] * q[0] + more[1] * q[1]
        return math.sqrt(max(variance, 0.0) / (self.rows * self.drawn))


def detection(real: Columns, drawn: Columns, seed: int = 0, most: int = MOST) -> Detection:
    """The area under the curve of trees with 60 iterations in 5 stratified folds.

    Args:
        most: rows of each side; more are left out at random.

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
