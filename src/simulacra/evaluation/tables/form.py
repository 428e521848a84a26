"""Form of drawn rows compared with training rows: range, decimals, and copies of training rows.

range       share of the numeric cells outside min..max of the training column                       (1)
decimals    share of the numeric columns with no more decimals than the training column              (2)
copies      share of the rows that equal a training row, both rounded to the column's decimals       (3)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulacra.core.storage.records import Record
from simulacra.tables.columns import EXACT, Columns, decimals, rounded


@dataclass(frozen=True)
class Form(Record):
    """Range, decimals and copies of drawn rows.

    Args:
        outside: share of numeric cells outside the training range, equation (1), mean over columns; None or
            NaN without numbers.
        decimals: share of columns with no more decimals than in training, equation (2); None or NaN without
            numbers.
        copies: share of rows that equal a training row, equation (3).
        finer: names of the columns with more decimals than in training.
        beyond: share of cells outside the range by column, where it is not 0.
    """

    outside: float | None
    decimals: float | None
    copies: float
    finer: tuple[str, ...]
    beyond: dict[str, float]


def form(train: Columns, drawn: Columns) -> Form:
    """Measures range, decimals and copies of drawn rows, equations (1) to (3).

    Args:
        train: training rows.
        drawn: rows with the same columns.

    Example:
        >>> from simulacra.tables.columns import table_from
        >>> found = form(table_from({"a": [1.0, 2.0]}), table_from({"a": [2.0, 2.7]}))
        >>> found.outside, found.decimals, found.copies
        (0.5, 0.0, 0.5)
    """
    real, other = train.numeric(drawn), drawn.numeric(train)
    beyond = {name: _outside(real[name], other[name]) for name in real}
    finer = [name for name in real if decimals(other[name]) > decimals(real[name])]
    return Form(
        float(np.mean(list(beyond.values()))) if beyond else float("nan"),
        1 - len(finer) / len(real) if real else float("nan"),
        copies(train, drawn),
        tuple(finer),
        {name: share for name, share in beyond.items() if share > 0},
    )


def copies(train: Columns, drawn: Columns) -> float:
    """Returns the share of rows that equal a training row, equation (3); missing cells equal each other.

    Args:
        train: training rows.
        drawn: rows with the same columns.
    """
    seen = set(_keys(train, train))
    return float(np.mean([key in seen for key in _keys(drawn, train)])) if len(drawn) else float("nan")


def _keys(table: Columns, like: Columns) -> list[bytes]:
    x = np.nan_to_num(rounded(table, like).matrix(), nan=np.finfo(np.float64).max)
    return [row.tobytes() for row in np.ascontiguousarray(x)]


def _outside(real: np.ndarray, drawn: np.ndarray) -> float:
    """Returns the share of the known cells outside the training range."""
    real, drawn = real[~np.isnan(real)], drawn[~np.isnan(drawn)]
    if not len(real) or not len(drawn):
        return 0.0
    return float(((drawn < real.min() - EXACT) | (drawn > real.max() + EXACT)).mean())
