"""Boundary equilibrium GAN: the discriminator is an autoencoder, and a balance is kept.

    L(v) = |v - D(v)|_1 / d                                                    (1)
    L_D  = L(x) - k L(G(z)),    L_G = L(G(z))                                  (2)
    k   <- clip(k + lambda (gamma L(x) - L(G(z))), 0, 1)                       (3)

What strains the contract: k is adapted after each step from terms averaged over all processes.

Reference: Berthelot, Schumm and Metz 2017.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities import Samples
from simulacra.core.model import Model
from simulacra.core.random import Rng
from simulacra.core.space import Space
from simulacra.core.training import Update
from simulacra.nets.mlp import mlp


class BEGAN(Model, Samples):
    """BEGAN on real vectors.

    Args:
        space: what one observation is.
        latent: size of the noise z.
        gamma: ratio of the two errors that equation (3) aims at.
        rate: lambda of equation (3).
    """

    k: Tensor

    def __init__(self, space: Space, latent: int = 3, gamma: float = 0.5, rate: float = 0.1):
        super().__init__(space)
        self.latent, self.gamma, self.rate = latent, gamma, rate
        self.G = mlp([latent, 12, space.dims], "tanh")
        self.D = mlp([space.dims, 12, 2, 12, space.dims], "tanh")
        self.register_buffer("k", torch.tensor(0.1))

    def updates(self) -> list[Update]:
        """Two players."""
        return [Update("D", ("D.",), autoencode, after=balance), Update("G", ("G.",), fool)]

    def error(self, v: Tensor) -> Tensor:
        """Equation (1), shape (B,)."""
        return (v - self.D(v)).abs().mean(1)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """G(z), shape (B, *)."""
        return self.G(rng.normal("z", self.latent, dtype=self.dtype)).unflatten(1, self.space.shape)


def autoencode(model: BEGAN, batch: Batch, rng: Rng) -> Terms:
    """L_D of equation (2), per example."""
    fake = model.draw(rng).detach().flatten(1)
    real, generated = model.error(model.features(batch.x).flatten(1)), model.error(fake)
    return Terms({"real": real, "fake": -model.k * generated}, {"generated": generated})


def fool(model: BEGAN, batch: Batch, rng: Rng) -> Terms:
    """L_G of equation (2), per example."""
    return Terms({"loss": model.error(model.draw(rng).flatten(1))})


def balance(model: BEGAN, terms: Mapping[str, Tensor], progress: float) -> None:
    """Equation (3)."""
    drift = model.gamma * terms["real"] - terms["generated"]
    model.k.add_(model.rate * drift).clamp_(0, 1)
