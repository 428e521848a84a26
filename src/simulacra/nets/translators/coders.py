"""The U-net of pix2pix, and the encoder-decoder, which is the same network without links.

    h_0 = (c, z_in),   h_i = norm(halve(act h_{i-1}))                  i = 1 ... n                     (1)
    u_n = (h_n, z),    u_{i-1} = (norm(double(relu u_i)), h_{i-1})     down to u_0 = double(relu u_1)     (2)

The links h_{i-1} of (2) carry what c and x share, such as edges, past the bottleneck h_n. Noise z enters as
maps: beside h_n, or beside c.

Reference: Ronneberger, Fischer and Brox 2015; Isola, Zhu, Zhou and Efros 2017, section 3.2. Row G18.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from simulacra.nets.adversarial.dcgan import begin
from simulacra.nets.layers import activation
from simulacra.nets.maps import resized
from simulacra.nets.translators.noise_maps import NoiseAt, NoiseMaps, with_one_channel
from simulacra.nets.translators.strided import Double, Halve, halved, usual_halvings, widths


class Coder(nn.Module):
    """Maps noise (B, noise) and maps of a condition (B, K, *sides_c) to (B, *out_shape) by (1) and (2).

    Args:
        in_channels: K, channels of the condition.
        out_shape: shape of the output, (T,) or (C, *sides).
        latent: number of maps of noise; 0: none.
        channels: channels after the first halving; they double up to eight times as many.
        halvings: n; None: down to a shorter side of 4 to 7.
        links: False makes it an encoder-decoder.
        noise_at: `bottleneck` or `input`.
        normalization: "instance", "batch", "layer" or "none", of all layers but the first and the last.

    Example:
        >>> net = Coder(1, (3, 9, 7), latent=2, channels=4)
        >>> net.noise, net(torch.zeros(5, net.noise), torch.zeros(5, 1, 9, 7)).shape
        (40, torch.Size([5, 3, 9, 7]))
    """

    def __init__(
        self,
        in_channels: int,
        out_shape: Sequence[int],
        latent: int = 0,
        channels: int = 32,
        halvings: int | None = None,
        links: bool = True,
        noise_at: NoiseAt = "bottleneck",
        normalization: str = "instance",
    ):
        super().__init__()
        self.out_shape, (out, *sides) = tuple(out_shape), with_one_channel(out_shape)
        n = usual_halvings(sides) if halvings is None else halvings
        self.links, self.sides = links, [halved(sides, i) for i in range(n + 1)]
        self.z = NoiseMaps(latent, noise_at, {"input": self.sides[0], "bottleneck": self.sides[n]})
        self.noise = self.z.size
        wide, dims = widths(channels, n), len(sides)
        # one entry a channel cannot be normalized
        kind = lambda i: "none" if i == 0 or math.prod(self.sides[i + 1]) == 1 else normalization
        ins = [in_channels + self.z.channels("input"), *wide]
        self.down = nn.ModuleList([Halve(a, b, dims, kind(i)) for i, (a, b) in enumerate(zip(ins, wide))])
        self.down_acts = nn.ModuleList([activation("leaky-relu-0.2") for _ in wide[1:]])
        outs = [out, *wide[:-1]]
        of_up = [(wide[i] * (2 if links and i < n - 1 else 1), outs[i]) for i in range(n)]
        of_up[-1] = (wide[-1] + self.z.channels("bottleneck"), outs[-1])
        up = [Double(a, b, dims, normalization if i else "none") for i, (a, b) in enumerate(of_up)]
        self.up = nn.ModuleList(up)
        self.up_acts = nn.ModuleList([activation("relu") for _ in wide])
        self.apply(begin)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Returns (B, *out_shape), before output activation, for noise z (B, noise) and maps c (B, K, *)."""
        h, seen = self.z.beside(resized(c, self.sides[0]), z, "input"), []
        for i, halve in enumerate(self.down):
            # (1)
            h = halve(self.down_acts[i - 1](h) if i else h)
            seen.append(h)
        h = self.z.beside(h, z, "bottleneck")
        for i in reversed(range(len(self.up))):
            # (2)
            h = self.up[i](self.up_acts[i](h), self.sides[i])
            h = torch.cat([h, seen[i - 1]], 1) if self.links and i else h
        return h.flatten(1).unflatten(1, self.out_shape)
