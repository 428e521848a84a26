"""Conditions that are observations themselves: an image, a wave or frames beside each row, and their maps.

Pairs (x, c) of such kinds are the data of translation, super-resolution and enhancement. A convolutional
network takes c as maps (K, *sides):

    image (K, H, W)                   (K, H, W)
    wave (T,)                         (1, T)
    sequence of T steps (K, *sides)   (K, T, *sides)
    classes at places (*sides)        (classes, *sides)

Leading sides that x does not have are channels: four frames (4, 1, H, W) beside an image (1, H, W) are four
maps (4, H, W).
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.tokens import Tokens

LONG = 64  # entries from which on a vector is a wave


def observed(condition: Space | None) -> bool:
    """Returns True if a condition is an image, a wave or a sequence, not a class, a table or a small vector.

    Args:
        condition: space of the condition, or None.

    Example:
        >>> from simulacra.core.spaces.plain import Levels, Real
        >>> observed(Levels((3, 8, 8), 256)), observed(Audio((400,))), observed(Real((3,)))
        (True, True, False)
    """
    if condition is None or isinstance(condition, (Table, Tokens)):
        return False
    if isinstance(condition, Sequence):
        return not isinstance(condition.of, (Categorical, Ordinal, Table, Tokens))
    if isinstance(condition, (Categorical, Ordinal)):
        return len(condition.shape) > 1
    return isinstance(condition, Audio) or len(condition.shape) > 1 or condition.dims >= LONG


def map_shape(space: Space, sides: int | None = None) -> tuple[int, ...]:
    """Returns the shape (K, *sides) of the maps of a space.

    Args:
        space: space of a condition for which `observed` is True, or of such an x.
        sides: number of sides of x; further leading sides of `space` become channels. None: all are sides.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> map_shape(Audio((400,))), map_shape(Levels((4, 1, 8, 8), 256), sides=2)
        ((1, 400), (4, 8, 8))
    """
    return tuple(maps(space, torch.empty(1, *space.shape, device="meta"), None, sides).shape[1:])


def maps(space: Space, x: Tensor, dtype: torch.dtype | None = None, sides: int | None = None) -> Tensor:
    """Returns the features of observations as maps, shape (B, K, *sides).

    Args:
        space: space of a condition for which `observed` is True, or of such an x.
        x: observations, shape (B, *shape).
        dtype: floating-point type; None: torch's default.
        sides: number of sides of x; further leading sides of `space` become channels. None: all are sides.

    Example:
        >>> maps(Audio((400,)), torch.zeros(2, 400)).shape
        torch.Size([2, 1, 400])
    """
    h = space.features(x, dtype)
    if isinstance(space, Sequence):
        # time after the channels of a step
        h = h.movedim(1, 2) if h.dim() > 2 else h
    elif isinstance(space, (Categorical, Ordinal)) and len(space.shape) > 2:
        h = h.flatten(1, 2)
    h = h if h.dim() > 2 else h.unsqueeze(1)
    extra = 0 if sides is None else h.dim() - 2 - sides
    return h.flatten(1, 1 + extra) if extra > 0 else h
