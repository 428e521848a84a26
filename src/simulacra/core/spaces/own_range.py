"""Measures the value range of data, and gives it to spaces whose features would be badly scaled.

Let q1 and q99 be percentiles of the entries, which a few hot or dead pixels cannot move. Entries are
clipped to

    [q1 - (q99 - q1), q99 + (q99 - q1)],    or not at all if q1 = q99,                            (1)

m is the midpoint of their mean and their median, and s their standard deviation. (A network starts at m. Many
images are dark with few bright pixels: from the midpoint, models of such data learn faster than from the
mean, and models of symmetric data as fast.) Levels keep their default features if they use half of all levels
or more, with a deviation of a tenth of them or more (a quarter for more than 256 levels); so do logarithms
that lie within [-3, 3] and span a quarter of a unit or more.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_float64
from simulacra.core.spaces.abstract import Ranged, Space
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Levels

INNER = (0.01, 0.99)
USED, DEVIATION = 0.5, 0.1  # fractions of all levels; at least these are well scaled
BYTE, DEEP = 256, 0.25  # with more than BYTE levels, the least deviation is DEEP
CENTRAL, NARROW = 3.0, 0.25  # largest absolute value and smallest span of well scaled logarithms


def clipped(values: Tensor) -> np.ndarray:
    """Clips entries by equation (1), float64, shape (N,).

    Args:
        values: any shape, at least one entry.

    Example:
        >>> float(clipped(torch.tensor([500] * 50 + [600] * 50 + [65535])).max())
        700.0
    """
    entries = to_float64(values.detach().cpu().flatten()).numpy()
    places = [round(share * (len(entries) - 1)) for share in INNER]
    q1, q99 = map(float, np.partition(entries, places)[places])
    # (1)
    return entries if q1 == q99 else entries.clip(2 * q1 - q99, 2 * q99 - q1)


def in_own_range(space: Space, x: Tensor, known: Tensor | None = None) -> Space:
    """Returns the space with the value range of the rows, if its default features would be badly scaled.

    Args:
        space: any space; fields of tables and steps of sequences are treated on their own.
        x: rows of the space, shape (N, *shape).
        known: True where an entry is observed, shape of x; None: everywhere. Padding of ragged sequences
            is not observed.

    Example:
        >>> space = in_own_range(Levels((2,), 2**16), torch.tensor([[500, 600], [500, 600]]))
        >>> space.centre, space.spread
        (550.0, 50.0)
    """
    if isinstance(space, Sequence):
        inner = in_own_range(space.of, x.flatten(0, 1), None if known is None else known.flatten(0, 1))
        return replace(space, of=inner)
    if isinstance(space, Table):
        there = space.parts(torch.ones_like(x, dtype=torch.bool) if known is None else known)
        fields = zip(space.fields, space.parts(x), there)
        return Table({name: in_own_range(field, part, seen) for (name, field), part, seen in fields})
    if not isinstance(space, Ranged) or space.ranged:
        return space
    values = x.flatten() if known is None else x[known]
    if not len(values):
        return space
    entries = clipped(space.bare(to_float64(values)))
    centre, spread = place_of(entries)
    if spread <= 1e-12 * abs(centre) or _well_scaled(space, entries, spread):
        return space
    return replace(space, centre=centre, spread=spread)


def place_of(entries: np.ndarray) -> tuple[float, float]:
    """Returns m and s of clipped entries."""
    return float(entries.mean() + np.median(entries)) / 2, float(entries.std())


def _well_scaled(space: Ranged, entries: np.ndarray, deviation: float) -> bool:
    """Returns True if the default features are well scaled.

    Args:
        space: space of the entries.
        entries: clipped entries.
        deviation: their standard deviation.
    """
    used = float(entries.max() - entries.min())
    if isinstance(space, Levels):
        least = DEVIATION if space.levels <= BYTE else DEEP
        return used >= USED * (space.levels - 1) and deviation >= least * (space.levels - 1)
    return float(np.abs(entries).max()) <= CENTRAL and used >= NARROW
