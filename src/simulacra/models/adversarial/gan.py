"""The generative adversarial network: a game between a generator and a discriminator.

    min_G max_D  E log D(x) + E log (1 - D(G(z)))                              (1)
    non-saturating generator:  max_G E log D(G(z))                             (2)

With D = sigmoid(d), -log D = softplus(-d) and -log (1 - D) = softplus(d).

Reference: Goodfellow et al., Generative Adversarial Nets, 2014. Rows F1-F3.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities import Samples
from simulacra.core.model import Model
from simulacra.core.optimisers import Adam
from simulacra.core.random import Rng
from simulacra.core.space import Binary, Levels, Real, Space
from simulacra.core.training import Update
from simulacra.nets.mlp import MLPDecoder, MLPEncoder


class GAN(Model, Samples):
    """Generative adversarial network with fully connected players.

    Args:
        space: what one observation is.
        latent: size of the noise z.
        hidden: layer sizes of the generator; the discriminator mirrors them.
        generator_loss: `non-saturating` (equation 2) or `saturating` (equation 1).
        discriminator_steps: moves of D for each move of G, each on a fresh batch.
        activation: of the hidden layers.
        lr: learning rate of both players.

    Example:
        >>> GAN(Real((2,)), latent=4).sample(3).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        space: Space,
        latent: int = 16,
        hidden: tuple[int, ...] = (128, 128),
        generator_loss: Literal["non-saturating", "saturating"] = "non-saturating",
        discriminator_steps: int = 1,
        activation: str = "relu",
        lr: float = 1e-3,
    ):
        super().__init__(space)
        if not isinstance(space, (Real, Binary, Levels)):
            raise ValueError(f"a GAN needs gradients through its samples, which {space} does not have.")
        if generator_loss not in ("non-saturating", "saturating"):
            raise ValueError(f"generator_loss is {generator_loss!r}: 'non-saturating' or 'saturating'.")
        if discriminator_steps < 1:
            raise ValueError(f"discriminator_steps is {discriminator_steps}, but it must be at least 1.")
        self.latent, self.generator_loss = latent, generator_loss
        self.discriminator_steps, self.lr = discriminator_steps, lr
        self.G = MLPDecoder(latent, hidden, space.features_shape, act=activation)
        self.D = MLPEncoder(space.features_shape, tuple(reversed(hidden)), 1, act=activation)

    def updates(self) -> list[Update]:
        """Two players: D first, on fresh batches, then G."""
        # a low first moment damps the rotation of the game (Radford et al. 2015)
        adam = Adam(lr=self.lr, betas=(0.5, 0.999))
        return [
            Update("D", ("D.",), discriminator_loss, repeat=self.discriminator_steps, optimizer=adam),
            Update("G", ("G.",), generator_loss, optimizer=adam),
        ]

    def generate(self, z: Tensor) -> Tensor:
        """G(z) as features; bounded spaces through a sigmoid, shape (B, *)."""
        out = self.G(z)
        return out if isinstance(self.space, Real) else out.sigmoid()

    def discriminate(self, features: Tensor) -> Tensor:
        """The logit d of D, shape (B,)."""
        return self.D(features).squeeze(1)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """G(z) in the units of x (levels are rounded), shape (B, *)."""
        x = self.space.from_features(self.generate(rng.normal("z", self.latent, dtype=self.dtype)))
        return x if isinstance(self.space, Real) else x.round()


def discriminator_loss(model: GAN, batch: Batch, rng: Rng) -> Terms:
    """-log D(x) and -log (1 - D(G(z))), in nats per example: equation (1)."""
    fake = model.generate(rng.normal("z", model.latent, dtype=model.dtype)).detach()
    real, generated = model.discriminate(model.features(batch.x)), model.discriminate(fake)
    # (1)
    loss = {"real": F.softplus(-real), "fake": F.softplus(generated)}
    right = ((real > 0).to(real.dtype) + (generated < 0).to(real.dtype)) / 2
    return Terms(loss, {"accuracy": right})


def generator_loss(model: GAN, batch: Batch, rng: Rng) -> Terms:
    """Equation (2), or the generator's part of (1), per example."""
    d = model.discriminate(model.generate(rng.normal("z", model.latent, dtype=model.dtype)))
    if model.generator_loss == "saturating":
        return Terms({"loss": -F.softplus(d)})
    return Terms({"loss": F.softplus(-d)})
