"""Convolutions of one to three dimensions that halve and double sides, whatever these are.

    halve:   n -> ceil(n / 2),  kernel 4, stride 2, padding 1; an odd side is padded by one more at its end
    double:  n -> 2 n, cut to the side that was halved

A kernel of 4 with stride 2 covers every entry equally often, so there are no checkerboard artefacts.

Reference: Radford, Metz and Chintala 2015; Isola et al. 2017. Row G18.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.unet import CONVOLUTIONS

KERNEL = 4
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
LEAST = 4  # halving goes on while the shorter side stays at this or above
WIDEST = 8  # channels double up to this multiple of the first


def halved(sides: Sequence[int], times: int = 1) -> tuple[int, ...]:
    """Returns sides after halvings, each rounded up.

    Args:
        sides: sides of the maps.
        times: number of halvings.

    Example:
        >>> halved((64, 7), 2)
        (16, 2)
    """
    return tuple(-(-n // 2**times) for n in sides)


def usual_halvings(sides: Sequence[int]) -> int:
    """Returns the usual number of halvings of maps: to a shorter side of 4 to 7, at least one.

    Args:
        sides: sides of the maps.

    Example:
        >>> usual_halvings((64, 64)), usual_halvings((256, 300)), usual_halvings((5, 6))
        (4, 6, 1)
    """
    return max(1, int(math.log2(max(1, min(sides) / LEAST))))


def widths(channels: int, times: int) -> list[int]:
    """Returns the channels after each halving: they double up to eight times the first.

    Args:
        channels: channels after the first halving.
        times: number of halvings.

    Example:
        >>> widths(3, 6)
        [3, 6, 12, 24, 24, 24]
    """
    return [channels * min(2**i, WIDEST) for i in range(times)]


class Halve(nn.Module):
    """Halves all sides of maps (B, n_in, *sides), then normalizes.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        dims: number of sides.
        kind: normalization of `nets.adversarial.normal`.
    """

    def __init__(self, n_in: int, n_out: int, dims: int, kind: str):
        super().__init__()
        self.conv = CONVOLUTIONS[dims - 1](n_in, n_out, KERNEL, 2, 1, bias=needs_bias(kind))
        self.norm = norm(kind, n_out, dims + 2)

    def forward(self, h: Tensor) -> Tensor:
        """Returns maps of half the sides, rounded up, shape (B, n_out, *)."""
        odd = [n % 2 for n in reversed(h.shape[2:])]
        h = F.pad(h, [end for more in odd for end in (0, more)]) if any(odd) else h
        return self.norm(self.conv(h))


class Double(nn.Module):
    """Doubles all sides of maps (B, n_in, *sides), cuts them to the sides wanted, then normalizes.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        dims: number of sides.
        kind: normalization of `nets.adversarial.normal`.
    """

    def __init__(self, n_in: int, n_out: int, dims: int, kind: str):
        super().__init__()
        self.conv = TRANSPOSED[dims - 1](n_in, n_out, KERNEL, 2, 1, bias=needs_bias(kind))
        self.norm = norm(kind, n_out, dims + 2)

    def forward(self, h: Tensor, sides: Sequence[int]) -> Tensor:
        """Returns maps of these sides, shape (B, n_out, *sides)."""
        h = self.conv(h)
        for d, n in enumerate(sides):
            h = h.narrow(d + 2, 0, n) if h.shape[d + 2] != n else h
        return self.norm(h)
