"""Pairs of the most associated columns of a table or entries of a vector, in training rows and in samples.

The diagonal shows each column by itself, the panels above it the associations of the pairs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simulacra.exploration.drawing.marks import Bars, Histogram, Points, Text
from simulacra.exploration.drawing.panels import CLASS
from simulacra.exploration.drawing.picture import Axis, Beside, Panel, Picture, grid
from simulacra.exploration.drawing.text import short
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.correlations import in_order, tables_of
from simulacra.tables.associations import MOST_COLUMNS, Pair, associations
from simulacra.tables.columns import Columns

ROWS = 500  # training rows, and as many samples
MOST = 4  # columns
BINS = 24
NAMED = 6  # largest number of classes whose names stand at an axis
SPREAD = 0.32  # largest shift of a point of a class, where classes are 1 apart
PANEL = 1.25  # inches


def pairs(album: Album) -> Picture:
    """Scatters of at most four columns that depend most on each other in the data."""
    data, drawn = tables_of(album, ROWS)
    found = associations(data)
    names = in_order(found, MOST)
    side = PANEL * len(names) + 0.5
    ranges = {name: _range(data, drawn, name) for name in names}
    said = f"data ({len(data):,} training rows)", f"samples ({len(drawn):,})"
    parts = [
        grid(_panels(table, names, ranges, colour), len(names), side, side, title)
        for table, colour, title in zip((data, drawn), ("other data", "samples"), said)
    ]
    every = len(data.names)
    judged = f"{every:,}" if every <= MOST_COLUMNS else f"the first {MOST_COLUMNS} of {every:,}"
    some = f" (the {len(names)} most associated of {judged})" if every > MOST else ""
    title = f"{type(album.model).__name__}: pairs of columns{some}"
    return Picture(title, tuple(parts), Beside(2 * side + 0.4, side + 0.7))


def _panels(
    table: Columns, names: list[str], ranges: dict[str, tuple[float, float]], colour: str
) -> list[Panel]:
    """Scatters below the diagonal, marginals on it, associations above."""
    found, k = associations(table.only(names)), len(names)
    made = []
    for i, below in enumerate(names):
        for j, across in enumerate(names):
            x = _axis(table, across, shown=i == k - 1, name=i == k - 1)
            y = _axis(table, below, shown=j == 0 and i > 0, name=j == 0)
            if _wide(table, across) and i == k - 1:
                x = replace(x, slant=45)
            if i == j:
                mark = _marginal(table, across, ranges[across], colour)
                made.append(Panel((mark,), x=replace(x, limits=ranges[across]), y=y))
            elif i > j:
                points = Points(_spread(table, across, 0), _spread(table, below, 1), colour, "", 3, 0.45)
                limits = replace(x, limits=ranges[across]), replace(y, limits=ranges[below])
                made.append(Panel((points,), x=limits[0], y=limits[1]))
            else:
                made.append(Panel((_number(found, across, below),), x=x, y=y))
    return made


def _marginal(table: Columns, name: str, limits: tuple[float, float], colour: str) -> Bars | Histogram:
    """Bars for classes, a histogram for numbers."""
    values = table.column(name)
    values = values[~np.isnan(values)]
    if name in table.classes:
        shares = np.bincount(values.astype(int), minlength=len(table.levels[name])) / max(len(values), 1)
        return Bars(shares, colour)
    edges = np.linspace(*limits, BINS + 1)
    return Histogram(edges, np.histogram(values, edges)[0][None].astype(float), (colour,))


def _number(found: dict[Pair, float], a: str, b: str) -> Text:
    """The association of two columns, larger for a stronger one."""
    value = found[b, a] if (b, a) in found else found[a, b]
    return Text(f"{value:.2f}", 8 + 4 * abs(value))


def _axis(table: Columns, column: str, shown: bool, name: bool) -> Axis:
    """Ticks at the outer panels only; the names of few classes."""
    label, levels = short(column, CLASS) if name else "", table.levels.get(column, ())
    if not shown:
        return Axis(label, ticks=())
    if 0 < len(levels) <= NAMED:
        words = tuple(short(level, 8) for level in levels)
        return Axis(label, ticks=tuple(map(float, range(len(levels)))), labels=words)
    return Axis(label, most=3, whole=bool(levels))


def _wide(table: Columns, column: str) -> bool:
    """Returns True if the names of the classes are too long to stand side by side."""
    return sum(min(8, len(level)) for level in table.levels.get(column, ())) > 10


def _spread(table: Columns, name: str, seed: int) -> np.ndarray:
    """The values of a column; those of a class are spread around its number."""
    values = table.column(name)
    if name in table.numbers:
        return values
    return values + np.random.default_rng(seed).uniform(-SPREAD, SPREAD, len(values))


def _range(data: Columns, drawn: Columns, name: str) -> tuple[float, float]:
    """Limits that hold all training rows and all samples but the outermost percent."""
    if name in data.classes:
        return -0.6, len(data.levels[name]) - 0.4
    real, ours = (values[np.isfinite(values)] for values in (data.numbers[name], drawn.numbers[name]))
    ends = [*np.quantile(ours, (0.005, 0.995))] if len(ours) else []
    low, high = min([*real, *ends], default=0.0), max([*real, *ends], default=1.0)
    margin = 0.04 * (high - low) or 0.5
    return float(low - margin), float(high + margin)
