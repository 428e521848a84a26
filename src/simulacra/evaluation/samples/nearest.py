"""Nearest-neighbour search by brute force, since no tree is faster in many dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

BLOCK = 1024  # queries per block
ENTRIES = 2**17  # differences that are held at once: more do not fit a cache
CANDIDATES = 4  # near rows whose distances are recomputed as differences, without cancellation


@torch.no_grad()
def nearest(queries: Tensor, rows: Tensor | Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns distance and index of the nearest row of each query, by brute force in blocks.

    Args:
        queries: shape (n, d).
        rows: shape (N, d), or an iterable of blocks of it, for streamed data.

    Returns:
        distances in float64 (0 for a copy) and row indices, both of shape (n,).

    Raises:
        ValueError: if there are no rows, or they have another number of features.

    Example:
        >>> distances, which = nearest(torch.tensor([[0.9, 0.0]]), torch.eye(2))
        >>> which.tolist(), round(distances.item(), 4)
        ([0], 0.1)
    """
    best = torch.full((len(queries),), torch.inf, dtype=torch.float64)
    which = torch.zeros(len(queries), dtype=torch.long)
    start = 0
    for block in rows.split(BLOCK) if isinstance(rows, Tensor) else rows:
        if block.shape[1:] != queries.shape[1:]:
            raise ValueError(f"queries have shape {tuple(queries.shape)}, rows {tuple(block.shape)}.")
        if not len(block):
            continue
        distances, index = _nearest_in(queries, block)
        nearer = distances < best
        best[nearer], which[nearer] = distances[nearer], index[nearer] + start
        start += len(block)
    if not start:
        raise ValueError("there are no rows to be near to.")
    return best, which


def _nearest_in(queries: Tensor, block: Tensor, own: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Returns the nearest row of one block: a matrix product finds candidates, differences decide.

    `own`, shape (n,), is the index of each query itself in the block, which is left out.
    """
    # centre the rows: far from the origin, products lose small differences to rounding
    centre = block.mean(0)
    y = block - centre
    owns = [None] * -(-len(queries) // BLOCK) if own is None else own.split(BLOCK)
    found = [_nearest_of(q, block, q - centre, y, i) for q, i in zip(queries.split(BLOCK), owns)]
    return torch.cat([d for d, _ in found]), torch.cat([index for _, index in found])


def _nearest_of(
    queries: Tensor, block: Tensor, x: Tensor, y: Tensor, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Returns distance and index of the nearest row; `x` and `y` are the centred queries and block."""
    half_squares = 0.5 * y.square().sum(1)
    # smallest |x - y|^2 / 2 - |x|^2 / 2; rounding requires that candidates are recomputed
    scores = half_squares - x @ y.T
    if own is not None:
        scores[torch.arange(len(x)), own] = torch.inf
    near, index = scores.topk(min(CANDIDATES, len(y)), largest=False)
    exact = _squares(queries, block, index)
    if own is not None:
        exact = exact.masked_fill(index == own.unsqueeze(1), torch.inf)
    best, at = exact.min(1)
    found = index.gather(1, at.unsqueeze(1)).squeeze(1)
    best = best.sqrt()
    if len(y) > CANDIDATES and x.dtype != torch.float64:
        # if rounding could hide a nearer row among the others, repeat the product in float64
        least = near[:, -1] + 0.5 * x.square().sum(1) - _rounding(x, y)
        doubtful = ~(0.5 * best.square() <= least)
        if doubtful.any():
            again = None if own is None else own[doubtful]
            best[doubtful], found[doubtful] = _nearest_of(
                queries[doubtful], block, x[doubtful].double(), y.double(), again
            )
    return best, found


def _squares(queries: Tensor, block: Tensor, index: Tensor) -> Tensor:
    """Returns squared distances of queries to rows of a block by differences, float64, shape of `index`."""
    each = max(1, ENTRIES // max(1, index.shape[1] * block.shape[1]))
    parts = [
        (block[at].double() - q.unsqueeze(1).double()).square().sum(-1)
        for q, at in zip(queries.split(each), index.split(each))
    ]
    return torch.cat(parts) if parts else queries.new_zeros(index.shape, dtype=torch.float64)


def _rounding(x: Tensor, y: Tensor) -> Tensor:
    """Returns the typical rounding error of |x - y|^2 / 2 by products, shape (n,)."""
    size = x.norm(dim=1) + y.norm(dim=1).max()
    return math.sqrt(x.shape[1]) * torch.finfo(x.dtype).eps * size.square()


@torch.no_grad()
def nearest_other(queries: Tensor, at: Tensor, rows: Iterable[Tensor]) -> Tensor:
    """Returns the distances of some rows to the nearest other row.

    Args:
        queries: these rows, shape (n, d).
        at: their indices among all rows, shape (n,).
        rows: all rows in blocks of shape (B, d).

    Returns:
        distances in float64, shape (n,); infinite if there is no other row.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [3.0]])
        >>> nearest_other(x[[0, 2]], torch.tensor([0, 2]), [x]).tolist()
        [1.0, 2.0]
    """
    best, start = torch.full((len(at),), torch.inf, dtype=torch.float64), 0
    for block in rows:
        inside = (at >= start) & (at < start + len(block))
        if bool((~inside).any()):
            best[~inside] = torch.minimum(best[~inside], _nearest_in(queries[~inside], block)[0])
        if bool(inside.any()):
            found = _nearest_in(queries[inside], block, at[inside] - start)[0]
            best[inside] = torch.minimum(best[inside], found)
        start += len(block)
    return best
