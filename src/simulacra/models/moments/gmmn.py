"""The generative moment matching network: a generator whose samples have the kernel means of the data.

    u uniform on [-1, 1]^H,   x = G(u),   min_G sqrt(MMD^2({x_i}, {G(u_j)}))                             (1)

There is no critic and no game: the kernel (`matching`) is fixed, and training goes downhill on one number.
Features of bits and levels lie in [0, 1], where a last sigmoid holds the samples.

Reference: Li, Swersky and Zemel, Generative moment matching networks, 2015; Dziugaite, Roy and Ghahramani
2015. Rows H1, H3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import HasPrior, Samples
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.spaces.smooth import playable, unbounded
from simulacra.core.updates import Source, Stage, Update
from simulacra.models.moments.matching import (
    LARGE_BATCHES,
    check_bandwidths,
    discrepancy,
    set_bandwidths,
    uniform_noise,
)
from simulacra.nets.mlp import MLPDecoder


class GMMN(Model, Samples, HasPrior):
    """Generative moment matching network, trained with batches of 1,000 rows where `batch_size` is not given.

    Args:
        space: space of one observation: `Real`, `Binary` or `Levels`.
        latent: size H of the noise u.
        hidden: sizes of the generator's hidden layers.
        bandwidths: widths s of the Gaussian kernels, in units of the features; () takes 1/8, 1/4, 1/2 and 1
            of the median distance between training rows.
        activation: activation of the hidden layers.

    Raises:
        ValueError: if samples of the space have no gradients, or a bandwidth is not above 0.

    Example:
        >>> GMMN(Real((3,)), latent=2, hidden=(8,)).sample(5, seed=0).shape
        torch.Size([5, 3])
    """

    widths: Tensor

    def __init__(
        self,
        space: Space,
        latent: int = 10,
        hidden: tuple[int, ...] = (64, 256, 256),
        bandwidths: tuple[float, ...] = (),
        activation: str = "relu",
        *,
        seed: int = 0,
    ):
        playable(space, "a GMMN")
        super().__init__(space)
        self.code_size, self.bandwidths = latent, bandwidths
        self.register_buffer("widths", check_bandwidths(bandwidths))
        self.G = MLPDecoder(latent, hidden, space.features_shape, act=activation)

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended: batches of 1,000 rows."""
        return LARGE_BATCHES

    def updates(self) -> list[Update]:
        """Returns the only update, whose loss couples the rows of a batch."""
        return [Update("G", ("G.",), matching_loss, coupled=True, exchanges=True)]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which takes the bandwidths from the data first.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=widths_from_data) if i == 0 else None

    def generate(self, u: Tensor) -> Tensor:
        """Returns features of samples, shape (B, *features_shape).

        Args:
            u: noise, shape (B, latent).
        """
        f = self.G(u)
        return f if unbounded(self.space) else f.sigmoid()

    def prior(self, rng: Rng, name: str = "u") -> Tensor:
        """Draws u, shape (B, latent).

        Args:
            rng: source of random numbers.
            name: name of the draw.
        """
        return uniform_noise(rng, name, self.code_size, self.dtype)

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns G(u) in the units of x, with levels not rounded, shape (B, *).

        Args:
            z: noise u, shape (B, latent).
            c: not used.
        """
        return self.space.from_features(self.generate(z))

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples x = G(u), with levels rounded, shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: not used.
        """
        x = self.emit(self.prior(rng))
        return x if isinstance(self.space, Real) else x.round()


def matching_loss(model: GMMN, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss (1) of the batch, shape ()."""
    return Terms(
        {"mmd": discrepancy(model.features(batch.x), model.generate(model.prior(rng)), model.widths)}
    )


def widths_from_data(model: GMMN, source: Source, rng: Rng) -> None:
    """Sets the bandwidths by the distances between training rows.

    Args:
        model: the network.
        source: the training split.
        rng: chooses the rows.
    """
    set_bandwidths(model, source, rng, model.features)
