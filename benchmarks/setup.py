"""Data and networks that several benchmarks use."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

import simulacra
from simulacra.core.spaces.plain import Binary
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors

PIXELS = 784


def digits(rows: int) -> tuple[Tensor, str]:
    """Returns binary images of 784 pixels and their name: MNIST from `SIMULACRA_DATA`, otherwise strokes."""
    if os.environ.get("SIMULACRA_DATA"):
        data = simulacra.load_data("mnist", binarize="threshold")
        return data.train.all().x[:rows].reshape(-1, PIXELS).to(torch.uint8), "MNIST"
    return strokes(rows), "generated strokes"


def strokes(rows: int) -> Tensor:
    """Draws two bent strokes an image, with about as many ones as MNIST (13 %), shape (rows, 784)."""
    generator = torch.Generator().manual_seed(0)
    ends = 4 + 20 * torch.rand(rows, 2, 3, 2, generator=generator)
    t = torch.linspace(0, 1, 32).view(-1, 1)
    # quadratic Bezier curves, drawn with a pen of 3 x 3 pixels
    a, bend, b = ends.unsqueeze(3).unbind(2)
    curve = ((1 - t) ** 2 * a + 2 * t * (1 - t) * bend + t**2 * b).long().flatten(1, 2)
    at = 28 * curve[..., 0] + curve[..., 1]
    pen = torch.tensor([0, 1, 2, 28, 29, 30, 56, 57, 58])
    images = torch.zeros(rows, PIXELS, dtype=torch.uint8)
    return images.scatter_(1, (at.unsqueeze(2) + pen).flatten(1), 1)


def dataset(rows: int) -> tuple[Dataset, str]:
    """Returns the images as a data set without validation rows, and their name."""
    x, name = digits(rows)
    return from_tensors(x, Binary((PIXELS,)), valid=0.0, test=0.02), name


def theirs(ours: nn.Module, latent: int) -> nn.Module:
    """Returns pythae's VAE with the networks of our VAE, so that only the library differs.

    Args:
        ours: our VAE.
        latent: number of latents.
    """
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = ours.encoder

        def forward(self, x: Tensor) -> ModelOutput:
            mu, log_sigma = self.net(x).chunk(2, -1)
            return ModelOutput(embedding=mu, log_covariance=2 * log_sigma)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = ours.decoder

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.net(z).squeeze(1).sigmoid())

    config = VAEConfig(input_dim=(PIXELS,), latent_dim=latent, reconstruction_loss="bce")
    return VAE(model_config=config, encoder=Encoder(), decoder=Decoder())
