"""Counts held-out rows that also occur in the training split, whose scores are those of training rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from simulacra.core.spaces.composite import Sequence
from simulacra.data.dataset import Dataset
from simulacra.data.leaks import find_leaks
from simulacra.data.leaks.nearness import chance_of_copy
from simulacra.data.leaks.search import MOST_BYTES, MOST_ROWS
from simulacra.data.sources.stream import StreamedSplit


@dataclass(frozen=True)
class SharedRows:
    """Rows of one split that equal training rows.

    Args:
        rows: number of these rows.
        of: number of rows of the split.
        expected: expected number for unrelated rows.
    """

    rows: int
    of: int
    expected: float

    @property
    def share(self) -> float:
        """Share of these rows in the split."""
        return self.rows / self.of


def shared_rows(data: Dataset, split: str = "test") -> SharedRows | None:
    """Counts the rows of `split` that equal a training row.

    Args:
        data: data set.
        split: `valid` or `test`.

    Returns:
        the counts; None for the training split, for sequences, and for data too large to compare.

    Example:
        >>> import simulacra, torch
        >>> x = torch.randn(100, 3).repeat(2, 1)
        >>> found = shared_rows(simulacra.from_tensors(x, simulacra.Real((3,))))
        >>> found.rows > 10, found.expected
        (True, 0.0)
    """
    sides = {"train": data.train, split: data[split]}
    # for sequences, the expected number of equal rows is unknown
    known = split != "train" and not isinstance(data.preprocessing.raw, Sequence)
    if not known or any(isinstance(side, StreamedSplit) for side in sides.values()):
        return None
    many = sum(map(len, sides.values())) > MOST_ROWS
    if many or sum(side.x.nbytes for side in sides.values()) > MOST_BYTES:
        return None
    found = find_leaks(replace(data, splits=sides), near=False)
    copies, held_out = len({pair.rows[1] for pair in found.exact}), len(data[split])
    raw = data.preprocessing.raw
    chance = chance_of_copy(raw, data.train.x.cpu()) if copies else 0.0
    return SharedRows(copies, held_out, -held_out * math.expm1(-len(data.train) * chance))
