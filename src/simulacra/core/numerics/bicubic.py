"""Bicubic resampling of images, as Pillow does it: antialiased where they shrink, cut windows at the border.

    k(t) = (a + 2)|t|^3 - (a + 3)|t|^2 + 1            for |t| <= 1                                (1)
         = a|t|^3 - 5a|t|^2 + 8a|t| - 4a              for 1 < |t| < 2,  else 0;   a = -1/2

Along a side of n pixels that becomes one of m, with r = n / m and f = max(r, 1), pixel i is

    y_i = sum_j w_ij x_j,   w_ij = k((j + 1/2 - r (i + 1/2)) / f) / sum_j' k(...)                    (2)

over the pixels j within the image. An image is resampled along its rows, then along its columns.

Reference: Keys 1981; the kernel of Pillow's `BICUBIC`. Row G20.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

A = -0.5  # a of equation (1): the value at which the kernel reproduces quadratic functions
REACH = 2.0  # pixels from its middle beyond which the kernel is 0


def kernel(t: Tensor) -> Tensor:
    """Returns k(t) of equation (1), shape of t.

    Args:
        t: distances in pixels.

    Example:
        >>> kernel(torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0])).tolist()
        [1.0, 0.5625, 0.0, -0.0625, 0.0]
    """
    t = t.abs()
    near = ((A + 2) * t - (A + 3)) * t * t + 1
    far = ((A * t - 5 * A) * t + 8 * A) * t - 4 * A
    return torch.where(t <= 1, near, torch.where(t < REACH, far, torch.zeros_like(t)))


@lru_cache(maxsize=64)
def weights_along(n: int, m: int) -> Tensor:
    """Returns w of equation (2) for one side, float64, shape (m, n); do not change it in place.

    Args:
        n: pixels of the side.
        m: pixels of the resampled side.

    Example:
        >>> weights_along(2, 4)[1]  # the cut window has sum 1
        tensor([0.7929, 0.2071], dtype=torch.float64)
    """
    ratio = n / m
    middle = ratio * (torch.arange(m, dtype=torch.float64).unsqueeze(1) + 0.5)
    w = kernel((torch.arange(n, dtype=torch.float64) + 0.5 - middle) / max(ratio, 1.0))
    # (2)
    return w / w.sum(1, keepdim=True)


def bicubic(x: Tensor, sides: Sequence[int]) -> Tensor:
    """Returns images resampled to other sides by equation (2), not clipped, shape (*, *sides).

    Args:
        x: images of real numbers, shape (*, H, W).
        sides: height and width of the result in pixels.

    Example:
        >>> bicubic(torch.ones(2, 1, 3, 5), (6, 10)).mean().item()
        1.0
    """
    down, right = (weights_along(n, m).to(x) for n, m in zip(x.shape[-2:], sides))
    return down @ x @ right.T
