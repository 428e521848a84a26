"""Training rows, held-out rows and samples of a model as tables, the input of all measures of tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch

from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood.held_out import fits
from simulacra.evaluation.rows import samples_like, subset
from simulacra.tables.columns import Columns
from simulacra.tables.sources import table_of

ROWS = 20_000  # most training rows, and most held-out rows, that are used
SAMPLES = 5_000  # by default as many samples as training rows, but at most these


@dataclass(frozen=True)
class TableRows:
    """The rows from which a report of a table is computed.

    Args:
        train: training rows.
        held_out: rows of `split`.
        drawn: samples of the model.
        split: name of the split, such as `test`.
        seed: seed of the samples, and of the choice of rows if there are many.
    """

    train: Columns
    held_out: Columns
    drawn: Columns
    split: str
    seed: int


def table_rows_of(
    model: Model,
    data: Dataset,
    split: str = "test",
    n: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> TableRows:
    """Returns training rows, held-out rows and samples of a model as tables.

    Args:
        model: a model that samples.
        data: the table.
        split: the split with the held-out rows.
        n: number of samples; None: as many as training rows, at most 5,000.
        seed: seed of the samples and of the choice of rows.
        limit: most held-out rows, chosen at random; None: all, at most 20,000.

    Raises:
        ValueError: if the data are not a table, or the model does not sample.
    """
    fits(model, data)
    space = data.preprocessing.raw
    if not isinstance(space, Table):
        raise ValueError(f"{data.name} is no table: its rows are {space}.")
    n = min(len(data.train), SAMPLES) if n is None else n
    drawn = table_of(space, samples_like(model, data[split], n, seed))
    held_out = _table(subset(data[split], limit, seed), seed)
    return TableRows(_table(data.train, seed), held_out, drawn, split, seed)


def _table(split: Split, seed: int) -> Columns:
    """Returns at most 20,000 rows of a split, chosen at random."""
    n = len(split)
    chosen = torch.arange(n) if n <= ROWS else Rng(seed, "table").permutation("rows", n)[:ROWS].sort().values
    batch = split.rows(chosen)
    return table_of(cast(Table, split.preprocessing.raw), batch.x, batch.known)
