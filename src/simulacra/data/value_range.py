"""Fits the range of the training rows, by which the features that networks see are scaled.

Levels, counts and positive numbers carry the range in their space (`core.spaces.own_range`), mu-law levels in
their step. Real data without another scaling, such as dequantized dark images and quiet recordings, get a
last step, whose Jacobian keeps densities those of the raw rows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.column_scales import Columns
from simulacra.core.preprocessing.companding import MuLaw
from simulacra.core.preprocessing.transforms import Binarize, OwnRange, Transform
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces import composite
from simulacra.core.spaces.abstract import Space
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.own_range import clipped, in_own_range, place_of
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.row_store import RowStore

log = logging.getLogger("simulacra")

ENTRIES, ROWS, FEW = 2**21, 1024, 16  # entries, most and fewest rows of which the range is taken
MOST = 2**24  # most entries of the fewest rows, which may be large
QUIET = 0.02  # recordings with a smaller root mean square are scaled


def with_own_range(
    chain: Preprocessing,
    rows: Tensor | RowStore,
    known: Tensor | None = None,
    lengths: Tensor | None = None,
    standardize: bool | None = False,
    looked_at: Tensor | None = None,
    what: str = "training rows",
) -> Preprocessing:
    """Adds the range of the training rows to the preprocessing, where features would be badly scaled without.

    The range is that of at most a thousand rows at equal distances: the same whether they are in memory or
    streamed.

    Args:
        chain: the preprocessing without ranges.
        rows: raw training rows, shape (N, *).
        known: True where an entry is observed, shape (N, *), or None: all are.
        lengths: number of valid steps of ragged sequences, shape (N,), or None.
        standardize: the option of `load_data`; False leaves real rows unscaled.
        looked_at: numbers of the rows whose range is taken, shape (M,); None: those of `some_rows`.
        what: name of the rows in messages.
    """
    if not len(rows) or any(isinstance(step, Binarize) for step in chain.steps):
        return chain
    index = some_rows(rows, chain.raw.dims) if looked_at is None else looked_at
    try:
        x = rows.read(index.tolist()) if isinstance(rows, RowStore) else rows[index]
    except ValueError:
        # a damaged file is reported when its rows are read for training
        return chain
    there = None if known is None else known[index]
    if lengths is not None:
        assert isinstance(chain.raw, composite.Sequence)
        valid = chain.raw.valid(lengths[index])
        there = valid if there is None else there & valid
    found = replace(chain, steps=_steps_with_range(chain.steps, x), raw=_raw_with_range(chain, x, there))
    last = [] if standardize is False and isinstance(found.raw, Real) else _last_step(found, x, there)
    _log_range(found, last, x, what)
    return replace(found, steps=(*found.steps, *last))


def some_rows(rows: Tensor | RowStore, dims: int) -> Tensor:
    """Returns the numbers of rows at equal distances, few enough to be read in seconds.

    Args:
        rows: all rows, in memory or on disk.
        dims: number of entries of a row.
    """
    n = len(rows)
    few = max(1, min(FEW, MOST // max(1, dims)))
    most = min(n, ROWS, max(few, ENTRIES // max(1, dims)))
    return rows.some(most) if isinstance(rows, RowStore) else torch.arange(most) * n // most


def _raw_with_range(chain: Preprocessing, x: Tensor, known: Tensor | None) -> Space:
    """Returns the raw space with its range; columns that a step scales keep none."""
    raw = in_own_range(chain.raw, x, known)
    if isinstance(raw, composite.Table) and isinstance(chain.raw, composite.Table):
        moved = {i for step in chain.steps if isinstance(step, Columns) for i in _scaled_columns(step)}
        starts = torch.tensor([0, *raw.widths]).cumsum(0).tolist()
        kept = zip(chain.raw.fields, raw.fields, starts)
        return composite.Table({name: old if i in moved else new for (name, old), (_, new), i in kept})
    return raw


def _scaled_columns(step: Columns) -> list[int]:
    return [i for i, kind in enumerate(step.kinds) if kind != "keep"]


def _steps_with_range(steps: Sequence[Transform], x: Tensor) -> tuple[Transform, ...]:
    """Returns the steps with the range of the used codes in mu-law steps."""
    changed: list[Transform] = []
    for step in steps:
        if isinstance(step, MuLaw):
            codes = step.forward(x, Rng(0))
            space = in_own_range(Levels((), step.levels), codes.flatten())
            assert isinstance(space, Levels)
            step = replace(step, centre=space.centre, spread=space.spread)
        changed.append(step)
    return tuple(changed)


def _last_step(chain: Preprocessing, x: Tensor, known: Tensor | None) -> list[Transform]:
    """Returns the step that scales real data, or [] if they need none."""
    if not isinstance(chain.space, Real):
        return []
    if isinstance(chain.raw, Audio):
        size = float(x.double().square().mean().sqrt())
        return [OwnRange((0.0,), (size,))] if not chain.steps and 0 < size < QUIET else []
    if not isinstance(chain.raw, Levels) or not chain.raw.ranged:
        return []
    y = chain.apply(x, Rng(0, "own range", rows=range(len(x))))
    centre, spread = place_of(clipped(y if known is None else y[known]))
    return [OwnRange((centre,), (spread,))]


def _log_range(chain: Preprocessing, last: Sequence[Transform], x: Tensor, what: str) -> None:
    space = next((s for s in (chain.raw, chain.space) if isinstance(s, Levels) and s.ranged), None)
    if space is chain.raw and isinstance(space, Levels):
        log.info(
            "the %s hold %s to %s of 0 to %s: models see them by their mean and deviation; no "
            "value is changed",
            what,
            *(f"{int(end):,}" for end in (x.min(), x.max(), space.levels - 1)),
        )
    elif last or space is not None:
        log.info("the recordings are quiet: models see them scaled up; no value is changed")
