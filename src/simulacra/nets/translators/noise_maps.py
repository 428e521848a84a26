"""Noise of a translator as maps: at its input beside the condition, or at its bottleneck."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

NoiseAt = Literal["bottleneck", "input"]


@dataclass(frozen=True)
class NoiseMaps:
    """The maps of noise of a network.

    Args:
        latent: number of maps; 0: none.
        at: `bottleneck` or `input`.
        sides: sides of the maps at the input and at the bottleneck.

    Example:
        >>> maps = NoiseMaps(2, "bottleneck", {"input": (8, 8), "bottleneck": (2, 2)})
        >>> maps.size, maps.channels("input"), maps.channels("bottleneck")
        (8, 0, 2)
    """

    latent: int
    at: NoiseAt
    sides: dict[str, Sequence[int]]

    @property
    def size(self) -> int:
        """Number of entries of z."""
        return self.latent * math.prod(self.sides[self.at])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of z as maps, (latent, *sides)."""
        return (self.latent, *self.sides[self.at])

    def channels(self, place: NoiseAt) -> int:
        """Returns the number of maps of noise at a place."""
        return self.latent if place == self.at else 0

    def beside(self, h: Tensor, z: Tensor, place: NoiseAt) -> Tensor:
        """Returns maps with the noise of this place as further channels.

        Args:
            h: maps, shape (B, C, *sides).
            z: noise, shape (B, size).
            place: where the network is.
        """
        if not self.channels(place):
            return h
        return torch.cat([h, z.unflatten(1, (self.latent, *self.sides[self.at]))], 1)


def with_one_channel(shape: Sequence[int]) -> tuple[int, ...]:
    """Returns the shape (C, *sides) of an observation; a wave (T,) has one channel.

    Args:
        shape: shape of the features of one observation.
    """
    return (1, *shape) if len(shape) == 1 else tuple(shape)
