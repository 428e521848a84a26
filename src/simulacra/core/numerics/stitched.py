"""Answers for observations that are larger than a network takes: overlapping tiles, stitched together.

A side of L entries is covered by tiles of T entries that overlap by o or more and begin at

    s_i = min(i (T - o), L - T),   i = 0, 1, ...                                                    (1)

An entry at distance j from the edge of a tile has the weight w(j). Within the margin m, where the network
lacks the entries beyond the tile, it is 0; then it rises to 1. At the ends of the side nothing is lacking,
and it is 1:

    w(j) = clamp((j + 1 - m) / (o + 1 - 2 m), 0, 1)                                                 (2)

The answer at entry p is the weighted mean of the answers y_i of the tiles, for several sides with the product
of their weights:

    y(p) = sum_i w_i(p - s_i) y_i(p - s_i) / sum_i w_i(p - s_i)                                     (3)

A network whose answer at p depends on entries at most m away has the same answer as on the whole. Where
answers are larger than tiles by a whole factor k, as in super-resolution, (1) to (3) hold with k T, k o and
k m: tiles begin at k s_i.

Sums are kept for one band of tiles at a time, so that memory beyond the observation and its answer does not
grow with their first side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from simulacra.core.progress.tasks import each

# tiles of shape (n, *lead, *tile) to answers of shape (n, *other lead, *tile), whose sides may be larger
Answer = Callable[[Tensor], Tensor]
# the same, given the first entry of each tile along each side as well, int64, shape (n, d)
AnswerAt = Callable[[Tensor, Tensor], Tensor]
VALUES, MOST = 2**20, 1024  # entries, and tiles, that are answered at once


@dataclass(frozen=True)
class Side:
    """Tiles along one side.

    Args:
        length: entries L of the side.
        tile: entries T of a tile.
        starts: first entry of each tile, equation (1).
        shares: the weight of each entry of each tile, as a share of all weights of the entry, shape
            (tiles, T).
    """

    length: int
    tile: int
    starts: tuple[int, ...]
    shares: Tensor


def tiles_along(length: int, tile: int, overlap: int | None = None, margin: int | None = None) -> Side:
    """Returns the tiles along one side by equations (1) and (2).

    Args:
        length: entries L of the side, at least `tile`.
        tile: entries T of a tile.
        overlap: least overlap o of neighbors, below T; None: half a tile.
        margin: entries m at inner edges without weight, at most o / 2; None: a quarter of the overlap.

    Raises:
        ValueError: if the side is shorter than a tile, or tiles overlap by too much or too little.

    Example:
        >>> side = tiles_along(7, 4)
        >>> side.starts, round(float(side.shares.sum()), 6)  # every entry has a share of one
        ((0, 2, 3), 7.0)
    """
    o = tile // 2 if overlap is None else overlap
    m = o // 4 if margin is None else margin
    if length < tile:
        raise ValueError(f"the side has {length} entries, but a tile has {tile}: give a smaller tile.")
    if not 0 <= 2 * m <= o < tile:
        raise ValueError(
            f"an overlap of {o} with a margin of {m} does not fit tiles of {tile}: the overlap is smaller "
            "than the tile, and the margin at most half of the overlap."
        )
    # (1)
    count = -(-(length - tile) // (tile - o)) + 1
    starts = tuple(min(i * (tile - o), length - tile) for i in range(count))
    rise = ((torch.arange(tile, dtype=torch.float64) + 1 - m) / (o + 1 - 2 * m)).clamp(0, 1)
    w = torch.ones(count, tile, dtype=torch.float64)
    # (2)
    w[1:] = torch.minimum(w[1:], rise)
    w[:-1] = torch.minimum(w[:-1], rise.flip(0))
    total = torch.zeros(length, dtype=torch.float64)
    for start, row in zip(starts, w):
        total[start : start + tile] += row
    shares = torch.stack([row / total[start : start + tile] for start, row in zip(starts, w)])
    return Side(length, tile, starts, shares)


def stitched(
    answer: Answer,
    x: Tensor,
    tile: Sequence[int],
    overlap: int | None = None,
    margin: int | None = None,
    name: str = "tiles",
    scale: int | Sequence[int] = 1,
) -> Tensor:
    """Returns the answer for an observation whose sides are longer than those of a tile, by equation (3).

    Answers of whole numbers are averaged and rounded.

    Args:
        answer: the answers for tiles; leading sides, such as channels, may differ from those of x.
        x: one observation, shape (*lead, L_1, ..., L_d).
        tile: the d sides T of a tile.
        overlap: least overlap of neighbors in entries; None: half a tile.
        margin: entries at inner edges without weight; None: a quarter of the overlap.
        name: name of the work in a bar of progress.
        scale: factor k by which the sides of answers are larger than those of tiles; one for each side, or
            one for all.

    Returns:
        shape (*other lead, k L_1, ..., k L_d), in the type of the answers.

    Raises:
        ValueError: if a side is shorter than that of a tile, or tiles overlap by too much or too little.

    Example:
        >>> x = torch.arange(35.0).reshape(1, 5, 7)
        >>> bool(stitched(lambda tiles: 2 * tiles, x, (4, 3)).allclose(2 * x))
        True
    """
    return stitched_at(lambda tiles, starts: answer(tiles), x, tile, overlap, margin, name, scale)


def stitched_at(
    answer: AnswerAt,
    x: Tensor,
    tile: Sequence[int],
    overlap: int | None = None,
    margin: int | None = None,
    name: str = "tiles",
    scale: int | Sequence[int] = 1,
) -> Tensor:
    """Returns what `stitched` does, for answers that depend on the places of tiles, as noise may.

    Args:
        answer: the answers for tiles, and for the first entry of each along each side, shape (n, d).
        x, tile, overlap, margin, name, scale: as in `stitched`.

    Raises:
        ValueError: if a side is shorter than that of a tile, or tiles overlap by too much or too little.

    Example:
        >>> place = lambda tiles, starts: starts + torch.arange(3)
        >>> stitched_at(place, torch.zeros(5), (3,)).tolist()
        [0, 1, 2, 3, 4]
    """
    d = len(tile)
    factors = [scale] * d if isinstance(scale, int) else list(scale)
    sides = [tiles_along(n, t, overlap, margin) for n, t in zip(x.shape[-d:], tile)]
    wide = [_enlarged(side, k, overlap, margin) for side, k in zip(sides, factors)]
    whole: Tensor | None = None
    for start, band in _bands(answer, x, sides, wide, name):
        if whole is None:
            whole = band.new_empty((*band.shape[:-d], *(side.length for side in wide)))
        whole.narrow(-d, start, band.shape[-d]).copy_(band)
    assert whole is not None
    return whole


def _enlarged(side: Side, k: int, overlap: int | None, margin: int | None) -> Side:
    """Returns the tiles along a side of answers, k times as long."""
    o = side.tile // 2 if overlap is None else overlap
    m = o // 4 if margin is None else margin
    return side if k == 1 else tiles_along(k * side.length, k * side.tile, k * o, k * m)


def _bands(
    answer: AnswerAt, x: Tensor, sides: list[Side], wide: list[Side], name: str
) -> Iterator[tuple[int, Tensor]]:
    """Yields the first entry along the first side, and all answers from there to the next band.

    Args:
        sides: tiles along each side of x.
        wide: the same for answers, which may be larger.
    """
    first, others = wide[0], wide[1:]
    across = list(product(*(range(len(side.starts)) for side in others)))
    lead = math.prod(x.shape[: -len(sides)])
    most = max(1, min(MOST, VALUES // max(1, lead * _volume(wide))))
    height = max(1, most // len(across))
    sums, carried = None, None
    for i in each(range(0, len(first.starts), height), name, "band"):
        rows = range(i, min(i + height, len(first.starts)))
        begin, end = first.starts[rows[0]], first.starts[rows[-1]] + first.tile
        places = [(row, *columns) for row in rows for columns in across]
        for some in range(0, len(places), most):
            part = places[some : some + most]
            starts = torch.tensor([[side.starts[j] for j, side in zip(place, sides)] for place in part])
            y = answer(torch.stack([x[_at(place, sides)] for place in part]), starts)
            if sums is None:
                sums = _begun(y, end - begin, wide, carried)
            for place, one in zip(part, y):
                # (3)
                sums[_at(place, wide, begin)] += one.to(sums.dtype) * _share(place, wide, sums)
        assert sums is not None
        last = rows[-1] + 1 == len(first.starts)
        done = (end if last else first.starts[rows[-1] + 1]) - begin
        finished, carried = sums.split([done, end - begin - done], -len(sides))
        sums = None
        yield begin, finished if y.is_floating_point() else finished.round().to(y.dtype)


def _begun(y: Tensor, height: int, sides: list[Side], carried: Tensor | None) -> Tensor:
    """Returns the sums of a band: those that the band before it left for its first entries, then zeros."""
    lead, lengths = y.shape[1 : y.dim() - len(sides)], [side.length for side in sides[1:]]
    sums = y.new_zeros((*lead, height, *lengths), dtype=y.dtype if y.is_floating_point() else torch.float32)
    if carried is not None:
        sums.narrow(-len(sides), 0, carried.shape[-len(sides)]).copy_(carried)
    return sums


def _volume(sides: list[Side]) -> int:
    n = 1
    for side in sides:
        n *= side.tile
    return n


def _at(place: Sequence[int], sides: list[Side], begin: int = 0) -> tuple[Any, ...]:
    """Returns the index of a tile in an observation, or in a band that begins at `begin`."""
    starts = [side.starts[i] for i, side in zip(place, sides)]
    starts[0] -= begin
    return (..., *(slice(s, s + side.tile) for s, side in zip(starts, sides)))


def _share(place: Sequence[int], sides: list[Side], like: Tensor) -> Tensor:
    """Returns the product of the shares of a tile along its sides, of the shape of a tile."""
    share = torch.ones((), dtype=torch.float64)
    for i, side in zip(place, sides):
        share = share.unsqueeze(-1) * side.shares[i]
    return share.to(like)
