"""A U-net of one to three dimensions: residual blocks at each resolution, with links across.

    h' = h + conv(act(norm(conv(act(norm(h)))) (1 + a) + b)),   (a, b) = W g                          (1)

g holds what is given beside h: a time, a condition. Resolutions are halved by strides, odd sides rounded up,
and brought back to the side of the link by nearest neighbors. The last convolution begins at 0.

Reference: Ronneberger, Fischer and Brox 2015; Ho, Jain and Abbeel 2020, appendix B.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

CONVOLUTIONS: tuple[type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d], ...] = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
)
GROUPS = 8  # most groups of a normalization


def norm(channels: int) -> nn.GroupNorm:
    """Returns a group normalization with the most groups, up to 8, that divide the channels.

    Args:
        channels: number of channels.
    """
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)


class Block(nn.Module):
    """The residual block of equation (1), from n_in to n_out channels.

    Args:
        n_in: channels of h.
        n_out: channels of h'.
        given: size of g.
        dims: number of dimensions.
    """

    def __init__(self, n_in: int, n_out: int, given: int, dims: int):
        super().__init__()
        conv = CONVOLUTIONS[dims - 1]
        self.norm_in, self.norm_out = norm(n_in), norm(n_out)
        self.conv_in, self.conv_out = conv(n_in, n_out, 3, padding=1), conv(n_out, n_out, 3, padding=1)
        self.beside = nn.Linear(given, 2 * n_out)
        self.across: nn.Module = conv(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, h: Tensor, g: Tensor) -> Tensor:
        """Returns h' (B, n_out, *) for h (B, n_in, *) and g (B, given)."""
        a, b = self.beside(g)[(..., *[None] * (h.dim() - 2))].chunk(2, 1)
        # (1)
        inner = self.norm_out(self.conv_in(silu(self.norm_in(h)))) * (1 + a) + b
        return self.across(h) + self.conv_out(silu(inner))


class UNet(nn.Module):
    """Maps images (B, n_in, *sides), and what is given beside them (B, given), to (B, n_out, *sides).

    Args:
        n_in: channels of the image.
        n_out: channels of the output.
        channels: channels at each resolution, the full one first.
        given: size of g.
        dims: number of sides, from 1 to 3.

    Example:
        >>> UNet(1, 2, (4, 8), 3, 2)(torch.zeros(5, 1, 7, 6), torch.zeros(5, 3)).shape
        torch.Size([5, 2, 7, 6])
    """

    def __init__(self, n_in: int, n_out: int, channels: Sequence[int], given: int, dims: int = 2):
        super().__init__()
        conv, first, last = CONVOLUTIONS[dims - 1], channels[0], channels[-1]
        steps = [*pairwise(channels)]
        self.embed = nn.Sequential(
            nn.Linear(given, 4 * first), nn.SiLU(), nn.Linear(4 * first, 4 * first), nn.SiLU()
        )
        block = lambda a, b: Block(a, b, 4 * first, dims)
        self.start = conv(n_in, first, 3, padding=1)
        self.down = nn.ModuleList([block(a, a) for a, _ in steps])
        self.halve = nn.ModuleList([conv(a, b, 3, stride=2, padding=1) for a, b in steps])
        self.middle = block(last, last)
        self.up = nn.ModuleList([block(a + b, a) for a, b in reversed(steps)])
        self.end = nn.Sequential(norm(first), nn.SiLU(), conv(first, n_out, 3, padding=1))
        nn.init.zeros_(self.end[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.end[-1].bias)  # type: ignore[arg-type]

    def forward(self, h: Tensor, g: Tensor) -> Tensor:
        """Returns (B, n_out, *sides) for images h and g, shape (B, given)."""
        g, h, links = self.embed(g), self.start(h), []
        for block, halve in zip(self.down, self.halve):
            h = block(h, g)
            links.append(h)
            h = halve(h)
        h = self.middle(h, g)
        for block in self.up:
            link = links.pop()
            h = block(torch.cat([link, interpolate(h, link.shape[2:])], 1), g)
        return self.end(h)
