"""The picture of completions of a table: hidden cells of held-out rows, the true value against the draws.

A column of numbers shows, for each hidden cell with the truth v and m draws of it, the mean of the draws and
the interval

    [x_(a), x_(b)],    a = 0.05 (m + 1),  b = 0.95 (m + 1)                                              (1)

between order statistics, interpolated. If the draws come from the conditional distribution of the cell, v is
one more of them, and the interval holds it with probability (b - a) / (m + 1) = 0.9: of 19 draws it reaches
from the least to the greatest. A column of classes shows the shares of the drawn classes for each true one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.marks import Heatmap, Intervals, Line, Mark
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.text import short
from simulacra.tables.columns import Columns
from simulacra.tables.sources import table_of

HIDDEN = 0.25  # share of the cells
ROWS, FEWEST, CELLS = 200, 20, 4000  # held-out rows: at most, at least, and cells of wide tables
DRAWS = 19  # of each cell, so that (1) reaches from the least to the greatest
TAIL = 0.05  # on either side of the interval
PANEL, ACROSS = 2.3, 4  # inches, and panels side by side
WRITTEN = 6  # classes up to which shares are written
LETTERS, ROOM = 16, 20  # letters of a class, and of all below a panel before they are slanted


def rows_of_picture(columns: int) -> int:
    """The number of held-out rows that are completed for a table.

    Args:
        columns: of the table.

    Example:
        >>> rows_of_picture(5), rows_of_picture(50), rows_of_picture(500)
        (200, 80, 20)
    """
    return max(FEWEST, min(ROWS, CELLS // columns))


def scattered(rows: int, columns: int, seed: int) -> Tensor:
    """True where a cell stays known, shape (rows, columns); a random quarter of each row is hidden.

    Args:
        rows: number of rows.
        columns: number of columns; at least one cell of each row is hidden.
        seed: same seed, same cells.

    Example:
        >>> (~scattered(3, 8, 0)).sum(1).tolist()
        [2, 2, 2]
    """
    u = Rng(seed, "known", rows=range(rows)).uniform("cells", columns)
    return u.argsort(1).argsort(1) >= max(1, round(HIDDEN * columns))


@dataclass(frozen=True)
class Column:
    """The hidden cells of a column whose truth is known.

    Args:
        truth: numbers, or codes of classes, shape (B,).
        drawn: likewise, shape (m, B).
    """

    truth: np.ndarray
    drawn: np.ndarray

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """The low and the high end (1) for each cell, shape (B,) each."""
        low, high = np.quantile(self.drawn, (TAIL, 1 - TAIL), axis=0, method="weibull")
        return low, high

    def held(self) -> float:
        """The share of cells whose interval holds the truth."""
        low, high = self.interval()
        return float(((low <= self.truth) & (self.truth <= high)).mean())

    def shares(self, classes: int) -> np.ndarray:
        """Shares of the drawn classes for each true class, (classes, classes); NaN for absent ones."""
        counts = np.zeros((classes, classes))
        np.add.at(
            counts, (np.broadcast_to(self.truth, self.drawn.shape).astype(int), self.drawn.astype(int)), 1
        )
        total = counts.sum(1, keepdims=True)
        return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def hidden_columns(
    space: Table, x: Tensor, hidden: Tensor, drawn: Tensor
) -> tuple[Columns, dict[str, Column]]:
    """The rows as a table, and the draws for each column with hidden cells.

    Args:
        space: the table.
        x: raw rows, shape (B, d).
        hidden: True at cells that were hidden and whose truth is known, shape (B, d).
        drawn: completions, shape (m, B, d).
    """
    table, found = table_of(space, x), {}
    draws = [table_of(space, rows) for rows in drawn]
    for i, name in enumerate(table.names):
        at = hidden[:, i].numpy()
        if at.any():
            found[name] = Column(table.column(name)[at], np.stack([rows.column(name)[at] for rows in draws]))
    return table, found


def completed_table(
    space: Table, x: Tensor, hidden: Tensor, drawn: Tensor, title: str, word: str = "drawn"
) -> Picture:
    """One panel for each column with hidden cells, at most 16.

    Args:
        space: the table.
        x: raw rows, shape (B, d).
        hidden: True at cells that were hidden and whose truth is known, shape (B, d).
        drawn: completions, shape (m, B, d).
        title: of the picture.
        word: `drawn`, or `expected` where a model fills in by its expectation.

    Raises:
        ValueError: if no cell with a known value was hidden.
    """
    table, found = hidden_columns(space, x, hidden, drawn)
    if not found:
        raise ValueError("no cell with a known value was hidden: the picture needs more rows.")
    shown = list(found)[: panels.PANELS]
    across = min(len(shown), ACROSS)
    down = -(-len(shown) // across)
    made = []
    for i, name in enumerate(shown):
        below = i + across >= len(shown)
        if name in table.classes:
            made.append(_classes(name, found[name], table.levels[name], word if below else ""))
        else:
            axes = Axis("true" if below else "", most=3), Axis(word if i % across == 0 else "", most=3)
            made.append(_numbers(name, found[name], *axes))
    some = f" ({len(shown)} of {len(table.names)} columns)" if len(found) > len(shown) else ""
    return grid(made, across, max(4.5, PANEL * across), PANEL * down + 0.6, title + some)


def _numbers(name: str, column: Column, x: Axis, y: Axis) -> Panel:
    """Mean and interval of the draws against the truth, and the line of equal values."""
    m, (low, high) = len(column.drawn), column.interval()
    every = np.concatenate([column.truth, low, high])
    ends = np.array([float(every.min()), float(every.max())])
    marks: list[Mark] = [Line(ends, ends, "data", 1, behind=True)]
    if m > 1:
        marks.append(Intervals(column.truth, low, high))
    marks.append(Line(column.truth, column.drawn.mean(0), width=0, dots=2.5, edge=0))
    cells = len(column.truth)
    note = f"{cells} cells" if m == 1 else f"{100 * column.held():.0f}% of {cells} in their 90% interval"
    return Panel(tuple(marks), name, note, x, y)


def _classes(name: str, column: Column, levels: tuple[str, ...], below: str) -> Panel:
    """Shares of the drawn classes, one row for each true class that occurs."""
    shares = column.shares(len(levels))
    there = [k for k in range(len(levels)) if not np.isnan(shares[k, 0])]
    words: tuple[tuple[str, ...], ...] = ()
    if len(levels) <= WRITTEN:
        words = tuple(tuple(f"{100 * share:.0f}%" for share in row) for row in shares[there].tolist())
    x, y = Axis(below), Axis("true")
    if len(levels) <= panels.NAMED:
        names = tuple(short(level, LETTERS) for level in levels)
        places = tuple(map(float, range(len(levels))))
        crowded = sum(map(len, names)) > ROOM
        slant, anchor = (45.0, "right") if crowded else (0.0, "center")
        x = Axis(below, ticks=places, labels=names, slant=slant, anchor=anchor)
        y = Axis("true", ticks=places[: len(there)], labels=tuple(names[k] for k in there))
    equal = float((column.drawn == column.truth).mean())
    note = f"{100 * equal:.0f}% of {len(column.truth)} drawn as they are"
    return Panel((Heatmap(shares[there], words=words),), name, note, x, y)


def hidden_cells(seen: Tensor, seed: int) -> Tensor:
    """The cells that stay known if the caller names no part: those of `scattered` that are not missing.

    A row that would have no known cell keeps all that it has.

    Args:
        seen: True where a cell is known, shape (B, d).
    """
    keep = scattered(len(seen), seen.shape[1], seed) & seen
    return torch.where(keep.any(1, keepdim=True), keep, seen)
