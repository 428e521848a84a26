"""New rows of a model of texts: lines of a file, or a column of a table, in the vocabulary of the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
    """

    texts: tuple[str, ...] = ()

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yields chunks of at most `size` texts."""
        space = self.wanted.raw
        assert isinstance(space, Tokens)
        for first in range(0, len(self.texts), size):
            texts = self.texts[first : first + size]
            x = space.rows(texts, str(self.path))
            heads = [joined([on_one_line(text)], ",") for text in texts]
            yield Chunk(x, np.arange(len(x)), heads, first, self.given(np.arange(first, first + len(x))))
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
    if path.name.lower().removesuffix(".gz").endswith(TABLES):
        texts = texts_of_column(path, str(column or "1"), None, encoding).texts
    else:
        texts = read_lines(path, encoding).texts
    rows = LineRows(path, wanted=wanted, texts=tuple(texts))
    rows.names, rows.mark = ["text"], Mark(header="text")
    rows.settle_condition()
    return rows
