"""Volumes as pictures: isometric projections of their filled voxels, with one shade for each face of a cube.

    u = a (w + d) to the right,   v = a/2 (w - d + D - 1) + a h downwards                              (1)

A voxel at depth d, height h (downwards) and width w is a cube that is drawn at (u, v), 2a pixels wide: a
rhombus on top, its front (d - 1) on the left and its right side (w + 1) on the right. Cubes are drawn from
the back to the front, w - d - h ascending: what is nearer hides what is behind it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from simulacra.core.numerics.volumes import filled
from simulacra.core.spaces.plain import Levels, Space

GROUND, TOP, FRONT, RIGHT = 255, 224, 142, 78  # grey levels: from behind the solid to its darkest face
SMALL, WIDTHS = 10, (2, 4)  # longest side from which on voxels are drawn small; a, half the width of a cube


def picture_space(space: Space) -> Space:
    """Returns the space of the projections of volumes: images of 256 grey levels.

    Args:
        space: space of volumes (1, D, H, W).

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> picture_space(Binary((1, 2, 3, 4))).shape
        (1, 24, 24)
    """
    _, D, H, W = space.shape
    a = _width(space)
    return Levels((1, a * (D + W) // 2 + a * H, a * (D + W)), 256)


def projected(space: Space, x: Tensor) -> Tensor:
    """Returns isometric projections of volumes by equation (1), bytes of shape (B, 1, rows, columns).

    Args:
        space: space of volumes (1, D, H, W).
        x: volumes in raw units, shape (B, 1, D, H, W).

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> projected(Binary((1, 1, 1, 1)), torch.ones(1, 1, 1, 1, 1))[0, 0, :, 1].tolist()
        [255, 224, 224, 142, 142, 142, 142, 255]
    """
    a, (_, rows, columns) = _width(space), picture_space(space).shape
    D = space.shape[1]
    at = filled(space, x.cpu())[:, 0].nonzero()
    order = (at[:, 3] - at[:, 1] - at[:, 2]).argsort(stable=True)
    b, d, h, w = (t[:, None] for t in at[order].numpy().T)
    down, right, shade = _cube(a)
    # (1); the corner of the cube at the left of its rhombus
    u, v = a * (w + d), a // 2 * (w - d + D - 1) + a * h
    canvas = np.full((len(x), rows, columns), GROUND, np.uint8)
    # of equal places the last one stays: that of the nearest cube
    canvas[b, v + down, u + right] = np.broadcast_to(shade, (len(b), len(shade)))
    return torch.from_numpy(canvas).unsqueeze(1)


def _width(space: Space) -> int:
    return WIDTHS[0] if max(space.shape[1:]) > SMALL else WIDTHS[1]


@cache
def _cube(a: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns places (down, right) and shades of the pixels of one cube, each of shape (pixels,)."""
    down, right = np.mgrid[0 : 2 * a, 0 : 2 * a]
    y, x = down + 0.5, right + 0.5
    away = np.abs(x - a) / 2
    over, under = away, a - away  # upper and lower edge of the rhombus
    top = (y >= over) & (y < under)
    side = (y >= under) & (y < under + a)
    shade = np.where(top, TOP, np.where(x < a, FRONT, RIGHT)).astype(np.uint8)
    seen = top | side
    return down[seen], right[seen], shade[seen]
