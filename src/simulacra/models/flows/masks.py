"""Masks of coupling layers: which entries stay, layer by layer.

    vectors   every second entry, the others, the first half, the second half, and again                 (1)
    images    checkerboard of pixels, its complement; of each block of 2 x 2 pixels the upper row, the
              lower row; checkerboard of blocks, its complement, and again                               (2)

An entry that one layer changes stays in the next. The rows of blocks in (2) are the channels of the squeezed
image, one half of which a channel-wise mask keeps.

Reference: Dinh, Sohl-Dickstein and Bengio 2017, sections 3.4 and 3.6, figure 3. Row C9.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

VECTOR_PATTERNS, IMAGE_PATTERNS = 4, 6


def vector_mask(shape: Sequence[int], layer: int) -> Tensor:
    """Returns True for the entries that stay in a layer, by (1) over the flattened entries, shape `shape`.

    Args:
        shape: shape of one observation, of two entries or more.
        layer: number of the layer, from 0.

    Example:
        >>> [vector_mask((3,), layer).tolist() for layer in range(2)]
        [[True, False, True], [False, True, False]]
    """
    d = int(torch.Size(shape).numel())
    i, pattern = torch.arange(d), layer % VECTOR_PATTERNS
    kept = i % 2 == 0 if pattern < 2 else i < (d + 1) // 2
    return (kept if pattern % 2 == 0 else ~kept).reshape(tuple(shape))


def image_mask(shape: Sequence[int], layer: int) -> Tensor:
    """Returns True for the pixels that stay in a layer, by (2), shape (C, H, W).

    Args:
        shape: (C, H, W), with sides of two or more.
        layer: number of the layer, from 0.

    Example:
        >>> image_mask((1, 2, 2), 0).int().tolist(), image_mask((1, 2, 2), 2).int().tolist()
        ([[[1, 0], [0, 1]]], [[[1, 1], [0, 0]]])
    """
    pattern = layer % IMAGE_PATTERNS
    row, column = torch.arange(shape[1]).unsqueeze(1), torch.arange(shape[2]).unsqueeze(0)
    sums = (row + column, row + 0 * column, row // 2 + column // 2)[pattern // 2]
    return (sums % 2 == pattern % 2).expand(tuple(shape)).clone()


def squeezed(layer: int) -> bool:
    """Returns True if the network of a layer of an image works on blocks of 2 x 2 pixels.

    Args:
        layer: number of the layer, from 0.

    Example:
        >>> [squeezed(layer) for layer in range(6)]
        [False, False, True, True, True, True]
    """
    return layer % IMAGE_PATTERNS >= 2
