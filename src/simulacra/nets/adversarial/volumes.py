"""Generator and critic of volumes: transposed convolutions of stride 2, and their mirror image.

    G: z -> linear -> s_n -> ... -> s_0 = (D, H, W)     s_{i+1} = ceil(s_i / 2)
    D: s_0 -> ... -> s_n -> features

Sides need be neither equal nor powers of two: odd ones are padded on the way down and cut on the way up. All
layers but the generator's last and the critic's first are normalized, and weights start as N(0, 0.02).

Reference: Wu, Zhang, Xue, Freeman and Tenenbaum 2016, section 3.1. Row G27.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from simulacra.nets.adversarial.dcgan import begin
from simulacra.nets.adversarial.normal import norm
from simulacra.nets.layers import activation
from simulacra.nets.translators.strided import Double, Halve, halved, widths


class VolumeGenerator(nn.Module):
    """Maps noise (B, latent) to volumes (B, *out_shape), before output activation.

    Args:
        latent: size of the noise.
        out_shape: (C, *sides), of one to three sides.
        channels: channels next to the output; they double at each halving, up to eight times.
        halvings: n.
        normalization: "batch", "layer", "instance" or "none".

    Example:
        >>> import torch
        >>> VolumeGenerator(5, (1, 7, 6, 5), channels=2, halvings=2)(torch.zeros(3, 5)).shape
        torch.Size([3, 1, 7, 6, 5])
    """

    def __init__(
        self,
        latent: int,
        out_shape: Sequence[int],
        channels: int = 32,
        halvings: int = 2,
        normalization: str = "batch",
    ):
        super().__init__()
        out, *sides = out_shape
        wide = widths(channels, halvings)[::-1]
        self.sides = [halved(sides, i) for i in reversed(range(halvings + 1))]
        self.start = (wide[0], *self.sides[0])
        self.stem = nn.Linear(latent, math.prod(self.start))
        rank = len(sides) + 2
        self.first = nn.Sequential(norm(normalization, wide[0], rank), activation("relu"))
        kinds = [*[normalization] * (halvings - 1), "none"]
        steps = zip(pairwise([*wide, out]), kinds)
        self.up = nn.ModuleList(Double(a, b, len(sides), kind) for (a, b), kind in steps)
        self.acts = nn.ModuleList(activation("relu") for _ in range(halvings - 1))
        self.apply(begin)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns volumes for noise z (B, latent); c is not used."""
        h = self.first(self.stem(z).unflatten(1, self.start))
        for i, up in enumerate(self.up):
            h = up(h, self.sides[i + 1])
            h = self.acts[i](h) if i < len(self.acts) else h
        return h


class VolumeCritic(nn.Module):
    """Maps images or volumes (B, C, *sides) to features (B, width).

    Args:
        in_shape: (C, *sides), of one to three sides.
        channels: channels after the first halving; they double, up to eight times.
        halvings: n.
        normalization: "batch", "layer", "instance" or "none".

    Example:
        >>> import torch
        >>> VolumeCritic((1, 7, 6, 5), channels=2, halvings=2)(torch.zeros(3, 1, 7, 6, 5)).shape
        torch.Size([3, 32])
    """

    def __init__(
        self, in_shape: Sequence[int], channels: int = 32, halvings: int = 2, normalization: str = "batch"
    ):
        super().__init__()
        first, *sides = in_shape
        wide = widths(channels, halvings)
        kinds = ["none", *[normalization] * (halvings - 1)]
        layers: list[nn.Module] = []
        for (a, b), kind in zip(pairwise([first, *wide]), kinds):
            layers += [Halve(a, b, len(sides), kind), activation("leaky-relu-0.2")]
        self.body, self.width = nn.Sequential(*layers), wide[-1] * math.prod(halved(sides, halvings))
        self.apply(begin)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the features of h (B, C, *sides), shape (B, width); c is not used."""
        return self.body(h).flatten(1)
