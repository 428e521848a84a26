"""Which values of an image are black and white: one scale for all images of a figure, which says so.

Levels that use their range, and 0/1, go from their first value to their last, and nothing is said. Deep
images, levels in their own range and reals are drawn between two percentiles of what the figure shows, as a
few hot pixels would make all others black; reals that fill the unit interval are drawn on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from simulacra.core.spaces.plain import Binary, Levels, Space

ENDS = (0.005, 0.995)
BYTE = 256  # levels of a picture
USED = 0.5  # share of the unit interval that reals use at least if it is to be their scale


@dataclass(frozen=True)
class Scale:
    """The values that are black and white.

    Args:
        black: in units of x.
        white: likewise, above it.
        words: what a figure says of it, or nothing where it goes without saying.
    """

    black: float
    white: float
    words: str = ""


def scale_of(space: Space, x: Tensor) -> Scale:
    """The scale for all images that one figure shows.

    Args:
        x: in raw units, of any leading shape.

    Example:
        >>> import torch
        >>> scale_of(Levels((1, 1, 2), 2**16), torch.tensor([[[[412, 5310]]]])).words
        'black 412, white 5,310 of 65,535'
    """
    if isinstance(space, Levels):
        if space.levels <= BYTE and not space.ranged:
            return Scale(0.0, float(space.levels - 1))
        black, white = _percentiles(x, 1.0)
        return Scale(black, white, f"black {black:,.0f}, white {white:,.0f} of {space.levels - 1:,}")
    if isinstance(space, Binary) or not x.numel():
        return Scale(0.0, 1.0)
    black, white = _percentiles(x, 1e-12)
    if float(x.min()) >= 0 and float(x.max()) <= 1 and white - black >= USED:
        return Scale(0.0, 1.0)
    return Scale(black, white, f"black {black:.3g}, white {white:.3g}")


def _percentiles(x: Tensor, least: float) -> tuple[float, float]:
    """Two percentiles of the finite values, or their ends where those are equal, at least `least` apart."""
    values = x.detach().cpu().double().flatten().numpy()
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = map(float, np.quantile(values, ENDS, method="nearest"))
    if low == high:
        low, high = float(values.min()), float(values.max())
    return low, max(high, low + least)
