"""Max-pooled activations of all layers of a network: a representation for other tasks.

    f(x) = (max over a 4 x 4 grid of positions of each layer's maps, one layer after the other)

The channels (B, C, T) of a wave or sequence have 4 positions, maps of three sides 4 x 4 x 4.

Reference: Radford, Metz and Chintala 2015, section 5.1. Row G8.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.nets.layers import ACTIVATIONS

GRID = 4  # side of the pooled maps
KINDS = tuple({type(make()) for make in ACTIVATIONS.values()})


def pooled_layers(network: nn.Module, x: Tensor, *more: Any) -> Tensor:
    """Returns the pooled outputs of all activation modules of a network, shape (B, width).

    Args:
        network: a network with activation modules; its output is not part of the result.
        x: input, shape (B, *).
        more: further arguments of the network.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3), nn.Tanh())
        >>> pooled_layers(net, torch.zeros(5, 1, 9, 9)).shape
        torch.Size([5, 35])
    """
    seen: list[Tensor] = []

    def keep(module: nn.Module, given: Any, out: Tensor) -> None:
        # drop the reference rows that virtual batch normalization puts in front
        seen.append(_pooled(out[-len(x) :]))

    hooks = [module.register_forward_hook(keep) for module in network.modules() if isinstance(module, KINDS)]
    try:
        network(x, *more)
    finally:
        for hook in hooks:
            hook.remove()
    # a network without activation modules is represented by x itself
    return torch.cat(seen or [x.flatten(1)], 1)


def _pooled(out: Tensor) -> Tensor:
    if out.dim() < 3:
        return out
    pool: Any = (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)[out.dim() - 3]
    return pool(out, [min(GRID, side) for side in out.shape[2:]]).flatten(1)
