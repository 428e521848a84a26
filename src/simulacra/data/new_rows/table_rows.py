"""Rows of a table, whatever file it is in: cells by column become the numbers that encode them.

A row that the model cannot take is left out of `x`: one with a gap or an odd cell where the model needs all
entries, or without a condition that it needs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real, Space
from simulacra.data.new_rows.cells import Coded, coded
from simulacra.data.new_rows.chunk import Chunk, NewRows, joined
from simulacra.data.new_rows.wanted import Wanted, absent
from simulacra.data.tables.numbers import Marks

WHOLE = 3  # if so many cells of a column are odd and none is a value, the column itself is wrong


@dataclass
class TableRows(NewRows):
    """Rows of a table.

    Args:
        wanted: what the model takes.
        places: number of each column of the model's raw space among those of the file.
        labels: numbers of the columns of the condition; [] where the user gave it.
        marks: decimal and thousands marks.
        words: spellings of gaps that the run recorded.
    """

    wanted: Wanted = field(default_factory=lambda: Wanted(Table(x=Real(()))))
    places: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    marks: Marks = Marks()
    words: Collection[str] = ()

    def locate(self) -> None:
        """Finds the columns of the model, and that of the condition, by their names.

        Raises:
            ValueError: if one is absent, or two have the same name.
        """
        raw = self.wanted.raw
        assert isinstance(raw, Table)
        if any(name not in self.names for name in raw.names):
            raise absent(self.path, raw.names, [name for name in self.names if name])
        twice = next((name for name in raw.names if self.names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{self.path} has several columns {twice!r}: rename all but one.")
        self.places = [self.names.index(name) for name in raw.names]
        self.labels, self.value = self.wanted.columns_of_condition(self.path, self.names)

    def chunk_of(
        self, columns: Sequence[Sequence[str]], heads: list[str], first: int, at: list[str]
    ) -> Chunk:
        """Returns a chunk of the table.

        Args:
            columns: cells of every column of the file.
            heads: text of each row in an output.
            first: number of the first row in the file, from 0.
            at: place of each row in the file, for messages.
        """
        raw = self.wanted.raw
        assert isinstance(raw, Table)
        found = [
            self._coded(field, columns[j], name, first) for (name, field), j in zip(raw.fields, self.places)
        ]
        x = np.stack([column.codes for column in found], 1)
        gaps = np.stack([column.gaps for column in found], 1)
        odd = np.isnan(x) & ~gaps
        self._count_odd(found, raw.names, at, columns)
        usable = np.ones(len(x), bool) if self.wanted.lenient else ~np.isnan(x).any(1)
        if not usable.all():
            row = int((~usable).argmax())
            name = raw.names[int(np.isnan(x[row]).argmax())]
            why = "a cell that cannot be read" if odd[row].any() else "a gap"
            self.reasons.setdefault("unused", f"{at[row]} has {why} in column {name!r}")
        codes = self._conditions(columns, at)
        if codes is not None:
            usable &= ~np.isnan(codes).any(1)
        self.unused += int((~usable).sum())
        places = usable.nonzero()[0]
        c = self.given(first + places) if codes is None else self._raw_conditions(codes[usable])
        return Chunk(torch.from_numpy(x[usable]), places, heads, first, c, cells=(list(zip(*columns)), gaps))

    def filled(self, chunk: Chunk, columns: Mapping[str, list[Any]], every: bool = False) -> list[str]:
        """Returns the texts of the rows with values in their gaps; all else stays letter for letter.

        Args:
            chunk: a chunk of this table.
            columns: values of the rows of `chunk.x`, by name.
            every: put the values in all cells of these columns, not only in gaps; rows that the model cannot
                take have empty cells there.
        """
        assert chunk.cells is not None
        rows, gaps = chunk.cells
        gaps = np.ones_like(gaps) if every else gaps
        texts = list(chunk.heads)
        for i in sorted(set(range(len(texts))) - set(chunk.places.tolist())) if every else ():
            cells = [("" if j in self.places else cell) for j, cell in enumerate(rows[i])]
            texts[i] = joined(cells, self.mark.separator)
        for k, i in enumerate(chunk.places.tolist()):
            if gaps[i].any():
                cells = list(rows[i])
                for name, place, gap in zip(columns, self.places, gaps[i]):
                    if gap:
                        cells[place] = self.mark.cell(columns[name][k])
                texts[i] = joined(cells, self.mark.separator)
        return texts

    def _coded(self, field: Space, cells: Sequence[str], name: str, first: int) -> Coded:
        found = coded(field, cells, self.marks, self.words, f"column {name!r}")
        values = len(cells) - int(found.gaps.sum()) - len(found.odd)
        if first == 0 and not values and len(found.odd) >= WHOLE:
            raise ValueError(
                f"{self.path} holds {cells[found.odd[0]][:40]!r} in column {name!r}, and no value that the "
                f"model knows ({found.reason.rstrip('.')}): give the column that the model was trained on."
            )
        return found

    def _count_odd(
        self, found: list[Coded], names: Sequence[str], at: list[str], columns: Sequence[Sequence[str]]
    ) -> None:
        """Counts rows with odd cells, and keeps the first one of each column as a reason."""
        self.odd += len({i for column in found for i in column.odd})
        for name, column, j in zip(names, found, self.places):
            if column.odd:
                i = column.odd[0]
                self.reasons.setdefault(
                    f"odd {name}",
                    f"column {name!r} holds {columns[j][i][:40]!r} in {at[i]} ({column.reason.rstrip('.')})",
                )

    def _conditions(self, columns: Sequence[Sequence[str]], at: list[str]) -> np.ndarray | None:
        """Returns the condition of each row as numbers, NaN where it is not there, shape (n, columns).

        Raises:
            ValueError: if columns cannot hold the condition.
        """
        if not self.labels:
            return None
        found = []
        for part, j in zip(self._parts_of_condition(), self.labels):
            column = coded(part, columns[j], self.marks, self.words, f"column {self.names[j]!r}")
            found.append(column.codes)
            if np.isnan(column.codes).any():
                i = int(np.isnan(column.codes).argmax())
                why = column.reason or f"column {self.names[j]!r}, the condition, is empty"
                self.reasons.setdefault("condition", f"{at[i]} has no condition ({why.rstrip('.')})")
        return np.stack(found, 1)

    def _parts_of_condition(self) -> list[Space]:
        """Returns the space of each column of the condition.

        Raises:
            ValueError: if the model takes no condition, or one that these columns cannot hold.
        """
        space = self.wanted.condition
        if isinstance(space, Table) and len(space.names) == len(self.labels):
            return [field for _, field in space.fields]
        if space is not None and space.shape in ((), (1,)):
            return [space]
        what = "takes no condition" if space is None else f"takes a condition of {space}"
        raise ValueError(f"the model {what}, which one column cannot hold: leave out --condition.")

    def _raw_conditions(self, codes: np.ndarray) -> torch.Tensor:
        """Returns conditions in raw units, shape (B, *)."""
        space, c = self.wanted.condition, torch.from_numpy(codes)
        assert space is not None
        if isinstance(space, Table):
            return c
        c = c.reshape(len(c), *space.shape)
        return c.long() if isinstance(space, (Categorical, Ordinal)) else c
