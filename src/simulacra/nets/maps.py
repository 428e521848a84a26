"""Maps of one to three dimensions beside other maps: brought to the same sides and joined as channels.

smaller by whole ratios    nearest neighbors
larger by whole ratios     means over blocks
other ratios               linear interpolation
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

LINEAR = ("linear", "bilinear", "trilinear")
POOLS = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)


def resized(c: Tensor, sides: Sequence[int]) -> Tensor:
    """Returns maps with other sides, shape (B, K, *sides).

    Args:
        c: maps, shape (B, K, *sides_c), of one to three sides.
        sides: sides of the result, as many.

    Example:
        >>> wave = torch.tensor([[[1.0, 3.0]]])
        >>> resized(wave, (4,)).tolist(), resized(wave, (1,)).tolist()
        ([[[1.0, 1.0, 3.0, 3.0]]], [[[2.0]]])
    """
    old, new = tuple(c.shape[2:]), tuple(sides)
    assert len(old) == len(new), f"maps of {len(old)} sides beside maps of {len(new)}"
    if old == new:
        return c
    if all(n % o == 0 for o, n in zip(old, new)):
        return F.interpolate(c, new, mode="nearest")
    if all(o % n == 0 for o, n in zip(old, new)):
        return POOLS[len(old) - 1](c, tuple(o // n for o, n in zip(old, new)))
    return interpolated(c, new)


def interpolated(h: Tensor, sides: Sequence[int]) -> Tensor:
    """Returns maps with other sides by linear interpolation along each, shape (B, K, *sides).

    A graph that is exported has products with matrices of weights instead, for any number of rows.

    Args:
        h: maps, shape (B, K, *), of one to three sides.
        sides: sides of the result, as many.

    Example:
        >>> interpolated(torch.tensor([[[0.0, 4.0]]]), (4,)).tolist()
        [[[0.0, 1.0, 3.0, 4.0]]]
    """
    if not torch.compiler.is_exporting():
        return F.interpolate(h, tuple(sides), mode=LINEAR[h.dim() - 3], align_corners=False)
    for axis, m in enumerate(sides, 2):
        h = (h.movedim(axis, -1) @ _weights(h.shape[axis], m).to(h).T).movedim(-1, axis)
    return h


def _weights(n: int, m: int) -> Tensor:
    """Returns the weights of n entries in m interpolated ones, shape (m, n)."""
    at = ((torch.arange(m, dtype=torch.float64) + 0.5) * n / m - 0.5).clamp(0, n - 1)
    low = at.floor().long()
    found = torch.zeros(m, n, dtype=torch.float64)
    found[torch.arange(m), low] += 1 - (at - low)
    found[torch.arange(m), (low + 1).clamp(max=n - 1)] += at - low
    return found


def with_maps(h: Tensor, c: Tensor | None) -> Tensor:
    """Returns maps with those of a condition as further channels, shape (B, C + K, *sides).

    Args:
        h: maps, shape (B, C, *sides).
        c: maps of the condition, shape (B, K, *sides_c); None returns h.

    Example:
        >>> with_maps(torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 4, 4)).shape
        torch.Size([2, 4, 8, 8])
    """
    return h if c is None else torch.cat([h, resized(c, h.shape[2:])], 1)


def with_channel(h: Tensor, dims: int) -> Tensor:
    """Returns waves (B, T) as maps with one channel (B, 1, T), and maps as they are.

    Args:
        h: features of observations, shape (B, *features_shape).
        dims: number of sides of the maps, 1 for waves.
    """
    return h.unsqueeze(1) if h.dim() == dims + 1 else h
