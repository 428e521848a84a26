"""New rows in a table that is read at once as a data frame: a spreadsheet, a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulacra.core.inputs.tables import column_values, named_columns
from simulacra.core.spaces.composite import Table
from simulacra.data.new_rows.chunk import Chunk, Mark, joined
from simulacra.data.new_rows.table_rows import TableRows
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.sources.reader import Reader


@dataclass
class FrameRows(TableRows):
    """Rows of a data frame, whose cells are texts.

    Args:
        cells: cells of each column.
    """

    cells: list[list[str]] = field(default_factory=list)

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yields chunks of at most `size` rows."""
        for first in range(0, len(self.cells[0]), size):
            columns = [column[first : first + size] for column in self.cells]
            rows = list(zip(*columns))
            heads = [joined(row, ",") for row in rows]
            at = [f"row {first + i} (from 0)" for i in range(len(rows))]
            yield self.chunk_of(columns, heads, first, at)
        self.check_all_given(len(self.cells[0]))


def open_frame(path: Path, reader: Reader, wanted: Wanted) -> FrameRows:
    """Opens a file with rows for a model, whose reader gives a data frame.

    Args:
        path: the file.
        reader: its reader.
        wanted: what the model takes.

    Raises:
        ValueError: if the file is damaged or empty, or lacks a column of the model.
    """
    assert isinstance(wanted.raw, Table)
    # a text table's header= is the number of a line
    frame = reader.read_frame(path, {} if "separator" in wanted.spec else wanted.spec)
    named = named_columns(frame)
    if not named or not len(frame):
        raise ValueError(f"{path} holds no rows: a table needs at least one.")
    names = [name for name, _ in named]
    rows = FrameRows(path, names, Mark(header=joined(names, ",")), wanted=wanted)
    rows.words = [word for word in str(wanted.spec.get("missing_values") or "").split(",") if word]
    rows.cells = [[_text(value) for value in column_values(column)] for _, column in named]
    rows.locate()
    return rows


def _text(value: Any) -> str:
    """Returns a cell as text, from which the same number is read again."""
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value).strip()
