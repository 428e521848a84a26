"""Convolutions along waves: an encoder-decoder with links, and a critic of two waves.

    G:  e_i = f(halving convolution of e_(i-1)),  e_0 = c                                    (1)
        d_n = (e_n, z),   d_(i-1) = (f(doubling convolution of d_i), e_(i-1)),   G = the last    (2)
    D:  halving convolutions of (h, c), one channel at the end, a number for each place       (3)

A kernel of 31 with stride 2 and padding 15 maps 2 m samples to m, and its transpose maps m to 2 m. The links
of (2) let fine detail pass by the bottleneck, so that the layers in between carry only what changes.

Reference: Pascual, Bonafonte and Serra, SEGAN: Speech Enhancement Generative Adversarial Network, 2017,
figures 1 and 2. Row G23.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.speech.halving import half_kernel, widths
from simulacra.nets.translators.noise_maps import NoiseMaps

SLOPE = 0.3  # of the critic's leaky ReLUs


class WaveGenerator(nn.Module):
    """Maps waves c (B, T) and noise to waves (B, T) by equations (1) and (2).

    Args:
        samples: T, a multiple of 2^halvings.
        halvings: n.
        channels: channels after the first halving.
        latent: channels of noise at the bottleneck; None: as many as of the encoder there; 0: none.
        kernel: size of the kernels, odd.

    Example:
        >>> G = WaveGenerator(24, halvings=3, channels=2, latent=1, kernel=5)
        >>> G.noise, G(torch.zeros(7, G.noise), torch.zeros(7, 24)).shape
        (3, torch.Size([7, 24]))
    """

    def __init__(
        self, samples: int, halvings: int, channels: int = 16, latent: int | None = None, kernel: int = 31
    ):
        super().__init__()
        p, w = half_kernel(kernel), widths(channels, halvings)
        maps = w[-1] if latent is None else latent
        self.z = NoiseMaps(maps, "bottleneck", {"bottleneck": (samples >> halvings,)})
        self.noise = self.z.size
        self.down = nn.ModuleList(nn.Conv1d(a, b, kernel, 2, p) for a, b in pairwise([1, *w]))
        self.bend = nn.ModuleList(nn.PReLU(b) for b in w)
        # each layer but the first sees the one before it and, by its link, as many channels of the encoder
        before = [w[-1] + maps, *(2 * b for b in reversed(w[:-1]))]
        after = [*reversed(w[:-1]), 1]
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(a, b, kernel, 2, p, output_padding=1) for a, b in zip(before, after)
        )
        self.unbend = nn.ModuleList(nn.PReLU(b) for b in after[:-1])
        self.apply(_begin)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns waves (B, T) for noise z (B, noise) and waves c (B, T)."""
        assert c is not None
        links, h = [], c.unsqueeze(1)
        for down, bend in zip(self.down, self.bend):
            # (1)
            h = bend(down(h))
            links.append(h)
        h = self.z.beside(h, z, "bottleneck")
        for up, unbend, link in zip(self.up, self.unbend, reversed(links[:-1])):
            # (2)
            h = torch.cat([unbend(up(h)), link], 1)
        return self.up[-1](h).squeeze(1)


class WaveCritic(nn.Module):
    """Maps waves h (B, T) beside waves c (B, T) to features (B, T / 2^halvings), equation (3).

    Args:
        samples: T, a multiple of 2^halvings.
        halvings: number of layers.
        channels: channels after the first halving.
        kernel: size of the kernels, odd.
        normalization: normalization of all layers: "virtual", "layer", "batch" or "none".
        reference: size of the reference batch of "virtual" normalization.

    Example:
        >>> WaveCritic(24, 3, 2, 5, "layer")(torch.zeros(7, 24), torch.zeros(7, 24)).shape
        torch.Size([7, 3])
    """

    def __init__(
        self,
        samples: int,
        halvings: int,
        channels: int = 16,
        kernel: int = 31,
        normalization: str = "virtual",
        reference: int = 0,
    ):
        super().__init__()
        self.width = samples >> halvings
        p, layers = half_kernel(kernel), []
        for a, b in pairwise([2, *widths(channels, halvings)]):
            down = nn.Conv1d(a, b, kernel, 2, p, bias=needs_bias(normalization))
            layers += [down, norm(normalization, b, 3, reference), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*layers, nn.Conv1d(b, 1, 1))
        self.apply(_begin)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns features (B, width) of waves h (B, T) beside waves c (B, T)."""
        assert c is not None
        # (3)
        return self.body(torch.stack([h, c], 1)).squeeze(1)


def _begin(layer: nn.Module) -> None:
    """Initializes uniform weights of variance 2 / (inputs + outputs) and zero biases."""
    if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
