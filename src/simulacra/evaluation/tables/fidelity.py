"""How well drawn rows keep each column and each pair of columns of real rows.

    column      1 - max_t |F_p(t) - F_q(t)|  for numbers (Kolmogorov and Smirnov)                        (1)
                1 - (1/2) sum_k |p_k - q_k|  for classes (total variation)                               (2)
    pair        mean over pairs of |a_p - a_q|, where the association a is                               (3)
                Spearman's correlation of two numbers,                                                   (4)
                Cramer's V = sqrt(chi^2 / (n min(r - 1, c - 1))) of two classes,                         (5)
                the correlation ratio of a class and a number's ranks,
                eta = sqrt(sum_k n_k (m_k - m)^2 / sum_i (r_i - m)^2)                                    (6)

A pair is judged on the rows where both cells are known. A column that never changes has association 0.

Reference: Agresti, Categorical Data Analysis, 2013.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from simulacra.evaluation.tables.columns import Table, rounded

Pair = tuple[str, str]
MOST_COLUMNS = 60  # of which all pairs are judged: 1,770


@dataclass(frozen=True)
class LostClass:
    """A class that real rows have and no drawn row has.

    Args:
        column: name of the column.
        level: name of the class.
        share: of the known real cells.
        drawn: known drawn cells of the column, none of which is of the class.
        chance: (1 - share)^drawn, the probability of that if each cell were drawn by the real share.
    """

    column: str
    level: str
    share: float
    drawn: int
    chance: float


def ks(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two empirical distribution functions; NaN are left out.

    Returns:
        NaN where one side has no values.

    Example:
        >>> ks(np.arange(4.0), np.arange(4.0) + 1)
        0.25
    """
    a, b = np.sort(a[~np.isnan(a)]), np.sort(b[~np.isnan(b)])
    if not len(a) or not len(b):
        return float("nan")
    x = np.concatenate([a, b])
    below = lambda v: np.searchsorted(v, x, "right") / len(v)
    return float(np.abs(below(a) - below(b)).max())


def total_variation(a: np.ndarray, b: np.ndarray) -> float:
    """Half the sum of the differences of the classes' shares; codes below 0 are left out.

    Returns:
        NaN where one side has no classes.

    Example:
        >>> total_variation(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
        0.25
    """
    a, b = a[a >= 0], b[b >= 0]
    if not len(a) or not len(b):
        return float("nan")
    k = int(max(a.max(), b.max())) + 1
    p, q = np.bincount(a, minlength=k) / len(a), np.bincount(b, minlength=k) / len(b)
    return float(0.5 * np.abs(p - q).sum())


def column_fidelity(real: Table, drawn: Table) -> dict[str, float]:
    """Equations (1) and (2) of each column; NaN where a side has no known cell.

    Args:
        real: the rows that drawn ones are judged by, such as the training rows.
    """
    found = {}
    for name in real.names:
        if name in real.numbers:
            found[name] = 1 - ks(real.numbers[name], drawn.numbers[name])
        else:
            found[name] = 1 - total_variation(real.classes[name], drawn.classes[name])
    return found


def associations(table: Table, most: int = MOST_COLUMNS) -> dict[Pair, float]:
    """Equations (4) to (6) of each pair of the first `most` columns.

    Example:
        >>> from simulacra.evaluation.tables.columns import table_from
        >>> x = np.arange(6.0)
        >>> associations(table_from({"a": x, "b": -(x**3)}, {"c": x > 2}))
        {('a', 'b'): -1.0, ('a', 'c'): 0.8783100656536799, ('b', 'c'): 0.8783100656536799}
    """
    names = table.names[:most]
    ranks = {name: _ranks(table.numbers[name]) for name in names if name in table.numbers}
    return {(a, b): _association(table, a, b, ranks) for i, a in enumerate(names) for b in names[i + 1 :]}


def pair_errors(real: Table, drawn: Table, most: int = MOST_COLUMNS) -> dict[Pair, float]:
    """|a_p - a_q| of equation (3) for each pair, drawn numbers rounded to the decimals of the real ones."""
    a, b = associations(real, most), associations(rounded(drawn, real), most)
    return {pair: abs(a[pair] - b[pair]) for pair in a}


def lost_classes(real: Table, drawn: Table, share: float = 0.0) -> list[LostClass]:
    """Classes with more than `share` of the real cells that are in no drawn row, the most frequent first."""
    found = []
    for name, codes in real.classes.items():
        known, seen = codes[codes >= 0], drawn.classes[name]
        seen = seen[seen >= 0]
        for code, count in enumerate(np.bincount(known, minlength=1)):
            part = count / max(len(known), 1)
            if part > share and not (seen == code).any():
                chance = float((1 - part) ** len(seen))
                found.append(LostClass(name, real.levels[name][code], float(part), len(seen), chance))
    return sorted(found, key=lambda lost: -lost.share)


def mean_of(values: Mapping[Any, float]) -> float:
    """The mean of the values that are known; NaN where none is."""
    known = [value for value in values.values() if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def association(table: Table, a: str, b: str) -> float:
    """Equation (4), (5) or (6) of two columns."""
    ranks = {name: _ranks(table.numbers[name]) for name in (a, b) if name in table.numbers}
    return _association(table, a, b, ranks)


def _association(table: Table, a: str, b: str, ranks: Mapping[str, np.ndarray]) -> float:
    if a in table.classes and b in table.classes:
        return cramers_v(table.classes[a], table.classes[b])
    if a in table.classes or b in table.classes:
        group, number = (a, b) if a in table.classes else (b, a)
        return _ratio(table.classes[group], table.numbers[number], ranks[number])
    return _spearman(*(table.numbers[name] for name in (a, b)), *(ranks[name] for name in (a, b)))


def cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    """Equation (5) of two columns of codes; 0 where one of them never changes.

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
    """Equation (6)."""
    there = (groups >= 0) & ~np.isnan(values)
    if not there.any():
        return 0.0
    # ranks of all known values are those of the rows where both are known only if none is left out
    r = ranks[there] if there.sum() == (~np.isnan(values)).sum() else rankdata(values[there])
    code = groups[there]
    n = np.bincount(code)
    means = np.bincount(code, r) / np.maximum(n, 1)
    total = ((r - r.mean()) ** 2).sum()
    return float(np.sqrt((n * (means - r.mean()) ** 2).sum() / total)) if total > 0 else 0.0


def _spearman(x: np.ndarray, y: np.ndarray, rank_x: np.ndarray, rank_y: np.ndarray) -> float:
    """Equation (4)."""
    gone = np.isnan(x) | np.isnan(y)
    if gone.all():
        return 0.0
    if gone.any():
        rank_x, rank_y = rankdata(x[~gone]), rankdata(y[~gone])
    a, b = rank_x - rank_x.mean(), rank_y - rank_y.mean()
    scale = np.sqrt((a * a).mean() * (b * b).mean())
    return float((a * b).mean() / scale) if scale > 0 else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of the known values, means of tied ones; NaN where missing."""
    found = np.full(len(values), np.nan)
    there = ~np.isnan(values)
    found[there] = rankdata(values[there])
    return found
