"""Associations: the dependence of two columns of a table, from 0 to 1; with a sign for two numbers.

    Spearman's correlation of two numbers                                                                (1)
    Cramer's V = sqrt(chi^2 / (n min(r - 1, c - 1))) of two classes                                      (2)
    the correlation ratio of a class and a number's ranks,
    eta = sqrt(sum_k n_k (m_k - m)^2 / sum_i (r_i - m)^2)                                                (3)

A pair is judged on the rows where both cells are known. A column that never changes has association 0.

Reference: Agresti, Categorical Data Analysis, 2013.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy  # scipy.stats is loaded at first use, which takes a second

from simulacra.tables.columns import Columns

Pair = tuple[str, str]
MOST_COLUMNS = 60  # most columns whose pairs are computed: 1,770 pairs


@dataclass(frozen=True)
class Ranks:
    """The ranks of a column's known values, which all its pairs share.

    Args:
        ranks: means of tied ranks, NaN where missing, shape (B,).
        gone: True where missing, shape (B,); None if nothing is.
        centred: ranks minus their mean, shape (B,); only where nothing is missing.
        square: mean square of `centred`.
    """

    ranks: np.ndarray
    gone: np.ndarray | None
    centred: np.ndarray
    square: float


def associations(table: Columns, most: int = MOST_COLUMNS) -> dict[Pair, float]:
    """Returns the association of each pair of columns, equations (1) to (3).

    Args:
        table: the columns.
        most: only pairs of the first `most` columns are computed.

    Example:
        >>> from simulacra.tables.columns import table_from
        >>> x = np.arange(6.0)
        >>> associations(table_from({"a": x, "b": -(x**3)}, {"c": x > 2}))
        {('a', 'b'): -1.0, ('a', 'c'): 0.8783100656536799, ('b', 'c'): 0.8783100656536799}
    """
    names = table.names[:most]
    ranks = {name: _ranks(table.numbers[name]) for name in names if name in table.numbers}
    return {(a, b): _association(table, a, b, ranks) for i, a in enumerate(names) for b in names[i + 1 :]}


def association(table: Columns, a: str, b: str) -> float:
    """Returns the association of two columns, equation (1), (2) or (3).

    Args:
        table: the columns.
        a: name of a column.
        b: name of another column.
    """
    ranks = {name: _ranks(table.numbers[name]) for name in (a, b) if name in table.numbers}
    return _association(table, a, b, ranks)


def resampled_associations(table: Columns, a: str, b: str, rows: np.ndarray) -> np.ndarray:
    """Returns the association of two columns in resampled rows, shape (k,).

    Args:
        table: the columns.
        a: name of a column.
        b: name of another column.
        rows: numbers of the rows of each resample, shape (k, n).

    Example:
        >>> from simulacra.tables.columns import table_from
        >>> table = table_from({"a": np.arange(4.0), "b": np.array([3.0, 1.0, 2.0, 0.0])})
        >>> resampled_associations(table, "a", "b", np.array([[0, 1, 2, 3], [1, 2, 1, 2]]))
        array([-0.8,  1. ])
    """
    two = table.only((a, b))
    pair = [two.numbers.get(name) for name in (a, b)]
    if any(values is None or np.isnan(values).any() for values in pair):
        return np.array([association(two.rows(at), a, b) for at in rows])
    x, y = (_centred(_ranks_of_resamples(values, rows)) for values in pair if values is not None)
    scale = np.sqrt((x * x).mean(1) * (y * y).mean(1))
    return np.divide((x * y).mean(1), scale, out=np.zeros(len(rows)), where=scale > 0)


def _association(table: Columns, a: str, b: str, ranks: Mapping[str, Ranks]) -> float:
    if a in table.classes and b in table.classes:
        return cramers_v(table.classes[a], table.classes[b])
    if a in table.classes or b in table.classes:
        group, number = (a, b) if a in table.classes else (b, a)
        return _ratio(table.classes[group], table.numbers[number], ranks[number].ranks)
    return _spearman(table.numbers[a], table.numbers[b], ranks[a], ranks[b])


def cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    """Returns Cramer's V of two columns of codes, equation (2); 0 if one of them is constant.

    Args:
        a: codes, shape (B,), -1 where missing.
        b: codes, shape (B,), -1 where missing.

    Example:
        >>> cramers_v(np.array([0, 0, 1, 1]), np.array([2, 2, 0, 0]))
        1.0
    """
    there = (a >= 0) & (b >= 0)
    if not there.any():
        return 0.0
    (first, a), (second, b) = (np.unique(codes[there], return_inverse=True) for codes in (a, b))
    k = min(len(first), len(second)) - 1
    if k < 1:
        return 0.0
    counts = np.bincount(a * len(second) + b, minlength=len(first) * len(second)).astype(float)
    t = counts.reshape(len(first), len(second))
    expected = t.sum(1, keepdims=True) * t.sum(0) / t.sum()
    return float(np.sqrt(((t - expected) ** 2 / expected).sum() / t.sum() / k))


def _ratio(groups: np.ndarray, values: np.ndarray, ranks: np.ndarray) -> float:
    """Returns the correlation ratio, equation (3)."""
    there = (groups >= 0) & ~np.isnan(values)
    if not there.any():
        return 0.0
    # ranks must be computed again if some rows are left out
    r = ranks[there] if there.sum() == (~np.isnan(values)).sum() else scipy.stats.rankdata(values[there])
    code = groups[there]
    n = np.bincount(code)
    means = np.bincount(code, r) / np.maximum(n, 1)
    total = ((r - r.mean()) ** 2).sum()
    return float(np.sqrt((n * (means - r.mean()) ** 2).sum() / total)) if total > 0 else 0.0


def _spearman(x: np.ndarray, y: np.ndarray, of_x: Ranks, of_y: Ranks) -> float:
    """Returns Spearman's correlation, equation (1)."""
    if of_x.gone is not None or of_y.gone is not None:
        there = ~(np.isnan(x) | np.isnan(y))
        if not there.any():
            return 0.0
        of_x, of_y = _ranks(x[there]), _ranks(y[there])
    scale = np.sqrt(of_x.square * of_y.square)
    return float((of_x.centred * of_y.centred).mean() / scale) if scale > 0 else 0.0


def _ranks(values: np.ndarray) -> Ranks:
    """Returns the ranks of the known values."""
    gone = np.isnan(values)
    found = np.full(len(values), np.nan)
    found[~gone] = scipy.stats.rankdata(values[~gone])
    if gone.any() or not len(values):
        return Ranks(found, gone, found, 0.0)
    a = _centred(found)
    return Ranks(found, None, a, float((a * a).mean()))


def _ranks_of_resamples(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Returns the ranks within each resample, shape (k, n), by counts of the values, without sorting."""
    found, code = np.unique(values, return_inverse=True)
    k, n = len(rows), len(found)
    drawn = code[rows]
    counts = np.bincount((drawn + n * np.arange(k)[:, None]).ravel(), minlength=k * n).reshape(k, n)
    # the mean of the places of equal values
    places = counts.cumsum(1) - (counts - 1) / 2
    return np.take_along_axis(places, drawn, 1)


def _centred(ranks: np.ndarray) -> np.ndarray:
    return ranks - ranks.mean(-1, keepdims=True)
