"""The result of a reader, for `load_data`: raw rows in their official parts, before any option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.plain import Space
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source_rows import SourceRows


@dataclass(frozen=True)
class Part:
    """Rows that belong together by the publisher's decision.

    Args:
        rows: raw observations of shape (N, *), or a store of rows that are not read yet.
        labels: class numbers, shape (N,), or None.
        known: True where an entry is observed, shape of rows, or None.
        sides: further values of each row by name, shape (N,): what splits are cut by.
        official: the part of the source that they are rows of.
        numbers: of the rows in that part, from 0, shape (N,); None: all of them in order.
        lengths: valid steps of each ragged sequence, shape (N,), or None.
        stamp: gives the digest of rows that were read from a store, in place of that of their values.
    """

    rows: Tensor | RowStore
    labels: Tensor | None = None
    known: Tensor | None = None
    sides: Mapping[str, np.ndarray] = field(default_factory=dict)
    official: str = "train"
    numbers: Tensor | None = None
    lengths: Tensor | None = None
    stamp: Callable[[], str] | None = field(default=None, compare=False)

    def held(self) -> Part:
        """The part with its rows in memory."""
        if isinstance(self.rows, RowStore):
            return replace(self, rows=self.rows.read_all(), stamp=self.rows.digest)
        return self

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor) -> Part:
        """The rows `index`."""
        pick = lambda t: None if t is None else t[index]
        sides = {name: values[index.numpy()] for name, values in self.sides.items()}
        numbers = index if self.numbers is None else self.numbers[index]
        return Part(
            self.rows[index],
            pick(self.labels),
            pick(self.known),
            sides,
            self.official,
            numbers,
            pick(self.lengths),
        )

    @property
    def source_rows(self) -> SourceRows:
        """Which rows of the source these are."""
        numbers = torch.arange(len(self)) if self.numbers is None else self.numbers
        return SourceRows(self.official, numbers, self.sides.get("file"))


@dataclass(frozen=True)
class Source:
    """Raw data as they were found.

    Args:
        name: what the data set is called.
        space: the raw space.
        parts: `train` and, where the publisher says so, `valid` and `test`.
        label_names: what the classes are called.
        applied: what was done to the rows once for all, such as a binarization.
        standardize: whether real rows are standardized unless the user says otherwise.
        truth: the toy that the rows were drawn from, or None.
        geometry: how pictures that are handed in become rows, or None: as they are.
        resolved: options of the reader as they were found, such as the separator of a table and the kinds
            of its columns: with them the same file is read in the same way again.
        notes: what the user should know of how it was read, such as files that were left out, by topic.
        remark: called once the rows are there; it says what only their values tell.
    """

    name: str
    space: Space
    parts: dict[str, Part]
    label_names: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()
    standardize: bool = True
    truth: Any = field(default=None, compare=False)
    geometry: Geometry | None = None
    resolved: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    remark: Callable[[], None] | None = field(default=None, compare=False)

    def noted(self, about: str, what: str) -> Source:
        """The source with one more note; notes of the same topic are joined."""
        said = f"{self.notes[about]}; {what}" if about in self.notes else what
        return replace(self, notes={**self.notes, about: said})

    def change(self, rows: Mapping[str, Tensor | RowStore], space: Space, how: str) -> Source:
        """The source with other rows, and what was done to them."""
        parts = {name: replace(part, rows=rows[name]) for name, part in self.parts.items()}
        return replace(self, parts=parts, space=space, applied=(*self.applied, how))
