"""The condition of p(x|c) as columns of a table, and groups of rows of like conditions.

A model of p(x|c) draws x alone, so a comparison of its columns with those of the data does not see whether x
belongs to its c. Beside x stand therefore the columns of c, from which two measures follow:

    pairs (c, x)          associations, as those of any two columns
    x in a group of c     the fidelity of a column among the rows of one class of c, or of one third of the
                          training rows where c is a number
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset
from simulacra.tables.columns import Columns
from simulacra.tables.sources import CLASSES, table_of

MOST = 20  # most columns of a condition; images and recordings have more
FEWEST, GROUPS = 30, 10  # fewest training rows of a group, and most groups of a condition's column
PARTS = 3  # groups of a number, of equal shares of the training rows


@dataclass(frozen=True)
class Group:
    """Rows of like conditions in three tables.

    Args:
        name: such as `edu=low` or `age<33`.
        train: True for the training rows of the group, shape (N,).
        held_out: the same of held-out rows.
        drawn: the same of drawn rows.
    """

    name: str
    train: np.ndarray
    held_out: np.ndarray
    drawn: np.ndarray


def conditions_of(data: Dataset, c: Tensor | None, known: Tensor | None = None) -> Columns | None:
    """Returns raw conditions as columns; None without conditions, and for images, recordings and sequences.

    Args:
        data: data set with the condition, whose columns get other names than those of x.
        c: raw conditions, shape (B, *), or None.
        known: True where the condition is known, shape (B,); None: all are.

    Example:
        >>> import simulacra, torch
        >>> columns = {"a": [0.5, 1.5] * 20, "k": ["u", "v"] * 20}
        >>> data = simulacra.load_data(columns, label="k", condition="label")
        >>> conditions_of(data, torch.tensor([1, 0])).texts("label")
        ['v', 'u']
    """
    if c is None or data.conditioning is None:
        return None
    raw = data.conditioning.raw
    if isinstance(raw, Sequence) or raw.image or raw.dims > MOST:
        return None
    if not isinstance(raw, Table):
        raw, c = _as_table(data, raw), c.reshape(len(c), -1)
    seen = None if known is None else known.reshape(-1, 1).expand(len(c), raw.dims)
    found = table_of(raw, c, seen)
    taken = getattr(data.preprocessing.raw, "names", ())
    return _renamed(found, {n: f"condition {n}" if n in taken else n for n in found.names})


def groups_of(train: Columns, held_out: Columns, drawn: Columns, names: tuple[str, ...]) -> Iterator[Group]:
    """Yields the groups of rows of like conditions, by each column of the condition.

    Args:
        train: training rows with the columns of the condition.
        held_out: held-out rows.
        drawn: drawn rows.
        names: names of the columns of the condition.
    """
    for name in names:
        column = train.column(name)
        cuts = _cuts(column) if name in train.numbers else None
        codes = [_codes(table.column(name), cuts) for table in (train, held_out, drawn)]
        counts = np.bincount(codes[0][codes[0] >= 0], minlength=1)
        frequent = [k for k in np.argsort(-counts, kind="stable")[:GROUPS] if counts[k] >= FEWEST]
        for k in sorted(frequent):
            said = f"{name}={train.levels[name][k]}" if cuts is None else _range(name, cuts, k)
            yield Group(said, *(each == k for each in codes))


def _as_table(data: Dataset, raw: Space) -> Table:
    """Returns the space of a class or of numbers as that of a table, whose columns have names."""
    label = str(data.spec.get("label") or "label")
    return Table({label if isinstance(raw, CLASSES) else "condition": raw})


def _renamed(table: Columns, names: dict[str, str]) -> Columns:
    change = lambda columns: {names[name]: value for name, value in columns.items()}
    parts = (table.numbers, table.classes, table.levels, table.decimals)
    return Columns(tuple(names[name] for name in table.names), *map(change, parts))


def _cuts(column: np.ndarray) -> np.ndarray:
    """Returns the numbers that cut the training rows into parts of equal shares."""
    seen = column[~np.isnan(column)]
    return np.unique(np.quantile(seen, [k / PARTS for k in range(1, PARTS)])) if len(seen) else np.zeros(0)


def _codes(column: np.ndarray, cuts: np.ndarray | None) -> np.ndarray:
    """Returns the group of each row, -1 where the condition is missing."""
    gone = np.isnan(column)
    found = np.where(gone, 0, column).astype(int) if cuts is None else np.searchsorted(cuts, column, "right")
    return np.where(gone, -1, found)


def _range(name: str, cuts: np.ndarray, k: int) -> str:
    if not len(cuts):
        return f"any {name}"
    if k == 0:
        return f"{name} below {cuts[0]:g}"
    return f"{name} from {cuts[k - 1]:g}" + (f" to {cuts[k]:g}" if k < len(cuts) else "")
