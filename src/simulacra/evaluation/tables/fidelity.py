"""Fidelity of drawn rows: each column and each pair of columns beside those of real rows.

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


def column_fidelity(real: Columns, drawn: Columns) -> dict[str, float]:
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


def pair_errors(real: Columns, drawn: Columns, most: int = MOST_COLUMNS) -> dict[Pair, float]:
    """|a_p - a_q| of equation (3) for each pair, drawn numbers rounded to the decimals of the real ones."""
    a, b = associations(real, most), associations(rounded(drawn, real), most)
    return {pair: abs(a[pair] - b[pair]) for pair in a}


def lost_classes(real: Columns, drawn: Columns, share: float = 0.0) -> list[LostClass]:
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
