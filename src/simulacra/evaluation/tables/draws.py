"""Training rows, held-out rows and samples of a model as tables, the input of all measures of tables.

Samples of p(x|c) are drawn under the conditions of training rows, whose columns stand before those of x:
samples and training rows then differ in p(x|c) alone, and a measure of pairs sees whether x belongs to its c.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood.held_out import fits
from simulacra.evaluation.rows import lent, samples_like, subset
from simulacra.evaluation.tables.conditions import conditions_of
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
        given: names of the columns that are the condition, the first ones of each table.
    """

    train: Columns
    held_out: Columns
    drawn: Columns
    split: str
    seed: int
    given: tuple[str, ...] = ()

    @property
    def modelled(self) -> TableRows:
        """The rows without the columns of the condition."""
        if not self.given:
            return self
        names = self.train.names[len(self.given) :]
        train, held_out, drawn = (table.only(names) for table in (self.train, self.held_out, self.drawn))
        return replace(self, train=train, held_out=held_out, drawn=drawn, given=())


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
    conditional = model.supports(can.TakesCondition)
    lender = data.train if conditional else data[split]
    drawn = table_of(space, samples_like(model, lender, n, seed))
    train, held_out = _some(data.train, seed), _some(subset(data[split], limit, seed), seed)
    tables = [table_of(space, batch.x, batch.known) for batch in (train, held_out)] + [drawn]
    batches = (train, held_out, lender.rows(lent(lender, n, seed))) if conditional else ()
    found = [conditions_of(data, batch.c, batch.c_known) for batch in batches]
    conditions = [given for given in found if given is not None]
    names = conditions[0].names if conditions else ()
    if conditions:
        tables = [given.beside(table) for given, table in zip(conditions, tables)]
    trained, held, samples = tables
    return TableRows(trained, held, samples, split, seed, names)


def _some(split: Split, seed: int) -> Batch:
    """Returns at most 20,000 raw rows of a split, chosen at random."""
    n = len(split)
    chosen = torch.arange(n) if n <= ROWS else Rng(seed, "table").permutation("rows", n)[:ROWS].sort().values
    return split.rows(chosen)
