"""Wasserstein GAN with a gradient penalty or with clipped weights.

    critic:     D descends E D(G(z)) - E D(x) + lambda E (|dD/dv| - 1)^2       (1)
    generator:  G descends -E D(G(z))                                          (2)

v is uniform on the segment from x to G(z). What strains the contract: several critic steps, each on
a fresh batch, double backward, and (with clipping) weights that move after the step.

Reference: Arjovsky, Chintala and Bottou 2017; Gulrajani et al. 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities import Samples
from simulacra.core.model import Model
from simulacra.core.random import Rng
from simulacra.core.space import Space
from simulacra.core.training import Update
from simulacra.nets.mlp import mlp


class WGAN(Model, Samples):
    """Wasserstein GAN.

    Args:
        space: what one observation is.
        latent: size of the noise z.
        penalty: `gradient` or `clip`.
        critic_steps: moves of the critic in each step.
        every: the generator moves at every n-th step only.
    """

    def __init__(
        self,
        space: Space,
        latent: int = 3,
        penalty: Literal["gradient", "clip"] = "gradient",
        critic_steps: int = 3,
        every: int = 1,
    ):
        super().__init__(space)
        self.latent, self.penalty = latent, penalty
        self.critic_steps, self.every = critic_steps, every
        self.G = mlp([latent, 12, space.dims], "tanh")
        # equation (1) does not see an output bias
        self.D = nn.Sequential(nn.Linear(space.dims, 12), nn.Softplus(), nn.Linear(12, 1, bias=False))

    def updates(self) -> list[Update]:
        """The critic moves more often than the generator."""
        after = clip if self.penalty == "clip" else None
        return [
            Update("critic", ("D.",), separate, repeat=self.critic_steps, after=after),
            Update("generator", ("G.",), approach, every=self.every),
        ]

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """G(z), shape (B, *)."""
        return self.G(rng.normal("z", self.latent, dtype=self.dtype)).unflatten(1, self.space.shape)


def separate(model: WGAN, batch: Batch, rng: Rng) -> Terms:
    """Equation (1), per example."""
    real, fake = model.features(batch.x).flatten(1), model.draw(rng).detach().flatten(1)
    loss = {"real": -model.D(real).squeeze(1), "fake": model.D(fake).squeeze(1)}
    if model.penalty == "gradient":
        u = rng.uniform("u", 1, dtype=model.dtype)
        v = (u * real + (1 - u) * fake).requires_grad_(True)
        (slope,) = torch.autograd.grad(model.D(v).sum(), v, create_graph=True)
        loss["penalty"] = 10 * (slope.square().sum(1).add(1e-12).sqrt() - 1).square()
    return Terms(loss)


def approach(model: WGAN, batch: Batch, rng: Rng) -> Terms:
    """Equation (2), per example."""
    return Terms({"loss": -model.D(model.draw(rng).flatten(1)).squeeze(1)})


def clip(model: WGAN, terms: Mapping[str, Tensor], progress: float) -> None:
    """Weights of the critic back into a box."""
    for p in model.D.parameters():
        p.clamp_(-0.2, 0.2)
