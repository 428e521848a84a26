"""Point estimates of unknown entries: the mean or the median of weighted draws, by the kind of the entry.

For an entry with the draws x_1, ..., x_k given what is known, of the normalized weights w_1, ..., w_k,

    mean = sum_j w_j x_j                                                                  (1)
    median = the smallest x_j with sum of w over all draws <= x_j of at least 1/2         (2)
    class = argmax_v sum over x_j = v of w_j                                              (3)

Numbers have (1) or (2). Classes without an order and 0/1 entries have (3) under both names. For ordered
classes, counts and levels, (1) is moved to the nearest possible value; other means have two decimals more
than their column. The mean has the least squared error in expectation, the median the least absolute error,
(3) the fewest wrong classes.

Reference: Rubin 1987 (single and multiple imputation); van Buuren 2018, section 2.6.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_float64
from simulacra.core.spaces.classes import Categorical, Ordinal, codes_of, values_of
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Binary, Count, Levels, Real, Space

Point = Literal["mean", "median"]
MORE = 2  # decimals of a mean beyond those of its column; the noise of the draws is larger
LARGEST = 2**22  # most entries of the candidates that are held at once


def point_of(space: Space, x: Tensor, log_w: Tensor, point: Point) -> Tensor:
    """Returns the point estimate of each entry in raw units, shape (B, *).

    Args:
        space: raw space of one observation.
        x: draws, shape (B, k, *).
        log_w: log-weights of the draws, not normalized, in nats, shape (B, k).
        point: `mean` for equation (1), `median` for (2).

    Example:
        >>> from simulacra.core.spaces.numeric import Numeric
        >>> from simulacra.core.spaces.plain import Real
        >>> x = torch.tensor([[[0.0], [0.0], [6.0]]])
        >>> [point_of(Real((1,)), x, torch.zeros(1, 3), point).item() for point in ("mean", "median")]
        [2.0, 0.0]
    """
    w = to_float64(log_w).softmax(1)
    if not isinstance(space, Table):
        return _entries(space, x, w, point).to(x.dtype)
    parts, start = [], 0
    for _, field in space.fields:
        parts.append(_entries(field, x[:, :, start : start + field.dims], w, point))
        start += field.dims
    return torch.cat(parts, 1).to(x.dtype)


def _entries(space: Space, x: Tensor, w: Tensor, point: Point) -> Tensor:
    """Returns the estimates of entries of one kind in double precision, shape (B, *)."""
    while isinstance(space, Sequence):
        space = space.of
    x, w = to_float64(x), w.to(x.device).view(*w.shape, *[1] * (x.dim() - 2))
    if isinstance(space, (Binary, Categorical)):
        return _likeliest(x, w)
    if point == "median":
        return _median(x, w)
    if isinstance(space, Ordinal) and space.values:
        return _nearest(space, (w * x).sum(1))
    # (1)
    mean = (w * x).sum(1)
    if isinstance(space, (Ordinal, Count, Levels)):
        return mean.round()
    if isinstance(space, (Numeric, Real)) and space.decimals is not None:
        return mean.round(decimals=space.decimals + MORE)
    return mean


def _median(x: Tensor, w: Tensor) -> Tensor:
    """Returns equation (2), shape (B, *)."""
    ordered, at = x.sort(1)
    below = w.expand_as(x).gather(1, at).cumsum(1)
    # (2), less what rounding adds to a sum
    first = (below >= 0.5 - 1e-9).to(torch.uint8).argmax(1, keepdim=True)
    return ordered.gather(1, first).squeeze(1)


def _likeliest(x: Tensor, w: Tensor) -> Tensor:
    """Returns equation (3), the smallest value among equal sums, shape (B, *)."""
    best, most = torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0])
    for value in x.unique().tolist():
        # (3)
        mass = (w * (x == value)).sum(1)
        best = torch.where(mass > most + 1e-12, value, best)
        most = torch.maximum(mass, most)
    return best


def _nearest(space: Ordinal, x: Tensor) -> Tensor:
    """Returns the value of an ordered class that is nearest to each number, shape of x."""
    upper = codes_of(space.values, x).long()
    both = torch.stack([values_of(space.values, code) for code in ((upper - 1).clamp_min(0), upper)])
    near = (both - x).abs().argmin(0, keepdim=True)
    return both.gather(0, near).squeeze(0)
