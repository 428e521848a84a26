"""Volumes: observations (1, D, H, W) of voxels that are 0/1, levels or real numbers.

D goes from the front to the back, H downwards and W to the right, as in a stack of images. A voxel of 0/1 is
filled where it is 1; one of levels from the upper half of the levels on; a real one above the mean of the
least and the largest value of all voxels that are given.
"""

from __future__ import annotations

from torch import Tensor

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Binary, Levels, Real, Space


def is_volume(space: Space | None) -> bool:
    """Returns True if observations are volumes (1, D, H, W).

    Args:
        space: any space, or None.

    Example:
        >>> is_volume(Binary((1, 4, 4, 4))), is_volume(Binary((1, 4, 4)))
        (True, False)
    """
    plain = isinstance(space, Binary | Levels | Real) and not isinstance(space, Audio)
    return plain and len(space.shape) == 4 and space.shape[0] == 1  # type: ignore[union-attr]


def is_solid(space: Space | None) -> bool:
    """Returns True if observations are volumes of 0/1.

    Args:
        space: any space, or None.
    """
    return is_volume(space) and isinstance(space, Binary)


def filled(space: Space, x: Tensor) -> Tensor:
    """Returns True at filled voxels, shape of x.

    Args:
        space: space of volumes.
        x: volumes in raw units, shape (B, 1, D, H, W).

    Example:
        >>> import torch
        >>> filled(Levels((1, 1, 1, 2), 4), torch.tensor([[[[[1, 2]]]]])).flatten().tolist()
        [False, True]
    """
    if isinstance(space, Levels):
        return x > (space.levels - 1) / 2
    if isinstance(space, Binary):
        return x > 0.5
    return x > (x.min() + x.max()) / 2
