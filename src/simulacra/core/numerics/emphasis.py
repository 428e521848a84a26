"""Pre-emphasis of waves, which lifts high frequencies, and its inverse.

    y_0 = x_0,   y_t = x_t - a x_(t-1)                                   (1)
    x_t = sum_(k = 0..t) a^k y_(t-k)                                      (2)

Speech has most of its power at low frequencies; after (1) with a = 0.95 errors at high ones count as much.
The sum (2) is taken by doubling: x^(1) = y, then

    x^(2 s)_t = x^(s)_t + a^s x^(s)_(t-s),                                (3)

where x^(s) holds the terms k < s. It takes log2 T additions of whole waves.

Reference: Pascual, Bonafonte and Serra, SEGAN, 2017, section 4.1. Row G23.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def emphasized(x: Tensor, a: float) -> Tensor:
    """Returns x_t - a x_(t-1), equation (1), shape (*, T).

    Args:
        x: waves, shape (*, T).
        a: coefficient; 0 returns x.

    Example:
        >>> import torch
        >>> emphasized(torch.tensor([1.0, 1.0, 0.5]), 0.5).tolist()
        [1.0, 0.5, 0.0]
    """
    return x if a == 0 else x - a * _later(x, 1)


def deemphasized(y: Tensor, a: float) -> Tensor:
    """Returns the waves that `emphasized` maps to y, equation (2), shape (*, T).

    Args:
        y: emphasized waves, shape (*, T).
        a: coefficient; 0 returns y.

    Example:
        >>> import torch
        >>> deemphasized(torch.tensor([1.0, 0.5, 0.0]), 0.5).tolist()
        [1.0, 1.0, 0.5]
    """
    s = 1
    while a != 0 and s < y.shape[-1]:
        # (3)
        y, s = y + a**s * _later(y, s), 2 * s
    return y


def _later(x: Tensor, s: int) -> Tensor:
    """Returns x_(t-s), with zeros before the wave, shape (*, T)."""
    return F.pad(x[..., :-s], (s, 0))
