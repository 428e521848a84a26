"""Moment matching on codes: an autoencoder first, then a generator of its codes.

    h = f(x),   min_(f, g) |features(x) - g(h)|^2, with dropout in f                                     (1)
    u uniform on [-1, 1]^H,   min_G sqrt(MMD^2({f(x_i)}, {G(u_j)}))                                      (2)
    x = g(G(u))                                                                                          (3)

Few numbers are easier to match than many pixels, and the decoder draws what an autoencoder can: so (2) needs
fewer rows. The codes lie in [0, 1], where sigmoids hold f and G. Dropout makes g
robust to codes that (2) draws a little beside those of data.

Reference: Li, Swersky and Zemel, Generative moment matching networks, 2015, section 4. Row H2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Encodes, HasPrior, Samples
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
from simulacra.nets.mlp import MLPDecoder, mlp


class GMMNAutoencoder(Model, Samples, Encodes, HasPrior):
    """Moment matching network on the codes of an autoencoder, with batches of 1,000 rows if none are given.

    Args:
        space: space of one observation: `Real`, `Binary` or `Levels`.
        code: size of the code h.
        coder: sizes of the encoder's hidden layers, which the decoder mirrors.
        latent: size H of the noise u.
        hidden: sizes of the hidden layers of G.
        dropout: dropout rate of the encoder's hidden layers.
        bandwidths: widths s of the Gaussian kernels, in units of the code; () takes 1/8, 1/4, 1/2 and 1 of
            the median distance between codes of training rows.
        activation: activation of the autoencoder's hidden layers; those of G are `relu`.

    Raises:
        ValueError: if samples of the space have no gradients, or a bandwidth is not above 0.

    Example:
        >>> model = GMMNAutoencoder(Real((6,)), code=2, coder=(8,), hidden=(8,))
        >>> [model.stage(i, []).name for i in range(2)], model.sample(5, seed=0).shape
        (['autoencoder', 'codes'], torch.Size([5, 6]))
    """

    widths: Tensor

    def __init__(
        self,
        space: Space,
        code: int = 32,
        coder: tuple[int, ...] = (1024,),
        latent: int = 10,
        hidden: tuple[int, ...] = (64, 256, 256, 1024),
        dropout: float = 0.1,
        bandwidths: tuple[float, ...] = (),
        activation: str = "sigmoid",
        *,
        seed: int = 0,
    ):
        playable(space, "a GMMN")
        super().__init__(space)
        d = math.prod(space.features_shape)
        self.code_size, self.latent, self.bandwidths = code, latent, bandwidths
        self.register_buffer("widths", check_bandwidths(bandwidths))
        self.encoder = nn.Sequential(mlp([d, *coder, code], activation, dropout), nn.Sigmoid())
        self.decoder = MLPDecoder(code, coder[::-1], space.features_shape, act=activation)
        self.G = nn.Sequential(mlp([latent, *hidden, code], "relu"), nn.Sigmoid())

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended: batches of 1,000 rows."""
        return LARGE_BATCHES

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the autoencoder's stage (1), then that of its codes (2).

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i == 0:
            update = Update("autoencoder", ("encoder.", "decoder."), reconstruction_error)
            return Stage("autoencoder", [update], self.length)
        if i == 1:
            update = Update("G", ("G.",), code_loss, coupled=True, exchanges=True)
            return Stage("codes", [update], self.length, start=widths_from_codes, view=codes)
        return None

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the code f(x), shape (B, code).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        return self.encoder(self.features(x).flatten(1))

    def decode_features(self, h: Tensor) -> Tensor:
        """Returns g(h), shape (B, *features_shape).

        Args:
            h: codes, shape (B, code).
        """
        f = self.decoder(h)
        return f if unbounded(self.space) else f.sigmoid()

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns g(h) in the units of x, with levels not rounded, shape (B, *).

        Args:
            z: codes h, shape (B, code).
            c: not used.
        """
        return self.space.from_features(self.decode_features(z))

    def prior(self, rng: Rng, name: str = "u") -> Tensor:
        """Draws codes G(u), shape (B, code).

        Args:
            rng: source of random numbers.
            name: name of the draw.
        """
        return self.G(uniform_noise(rng, name, self.latent, self.dtype))

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples x by equation (3), with levels rounded, shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: not used.
        """
        x = self.emit(self.prior(rng))
        return x if isinstance(self.space, Real) else x.round()


def reconstruction_error(model: GMMNAutoencoder, batch: Batch, rng: Rng) -> Terms:
    """Computes the squared error (1), shape (B,)."""
    f = model.features(batch.x)
    out = model.decode_features(model.encoder(f.flatten(1)))
    return Terms({"reconstruction": (f - out).square().flatten(1).sum(1)})


def codes(model: GMMNAutoencoder, batch: Batch, rng: Rng) -> Batch:
    """Returns the batch with codes instead of x.

    Args:
        model: the trained autoencoder.
        batch: rows of data.
        rng: not used.
    """
    return replace(batch, x=model.infer(batch.x))


def code_loss(model: GMMNAutoencoder, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss (2) of a batch of codes, shape ()."""
    return Terms({"mmd": discrepancy(batch.x, model.prior(rng), model.widths)})


def widths_from_codes(model: GMMNAutoencoder, source: Source, rng: Rng) -> None:
    """Sets the bandwidths by the distances between codes of training rows.

    Args:
        model: the trained autoencoder.
        source: the training split.
        rng: chooses the rows.
    """
    training = model.training
    model.eval()
    set_bandwidths(model, source, rng, model.infer)
    model.train(training)
