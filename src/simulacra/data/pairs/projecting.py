"""Pictures of volumes as conditions: `view` is what a camera in front of a solid sees.

    c_hw = 255 (1 - d / D),   d the place of the first filled voxel behind (h, w); 0 where there is none   (1)

Near voxels are bright and far ones dark, so that (1) shows the front of the solid; its back is not seen.

Reference: after Wu et al. 2016, section 3.3. Row G27.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from simulacra.core.corruption.corruption import Corruption
from simulacra.core.numerics.volumes import filled, is_volume
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Space


@dataclass(frozen=True)
class View(Corruption):
    """Pictures of volumes from the front by equation (1).

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> x = torch.tensor([[0, 1], [1, 1]], dtype=torch.uint8).view(1, 1, 2, 1, 2)
        >>> View().apply(x, Rng(0), Binary((1, 2, 1, 2))).flatten().tolist()
        [128, 255]
    """

    name: ClassVar[str] = "view"
    needs: ClassVar[str] = "volumes (1, D, H, W) of 0/1 or of at most 256 levels"
    alone: ClassVar[bool] = False

    def fits(self, space: Space) -> bool:
        """Returns True for volumes of 0/1 or of at most 256 levels."""
        # rows on disk keep their type
        return is_volume(space) and space.discrete and getattr(space, "levels", 2) <= 256

    def space(self, space: Space) -> Space:
        """Returns the space of the pictures, (1, H, W) with 256 levels.

        Args:
            space: space of x.
        """
        return Levels((1, *super().space(space).shape[2:]), 256)

    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns equation (1), shape (B, 1, H, W)."""
        there = filled(space, x)
        D = there.shape[2]
        light = torch.arange(D, 0, -1, device=x.device, dtype=torch.float64).view(-1, 1, 1) * (255 / D)
        # (1)
        return (there * light).amax(2).round().to(torch.uint8)
