"""Players of a game that draws pictures from captions, whose vectors e are given.

    u = r(U e)                          a shorter vector of the caption, r a leaky rectifier          (1)
    G(z, e) = up-convolutions of [z, u]                                                               (2)
    f(x, e) = r(norm(W [k(x), u at every place]))      k(x) the maps of x at the lowest resolution    (3)

The critic sees the caption where its maps are smallest, as in the paper: there one place overlooks much of
the picture.

Reference: Reed, Akata, Yan, Logeswaran, Schiele and Lee, Generative Adversarial Text to Image Synthesis,
2016. Row G16.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from simulacra.nets.adversarial.dcgan import DCGANCritic, DCGANGenerator, begin, beside
from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.adversarial.sides import halvings, starting_side

SLOPE = 0.2


def widths_of(shape: Sequence[int], channels: int) -> list[int]:
    """Returns the channels after each halving of the side, doubled at each.

    Args:
        shape: (C, H, W), with sides that halve down to 3 to 7.
        channels: channels at the highest resolution.

    Raises:
        ValueError: if the sides do not halve so.

    Example:
        >>> widths_of((3, 32, 32), 8)
        [8, 16, 32]
    """
    return [channels * 2**i for i in range(halvings(shape))]


def shortened(size: int, short: int) -> nn.Module:
    """Returns the map of equation (1), from `size` to `short` entries."""
    return nn.Sequential(nn.Linear(size, short), nn.LeakyReLU(SLOPE))


class CaptionGenerator(nn.Module):
    """Equation (2): images (B, C, H, W), before the last activation.

    Args:
        latent: size of the noise z.
        shape: (C, H, W), with sides that halve down to 3 to 7.
        size: entries of e.
        short: entries of u.
        channels: channels next to the image, doubled at each halving.
        normalization: "batch", "virtual", "layer" or "none".

    Example:
        >>> import torch
        >>> CaptionGenerator(3, (1, 8, 8), 5, 2, 4)(torch.zeros(2, 3), torch.zeros(2, 5)).shape
        torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self,
        latent: int,
        shape: Sequence[int],
        size: int,
        short: int,
        channels: int,
        normalization: str = "batch",
    ):
        super().__init__()
        widths = widths_of(shape, channels)[::-1]
        self.shorten = shortened(size, short)
        self.net = DCGANGenerator(latent, shape, widths, short, normalization)

    def forward(self, z: Tensor, e: Tensor) -> Tensor:
        """Returns G(z, e) for noise z (B, latent) and vectors e (B, size) of captions."""
        x: Tensor = self.net(z, self.shorten(e))
        return x


class CaptionCritic(nn.Module):
    """Equation (3): features (B, width) of an image and a caption.

    Args:
        shape: (C, H, W), with sides that halve down to 3 to 7.
        size: entries of e.
        short: entries of u.
        channels: channels next to the image, doubled at each halving.
        normalization: of all layers but the first: "batch", "layer", "instance" or "none".

    Example:
        >>> import torch
        >>> CaptionCritic((1, 8, 8), 5, 2, 4)(torch.zeros(2, 1, 8, 8), torch.zeros(2, 5)).shape
        torch.Size([2, 64])
    """

    def __init__(
        self, shape: Sequence[int], size: int, short: int, channels: int, normalization: str = "batch"
    ):
        super().__init__()
        widths = widths_of(shape, channels)
        last = widths[-1]
        self.width = last * math.prod(starting_side(shape, len(widths)))
        self.shorten = shortened(size, short)
        self.maps = DCGANCritic(shape, widths, 0, normalization).body
        join = nn.Conv2d(last + short, last, 1, bias=needs_bias(normalization))
        begin(join)
        self.join = nn.Sequential(join, norm(normalization, last), nn.LeakyReLU(SLOPE))

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """Returns f(h, e) for images h (B, C, H, W) and vectors e (B, size) of captions."""
        # (3)
        f: Tensor = self.join(beside(self.maps(h), self.shorten(e)))
        return f.flatten(1)
