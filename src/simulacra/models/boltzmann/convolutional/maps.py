"""A convolutional layer of hidden units, which share their weights over an image, in pooling blocks.

The filter W_k covers every position of the maps x below, and the units h of a map form blocks of n = p^2:

    I(h) = c_k + (W_k * x),   * the valid convolution                          (1)
    p = sum over the block of h                                                (2)

With n > 1 at most one unit of a block is on (units `Blocks`), so the pooling unit p is 1 if any is on, and a
field on p from above is the same for each of its n units.

Reference: Lee, Grosse, Ranganath and Ng 2009, equations 5 to 14. Rows A13, A14, A16.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.machine.units import Bernoulli, Blocks, Units


class Maps(nn.Module):
    """Weights and shapes of a layer; its units h have the shape (filters, blocks, pool^2).

    Args:
        channels: number of maps below.
        size: height and width of the maps below.
        filters: number of maps of this layer, each with one filter and one bias.
        kernel: side of a filter.
        pool: side of a block; 1 has no pooling.
        below: name of the maps below, for the message when the layer does not fit them.

    Raises:
        ValueError: if the filters do not fit, or the blocks do not tile the maps.

    Example:
        >>> Maps(1, (8, 8), filters=5, kernel=3, pool=2).shape
        (5, 9, 4)
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        filters: int,
        kernel: int,
        pool: int,
        below: str = "images",
    ):
        super().__init__()
        check_at_least(1, filters=filters, kernel=kernel, pool=pool)
        check_tiles(size, kernel, pool, below)
        self.pool = pool
        height, width = ((side - kernel + 1) // pool for side in size)
        self.pooled_size = (height, width)
        self.shape = (filters, height * width, pool * pool)
        self.units: Units = Bernoulli() if pool == 1 else Blocks()
        self.W = nn.Parameter(0.01 * torch.randn(filters, channels, kernel, kernel))
        self.c = nn.Parameter(torch.zeros(filters))

    def up(self, x: Tensor) -> Tensor:
        """Computes the field (1) of the maps below (B, channels, H, W), shape (B, *shape)."""
        # (1)
        maps = F.pixel_unshuffle(F.conv2d(x, self.W, self.c), self.pool)
        filters, blocks, n = self.shape
        return maps.reshape(-1, filters, n, blocks).transpose(2, 3)

    def down(self, h: Tensor) -> Tensor:
        """Computes the field of h on the maps below, shape (B, channels, H, W); the transpose of `up`."""
        filters, _, n = self.shape
        maps = h.transpose(2, 3).reshape(-1, filters * n, *self.pooled_size)
        return F.conv_transpose2d(F.pixel_shuffle(maps, self.pool), self.W)

    def pooled(self, h: Tensor) -> Tensor:
        """Computes equation (2) for units or their means, shape (B, filters, *pooled_size)."""
        # (2)
        return h.sum(3).unflatten(2, self.pooled_size)

    def spread(self, field: Tensor) -> Tensor:
        """Copies a field on pooling units to the units of their blocks, (B, *shape); transposes `pooled`."""
        return field.flatten(2).unsqueeze(3).expand(-1, *self.shape)

    def biased(self, h: Tensor) -> Tensor:
        """Computes c'h, shape (B,)."""
        return h.sum((2, 3)) @ self.c

    def seen_through(self, filters: Tensor) -> Tensor:
        """Projects filters over the pooling units to filters over the maps below, by linear combination of W.

        Args:
            filters: filters over the pooling units, shape (K, filters, k, k).

        Returns:
            Filters, shape (K, channels, s, s) with s = (k - 1) pool + kernel + pool - 1.
        """
        # each unit of a block is equally likely to be the one that is on
        even = filters.repeat_interleave(self.pool, 2).repeat_interleave(self.pool, 3) / self.pool**2
        return F.conv_transpose2d(even, self.W)


def check_tiles(size: tuple[int, int], kernel: int, pool: int, below: str) -> None:
    """Raises ValueError unless the filters fit into the maps below and the blocks tile the resulting maps.

    Args:
        size: height and width of the maps below.
        kernel: side of a filter.
        pool: side of a block.
        below: name of the maps below, for the message.
    """
    what = f"{below} of {_by(*size)}"
    if kernel > min(size):
        most = min(size)
        possible = f"1 to {most}" if most > 1 else "1"
        raise ValueError(f"kernel={kernel} does not fit into {what}: it may be {possible}.")
    left = [side - kernel + 1 for side in size]
    if all(side % pool == 0 for side in left):
        return
    common = math.gcd(*left)
    pools = _listed([n for n in range(1, common + 1) if common % n == 0])
    fits = [k for k in range(1, min(size) + 1) if all((side - k + 1) % pool == 0 for side in size)]
    near = sorted(sorted(fits, key=lambda k: abs(k - kernel))[:4])
    mend = f"with this pool kernel may be {_listed(near)}" if near else "with this pool no kernel fits"
    raise ValueError(
        f"pool={pool} does not tile the maps of {_by(*left)} that kernel={kernel} leaves of {what}: "
        f"with this kernel pool may be {pools}; {mend}."
    )


def _by(height: int, width: int) -> str:
    return f"{height}x{width}"


def _listed(numbers: list[int]) -> str:
    """Returns the numbers as text, such as `1, 2 or 4`."""
    *first, last = map(str, numbers)
    return f"{', '.join(first)} or {last}" if first else last
