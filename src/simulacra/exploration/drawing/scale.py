"""The scale of an image: which values are black and white, or which colours stand for classes and signs.

All images of one picture have one scale. Levels that use their whole range, and 0/1, go from their first
value to their last, without a note. Deep images, levels in a range of their own, and reals go from the 0.5th
to the 99.5th percentile of the values in the picture, since a few hot pixels would make all others black; a
note gives both values. Reals that fill the unit interval go from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from simulacra.core.spaces.plain import Binary, Levels, Space

ENDS = (0.005, 0.995)
BYTE = 256  # levels of a picture
USED = 0.5  # reals in [0, 1] whose percentiles lie this far apart are drawn on [0, 1]


@dataclass(frozen=True)
class Scale:
    """The values that are black and white.

    Args:
        black: in units of x.
        white: likewise, above `black`.
        words: a note for the picture; empty where the scale is the whole range of the space.
    """

    black: float
    white: float
    words: str = ""


@dataclass(frozen=True)
class ClassColours:
    """One colour for each class.

    Args:
        classes: number of classes; values are 0 to classes - 1.
    """

    classes: int


@dataclass(frozen=True)
class SignedScale:
    """Blue for negative values, white for zero, red for positive ones; each image on its own scale.

    An image with the largest absolute value m goes from -m to m.
    """


def scale_of(space: Space, x: Tensor) -> Scale:
    """The scale for all images of one picture.

    Args:
        space: of one image.
        x: all images of the picture in raw units, shape (*, C, H, W).

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
    """The 0.5th and the 99.5th percentile of the finite values, at least `least` apart.

    Where both are equal, the smallest and the largest value take their place.
    """
    values = x.detach().cpu().double().flatten().numpy()
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = map(float, np.quantile(values, ENDS, method="nearest"))
    if low == high:
        low, high = float(values.min()), float(values.max())
    return low, max(high, low + least)
