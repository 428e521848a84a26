"""Residual networks for super-resolution: all layers on the small grid, and a pixel shuffle at the end.

    h_0 = f(conv(c)),   h_k = h_(k-1) + norm(conv(f(norm(conv(h_(k-1))))))                       (1)
    x_nearly = h_0 + norm(conv(h_K))                                                              (2)
    x = up(c) + shuffle(conv(x_nearly))                                                           (3)
    shuffle(h)[a, s i + u, s j + v] = h[a s^2 + u s + v, i, j]                                    (4)

up is the bicubic interpolation, so that the network learns the residual to it: untrained, it is the bicubic
interpolation itself. Batch normalization is that of the paper; without it (Lim et al. 2017) the rows do not
depend on each other, and the net is faster. (3) shuffles all of s at once (Shi et al. 2016), or by its prime
factors with a convolution and an activation at each, as in the paper, whose layers on the larger grids
take most of the time. The network is convolutional: it takes images of any size.

Reference: Ledig et al. 2017; Shi et al. 2016; Lim et al. 2017. Row G20.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

from simulacra.core.numerics.bicubic import bicubic
from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.layers import activation

Shuffles = Literal["once", "steps"]


def prime_factors(s: int) -> list[int]:
    """Returns the prime factors of a scale, smallest first.

    Args:
        s: a whole number from 1.

    Example:
        >>> prime_factors(12), prime_factors(1)
        ([2, 2, 3], [])
    """
    found, p = [], 2
    while s > 1:
        while s % p == 0:
            found.append(p)
            s //= p
        p += 1
    return found


class ResidualBlock(nn.Module):
    """The block of equation (1), which keeps shape and size.

    Args:
        channels: channels of h.
        normalization: `none`, `batch` or `layer`.
        act: activation f.
    """

    def __init__(self, channels: int, normalization: str = "none", act: str = "relu"):
        super().__init__()
        self.first, self.second = (_conv(channels, channels, normalization) for _ in range(2))
        self.norms = nn.ModuleList([norm(normalization, channels) for _ in range(2)])
        self.act = activation(act)

    def forward(self, h: Tensor) -> Tensor:
        """Returns h_k for h_(k-1), both (B, channels, H, W)."""
        # (1)
        return h + self.norms[1](self.second(self.act(self.norms[0](self.first(h)))))


class SuperResolver(nn.Module):
    """Maps small images (B, n_in, H, W) to images (B, n_out, s H, s W).

    Args:
        n_in: channels of the small image.
        n_out: channels of the large image.
        scale: s, a whole number from 1.
        channels: channels of all layers.
        blocks: number K of residual blocks.
        normalization: `none`, `batch` (the paper's) or `layer`.
        act: activation.
        shuffles: `once`, or in `steps` of the prime factors of s.
        skip: if True, the bicubic interpolation is added, where n_in is 1 or n_out; otherwise the network
            learns the whole image.

    Example:
        >>> import torch
        >>> net = SuperResolver(3, 3, scale=4, channels=5, blocks=1)
        >>> c = torch.rand(2, 3, 7, 6)
        >>> bool((net(c) == bicubic(c, (28, 24))).all())
        True
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        scale: int,
        channels: int = 32,
        blocks: int = 8,
        normalization: str = "none",
        act: str = "relu",
        shuffles: Shuffles = "once",
        skip: bool = True,
    ):
        super().__init__()
        self.scale, self.skip = scale, skip and n_in in (1, n_out)
        self.start = nn.Sequential(nn.Conv2d(n_in, channels, 3, padding=1), activation(act))
        self.blocks = nn.Sequential(*(ResidualBlock(channels, normalization, act) for _ in range(blocks)))
        self.middle = nn.Sequential(_conv(channels, channels, normalization), norm(normalization, channels))
        steps = prime_factors(scale) if shuffles == "steps" else []
        self.grow = nn.Sequential(*(layer for s in steps for layer in _step(channels, s, act)))
        self.rest = 1 if steps else scale
        self.end = nn.Conv2d(channels, n_out * self.rest**2, 3, padding=1)
        if self.skip:
            nn.init.zeros_(self.end.weight)
            nn.init.zeros_(self.end.bias)  # type: ignore[arg-type]

    def forward(self, c: Tensor) -> Tensor:
        """Returns large images (B, n_out, s H, s W) for small images c (B, n_in, H, W)."""
        h = self.start(c)
        # (2)
        h = self.grow(h + self.middle(self.blocks(h)))
        # (3), (4)
        x = pixel_shuffle(self.end(h), self.rest)
        return x + bicubic(c, [self.scale * side for side in c.shape[-2:]]) if self.skip else x


def _conv(n_in: int, n_out: int, normalization: str) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, padding=1, bias=needs_bias(normalization))


def _step(channels: int, s: int, act: str) -> list[nn.Module]:
    """Returns a convolution, a shuffle by s and an activation."""
    return [nn.Conv2d(channels, channels * s * s, 3, padding=1), nn.PixelShuffle(s), activation(act)]
