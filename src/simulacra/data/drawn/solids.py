"""Solids as voxels: spheres, cubes, cylinders and crosses of random size and pose.

    u = R' (v - m) / r,   v the middle of a voxel, m the middle of the solid, R a rotation, r its size

    sphere     |u| <= 1                                                                               (1)
    cube       max |u_i| <= 0.7                                                                       (2)
    cylinder   u_1^2 + u_2^2 <= 0.6^2,  |u_3| <= 0.8                                                  (3)
    cross      all |u_i| <= 1, and two of them <= 0.28                                                (4)

A voxel is 1 if its middle lies in the solid. R is uniform over all rotations (a normal quaternion), r and m
are uniform. Solid i is the same whatever the number of solids.

Reference: after Wu et al. 2016. Row G27.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.data.sources.source import Part, Source

NAME = "solids"
ROWS, SIDE = 2000, 16
KINDS = ("sphere", "cube", "cylinder", "cross")
SIZES = (0.28, 0.42)  # least and largest r, as a share of the side
SHIFT = 0.06  # largest distance of m from the middle along each side, as a share of it
CHUNK = 200


def rotations(q: Tensor) -> Tensor:
    """Returns the rotations of quaternions q, which need not have length one, shape (N, 3, 3).

    Args:
        q: quaternions (w, x, y, z), shape (N, 4).

    Example:
        >>> rotations(torch.tensor([[2.0, 0, 0, 0]])).tolist()
        [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    """
    w, x, y, z = (q / q.norm(dim=1, keepdim=True)).unbind(1)
    rows = (
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack(rows, 1).view(-1, 3, 3)


def inside(u: Tensor) -> Tensor:
    """Returns True at points that lie in each kind of solid, equations (1) to (4), shape (kinds, ...).

    Args:
        u: points in the frame of the solid, shape (..., 3).
    """
    away = u.abs()
    ordered = away.sort(-1).values
    return torch.stack(
        [
            u.norm(dim=-1) <= 1,  # (1)
            ordered[..., 2] <= 0.7,  # (2)
            (u[..., :2].norm(dim=-1) <= 0.6) & (away[..., 2] <= 0.8),  # (3)
            (ordered[..., 2] <= 1) & (ordered[..., 1] <= 0.28),  # (4)
        ]
    )


def draw_solids(n: int, seed: int = 0, side: int = SIDE) -> tuple[Tensor, Tensor]:
    """Draws solids as bytes, shape (n, 1, side, side, side), and the number of the kind of each, shape (n,).

    Args:
        n: number of solids.
        seed: seed of the draws.
        side: side of the volume in voxels.

    Example:
        >>> x, kind = draw_solids(3, side=8)
        >>> x.shape, x.unique().tolist(), torch.equal(x[:2], draw_solids(2, side=8)[0])
        (torch.Size([3, 1, 8, 8, 8]), [0, 1], True)
    """
    rng = Rng(seed, "toy", NAME, rows=range(n))
    kind = (rng.uniform("kind", dtype=torch.float64) * len(KINDS)).long()
    R = rotations(rng.normal("pose", 4, dtype=torch.float64))
    r = SIZES[0] + (SIZES[1] - SIZES[0]) * rng.uniform("size", 1, dtype=torch.float64)
    m = 0.5 + SHIFT * (2 * rng.uniform("place", 3, dtype=torch.float64) - 1)
    line = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    v = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1).view(1, -1, 3)
    parts = []
    for at in torch.arange(n).split(CHUNK):
        u = (v - m[at].unsqueeze(1)) @ R[at] / r[at].unsqueeze(1)
        parts.append(inside(u)[kind[at], torch.arange(len(at))].to(torch.uint8))
    return torch.cat(parts).view(n, 1, side, side, side), kind


def solids(seed: int) -> Source:
    """Returns solids whose label is their kind.

    Args:
        seed: seed of the draws.
    """
    x, kind = draw_solids(ROWS, seed)
    return Source(NAME, Binary((1, SIDE, SIDE, SIDE)), {"train": Part(x, kind)}, KINDS, standardize=False)
