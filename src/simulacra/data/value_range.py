"""The range that the training rows of a data set use, for the features that networks are shown.

Levels, counts and positive numbers carry it in their space (`core.spaces.own_range`); levels of the mu-law in
their step. What is real to the model and has no other scaling, such as dequantized dark images and quiet
recordings, gets a last step, whose Jacobian keeps densities those of the raw rows.
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

ENTRIES, ROWS, FEW = 2**21, 1024, 16  # looked at: of all rows, at most and at least
MOST = 2**24  # entries of those few rows, which may be large
QUIET = 0.02  # root mean square of recordings that are scaled: below it


def with_own_range(
    chain: Preprocessing,
    rows: Tensor | RowStore,
    known: Tensor | None = None,
    lengths: Tensor | None = None,
    standardize: bool | None = False,
    looked_at: Tensor | None = None,
) -> Preprocessing:
    """The chain with the range that training rows use, where features would be badly scaled without.

    The range is that of at most a thousand rows at equal distances: the same whether they are in memory or
    streamed.

    Args:
        rows: raw training rows, shape (N, *).
        known: True where an entry is observed, shape (N, *), or None.
        lengths: valid steps of ragged sequences, shape (N,), or None.
        standardize: as `load_data` was told; False leaves real rows as they are.
        looked_at: numbers of the rows that tell the range; by default they are chosen here.
    """
    if not len(rows) or any(isinstance(step, Binarize) for step in chain.steps):
        return chain
    index = some_rows(rows, chain.raw.dims) if looked_at is None else looked_at
    try:
        x = rows.read(index.tolist()) if isinstance(rows, RowStore) else rows[index]
    except ValueError:
        # whoever reads the rows names the damaged file
        return chain
    there = None if known is None else known[index]
    if lengths is not None:
        assert isinstance(chain.raw, composite.Sequence)
        valid = chain.raw.valid(lengths[index])
        there = valid if there is None else there & valid
    found = replace(chain, steps=_of_codes(chain.steps, x), raw=_of_raw(chain, x, there))
    last = [] if standardize is False and isinstance(found.raw, Real) else _last_step(found, x, there)
    _say(found, last, x)
    return replace(found, steps=(*found.steps, *last))


def some_rows(rows: Tensor | RowStore, dims: int) -> Tensor:
    """Numbers of rows at equal distances, as many as are looked at in seconds."""
    n = len(rows)
    few = max(1, min(FEW, MOST // max(1, dims)))
    most = min(n, ROWS, max(few, ENTRIES // max(1, dims)))
    return rows.some(most) if isinstance(rows, RowStore) else torch.arange(most) * n // most


def _of_raw(chain: Preprocessing, x: Tensor, known: Tensor | None) -> Space:
    """The raw space with its range; columns that a step scales have none."""
    raw = in_own_range(chain.raw, x, known)
    if isinstance(raw, composite.Table) and isinstance(chain.raw, composite.Table):
        moved = {i for step in chain.steps if isinstance(step, Columns) for i in _moved(step)}
        starts = torch.tensor([0, *raw.widths]).cumsum(0).tolist()
        kept = zip(chain.raw.fields, raw.fields, starts)
        return composite.Table({name: old if i in moved else new for (name, old), (_, new), i in kept})
    return raw


def _moved(step: Columns) -> list[int]:
    return [i for i, kind in enumerate(step.kinds) if kind != "keep"]


def _of_codes(steps: Sequence[Transform], x: Tensor) -> tuple[Transform, ...]:
    """The steps, where those of the mu-law know which codes are used."""
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
    """The step that scales what is real to the model, where it needs one."""
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


def _say(chain: Preprocessing, last: Sequence[Transform], x: Tensor) -> None:
    space = next((s for s in (chain.raw, chain.space) if isinstance(s, Levels) and s.ranged), None)
    if space is chain.raw and isinstance(space, Levels):
        log.info(
            "the training rows hold %s to %s of 0 to %s: models see them by their mean and deviation; no "
            "value is changed",
            *(f"{int(end):,}" for end in (x.min(), x.max(), space.levels - 1)),
        )
    elif last or space is not None:
        log.info("the recordings are quiet: models see them louder, and no value is changed")
