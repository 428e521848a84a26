"""The best linear filter from sources to x: a translator in closed form, by least squares.

    a_i(c) = b_i + sum_kj W_ikj c_k(place + j),   j in a window around each place                    (1)

W and b are the regression of the training x at all places on the source around them. Where (1) tells
something of held-out x, a model of x given c has no excuse to ignore c.

Reference: Wiener 1949.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from simulacra.core.spaces.paired import map_shape, maps
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import chosen
from simulacra.nets.maps import resized

WINDOWS = {1: 15, 2: 3, 3: 3}  # side of the window, by the number of sides of x
WIDEST = 128  # largest number of entries in a window; beyond, it is one place
PLACES, AT_ONCE = 2**18, 2**16  # largest numbers of training places, and of places at once
RIDGE = 1e-6  # relative to the mean variance of the entries


@dataclass(frozen=True)
class Window:
    """Sources as windows around the places of x.

    Args:
        source: raw space of the sources.
        sides: sides of x.
        side: side of the window.
    """

    source: Space
    sides: tuple[int, ...]
    side: int

    @property
    def rows(self) -> int:
        """Number of rows at once."""
        return max(1, AT_ONCE // math.prod(self.sides))

    def of(self, c: Tensor) -> Tensor:
        """Returns the entries of the windows and a one, float64, shape (B, places, entries + 1).

        Args:
            c: raw sources, shape (B, *).
        """
        d = len(self.sides)
        h = resized(maps(self.source, c, torch.float64, d), self.sides)
        h = F.pad(h, (self.side // 2,) * (2 * d), mode="replicate")
        for dim in range(2, 2 + d):
            h = h.unfold(dim, self.side, 1)
        # channels and offsets last, places in the middle
        u = h.movedim(1, 1 + d).flatten(1 + d).flatten(1, d)
        return torch.cat([u, torch.ones_like(u[..., :1])], -1)


def linear_filter(data: Dataset, seed: int = 0) -> Callable[[Tensor], Tensor] | None:
    """Returns equation (1) of training pairs, from raw sources (B, *) to vectors on the linear scale of x.

    Args:
        data: data set of pairs.
        seed: seed of the choice of training pairs.

    Returns:
        the filter; None if source and x do not have places in common.

    Example:
        >>> import simulacra
        >>> c = torch.randn(40, 1, 5, 5, generator=torch.Generator().manual_seed(0))
        >>> space = simulacra.Real((1, 5, 5))
        >>> data = simulacra.from_tensors(3 * c - 1, space, c=c, condition=space)
        >>> bool(torch.allclose(linear_filter(data)(c), (3 * c - 1).double().flatten(1), atol=1e-3))
        True
    """
    raw, window = data.preprocessing.raw, _window(data)
    if window is None:
        return None
    index = chosen(data.train, max(2, min(len(data.train), PLACES // math.prod(window.sides))), seed)
    if (known := data.train.c_known) is not None:
        index = index[known.to(index.device)[index]]
    squares, products = torch.zeros(()), torch.zeros(())
    for some in index.split(window.rows):
        rows = data.train.rows(some)
        assert rows.c is not None
        u, x = window.of(rows.c.cpu()).flatten(0, 1), _by_place(raw, rows.x.cpu()).flatten(0, 1)
        squares, products = squares + u.T @ u, products + u.T @ x
    ridge = RIDGE * squares.diagonal().mean() * torch.eye(len(squares), dtype=squares.dtype)
    W = torch.linalg.solve(squares + ridge, products)

    def answer(c: Tensor) -> Tensor:
        # (1)
        parts = [(window.of(some) @ W).transpose(1, 2).flatten(1) for some in c.split(window.rows)]
        return torch.cat(parts)

    return answer


def _window(data: Dataset) -> Window | None:
    """Returns the windows of the sources; None if source and x have other numbers of sides."""
    assert data.conditioning is not None
    source, sides = data.conditioning.raw, map_shape(data.preprocessing.raw)[1:]
    if len(sides) not in WINDOWS:
        return None
    shape = map_shape(source, len(sides))
    if len(shape) != 1 + len(sides):
        return None
    side = WINDOWS[len(sides)]
    return Window(source, sides, side if shape[0] * side ** len(sides) <= WIDEST else 1)


def _by_place(space: Space, x: Tensor) -> Tensor:
    """Returns raw rows on a linear scale by place, float64, shape (B, places, channels)."""
    h = space.measured(x, torch.float64)
    h = h.unsqueeze(1) if h.dim() == 2 else h
    return h.flatten(2).transpose(1, 2)
