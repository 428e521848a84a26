"""Pairs of the most associated columns of a table or entries of a vector, in training rows and in samples.

The diagonal shows each column by itself, the panels above it the associations of the pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from simulacra.exploration.drawing import panels, style
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.correlations import in_order, tables_of
from simulacra.tables.associations import MOST_COLUMNS, Pair, associations
from simulacra.tables.columns import Columns

ROWS = 500  # training rows, and as many samples
MOST = 4  # columns
BINS = 24
NAMED = 6  # classes whose names stand at an axis
SPREAD = 0.32  # of a class to each side, so that rows do not hide each other
PANEL = 1.25  # inches
DATA = style.MUTED  # darker than what is drawn behind samples: here it stands beside them


def pairs(album: Album) -> Figure:
    """Scatters of at most four columns that depend most on each other in the data."""
    data, drawn = tables_of(album, ROWS)
    found = associations(data)
    names = in_order(found, MOST)
    side = PANEL * len(names) + 0.5
    figure = style.new_figure(2 * side + 0.4, side + 0.7)
    ranges = {name: _range(data, drawn, name) for name in names}
    said = f"data ({len(data):,} training rows)", f"samples ({len(drawn):,})"
    parts: Any = figure.subfigures(1, 2, wspace=0.02)
    for part, table, colour, title in zip(parts, (data, drawn), (DATA, style.MAIN), said):
        _panels(part, table, names, ranges, colour)
        part.suptitle(title, x=0.02, ha="left", fontsize=style.NAME, color=style.INK)
    every = len(data.names)
    judged = f"{every:,}" if every <= MOST_COLUMNS else f"the first {MOST_COLUMNS} of {every:,}"
    some = f" (the {len(names)} most associated of {judged})" if every > MOST else ""
    style.headline(figure, f"{type(album.model).__name__}: pairs of columns{some}")
    return figure


def _panels(
    part: SubFigure, table: Columns, names: list[str], ranges: dict[str, tuple[float, float]], colour: str
) -> None:
    """Scatters below the diagonal, marginals on it, associations above."""
    found, k = associations(table.only(names)), len(names)
    name_of = lambda name: style.plain(name, panels.CLASS)
    grid = np.atleast_2d(part.subplots(k, k))
    for i, below in enumerate(names):
        for j, across in enumerate(names):
            axes = grid[i, j]
            if i == j:
                _marginal(axes, table, across, ranges[across], colour)
            elif i > j:
                _scatter(axes, table, across, below, ranges, colour)
            else:
                _number(axes, found, across, below)
            style.tidy(axes, x=name_of(across) if i == k - 1 else "", y=name_of(below) if j == 0 else "")
            _ticks(axes, table, across, below, bottom=i == k - 1, left=j == 0 and i > 0)


def _scatter(
    axes: Axes, table: Columns, x: str, y: str, ranges: dict[str, tuple[float, float]], colour: str
) -> None:
    axes.scatter(_spread(table, x, 0), _spread(table, y, 1), 3, color=colour, alpha=0.45, lw=0)
    axes.set_xlim(*ranges[x])
    axes.set_ylim(*ranges[y])


def _marginal(axes: Axes, table: Columns, name: str, limits: tuple[float, float], colour: str) -> None:
    """Bars for classes, a histogram for numbers."""
    values = table.column(name)
    values = values[~np.isnan(values)]
    if name in table.classes:
        shares = np.bincount(values.astype(int), minlength=len(table.levels[name])) / max(len(values), 1)
        axes.bar(np.arange(len(shares)), shares, 0.7, color=colour)
    else:
        axes.hist(values, list(np.linspace(*limits, BINS + 1)), color=colour)
    axes.set_xlim(*limits)


def _number(axes: Axes, found: dict[Pair, float], a: str, b: str) -> None:
    value = found[b, a] if (b, a) in found else found[a, b]
    axes.text(
        0.5, 0.5, f"{value:.2f}", ha="center", va="center", transform=axes.transAxes, color=style.INK,
        fontsize=style.SMALL + 4 * abs(value),
    )  # fmt: skip


def _ticks(axes: Axes, table: Columns, x: str, y: str, bottom: bool, left: bool) -> None:
    """Ticks at the outer panels only; the names of few classes."""
    for axis, name, shown in ((axes.xaxis, x, bottom), (axes.yaxis, y, left)):
        levels = table.levels.get(name, ())
        if not shown:
            axis.set_ticks([])
        elif 0 < len(levels) <= NAMED:
            axis.set_ticks(range(len(levels)), [style.plain(level, 8) for level in levels])
        else:
            axis.set_major_locator(MaxNLocator(3, integer=bool(levels)))
    if bottom and sum(min(8, len(level)) for level in table.levels.get(x, ())) > 10:
        axes.tick_params(axis="x", rotation=45)


def _spread(table: Columns, name: str, seed: int) -> np.ndarray:
    """A column; classes beside their places."""
    values = table.column(name)
    if name in table.numbers:
        return values
    return values + np.random.default_rng(seed).uniform(-SPREAD, SPREAD, len(values))


def _range(data: Columns, drawn: Columns, name: str) -> tuple[float, float]:
    """The same limits for both sides: all of the data, and samples but for the strangest in a hundred."""
    if name in data.classes:
        return -0.6, len(data.levels[name]) - 0.4
    real, ours = (values[np.isfinite(values)] for values in (data.numbers[name], drawn.numbers[name]))
    ends = [*np.quantile(ours, (0.005, 0.995))] if len(ours) else []
    low, high = min([*real, *ends], default=0.0), max([*real, *ends], default=1.0)
    margin = 0.04 * (high - low) or 0.5
    return float(low - margin), float(high + margin)
