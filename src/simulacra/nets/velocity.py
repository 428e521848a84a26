"""Networks of differential equations: those of `nets.timed`, with slow features of time and larger weights.

    first layer    W_h ~ N(0, 4 / d),   W_t ~ N(0, 1 / (4 WAVES))                                      (1)
    hidden layers  W ~ N(0, 2 / inputs)                                                                (2)

A velocity that is solved in few steps changes slowly with time, so that the largest w_k is 30. With the
initial weights of torch, each layer shrinks what it is given to a third, and in the small numbers that are
left `silu` is a line: two thousand steps of training taught a velocity of two entries nothing. Under (1) and
(2) layers keep the size of what they are given, and the output begins to bend with h sooner than with time.

Reference: He et al. 2015 (2).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from simulacra.core.spaces.plain import Space
from simulacra.nets.timed import WAVES, TimedMLP, build_timed

SLOW = 30.0  # largest w_k


def build_velocity(
    shape: Sequence[int],
    net: str,
    hidden: tuple[int, ...] | None,
    condition: int,
    beside: Space | None = None,
) -> nn.Module:
    """Builds a network that maps vectors (B, d), times (B, 1) and a condition (B, *) to (B, 1, d).

    Args:
        shape: shape of one observation.
        net: `mlp`, `unet` or `auto`, as in `build_timed`.
        hidden: sizes of the hidden layers, or channels at each resolution; None: (256, 256), or (32, 64).
        condition: number of entries of the condition; 0 without one.
        beside: space of a condition that lies beside x in a `unet`, as in `build_timed`.

    Raises:
        ValueError: as `build_timed`.
    """
    built = build_timed(shape, 1, net, hidden, condition, SLOW, beside=beside)
    if isinstance(built, TimedMLP):
        _enliven([layer for layer in built.body if isinstance(layer, nn.Linear)], built.shape[1])
    return built


def _enliven(layers: list[nn.Linear], d: int) -> None:
    """Draws the weights of all layers but the last by (1) and (2)."""
    first, *hidden, _ = layers
    with torch.no_grad():
        # (1)
        first.weight[:, :d].normal_(0, 2 * d**-0.5)
        first.weight[:, d:].normal_(0, 0.5 * WAVES**-0.5)
        for layer in hidden:
            # (2)
            layer.weight.normal_(0, (2 / layer.in_features) ** 0.5)
