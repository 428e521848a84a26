"""Learned features of images, and the distance between images in them.

    phi_l(x) = f(conv(phi_(l-1)(x))),  of half the sides,   l = 1, ..., L;   phi_0(x) = x          (1)
    trained as an autoencoder:  min |x - g(phi_L(x))|^2                                            (2)
    d(x, y) = mean_l |phi_l(x) - phi_l(y)|^2 / (|phi_l(x)|^2 + e)                                  (3)

The paper takes the features of a classifier of a million photographs. Those of (2) need no labels and no
file: they are learned from the images at hand. Every layer counts alike in (3), whatever the scale of its
features.

Reference: Ledig et al. 2017, equation (5), with the extractor replaced; Zhang et al. 2018 on sums over
layers. Row G20.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from simulacra.nets.conv import doubling, halving

TINY = 1e-8  # e of equation (3), for images whose features are all 0


class FeatureMaps(nn.Module):
    """An autoencoder of images by strided convolutions, for the distances in its features.

    Args:
        shape: (C, H, W) of an image.
        channels: channels of each layer.
        act: activation f.

    Example:
        >>> import torch
        >>> net = FeatureMaps((1, 7, 6), (2, 3))
        >>> [tuple(maps.shape) for maps in net(torch.zeros(5, 1, 7, 6))]
        [(5, 2, 4, 3), (5, 3, 2, 2)]
    """

    def __init__(self, shape: Sequence[int], channels: Sequence[int] = (16, 32, 64), act: str = "relu"):
        super().__init__()
        c, h, w = shape
        self.encoder = halving(c, channels, act)
        self.decoder = doubling(channels, c, (h, w), act)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Returns the features (1) of images x (B, C, H, W) of each layer, shapes (B, C_l, H_l, W_l)."""
        found = []
        for i, layer in enumerate(self.encoder):
            x = layer(x)
            # a convolution, then its activation
            if i % 2:
                found.append(x)
        return found

    def rebuilt(self, x: Tensor) -> Tensor:
        """Returns g(phi_L(x)) of equation (2), shape (B, C, H, W)."""
        return self.decoder(self(x)[-1])

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Returns equation (3), shape (B,).

        Args:
            x: true images, shape (B, C, H, W).
            y: images to compare with them, shape of x.
        """
        total = x.new_zeros(len(x))
        layers = list(zip(self(x), self(y)))
        for a, b in layers:
            scale = a.square().flatten(1).mean(1) + TINY
            # (3)
            total = total + (a - b).square().flatten(1).mean(1) / scale
        return total / len(layers)
