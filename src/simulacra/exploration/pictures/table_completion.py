"""The picture of completions of a table: hidden cells of held-out rows, the truth beside what is drawn.

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
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.exploration.drawing import panels, style
from simulacra.tables.columns import Columns
from simulacra.tables.sources import table_of

HIDDEN = 0.25  # share of the cells
ROWS, FEWEST, CELLS = 200, 20, 4000  # held-out rows: at most, at least, and cells of wide tables
DRAWS = 19  # of each cell, so that (1) reaches from the least to the greatest
TAIL = 0.05  # on either side of the interval
PANEL, ACROSS = 2.3, 4  # inches, and panels side by side
WRITTEN = 6  # classes up to which shares are written


def rows_of_picture(columns: int) -> int:
    """Held-out rows that are completed for a table of so many columns.

    Example:
        >>> rows_of_picture(5), rows_of_picture(50), rows_of_picture(500)
        (200, 80, 20)
    """
    return max(FEWEST, min(ROWS, CELLS // columns))


def scattered(rows: int, columns: int, seed: int) -> Tensor:
    """True where a cell stays known: of each row a quarter is hidden, other cells in each, one at least.

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
        """The ends (1) of each cell, shape (B,) each."""
        low, high = np.quantile(self.drawn, (TAIL, 1 - TAIL), axis=0, method="weibull")
        return low, high

    def held(self) -> float:
        """The share of cells whose interval holds the truth."""
        low, high = self.interval()
        return float(((low <= self.truth) & (self.truth <= high)).mean())

    def shares(self, classes: int) -> np.ndarray:
        """Shares of the drawn classes for each true one, NaN where it is not there: (classes, classes)."""
        counts = np.zeros((classes, classes))
        np.add.at(
            counts, (np.broadcast_to(self.truth, self.drawn.shape).astype(int), self.drawn.astype(int)), 1
        )
        total = counts.sum(1, keepdims=True)
        return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def hidden_columns(
    space: Table, x: Tensor, hidden: Tensor, drawn: Tensor
) -> tuple[Columns, dict[str, Column]]:
    """The rows as a table, and what was drawn of each column of which a cell was hidden.

    Args:
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
) -> Figure:
    """A panel for each column with hidden cells, as `hidden_columns` takes them.

    Args:
        title: of the picture.
        word: `drawn`, or `expected` where a model fills in by its expectation.

    Raises:
        ValueError: if nothing whose truth is known was hidden.
    """
    table, found = hidden_columns(space, x, hidden, drawn)
    if not found:
        raise ValueError("no cell whose value is known was hidden: the picture needs more rows.")
    shown = list(found)[: panels.PANELS]
    across = min(len(shown), ACROSS)
    down = -(-len(shown) // across)
    figure = style.new_figure(max(4.5, PANEL * across), PANEL * down + 0.6)
    for i, axes in enumerate(panels.grid(figure, down, across)):
        if i >= len(shown):
            axes.set_visible(False)
            continue
        name, below = shown[i], i + across >= len(shown)
        if name in table.classes:
            note = _classes(axes, found[name], table.levels[name])
            style.tidy(axes, x=word if below else "", y="true")
        else:
            note = _numbers(axes, found[name])
            style.tidy(axes, x="true" if below else "", y=word if i % across == 0 else "")
        _named(axes, name, note)
    some = f" ({len(shown)} of {len(table.names)} columns)" if len(found) > len(shown) else ""
    style.headline(figure, title + some)
    return figure


def _numbers(axes: Axes, column: Column) -> str:
    """Mean and interval of the draws over the truth, and the line on which they would be equal; a note."""
    m, (low, high) = len(column.drawn), column.interval()
    every = np.concatenate([column.truth, low, high])
    ends = [float(every.min()), float(every.max())]
    axes.plot(ends, ends, color=style.OTHER, lw=1, zorder=0)
    if m > 1:
        axes.vlines(column.truth, low, high, color=style.MAIN, lw=0.8, alpha=0.35)
    axes.plot(column.truth, column.drawn.mean(0), "o", ms=2.5, color=style.MAIN, mew=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(3))
    if m == 1:
        return f"{len(column.truth)} cells"
    return f"{100 * column.held():.0f}% of {len(column.truth)} in their 90% interval"


def _classes(axes: Axes, column: Column, levels: tuple[str, ...]) -> str:
    """Shares of the drawn classes, a line for each true class that occurs; a note."""
    shares = column.shares(len(levels))
    there = [k for k in range(len(levels)) if not np.isnan(shares[k, 0])]
    axes.imshow(shares[there], cmap="Blues", vmin=0, vmax=1.25, aspect="auto", interpolation="nearest")
    if len(levels) <= WRITTEN:
        for i, j in np.ndindex(len(there), len(levels)):
            said = f"{100 * shares[there[i], j]:.0f}%"
            axes.text(j, i, said, ha="center", va="center", fontsize=style.SMALL - 1, color=style.INK)
    if len(levels) <= panels.NAMED:
        short = [level[:8] for level in levels]
        axes.set_xticks(range(len(levels)), short, rotation=45 if sum(map(len, short)) > 20 else 0)
        axes.set_yticks(range(len(there)), [short[k] for k in there])
    equal = float((column.drawn == column.truth).mean())
    return f"{100 * equal:.0f}% of {len(column.truth)} drawn as they are"


def _named(axes: Axes, name: str, note: str) -> None:
    """The name of the column, and a line below it."""
    axes.set_title(name, fontsize=style.NAME, color=style.INK, loc="left", pad=14)
    axes.annotate(
        note, (0, 1), (0, 3), "axes fraction", "offset points", fontsize=style.SMALL - 1, color=style.MUTED
    )


def hidden_cells(seen: Tensor, seed: int) -> Tensor:
    """The cells that stay known where no part is named: those of `scattered` that were not missing.

    A row of which nothing else is known keeps what it has.

    Args:
        seen: True where a cell is known, shape (B, d).
    """
    keep = scattered(len(seen), seen.shape[1], seed) & seen
    return torch.where(keep.any(1, keepdim=True), keep, seen)
