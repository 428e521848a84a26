"""Principal component analysis: the best linear autoencoder, in closed form.

    x^ = m + V V' (x - m)                                                      (1)

V holds the leading eigenvectors of the covariance of the features of x. With missing entries it is the
expected covariance under the factor model of `models.autoencoders.factors`, and missing entries of a row are
imputed by their conditional means first.

Reference: Pearson 1901; Hotelling 1933; Ilin and Raiko 2010 for missing entries. Row D1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulacra.core.capabilities.general import Completes, Decodes, Encodes, TakesMissing
from simulacra.core.model import Model
from simulacra.core.numerics.moments import covariance, has_gaps, known_rows
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source, Stage, Steps
from simulacra.models.autoencoders.factors import Linear, closed_form, leading, maximize


class PCA(Model, Encodes, Decodes, Completes, TakesMissing):
    """Principal component analysis.

    Args:
        space: space of one observation.
        latent: number of components.
        iterations: maximal number of EM steps, which run only if entries are missing.

    Raises:
        ValueError: if `latent` is below 1 or above the number of features.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> PCA(Real((5,)), latent=2).decode(torch.zeros(1, 2)).shape
        torch.Size([1, 5])
    """

    location: Tensor
    components: Tensor
    variances: Tensor
    noise: Tensor

    def __init__(self, space: Space, latent: int = 2, iterations: int = 200, *, seed: int = 0):
        super().__init__(space)
        d = math.prod(space.features_shape)
        if not 1 <= latent <= d:
            possible = f"1 to {d} components" if d > 1 else "a single component, latent=1"
            raise ValueError(f"latent is {latent}, but PCA of {space} has {possible}.")
        self.code_size, self.iterations = latent, iterations
        self.register_buffer("location", torch.zeros(d))
        self.register_buffer("components", torch.eye(d, latent))
        self.register_buffer("variances", torch.ones(latent))
        self.register_buffer("noise", torch.ones(()))

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage: a closed-form solution without updates.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("solve", [], Steps(0), start=solve) if i == 0 else None

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns the code V' (x - m), shape (B, latent), with missing entries at their conditional means.

        Args:
            x: observations, shape (B, *).
            c: not used.
            known: True where observed, shape (B, *); None for all.
        """
        f = self.space.features(x, self.dtype).flatten(1)
        f = f if known is None else self._imputed(f, self.space.features_known(known).flatten(1))
        return (f - self.location) @ self.components

    def _imputed(self, f: Tensor, known: Tensor) -> Tensor:
        noise = to_float64(self.noise)
        W = to_float64(self.components) * (to_float64(self.variances) - noise).clamp_min(0).sqrt()
        return Linear(W, to_float64(self.location), noise).imputed(to_float64(f), known).to(f)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries replaced by their conditional means; nothing is drawn.

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: not used.
            c: not used.
        """
        f = self._imputed(
            self.space.features(x, self.dtype).flatten(1), self.space.features_known(known).flatten(1)
        )
        mean = self.space.from_features(f.unflatten(1, self.space.features_shape))
        return torch.where(known, x.to(mean.dtype), mean)

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns m + V z in the units of x, shape (B, *).

        Args:
            z: codes, shape (B, latent).
            c: not used.
        """
        # (1)
        flat = self.location + z @ self.components.T
        return self.space.from_features(flat.unflatten(1, self.space.features_shape))


def solve(model: PCA, source: Source, rng: Rng) -> None:
    """Sets the components to the leading eigenvectors of the covariance, by EM if entries are missing.

    Args:
        model: the PCA to fit.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    q = model.code_size
    if has_gaps(source, rng):
        linear, s = maximize(known_rows(model, source, rng), q, model.iterations)
        m = linear.location
    else:
        m, s, _ = covariance(model, source, rng)
    values, v = leading(s, q)
    model.location.copy_(m)
    model.components.copy_(v)
    model.variances.copy_(values)
    model.noise.copy_(closed_form(s, q)[1])
