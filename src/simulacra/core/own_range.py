"""The range that data use, and the spaces whose features go by it.

Let q1 and q99 be the percentiles of the entries, which a few hot or dead pixels cannot move. The range is

    l = max(min, q1 - (q99 - q1)),        h = min(max, q99 + (q99 - q1))                        (1)

so it is from the least to the greatest entry unless some of them are outliers; where q1 = q99 it is always
that. Levels whose range is half of all their levels or more keep their features, and logarithms that lie
within [-3, 3] and spread over more than a quarter of a unit keep theirs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from simulacra.core.base_space import Ranged, Space
from simulacra.core.composite import Fields, Sequence
from simulacra.core.space import Levels

INNER = (0.01, 0.99)
LARGE_PART = 0.5  # of all levels: beyond, all of them are the range
CENTRAL, NARROW = 3.0, 0.25  # logarithms beyond the one, or spread over less than the other, are scaled


def ends_of(values: Tensor) -> tuple[float, float] | None:
    """Equation (1), or None where all entries are equal.

    Args:
        values: of any shape, at least one.

    Example:
        >>> ends_of(torch.tensor([500] * 50 + [600] * 50 + [65535]))
        (500.0, 700.0)
    """
    entries = values.detach().cpu().flatten().numpy()
    least, most = float(entries.min()), float(entries.max())
    places = [round(share * (len(entries) - 1)) for share in INNER]
    q1, q99 = map(float, np.partition(entries, places)[places])
    if least == most:
        return None
    if q1 == q99:
        return least, most
    # (1)
    return max(least, 2 * q1 - q99), min(most, 2 * q99 - q1)


def in_own_range(space: Space, x: Tensor, known: Tensor | None = None) -> Space:
    """The space, with the range of the rows x where its features would be badly scaled without.

    Args:
        x: rows of the space, shape (N, *shape).
        known: True where an entry is observed, shape of x, or None. Entries beyond the end of a ragged
            sequence are not.

    Example:
        >>> in_own_range(Levels((2,), 2**16), torch.tensor([[500, 600], [550, 580]])).high
        600.0
    """
    if isinstance(space, Sequence):
        inner = in_own_range(space.of, x.flatten(0, 1), None if known is None else known.flatten(0, 1))
        return replace(space, of=inner)
    if isinstance(space, Fields):
        there = space.parts(torch.ones_like(x, dtype=torch.bool) if known is None else known)
        fields = zip(space.fields, space.parts(x), there)
        return Fields({name: in_own_range(field, part, seen) for (name, field), part, seen in fields})
    if not isinstance(space, Ranged) or space.low is not None:
        return space
    values = x.flatten() if known is None else x[known]
    found = ends_of(values) if len(values) else None
    if found is None or _well_scaled(space, *found):
        return space
    return replace(space, low=found[0], high=found[1])


def _well_scaled(space: Ranged, low: float, high: float) -> bool:
    """Whether features are good without a range."""
    if isinstance(space, Levels):
        return high - low >= LARGE_PART * (space.levels - 1)
    ends = space.bare(torch.tensor([low, high], dtype=torch.float64)).tolist()
    return max(map(abs, ends)) <= CENTRAL and ends[1] - ends[0] > NARROW
