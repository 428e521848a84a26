"""Generative moment matching network: the samples' kernel means are those of the data.

    min_G MMD^2({x_i}, {G(z_j)})                                               (1)

What strains the contract: the loss is one statistic of the whole batch, no mean over examples.

Reference: Li, Swersky and Zemel 2015.
"""

from __future__ import annotations

from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Samples
from simulacra.core.distributions.divergences import mmd2
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.nets.mlp import mlp


class GMMN(Model, Samples):
    """GMMN on real vectors.

    Args:
        space: what one observation is.
        latent: size of the noise z.
        bandwidths: of the Gaussian kernels.
    """

    def __init__(self, space: Space, latent: int = 3, bandwidths: tuple[float, ...] = (0.5, 1.0, 2.0)):
        super().__init__(space)
        self.latent, self.bandwidths = latent, bandwidths
        self.G = mlp([latent, 12, space.dims], "tanh")

    def updates(self) -> list[Update]:
        """One player whose loss couples the rows."""
        return [Update("G", ("G.",), discrepancy, coupled=True)]

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """G(z), shape (B, *)."""
        return self.G(rng.normal("z", self.latent, dtype=self.dtype)).unflatten(1, self.space.shape)


def discrepancy(model: GMMN, batch: Batch, rng: Rng) -> Terms:
    """Equation (1), 0-dim."""
    x, y = model.features(batch.x).flatten(1), model.draw(rng).flatten(1)
    return Terms({"mmd2": mmd2(x, y, model.bandwidths)})
