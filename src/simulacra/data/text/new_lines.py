"""New rows of a model of texts: lines of a file, or a column of a table, in the vocabulary of the model."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.new_rows.chunk import Chunk, Mark, joined
from simulacra.data.new_rows.labelled import LabelledRows
from simulacra.data.new_rows.lines import is_utf8
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.sources.reader import Reader
from simulacra.data.tables.files import read_table
from simulacra.data.text.columns import TABLES, WRITTEN, TextColumn, column_of, table_options
from simulacra.data.text.lines import on_one_line
from simulacra.data.text.options import TextOptions
from simulacra.data.text.reader import read_lines

log = logging.getLogger("simulacra")


@dataclass
class LineRows(LabelledRows):
    """Lines of a file as rows of tokens.

    Args:
        texts: the texts.
        numbers: number of each text among the rows, shape (N,); rows without text have no answer.
        total: number of rows.
        beside: conditions of a table's columns, shape (N, columns); None: those of the user, or none.
        labels: class number of each text among `label_names`, shape (N,), or None.
    """

    texts: tuple[str, ...] = ()
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    total: int = 0
    beside: Tensor | None = None
    labels: Tensor | None = None

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yields chunks of at most `size` texts."""
        space = self.wanted.raw
        assert isinstance(space, Tokens)
        for first in range(0, self.total, size):
            rows = min(size, self.total - first)
            at = slice(*np.searchsorted(self.numbers, [first, first + rows]).tolist())
            places = self.numbers[at] - first
            texts = dict(zip(places.tolist(), self.texts[at]))
            heads = [joined([on_one_line(texts.get(row, ""))], ",") for row in range(rows)]
            x, kept = self._rows(space, texts, first)
            self.unused += rows - len(x)
            chosen = np.arange(at.start, at.stop)[kept]
            yield Chunk(x, places[kept], heads, first, self._conditions(chosen, places[kept] + first))
        self.check_all_given(self.total)

    def _rows(self, space: Tokens, texts: Mapping[int, str], first: int) -> tuple[Tensor, np.ndarray]:
        """Returns texts as rows of tokens, and True for those that can be; reasons of the others are kept.

        Args:
            space: space of the rows.
            texts: the texts by their places in a chunk.
            first: number of the first row of the chunk, from 0.
        """
        every = np.ones(len(texts), bool)
        try:
            return space.rows(list(texts.values()), str(self.path)), every
        except ValueError:
            found = []
        for i, (place, text) in enumerate(texts.items()):
            try:
                found.append(space.rows([text], str(self.path)))
            except ValueError as error:
                every[i] = False
                said = str(error).replace("row 0 of", f"row {first + place} of").rstrip(".")
                self.reasons.setdefault("texts", said)
        return torch.cat(found) if found else torch.zeros(0, space.steps, dtype=torch.long), every

    def _conditions(self, at: np.ndarray, rows: np.ndarray) -> Tensor | None:
        """Returns the conditions of some texts.

        Args:
            at: numbers of the texts, shape (B,).
            rows: their numbers among the rows, shape (B,).
        """
        if self.beside is not None:
            return self.beside[at]
        if self.labelled and self.labels is not None:
            return self.classes(self.labels[at])
        return self.given(rows)


def open_lines(path: Path, wanted: Wanted, reader: Reader | None = None) -> LineRows:
    """Opens the lines of a text, the texts of another format, or the column of a table that the run recorded.

    Args:
        path: the file, plain or gzipped.
        wanted: what the model takes.
        reader: reader of the file's own format; None: plain text, or a table.

    Raises:
        ValueError: if the file is no text, or needs a condition that is not there.
    """
    rows = LineRows(path, names=["text"], mark=Mark(header="text"), wanted=wanted)
    beside: Mapping[str, np.ndarray] = {}
    label = None
    if reader is None and path.name.lower().removesuffix(".gz").endswith(TABLES):
        table, label = _column(path, wanted)
        rows.texts, rows.numbers, rows.total = tuple(table.texts), np.array(table.numbers), table.total
        rows.labels, rows.label_names, beside = table.labels, table.label_names, table.beside
        _say_empty(rows, table.total - len(table.texts), "row")
        if "left out" in table.notes:
            log.warning("%s: left out: %s", path, table.notes["left out"])
    else:
        encoding, spec = wanted.spec.get("encoding"), wanted.spec
        if reader is None and encoding is not None and _written_here(path):
            encoding = None
        lines = read_lines(path, encoding) if reader is None else reader.read_lines(path, spec)
        rows.texts, rows.numbers = tuple(lines.texts), np.array(lines.numbers or range(len(lines.texts)))
        rows.total = lines.total if lines.total is not None else len(lines.texts)
        _say_empty(rows, lines.empty, "line")
    if isinstance(wanted.condition, Table) and (wanted.given is None or wanted.given in beside):
        rows.beside = _conditions(path, wanted, beside)
    else:
        rows.settle_condition(label)
    return rows


def _written_here(path: Path) -> bool:
    """Returns True for a text in UTF-8, in which the library writes, whatever its data were written in."""
    with io.BytesIO() as nothing:
        return is_utf8(path, io.BufferedReader(nothing))


def _say_empty(rows: LineRows, without: int, what: str) -> None:
    if without:
        rows.reasons["unused"] = f"{rows.path} has no text in {without:,} {what}{'s' * (without > 1)}"


def _column(path: Path, wanted: Wanted) -> tuple[TextColumn, str | None]:
    """Returns the texts of a table in the dialect of the run, or in its own, and the column of labels."""
    spec = wanted.spec
    known = {name: spec[name] for name in WRITTEN if spec.get(name) is not None}
    if known.get("header"):
        known["header"] = True  # the line of names may be another one
    own = TextOptions(column=str(spec.get("column") or "1"), **known)
    try:
        table = read_table(path, table_options(own))
        found = column_of(table, own)
    except ValueError:
        own = TextOptions(column=own.column, encoding=own.encoding, comment=own.comment or "none")
        table = read_table(path, table_options(own))
        found = column_of(table, own)
    label = wanted.given if wanted.given in table.names else None
    if wanted.given in (None, "label") and label is None:
        recorded = str(spec.get("label") or "")
        label = recorded if recorded in table.names or recorded.lstrip("-").isdecimal() else None
    if not isinstance(wanted.condition, Categorical) or label is None:
        return found, None
    return column_of(table, replace(own, label=label)), label


def _conditions(path: Path, wanted: Wanted, beside: Mapping[str, np.ndarray]) -> Tensor:
    """Returns the columns beside the texts that are the condition, float64 of shape (N, columns).

    Raises:
        ValueError: if one is absent, holds texts, or lacks a value.
    """
    names = list(beside)
    chosen = [names[j] for j in wanted.columns_of_condition(path, names)[0]]
    for name in chosen:
        values = beside[name]
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            what = "texts" if values.dtype.kind != "f" else "no number in some rows"
            raise ValueError(
                f"{path} holds {what} in column {name!r}, the condition of each row: correct it, or give one "
                "number for all rows with --condition VALUE."
            )
    return torch.from_numpy(np.stack([beside[name] for name in chosen], 1))
