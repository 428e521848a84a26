"""Rows of a file on their way into a trained model, in chunks that fit into memory."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.data.new_rows.array_form import ArrayForm

END = "\r\n"


@dataclass(frozen=True)
class Mark:
    """The form in which cells are added to the rows of a file.

    Args:
        separator: the mark between cells.
        decimal: the decimal mark.
        end: end of a line.
        header: the line with the names as the file has it, without its end; None: the file has no names.
    """

    separator: str = ","
    decimal: str = "."
    end: str = "\n"
    header: str | None = None

    def cell(self, value: Any) -> str:
        """Returns a value as the text of a cell: the shortest that gives the same number again.

        Example:
            >>> Mark(decimal=",").cell(0.1), Mark().cell("a"), Mark().cell(None), Mark().cell(2)
            ('0,1', 'a', '', '2')
        """
        if value is None:
            return ""
        if isinstance(value, float | np.floating):
            return repr(float(value)).replace(".", self.decimal)
        return str(value)


@dataclass(frozen=True)
class Origin:
    """The place of a row in the files of a folder.

    Args:
        file: name of the file, below the folder.
        page: number of the page or frame, from 0.
        at: first entry of the row along each side of the page or recording, from 0: top and left, or start.
        part: True if the row is one of several tiles of the page or windows of the recording.
    """

    file: str
    page: int = 0
    at: tuple[int, ...] = ()
    part: bool = False


@dataclass(frozen=True)
class Chunk:
    """A few rows of a file.

    Args:
        x: the rows that a model takes, in raw units, NaN in gaps of a table, shape (B, *).
        places: number of each of them among the rows of the chunk, shape (B,).
        heads: text of each row in an output, shape (n,); n is larger than B where rows cannot be used.
        first: number of the chunk's first row in the file, from 0.
        c: raw condition of each row of x, or one for all, shape (B, *) or (1, *); None: no condition.
        known: True where an entry of x is observed, shape of x; None: NaN are gaps.
        lengths: number of valid steps of each sequence, shape (B,), or None.
        cells: cells of each row of a table, and the mask of gaps among the model's columns, or None.
        origins: place of each row in the files of a folder; [] for rows of one file.
    """

    x: Tensor
    places: np.ndarray
    heads: list[str]
    first: int
    c: Tensor | None = None
    known: Tensor | None = None
    lengths: Tensor | None = None
    cells: tuple[Sequence[Sequence[str]], np.ndarray] | None = None
    origins: Sequence[Origin] = ()

    def __len__(self) -> int:
        return len(self.heads)


@dataclass
class NewRows(ABC):
    """Rows of a file that a model has not seen; `chunks` reads them once.

    Args:
        path: the file or folder.
        names: names of the columns that the file has itself; results need other names.
        mark: the form in which cells are added to its rows.
        odd: rows with a cell that cannot be read, counted while they are read.
        unused: rows that the model cannot take, counted while they are read.
        reasons: sentences on such cells and rows, by topic, in the order in which they occur.
        value: conditions that the user gave: one for all rows, or one for each, shape (N, *); None: those of
            the file, if rows need one.
        listed: names of the files of a folder; () for rows of one file.
        form: form of the rows in an array file; None: no such file.
        escape: write an apostrophe before names of files that a spreadsheet would compute.
        half: `left` or `right` where rows are that half of each picture; empty: the whole pictures.
    """

    path: Path
    names: list[str] = field(default_factory=list)
    mark: Mark = Mark()
    odd: int = 0
    unused: int = 0
    reasons: dict[str, str] = field(default_factory=dict)
    value: Tensor | None = None
    listed: Sequence[str] = ()
    form: ArrayForm | None = None
    escape: bool = False
    half: str = ""

    def given(self, places: np.ndarray) -> Tensor | None:
        """Returns the conditions that the user gave for rows of the file.

        Args:
            places: numbers of the rows, from 0.

        Raises:
            ValueError: if there are several conditions, but fewer than rows.
        """
        if self.value is None or len(self.value) == 1:
            return self.value
        if len(places) and places.max() >= len(self.value):
            raise self._unequal(f"more than {places.max():,}")
        return self.value[torch.from_numpy(places)]

    def check_all_given(self, n: int) -> None:
        """Raises ValueError if the user gave more than one condition, but not one for each of n rows."""
        if self.value is not None and len(self.value) not in (1, n):
            raise self._unequal(f"{n:,}")

    def _unequal(self, rows: str) -> ValueError:
        many = 0 if self.value is None else len(self.value)
        return ValueError(
            f"--condition has {many:,} values, but {self.path} has {rows} rows: give one for each row, or "
            "one for all, or name the column that holds them."
        )

    def whole(self, origin: Origin) -> Tensor | None:
        """Returns the page or recording that a tile or window is part of, in raw units; None: there is none.

        Args:
            origin: place of the tile or window.
        """
        return None

    @abstractmethod
    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yields chunks of at most `size` rows.

        Raises:
            ValueError: if the file is damaged, or its rows are not those of the model's data.
        """


def joined(cells: Iterable[str], separator: str) -> str:
    """Returns cells as the text of one record, quoted where they need it.

    Args:
        cells: texts of the cells.
        separator: the mark between them.

    Example:
        >>> joined(["a", "b,c", ""], ",")
        'a,"b,c",'
    """
    out = io.StringIO()
    # only the marks of the line's end that the writer is told are quoted within cells
    csv.writer(out, delimiter=separator, lineterminator=END).writerow(cells)
    return out.getvalue().removesuffix(END)
