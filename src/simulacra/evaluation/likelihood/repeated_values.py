"""Measures the share of repeated values in columns with a density, a sign of rounded data."""

from __future__ import annotations

from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.rows import chosen

ROWS = 2000


def repeated_values(data: Dataset, rows: Split, limit: int = ROWS) -> float | None:
    """Returns the share of values that occur again in their column: near 1 for rounded data.

    Args:
        data: data set, whose space says which columns have a density.
        rows: rows to read.
        limit: largest number of rows, chosen at random.

    Returns:
        the share over the known values of columns with a density; None if there are none, or levels are
        scored.
    """
    at = _with_density(data.preprocessing.raw)
    if not at or data.space.discrete:
        return None
    some = rows.rows(chosen(rows, limit))
    x, known = some.x.flatten(1), None if some.known is None else some.known.flatten(1)
    columns = [x[:, i] if known is None else x[known[:, i], i] for i in at]
    values = sum(map(len, columns))
    return (values - sum(len(column.unique()) for column in columns)) / max(values, 1)


def _with_density(space: Space) -> list[int]:
    """Returns the indices of the flattened entries that are continuous."""
    parts = [field for _, field in space.fields] if isinstance(space, Table) else [space]
    continuous = [not part.discrete for part in parts for _ in range(part.dims)]
    return [i for i, dense in enumerate(continuous) if dense]
