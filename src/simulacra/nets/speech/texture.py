"""A residual of spectra: convolutions that add texture to images without changing their size.

    h_0 = (c, z),   h_i = (f(convolution of h_(i-1)), c),   G = c + convolution of h_n                (1)

Every layer sees c again. The last convolution starts near 0, so that training starts at G = c.

Reference: Kaneko et al., Generative adversarial network-based postfilter for statistical parametric speech
synthesis, 2017. Row G25.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.nets.layers import activation
from simulacra.nets.translators.noise_maps import NoiseMaps

NEAR_ZERO = 0.02  # deviation of the last weights at the start


class TextureGenerator(nn.Module):
    """Adds a residual to images c (B, C, H, W) by equation (1).

    Args:
        shape: (C, H, W) of the images of the data set, which gives the size of the noise.
        channels: channels of the layers between.
        layers: number n of layers between.
        kernel: side of the kernels, odd.
        latent: maps of noise z of the sides of c; 0: none.
        act: activation f.

    Raises:
        ValueError: if the kernel is even or there is no layer.

    Example:
        >>> G = TextureGenerator((1, 5, 7), channels=3, layers=2, kernel=3)
        >>> G.noise, G(torch.zeros(2, 35), torch.zeros(2, 1, 5, 7)).shape
        (35, torch.Size([2, 1, 5, 7]))
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        channels: int = 32,
        layers: int = 3,
        kernel: int = 5,
        latent: int = 1,
        act: str = "relu",
    ):
        super().__init__()
        _check(layers, kernel)
        C, H, W = shape
        self.z, p = NoiseMaps(latent, "input", {"input": (H, W)}), kernel // 2
        self.noise = self.z.size
        sizes = [C + latent, *[channels + C] * layers]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, channels, kernel, padding=p), activation(act)) for a in sizes[:-1]
        )
        self.last = nn.Conv2d(sizes[-1], C, kernel, padding=p)
        nn.init.normal_(self.last.weight, 0.0, NEAR_ZERO)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def residual(self, z: Tensor, c: Tensor) -> Tensor:
        """Returns G - c, shape (B, C, H, W).

        Args:
            z: noise, shape (B, noise).
            c: images, shape (B, C, H, W).
        """
        h = self.z.beside(c, z, "input")
        for layer in self.layers:
            h = torch.cat([layer(h), c], 1)
        return self.last(h)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns images (B, C, H, W) for noise z (B, noise) and images c (B, C, H, W)."""
        assert c is not None
        # (1)
        return c + self.residual(z, c)


def _check(layers: int, kernel: int) -> None:
    if layers < 1:
        one = build_with(layers=1)
        raise Refusal(
            f"layers is {layers}, but the residual needs a layer that sees the noise: use {one}.", one
        )
    if kernel < 1 or kernel % 2 == 0:
        odd = build_with(kernel=max(1, kernel) | 1)
        raise Refusal(f"kernel is {kernel}, but an odd one keeps the size: use {odd}.", odd)
