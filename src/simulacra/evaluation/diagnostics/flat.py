"""Compares entries of vectors and images, and pairs of entries, between samples and data.

At most 60 entries are compared: those with the largest variance, neighbouring pixels among them. Beside the
entries of p(x|c) stand the columns of c (`tables.conditions`), from which a model that ignores c differs.
Tables have a comparison of their own.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood.constant_columns import entry_name
from simulacra.evaluation.rows import blocks, chosen, lent, samples_like
from simulacra.evaluation.tables.conditions import conditions_of
from simulacra.evaluation.tables.kept_columns import Kept, kept
from simulacra.tables.associations import MOST_COLUMNS
from simulacra.tables.columns import Columns, table_from

ROWS = 5000  # largest number of training rows, and of held-out rows
FEWEST = 30  # fewer rows give no result


def has_entries(data: Dataset, split: str) -> bool:
    """Returns True if rows are vectors or images of numbers without missing entries.

    Args:
        data: data set.
        split: `train`, `valid` or `test`.
    """
    spaces, sides = (data.space, data.preprocessing.raw), (data.train, data[split])
    numbers = not any(isinstance(space, (Table, Sequence, Audio, Categorical)) for space in spaces)
    return numbers and all(side.known is None and len(side) >= FEWEST for side in sides)


def kept_entries(
    model: Model,
    data: Dataset,
    split: str = "test",
    n: int = 1000,
    seed: int = 0,
    limit: int | None = None,
    drawn: Tensor | None = None,
) -> Kept | None:
    """Compares the entries of n samples with those of training and held-out rows.

    Args:
        model: model to sample from.
        data: data set.
        split: `train`, `valid` or `test`.
        n: number of samples.
        seed: seed of the choice of rows and of all draws.
        limit: largest number of held-out rows; None: 5,000.
        drawn: n samples, if they were drawn before.

    Returns:
        the comparison; None for tables, sequences and recordings, and for fewer than 30 rows.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("linear-gaussian")
        >>> found = kept_entries(simulacra.PPCA(data.space, latent=2), data, n=100)
        >>> len(found.columns), len(found.pairs)
        (8, 28)
    """
    if not has_entries(data, split):
        return None
    rows = data[split]
    some = _preprocessed(model, data.train, ROWS, seed)
    at = some.var(0).topk(min(MOST_COLUMNS, some.shape[1])).indices.sort().values
    held_out = _preprocessed(model, rows, min(ROWS, limit or ROWS), seed)
    samples = samples_like(model, rows, n, seed).cpu() if drawn is None else drawn
    if not bool(samples.isfinite().all()):
        return None
    c = None if rows.c is None else rows.c[torch.arange(n) % len(rows)]
    fresh = _preprocessed(model, Split(samples, model.preprocessing, c), n, seed)
    names = [entry_name(data.space, int(i)) for i in at]
    sides = [_table(x[:, at], names) for x in (some, held_out, fresh)]
    taken = (
        chosen(data.train, ROWS, seed),
        chosen(rows, min(ROWS, limit or ROWS), seed),
        lent(rows, n, seed),
    )
    given = _conditions(model, data, zip((data.train, rows, rows), taken))
    named = given[0].names if given else ()
    real, other, ours = [c.beside(x) for c, x in zip(given, sides)] if given else sides
    return kept(real, other, ours, seed, named)


def _conditions(model: Model, data: Dataset, sides: Iterable[tuple[Split, Tensor]]) -> list[Columns]:
    """Returns the conditions of rows as columns; [] without, or where the condition has no columns.

    Args:
        model: the model.
        data: data set with the condition.
        sides: splits and the indices of their rows.
    """
    if not model.supports(can.TakesCondition):
        return []
    found = []
    for split, at in sides:
        known = None if split.c_known is None else split.c_known[at]
        found.append(None if split.c is None else conditions_of(data, split.rows(at).c, known))
    return [columns for columns in found if columns is not None] if None not in found else []


def _preprocessed(model: Model, split: Split, most: int, seed: int) -> Tensor:
    """Returns rows after preprocessing, float64 on the CPU, flattened to shape (B, d)."""
    return torch.cat([block.y.cpu().flatten(1).double() for block in blocks(model, split, seed, most)])


def _table(x: Tensor, names: list[str]) -> Columns:
    return table_from({name: column.numpy() for name, column in zip(names, x.unbind(1))})
