"""Association matrices of data and samples, and their difference: which dependences a model keeps.

The association of two numbers is Spearman's correlation, from -1 to 1; with classes it is Cramer's V or the
correlation ratio, from 0 to 1 (`simulacra.tables.associations`).
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real, Space
from simulacra.exploration.drawing import panels, style
from simulacra.exploration.drawing.views import PAIRS, entry_names
from simulacra.exploration.pictures.album import Album
from simulacra.tables.associations import Pair, associations
from simulacra.tables.columns import Columns, rounded
from simulacra.tables.sources import table_of

ROWS = 2000  # training rows, and as many samples
COLUMNS = 30  # whose names can be read
WRITTEN = 10  # columns up to which each number is written
CELL, BESIDE = 0.155, 2.1  # inches of a cell, and of what stands beside three matrices
LONGEST = 18  # letters of a name that are shown
COLOURS, TINY = "RdBu_r", 5.5


def correlations(album: Album) -> Figure:
    """Association matrices of training rows and of as many samples, and samples minus data."""
    data, drawn = tables_of(album, ROWS)
    found = associations(data)
    names = in_order(found, COLUMNS)
    ours = associations(rounded(drawn, data).only(names))
    left, middle = matrix(found, names), matrix(ours, names)
    side = max(2.1, CELL * len(names))
    longest = min(LONGEST, max(map(len, names)))
    figure = style.new_figure(3 * side + BESIDE, side + 1.0 + 0.075 * longest, constrained=False)
    # three squares as large as fit, with their names
    figure.set_layout_engine("compressed", w_pad=0.12, h_pad=0.1)
    said = f"data ({len(data):,} training rows)", f"samples ({len(drawn):,})", "samples - data"
    grid = panels.grid(figure, 1, 3)
    for i, (axes, values, title) in enumerate(zip(grid, (left, middle, middle - left), said)):
        _heat(axes, values, names, title, named=i == 0)
    bar = figure.colorbar(grid[0].images[0], ax=grid, shrink=0.75, pad=0.01)
    bar.ax.tick_params(labelsize=style.SMALL, colors=style.MUTED, length=3, color=style.RULE)
    bar.outline.set_visible(False)
    some = f" ({len(names)} of {len(data.names)} columns)" if len(names) < len(data.names) else ""
    style.headline(figure, f"{type(album.model).__name__}: associations of pairs of columns{some}")
    return figure


def tables_of(album: Album, n: int) -> tuple[Columns, Columns]:
    """At most n training rows, evenly spread, and as many samples, of a space that has columns."""
    space, train = as_columns(album.space), album.data.train
    assert space is not None
    n = min(n, len(train))
    rows = train.rows(torch.arange(n) * len(train) // n)
    drawn = album.model.sample(n, album.conditions(n), album.seed)
    return table_of(space, rows.x, rows.known), table_of(space, drawn)


def as_columns(space: Space) -> Table | None:
    """The columns of a table, or of vectors that are too long for one view of all pairs; None of others.

    Example:
        >>> as_columns(Real((16,))).names[-1], as_columns(Real((3,)))
        ('x16', None)
    """
    if isinstance(space, Table):
        return space if space.dims > 1 else None
    if type(space) is Real and len(space.shape) == 1 and space.dims > PAIRS:
        return Table({name: Real() for name in entry_names(space)})
    return None


def in_order(found: dict[Pair, float], most: int) -> list[str]:
    """The columns of the strongest associations: the strongest pair, then in turn the next column that is
    strongest with one of those before, in the order of the table.

    Example:
        >>> in_order({("a", "b"): 0.1, ("a", "c"): -0.9, ("b", "c"): 0.2}, 2)
        ['a', 'c']
    """
    names = list(dict.fromkeys(name for pair in found for name in pair))
    first: Pair = max(found, key=lambda pair: abs(found[pair]))
    chosen = list(first)
    while len(chosen) < min(most, len(names)):
        strength = {
            name: max(abs(v) for p, v in found.items() if name in p and (set(p) - {name}) & set(chosen))
            for name in names
            if name not in chosen
        }
        chosen.append(max(strength, key=lambda name: strength[name]))
    return [name for name in names if name in chosen]


def matrix(found: dict[Pair, float], names: list[str]) -> np.ndarray:
    """Associations as a symmetric matrix with NaN on its diagonal, shape (columns, columns)."""
    values = np.full((len(names), len(names)), np.nan)
    place = {name: i for i, name in enumerate(names)}
    for (a, b), value in found.items():
        if a in place and b in place:
            values[place[a], place[b]] = values[place[b], place[a]] = value
    return values


def _heat(axes: Axes, values: np.ndarray, names: list[str], title: str, named: bool) -> None:
    axes.imshow(values, cmap=COLOURS, vmin=-1, vmax=1, interpolation="nearest")
    style.tidy(axes, title)
    short = [style.plain(name, LONGEST) for name in names]
    axes.set_xticks(range(len(names)), short, rotation=90)
    axes.set_yticks(range(len(names)), short if named else [""] * len(names))
    axes.tick_params(length=0)
    if len(names) <= WRITTEN:
        for i, j in zip(*np.nonzero(~np.isnan(values))):
            ink = style.PAPER if abs(values[i, j]) > 0.6 else style.INK
            said = f"{values[i, j]:.2f}".replace("0.", ".").replace("-.00", ".00")
            axes.text(j, i, said, ha="center", va="center", fontsize=TINY, color=ink)
