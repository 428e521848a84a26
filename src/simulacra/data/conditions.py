"""Conditions of a data set: their raw rows and space, and the preprocessing that leads to what a model sees.

    real numbers       (c - mean) / deviation of the training rows: by column, of images over all entries
    a table            the same in its real and numeric columns, the logarithm in positive ones
    levels, counts     as x: their features go by the range that the training rows use
    recordings         as x: quiet ones are scaled up
    classes, 0 and 1   as they are

A condition adds no Jacobian to log p(x|c), so its preprocessing changes no score of x but through the weights
that are learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
from torch import Tensor

from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.conditions import condition_rows
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.class_codes import coding
from simulacra.core.preprocessing.column_scales import standardizing
from simulacra.core.preprocessing.images import Geometry
from simulacra.core.preprocessing.transforms import Transform
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real, Space
from simulacra.data.labels import encode
from simulacra.data.preparation import standardizing_real
from simulacra.data.readers import find_reader, options_for
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.value_range import with_own_range


@dataclass(frozen=True)
class Conditions:
    """Raw conditions of all rows of a data set.

    Args:
        rows: raw conditions, shape (N, *).
        space: their space.
        geometry: cropping and resizing of images that users give later; None: none.
        prepared: the preprocessing that the user gave; None: that of `conditioning_of`.
    """

    rows: Tensor
    space: Space
    geometry: Geometry | None = None
    prepared: Preprocessing | None = None

    def conditioning(self, train: Tensor, known: Tensor | None = None) -> Preprocessing:
        """Returns the preprocessing of the conditions, whose scales are those of training rows.

        Args:
            train: raw conditions of the training rows, shape (N, *).
            known: True where the condition of a row is known, shape (N,); None: all are.
        """
        return self.prepared or conditioning_of(self.space, train, known, self.geometry)


def given_conditions(c: Any, space: Space | Preprocessing | None, n: int) -> Conditions:
    """Returns the conditions that a user gave for n rows.

    Args:
        c: conditions, one for each row, in any form that `load_data` takes in memory, or classes.
        space: their raw space, or their whole preprocessing; None: the space is inferred from the values.
        n: number of rows.

    Raises:
        ValueError: if they fit no space, or their number is not n.

    Example:
        >>> given_conditions(["cat", "dog", "cat"], None, 3).space.names
        ('cat', 'dog')
        >>> given_conditions([[1e4, 0.5], [2e4, 0.7]], None, 2).space
        Real(shape=(2,))
    """
    if space is None:
        found = _inferred(c)
    else:
        chain = space if isinstance(space, Preprocessing) else Preprocessing(space)
        kept = space if isinstance(space, Preprocessing) else None
        found = Conditions(condition_rows(chain.raw, c, n, chain.geometry), chain.raw, chain.geometry, kept)
    _check_count(found.rows, n)
    return found


def conditioning_of(
    space: Space,
    train: Tensor | RowStore,
    known: Tensor | None = None,
    geometry: Geometry | None = None,
    looked_at: Tensor | None = None,
    standardize: bool | None = None,
) -> Preprocessing:
    """Returns the usual preprocessing of conditions, as the table at the top of this file lists it.

    Args:
        space: raw space of the conditions.
        train: raw conditions of the training rows, shape (N, *), in memory or on disk.
        known: True where the condition of a row is known, shape (N,); None: all are.
        geometry: cropping and resizing of images; None: none.
        looked_at: numbers of the rows whose range is taken; None: at equal distances.
        standardize: the option of `load_data`; False leaves quiet recordings as they are.

    Example:
        >>> import torch
        >>> chain = conditioning_of(Real((2,)), torch.tensor([[9.0, 5.0], [11.0, 5.0]]))
        >>> chain.steps[0].shift, chain.steps[0].scale
        ((10.0, 5.0), (1.0, 1.0))
    """
    seen = train if known is None or isinstance(train, RowStore) else train[known.to(train.device)]
    if not len(seen):
        return Preprocessing(space, (), geometry)
    steps: tuple[Transform, ...] = ()
    if isinstance(space, Table):
        assert isinstance(seen, Tensor)
        codes = coding(space)
        plain = codes[0].space(space) if codes else space
        assert isinstance(plain, Table)
        steps = (*codes, standardizing(plain, seen, None))
    elif isinstance(space, Real) and not isinstance(space, Audio):
        assert isinstance(seen, Tensor)
        steps = (standardizing_real(space, seen),)
    chain = Preprocessing(space, steps, geometry)
    scaled = None if isinstance(space, Audio) and standardize is not False else False
    what = "conditions of the training rows"
    return with_own_range(chain, seen, standardize=scaled, looked_at=looked_at, what=what)


def _inferred(c: Any) -> Conditions:
    """Returns conditions whose space is found in their values."""
    values = _one_value_a_row(c)
    if values is not None:
        return _of_one_value(values)
    if isinstance(c, (str, bytes)) or not hasattr(c, "__len__"):
        raise ValueError(f"c is {c!r}, but every row needs a condition: give a list or an array of them.")
    reader, wanted = find_reader(c)
    source: Source = reader.open(wanted, options_for(reader, {}, "c", []), SplitOptions())
    part = source.parts["train"]
    assert isinstance(part.rows, Tensor)
    if part.known is not None:
        row = int((~part.known).flatten(1).any(1).int().argmax())
        raise ValueError(
            f"c lacks a value in row {row} (from 0), but every value of a condition is needed: fill it in, "
            "or leave the row out."
        )
    return Conditions(part.rows, source.space, source.geometry)


def _one_value_a_row(c: Any) -> np.ndarray | None:
    """Returns conditions of one number or text a row as an array; None for anything else."""
    if isinstance(c, Tensor):
        return c.detach().cpu().numpy() if c.dim() == 1 else None
    if isinstance(c, (list, tuple)):
        plain = bool(c) and all(isinstance(v, (str, bytes, Number, np.generic)) for v in c)
        return np.asarray(c) if plain else None
    values = np.asarray(c) if hasattr(c, "__array__") and np.ndim(c) == 1 else None
    return values if values is not None and values.dtype.names is None else None


def _of_one_value(values: np.ndarray) -> Conditions:
    """Returns conditions of one value a row: classes (texts, whole numbers) or real numbers."""
    if values.dtype.kind == "f":
        rows = as_tensor(values, "c")
        Real(()).check(rows, "c")
        return Conditions(rows, Real(()))
    numbers, names = encode(values, "c")
    counted = names == tuple(map(str, range(len(names))))
    return Conditions(numbers, Categorical((), len(names), () if counted else names))


def _check_count(rows: Tensor, n: int) -> None:
    """Raises ValueError unless there is one condition for each of n rows."""
    if len(rows) != n:
        raise ValueError(f"c has {len(rows)} rows, but x has {n} rows: it needs one for each.")
