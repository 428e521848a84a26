"""Fidelity of drawn rows: the marginals of columns and the associations of pairs, compared with real rows.

    column      1 - max_t |F_p(t) - F_q(t)|  for numbers (Kolmogorov and Smirnov)                        (1)
                1 - (1/2) sum_k |p_k - q_k|  for classes (total variation)                               (2)
    pair        |a_p - a_q|, a the association (simulacra.tables.associations)                           (3)

Drawn numbers are rounded to the decimals of the real column before they are ranked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulacra.tables.associations import MOST_COLUMNS, Pair, associations
from simulacra.tables.columns import Columns, rounded


@dataclass(frozen=True)
class LostClass:
    """A class that occurs in real rows but in no drawn row.

    Args:
        column: name of the column.
        level: name of the class.
        share: share of the class among the known real cells.
        drawn: number of known drawn cells of the column, none of which is of the class.
        chance: (1 - share)^drawn, the probability of that if drawn cells had the real share.
    """

    column: str
    level: str
    share: float
    drawn: int
    chance: float


def ks(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the Kolmogorov-Smirnov distance: the largest difference of two empirical distributions.

    Args:
        a: numbers, shape (N,); NaN are left out.
        b: numbers, shape (M,); NaN are left out.

    Returns:
        The distance from 0 to 1; NaN if one side has no values.

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
    """Returns the total variation distance: half the sum of the absolute differences of class shares.

    Args:
        a: codes, shape (N,); codes below 0 are left out.
        b: codes, shape (M,); codes below 0 are left out.

    Returns:
        The distance from 0 to 1; NaN if one side has no classes.

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


def column_fidelity(real: Columns, drawn: Columns) -> dict[str, float]:
    """Returns the fidelity of each column, equations (1) and (2); NaN if a side has no known cell.

    Args:
        real: the reference rows, such as the training rows.
        drawn: rows with the same columns.
    """
    found = {}
    for name in real.names:
        if name in real.numbers:
            found[name] = 1 - ks(real.numbers[name], drawn.numbers[name])
        else:
            found[name] = 1 - total_variation(real.classes[name], drawn.classes[name])
    return found


def modelled_associations(
    table: Columns, given: tuple[str, ...] = (), most: int = MOST_COLUMNS
) -> dict[Pair, float]:
    """Returns the associations of all pairs but those of two columns of the condition, which no model draws.

    Args:
        table: rows, with the columns of the condition first.
        given: names of the columns of the condition.
        most: only pairs of the first `most` columns are computed.
    """
    found = associations(table, most)
    return {pair: value for pair, value in found.items() if not set(pair) <= set(given)}


def pair_errors(real: Columns, drawn: Columns, most: int = MOST_COLUMNS) -> dict[Pair, float]:
    """Returns the error of the association of each pair, equation (3).

    Args:
        real: the reference rows.
        drawn: rows with the same columns; their numbers are rounded to the decimals of the real ones.
        most: only pairs of the first `most` columns are computed.
    """
    a, b = associations(real, most), associations(rounded(drawn, real), most)
    return {pair: abs(a[pair] - b[pair]) for pair in a}


def lost_classes(real: Columns, drawn: Columns, share: float = 0.0) -> list[LostClass]:
    """Returns the classes of real rows that are in no drawn row, the most frequent first.

    Args:
        real: the reference rows.
        drawn: rows with the same columns.
        share: only classes with more than this share of the real cells are returned.
    """
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
    """Returns the mean of the values that are not NaN; NaN if there are none."""
    known = [value for value in values.values() if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
