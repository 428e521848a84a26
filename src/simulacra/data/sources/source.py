"""`Source`: the result of a reader, raw rows in their official parts before options are applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """The rows of one official part of a data set.

    Args:
        rows: raw observations of shape (N, *), or a store of rows that are not read yet.
        labels: class numbers, shape (N,), or None.
        known: True where an entry is observed, of the shape of rows, or None: all are.
        sides: further values of each row by name, shape (N,), by which splits can be cut.
        official: name of the part of the source to which the rows belong.
        numbers: numbers of the rows in that part, from 0, shape (N,); None: all of them in order.
        lengths: number of valid steps of each ragged sequence, shape (N,), or None.
        stamp: returns the digest of rows that were read from a store, which replaces that of their values.
        total: number of rows of that part in the source, with those that were left out; None: len(self).
        c: raw condition of each row where the data are pairs, shape (N, *), or a store of them; None: none.
        c_stamp: returns the digest of conditions that were read from a store, as `stamp` does of rows.
    """

    rows: Tensor | RowStore
    labels: Tensor | None = None
    known: Tensor | None = None
    sides: Mapping[str, np.ndarray] = field(default_factory=dict)
    official: str = "train"
    numbers: Tensor | None = None
    lengths: Tensor | None = None
    stamp: Callable[[], str] | None = field(default=None, compare=False)
    total: int | None = None
    c: Tensor | RowStore | None = None
    c_stamp: Callable[[], str] | None = field(default=None, compare=False)

    def held(self) -> Part:
        """Returns the part with its rows and conditions in memory."""
        held = self
        if isinstance(self.rows, RowStore):
            held = replace(held, rows=self.rows.read_all(), stamp=self.rows.digest)
        if isinstance(self.c, RowStore):
            held = replace(held, c=self.c.read_all(), c_stamp=self.c.digest)
        return held

    @property
    def stores(self) -> list[RowStore]:
        """The rows and conditions that are not read yet."""
        return [rows for rows in (self.rows, self.c) if isinstance(rows, RowStore)]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor) -> Part:
        """Returns a part with only the rows `index`, shape (M,)."""
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
            total=len(self) if self.total is None else self.total,
            c=None if self.c is None else self.c[index],
        )

    @property
    def source_rows(self) -> SourceRows:
        """The numbers of these rows in the source."""
        numbers = torch.arange(len(self)) if self.numbers is None else self.numbers
        return SourceRows(self.official, numbers, self.sides.get("file"))


@dataclass(frozen=True)
class Source:
    """Raw data as a reader found them.

    Args:
        name: name of the data set.
        space: the raw space.
        parts: `train` and, where they are published, `valid` and `test`.
        label_names: names of the classes.
        applied: changes that were made to the rows once, such as a binarization.
        standardize: default of the option `standardize` for real rows.
        frame: number of samples of the frames that models see instead of a recording; None: none.
        truth: the toy distribution that the rows were drawn from, or None.
        geometry: how pictures that a model is given become rows, or None: unchanged.
        resolved: options of the reader as they were inferred, such as the separator of a table and the kinds
            of its columns; with them the file is read in the same way again.
        notes: notes for the user on how the data were read, such as files that were left out, by topic.
        remark: called once the rows are read; logs remarks that depend on their values.
        beside: names of those `sides` that are columns beside a text and may be the condition of p(x|c).
        settle: called once the splits are cut; returns the source with what is learned from training rows,
            such as a vocabulary. None: nothing is.
        condition: raw space of the conditions of pairs; None: the data are none.
        condition_geometry: how pictures that a model is given as conditions become rows, or None: unchanged.
    """

    name: str
    space: Space
    parts: dict[str, Part]
    label_names: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()
    standardize: bool = True
    frame: int | None = None
    truth: Any = field(default=None, compare=False)
    geometry: Geometry | None = None
    resolved: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    remark: Callable[[], None] | None = field(default=None, compare=False)
    beside: tuple[str, ...] = ()
    settle: Callable[[Source], Source] | None = field(default=None, compare=False)
    condition: Space | None = None
    condition_geometry: Geometry | None = None

    def noted(self, about: str, what: str) -> Source:
        """Returns the source with one more note; notes of the same topic are joined.

        Args:
            about: the topic.
            what: the note.
        """
        said = f"{self.notes[about]}; {what}" if about in self.notes else what
        return replace(self, notes={**self.notes, about: said})

    def given(
        self,
        space: Space,
        c: Mapping[str, Tensor | RowStore],
        how: str,
        geometry: Geometry | None = None,
    ) -> Source:
        """Returns the source as pairs: every row with a condition.

        Args:
            space: raw space of the conditions.
            c: conditions of each part, one for each row.
            how: how they were made, for the protocol.
            geometry: how pictures that are given as conditions become rows, or None.
        """
        parts = {name: replace(part, c=c[name], c_stamp=None) for name, part in self.parts.items()}
        done = (*self.applied, f"given {how}")
        source = replace(self, parts=parts, applied=done, condition=space, condition_geometry=geometry)
        return source.noted("condition", how)

    def numbered(self, numbers: Sequence[int], total: int) -> Source:
        """Returns the source with the numbers that its training rows have in the file.

        Args:
            numbers: number of each row, from 0; rows of the file that were left out count.
            total: number of all rows of the file.
        """
        if total == len(numbers):
            return self
        train = replace(self.parts["train"], numbers=torch.tensor(numbers), total=total)
        return replace(self, parts={**self.parts, "train": train})

    def change(self, rows: Mapping[str, Tensor | RowStore], space: Space, how: str) -> Source:
        """Returns the source with other rows.

        Args:
            rows: the new rows of each part.
            space: their space.
            how: a description of the change, for the protocol.
        """
        parts = {name: replace(part, rows=rows[name]) for name, part in self.parts.items()}
        return replace(self, parts=parts, space=space, applied=(*self.applied, how))
