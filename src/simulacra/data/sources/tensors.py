"""`from_tensors`: data sets from tensors and arrays whose space the user gives."""

from __future__ import annotations

from typing import Any

import torch

from simulacra.core.errors.calls import checked
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.class_codes import coding
from simulacra.core.preprocessing.normal_scores import scoring
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.data.arrays.given import checked_rows
from simulacra.data.conditions import given_conditions
from simulacra.data.dataset import Dataset, Split
from simulacra.data.sources.source_rows import SourceRows
from simulacra.data.value_range import with_own_range


@checked
def from_tensors(
    x: Any,
    space: Space,
    name: str = "tensors",
    c: Any = None,
    condition: Space | Preprocessing | None = None,
    valid: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    *,
    labels: Any = None,
    known: Any = None,
    c_known: Any = None,
    lengths: Any = None,
) -> Dataset:
    """Makes a data set from rows in memory, split at random by `seed`.

    Args:
        x: observations in `space`, shape (N, *), as `log_prob` takes them: numpy, torch, lists, or a data
            frame if the space is a `Table`.
        space: the space of one observation.
        name: name of the data set, as in reports and run folders.
        c: conditions, one for each row: classes by number or name, or anything that `load_data` takes in
            memory, such as an array, Pillow images or a data frame; None: no conditions.
        condition: the raw space of `c`, or its preprocessing, which replaces the usual one (real numbers are
            standardized by the training rows); None: the space is inferred from the values.
        valid: share of the rows for validation.
        test: share of the rows for the test split.
        seed: seed of the random split.
        labels: class of each row, a number or a name, shape (N,); None: no labels.
        known: False where an entry is missing, shape (N, *); None: nothing is missing.
        c_known: False where the condition of a row is unknown, shape (N,); None: all are known.
        lengths: number of steps of each row of a `Sequence`, shape (N,); None for other spaces.

    Raises:
        ValueError: if the rows do not fit the space, or a part does not fit the rows.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> data = from_tensors(torch.randn(50, 2), Real((2,)))
        >>> {name: len(split) for name, split in data.splits.items()}
        {'train': 40, 'valid': 5, 'test': 5}
    """
    parts = {"labels": labels, "known": known, "c_known": c_known, "lengths": lengths}
    held, label_names = checked_rows(x, space, name, parts)
    rows = len(held["x"])
    given = None if c is None else given_conditions(c, condition, rows)
    held["c"] = None if given is None else given.rows
    numbers = SourceRows("train", torch.arange(rows))
    whole = Split(preprocessing=Preprocessing(space), source_rows=numbers, **held)
    order = Rng(seed, "split").permutation("rows", rows)
    n_valid, n_test = round(rows * valid), round(rows * test)
    cuts = {
        "train": order[n_valid + n_test :],
        "valid": order[:n_valid],
        "test": order[n_valid : n_valid + n_test],
    }
    splits = {k: whole.select(index.sort().values) for k, index in cuts.items() if len(index)}
    chain, conditioning = whole.preprocessing, None
    if train := splits.get("train"):
        if isinstance(space, Table) and (scored := scoring(space, train.x, train.known)):
            chain = Preprocessing(space, (*coding(space), scored))
        chain = with_own_range(chain, train.x, train.known, train.lengths)
        if given is not None and train.c is not None:
            conditioning = given.conditioning(train.c, train.c_known)
    splits = {k: s.under(chain) for k, s in splits.items()}
    seen = None if conditioning is None else conditioning.space
    return Dataset(name, splits, chain, seen, label_names, conditioning=conditioning)
