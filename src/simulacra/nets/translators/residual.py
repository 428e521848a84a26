"""A residual network from maps to maps: blocks at the full resolution or at half of it, or less.

    h = act norm conv (c, z_in)  at full resolution, halved n times;   h <- h + norm conv act norm conv (h, z)
    ... doubled n times, conv

Each output sees a window around its place, and nothing passes a bottleneck.

Reference: Johnson, Alahi and Fei-Fei 2016; He et al. 2016. Row G18.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from simulacra.nets.adversarial.dcgan import begin
from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.layers import activation
from simulacra.nets.maps import resized
from simulacra.nets.translators.noise_maps import NoiseAt, NoiseMaps, with_one_channel
from simulacra.nets.translators.strided import Double, Halve, halved, widths
from simulacra.nets.unet import CONVOLUTIONS

BLOCKS = 4


class Residual(nn.Module):
    """Maps noise z (B, noise) and maps of a condition (B, K, *sides_c) to (B, *out_shape).

    Args:
        in_channels: K, channels of the condition.
        out_shape: shape of the output, (T,) or (C, *sides).
        latent: number of maps of noise; 0: none.
        channels: channels at full resolution; they double at each halving.
        halvings: n; 0: all blocks are at full resolution.
        blocks: number of residual blocks.
        noise_at: `bottleneck`, beside the input of the blocks, or `input`.
        normalization: "instance", "batch", "layer" or "none".

    Example:
        >>> import torch
        >>> net = Residual(1, (3, 9, 7), latent=2, channels=4)
        >>> net.noise, net(torch.zeros(5, net.noise), torch.zeros(5, 1, 9, 7)).shape
        (40, torch.Size([5, 3, 9, 7]))
    """

    def __init__(
        self,
        in_channels: int,
        out_shape: Sequence[int],
        latent: int = 0,
        channels: int = 32,
        halvings: int = 1,
        blocks: int = BLOCKS,
        noise_at: NoiseAt = "bottleneck",
        normalization: str = "instance",
    ):
        super().__init__()
        self.out_shape, (out, *sides) = tuple(out_shape), with_one_channel(out_shape)
        self.sides = [halved(sides, i) for i in range(halvings + 1)]
        self.z = NoiseMaps(latent, noise_at, {"input": self.sides[0], "bottleneck": self.sides[-1]})
        self.noise = self.z.size
        conv, dims, kind = CONVOLUTIONS[len(sides) - 1], len(sides), normalization
        wide = widths(channels, halvings + 1)
        same = lambda a, b: [conv(a, b, 3, padding=1, bias=needs_bias(kind)), norm(kind, b, dims + 2)]
        ins = in_channels + self.z.channels("input"), wide[-1] + self.z.channels("bottleneck")
        self.start = nn.Sequential(*same(ins[0], wide[0]), activation("relu"))
        self.down = nn.ModuleList([Halve(a, b, dims, kind) for a, b in pairwise(wide)])
        self.enter = nn.Sequential(*same(ins[1], wide[-1]), activation("relu"))
        inner = lambda: nn.Sequential(
            *same(wide[-1], wide[-1]), activation("relu"), *same(wide[-1], wide[-1])
        )
        self.blocks = nn.ModuleList([inner() for _ in range(blocks)])
        self.up = nn.ModuleList([Double(b, a, dims, kind) for a, b in pairwise(wide)])
        self.acts = nn.ModuleList([activation("relu") for _ in range(2 * halvings)])
        self.end = conv(wide[0], out, 3, padding=1)
        self.apply(begin)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Returns (B, *out_shape), before output activation, for noise z (B, noise) and maps c (B, K, *)."""
        n = len(self.down)
        h = self.start(self.z.beside(resized(c, self.sides[0]), z, "input"))
        for i, halve in enumerate(self.down):
            h = self.acts[i](halve(h))
        h = self.enter(self.z.beside(h, z, "bottleneck"))
        for block in self.blocks:
            h = h + block(h)
        for i in reversed(range(n)):
            h = self.acts[n + i](self.up[i](h, self.sides[i]))
        return self.end(h).flatten(1).unflatten(1, self.out_shape)
