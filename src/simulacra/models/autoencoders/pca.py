"""Principal component analysis: the best linear autoencoder, in closed form.

    x^ = m + V V' (x - m)                                                      (1)

V holds the leading eigenvectors of the covariance of the features of x.

Reference: Pearson 1901; Hotelling 1933. Row D1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulacra.core.capabilities import Decodes, Encodes
from simulacra.core.model import Model
from simulacra.core.moments import covariance
from simulacra.core.random import Rng
from simulacra.core.space import Space
from simulacra.core.training import Source, Stage, Steps


class PCA(Model, Encodes, Decodes):
    """Principal component analysis.

    Args:
        space: what one observation is.
        latent: number of components.

    Raises:
        ValueError: if there are fewer entries than components.

    Example:
        >>> from simulacra.core.space import Real
        >>> PCA(Real((5,)), latent=2).decode(torch.zeros(1, 2)).shape
        torch.Size([1, 5])
    """

    location: Tensor
    components: Tensor
    variances: Tensor

    def __init__(self, space: Space, latent: int = 2):
        super().__init__(space)
        d = math.prod(space.features_shape)
        if not 1 <= latent <= d:
            raise ValueError(f"latent is {latent}, but PCA of {space} has 1 to {d} components.")
        self.code_size = latent
        self.register_buffer("location", torch.zeros(d))
        self.register_buffer("components", torch.eye(d, latent))
        self.register_buffer("variances", torch.ones(latent))

    def stage(self, i: int, past: list) -> Stage | None:
        """One closed form, no updates."""
        return Stage("solve", [], Steps(0), start=solve) if i == 0 else None

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """V' (x - m), shape (B, latent)."""
        return (self.features(x).flatten(1) - self.location) @ self.components

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """m + V z, in the units of x, shape (B, *)."""
        # (1)
        flat = self.location + z @ self.components.T
        return self.space.from_features(flat.unflatten(1, self.space.features_shape))


def solve(model: PCA, source: Source, rng: Rng) -> None:
    """Leading eigenvectors of the covariance, signs fixed so that each largest entry is positive."""
    m, s, _ = covariance(model, source, rng)
    values, vectors = torch.linalg.eigh(s)
    order = values.argsort(descending=True)[: model.code_size]
    v = vectors[:, order]
    v = v * v.gather(0, v.abs().argmax(0, keepdim=True)).sign()
    model.location.copy_(m)
    model.components.copy_(v)
    model.variances.copy_(values[order])
