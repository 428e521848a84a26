"""Association matrices of data and samples, and their difference: the dependences that a model keeps.

The association of two numbers is Spearman's correlation, from -1 to 1; with classes it is Cramer's V or the
correlation ratio, from 0 to 1 (`simulacra.tables.associations`).
"""

from __future__ import annotations

import math

import numpy as np
import torch

from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real, Space
from simulacra.exploration.drawing.marks import Heatmap
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.text import short
from simulacra.exploration.drawing.views import PAIRS, entry_names
from simulacra.exploration.pictures.album import Album
from simulacra.tables.associations import Pair, associations
from simulacra.tables.columns import Columns, rounded
from simulacra.tables.sources import table_of

ROWS = 2000  # training rows, and as many samples
COLUMNS = 30  # largest number of columns whose names are legible
WRITTEN = 10  # largest number of columns with a number in each cell
CELL, BESIDE = 0.155, 2.1  # inches: of a cell; of names and scale beside three matrices
LONGEST = 18  # letters of a name that are shown
TINY = 5.5  # size of the numbers in points


def correlations(album: Album) -> Picture:
    """Association matrices of training rows and of as many samples, and samples minus data."""
    data, drawn = tables_of(album, ROWS)
    found = associations(data)
    names = in_order(found, COLUMNS)
    ours = associations(rounded(drawn, data).only(names))
    left, middle = matrix(found, names), matrix(ours, names)
    side = max(2.1, CELL * len(names))
    longest = min(LONGEST, max(map(len, names)))
    said = f"data ({len(data):,} training rows)", f"samples ({len(drawn):,})", "samples - data"
    values = left, middle, middle - left
    made = [_heat(v, names, title, named=i == 0) for i, (v, title) in enumerate(zip(values, said))]
    some = f" ({len(names)} of {len(data.names)} columns)" if len(names) < len(data.names) else ""
    size = 3 * side + BESIDE, side + 1.0 + 0.075 * longest
    title = f"{type(album.model).__name__}: associations of pairs of columns{some}"
    # three squares as large as fit, with their names
    return grid(made, 3, *size, title, bar="", compressed=True)


def tables_of(album: Album, n: int) -> tuple[Columns, Columns]:
    """At most n training rows at even distances, and as many samples, as tables.

    Args:
        album: model and data; `as_columns` of its space is not None.
        n: largest number of rows.
    """
    space, train = as_columns(album.space), album.data.train
    assert space is not None
    n = min(n, len(train))
    rows = train.rows(torch.arange(n) * len(train) // n)
    drawn = album.model.sample(n, album.conditions(n), album.seed)
    return table_of(space, rows.x, rows.known), table_of(space, drawn)


def as_columns(space: Space) -> Table | None:
    """The table itself, or a table of the entries of a vector of more than five real numbers; otherwise None.

    Args:
        space: of the data.

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
    """The columns with the strongest associations, in the order of the table.

    The strongest pair comes first; then the column with the strongest association to a chosen one is added,
    again and again.

    Args:
        found: association of each pair.
        most: largest number of columns.

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
    """Associations as a symmetric matrix with NaN on its diagonal, shape (columns, columns).

    Args:
        found: association of each pair.
        names: columns in their order.
    """
    values = np.full((len(names), len(names)), np.nan)
    place = {name: i for i, name in enumerate(names)}
    for (a, b), value in found.items():
        if a in place and b in place:
            values[place[a], place[b]] = values[place[b], place[a]] = value
    return values


def _heat(values: np.ndarray, names: list[str], title: str, named: bool) -> Panel:
    """One matrix; each number is written where the matrix is small."""
    shown = tuple(short(name, LONGEST) for name in names)
    places = tuple(map(float, range(len(names))))
    words: tuple[tuple[str, ...], ...] = ()
    if len(names) <= WRITTEN:
        words = tuple(tuple(map(_written, row)) for row in values.tolist())
    heat = Heatmap(values, -1, 1, "diverging", square=True, words=words, size=TINY)
    x = Axis(ticks=places, labels=shown, slant=90)
    y = Axis(ticks=places, labels=shown if named else ("",) * len(names))
    return Panel((heat,), title, x=x, y=y, tick_lines=False)


def _written(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}".replace("0.", ".").replace("-.00", ".00")
