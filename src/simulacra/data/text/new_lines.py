"""New rows of a model of texts: lines of a file, or a column of a table, in the vocabulary of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.new_rows.chunk import Chunk, Mark, joined
from simulacra.data.new_rows.labelled import LabelledRows
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.text.columns import TABLES, texts_of_column
from simulacra.data.text.lines import on_one_line
from simulacra.data.text.reader import read_lines


@dataclass
class LineRows(LabelledRows):
    """Lines of a file as rows of tokens.

    Args:
        texts: the texts.
        beside: conditions of a table's columns, shape (N, columns); None: those of the user, or none.
    """

    texts: tuple[str, ...] = ()
    beside: Tensor | None = None

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yields chunks of at most `size` texts."""
        space = self.wanted.raw
        assert isinstance(space, Tokens)
        for first in range(0, len(self.texts), size):
            texts = self.texts[first : first + size]
            x = space.rows(texts, str(self.path))
            heads = [joined([on_one_line(text)], ",") for text in texts]
            c = self.given(np.arange(first, first + len(x)))
            c = c if self.beside is None else self.beside[first : first + len(x)]
            yield Chunk(x, np.arange(len(x)), heads, first, c)
        self.check_all_given(len(self.texts))


def open_lines(path: Path, wanted: Wanted) -> LineRows:
    """Opens the lines of a text, or the column of a table that the run recorded.

    Args:
        path: the file, plain or gzipped.
        wanted: what the model takes.

    Raises:
        ValueError: if the file is no text, or needs a condition that is not there.
    """
    column, encoding = wanted.spec.get("column"), wanted.spec.get("encoding")
    beside: Mapping[str, np.ndarray] = {}
    if path.name.lower().removesuffix(".gz").endswith(TABLES):
        table = texts_of_column(path, str(column or "1"), None, encoding)
        texts, beside = table.texts, table.beside
    else:
        texts = read_lines(path, encoding).texts
    rows = LineRows(path, wanted=wanted, texts=tuple(texts))
    rows.names, rows.mark = ["text"], Mark(header="text")
    if isinstance(wanted.condition, Table) and (wanted.given is None or wanted.given in beside):
        rows.beside = _conditions(path, wanted, beside)
    else:
        rows.settle_condition()
    return rows


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
