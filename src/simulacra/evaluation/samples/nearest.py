"""Distances to the nearest of many rows, by brute force: no tree is faster in many dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

BLOCK = 1024  # queries at once
CANDIDATES = 4  # near rows whose distance is computed again without cancellation


@torch.no_grad()
def nearest(queries: Tensor, rows: Tensor | Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Distance to the nearest of `rows` and its number, by brute force in blocks.

    Args:
        queries: shape (n, d).
        rows: shape (N, d), or blocks of it, so that streamed data need no memory.

    Returns:
        distances in float64 (0 for a copy) and row numbers, both of shape (n,).

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


def _nearest_in(queries: Tensor, block: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest row of one block: a matrix product finds candidates, differences decide."""
    # products of what lies far from the origin would lose the distances
    centre = block.mean(0)
    y = block - centre
    found = [_nearest_of(q, block, q - centre, y) for q in queries.split(BLOCK)]
    return torch.cat([d for d, _ in found]), torch.cat([index for _, index in found])


def _nearest_of(queries: Tensor, block: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest of some rows, and its number; `x` and `y` are queries and block, both centred alike."""
    half_squares = 0.5 * y.square().sum(1)
    # least |x - y|^2 / 2 - |x|^2 / 2; its rounding is why candidates are measured again
    near, index = (half_squares - x @ y.T).topk(min(CANDIDATES, len(y)), largest=False)
    exact = (block[index].double() - queries.unsqueeze(1).double()).square().sum(-1)
    best, at = exact.min(1)
    found = index.gather(1, at.unsqueeze(1)).squeeze(1)
    best = best.sqrt()
    if len(y) > CANDIDATES and x.dtype != torch.float64:
        # where rounding could hide a nearer row among the others, the product is made again in float64
        least = near[:, -1] + 0.5 * x.square().sum(1) - _rounding(x, y)
        doubtful = ~(0.5 * best.square() <= least)
        if doubtful.any():
            best[doubtful], found[doubtful] = _nearest_of(
                queries[doubtful], block, x[doubtful].double(), y.double()
            )
    return best, found


def _rounding(x: Tensor, y: Tensor) -> Tensor:
    """Errors of |x - y|^2 / 2 by products, as sums of random roundings have them, shape (n,)."""
    size = x.norm(dim=1) + y.norm(dim=1).max()
    return math.sqrt(x.shape[1]) * torch.finfo(x.dtype).eps * size.square()


@torch.no_grad()
def nearest_other(queries: Tensor, at: Tensor, rows: Iterable[Tensor]) -> Tensor:
    """Distances of some rows to the nearest other row.

    Args:
        queries: the rows that are asked for, shape (n, d).
        at: their numbers among all, shape (n,).
        rows: all of them, block by block, each of shape (B, d).

    Returns:
        float64 of shape (n,); infinite where there is no other row.

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
        for i in inside.nonzero()[:, 0].tolist():
            own = int(at[i]) - start
            others = torch.cat([block[:own], block[own + 1 :]])
            if len(others):
                best[i] = torch.minimum(best[i], _nearest_in(queries[i : i + 1], others)[0][0])
        start += len(block)
    return best
