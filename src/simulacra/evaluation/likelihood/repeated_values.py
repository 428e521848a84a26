"""Values that recur where a density is measured: a sign of rounded data."""

from __future__ import annotations

from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.rows import chosen

ROWS = 2000


def repeated_values(data: Dataset, rows: Split, limit: int = ROWS) -> float | None:
    """Share of the known values with a density that occur again in their column: near 1 for rounded data.

    None where no entry of the raw space has a density, or levels of it are scored.
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
    """Numbers of the flattened entries that are measured by their volume, not counted."""
    parts = [field for _, field in space.fields] if isinstance(space, Table) else [space]
    continuous = [not part.discrete for part in parts for _ in range(part.dims)]
    return [i for i, dense in enumerate(continuous) if dense]
