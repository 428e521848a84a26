"""Virtual batch normalisation in a GAN: every row is normalised by a fixed reference batch.

    m = (sum_r h_r + h) / (n + 1),  v = (sum_r h_r^2 + h^2) / (n + 1) - m^2    (1)
    VBN(h) = g (h - m) / sqrt(v + e) + b

over the n rows r of the reference batch, which pass through the network beside the batch.
What strains the contract: the reference is taken from data and noise once, before the first step.

Reference: Salimans et al. 2016, section 3.4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities import Samples
from simulacra.core.model import Model
from simulacra.core.random import Rng
from simulacra.core.space import Space
from simulacra.core.training import Source, Stage, Steps, Update


class VirtualNorm(nn.Module):
    """Equation (1): reference rows first, then the rows to normalise."""

    def __init__(self, size: int, reference: int):
        super().__init__()
        self.reference = reference
        self.g, self.b = nn.Parameter(torch.ones(size)), nn.Parameter(torch.zeros(size))

    def forward(self, h: Tensor) -> Tensor:
        """VBN of all rows; those of the reference are normalised by themselves."""
        n, fixed = self.reference, h[: self.reference]
        mean, square = fixed.mean(0), fixed.square().mean(0)
        # (1)
        m = torch.cat([mean.expand(n, -1), (n * mean + h[n:]) / (n + 1)])
        s = torch.cat([square.expand(n, -1), (n * square + h[n:].square()) / (n + 1)])
        return self.g * (h - m) / torch.sqrt(s - m * m + 1e-5) + self.b


class VirtualBatchNormGAN(Model, Samples):
    """A GAN with virtual batch normalisation in both players.

    Args:
        space: what one observation is.
        latent: size of the noise z.
        reference: rows of the reference batch.
    """

    x_reference: Tensor
    z_reference: Tensor

    def __init__(self, space: Space, latent: int = 3, reference: int = 13):
        super().__init__(space)
        self.latent, d = latent, space.dims
        norm = lambda: VirtualNorm(12, reference)
        # no bias before a normalisation: it cancels, and Adam would blow up the rounding of its gradient
        body = lambda a: nn.Sequential(nn.Linear(a, 12, bias=False), norm(), nn.Tanh())
        self.G = nn.Sequential(body(latent), nn.Linear(12, d))
        self.D = nn.Sequential(body(d), nn.Linear(12, 1))
        self.register_buffer("x_reference", torch.zeros(reference, d))
        self.register_buffer("z_reference", torch.zeros(reference, latent))

    def stage(self, i: int, past: list) -> Stage | None:
        """Two players after the reference is taken."""
        players = [Update("D", ("D.",), judge), Update("G", ("G.",), fool)]
        return Stage("train", players, Steps(24), start=take_reference) if i == 0 else None

    def generate(self, z: Tensor) -> Tensor:
        """G(z), shape (B, d)."""
        return self.G(torch.cat([self.z_reference, z]))[len(self.z_reference) :]

    def logit(self, x: Tensor) -> Tensor:
        """D(x), shape (B,)."""
        return self.D(torch.cat([self.x_reference, x]))[len(self.x_reference) :].squeeze(1)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """G(z), shape (B, *)."""
        z = rng.normal("z", self.latent, dtype=self.dtype)
        return self.generate(z).unflatten(1, self.space.shape)


def take_reference(model: VirtualBatchNormGAN, source: Source, rng: Rng) -> None:
    """The reference batch: rows of the data and noise, both by the seed."""
    n = len(model.x_reference)
    rows = rng.on(range(n))
    batch = source.batch(rng.permutation("reference", len(source))[:n], rows)
    model.x_reference.copy_(model.features(batch.x).flatten(1))
    model.z_reference.copy_(rows.normal("z", model.latent))


def judge(model: VirtualBatchNormGAN, batch: Batch, rng: Rng) -> Terms:
    """-log D(x) - log(1 - D(G(z))), per example."""
    real, fake = model.features(batch.x).flatten(1), model.draw(rng).detach().flatten(1)
    return Terms({"real": F.softplus(-model.logit(real)), "fake": F.softplus(model.logit(fake))})


def fool(model: VirtualBatchNormGAN, batch: Batch, rng: Rng) -> Terms:
    """-log D(G(z)), per example."""
    return Terms({"loss": F.softplus(-model.logit(model.draw(rng).flatten(1)))})
