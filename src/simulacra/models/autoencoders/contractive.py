"""The contractive autoencoder, whose code changes little where x does.

    h = s(W x + b),   min |x - W' h - b'|^2 + lambda |J(x)|_F^2                 (1)
    J(x) = dh / dx = diag(h (1 - h)) W                                          (2)
    |J(x)|_F^2 = sum_j (h_j (1 - h_j))^2 sum_i W_ji^2                           (3)

s is the logistic function; encoder and decoder share W, so that the code cannot shrink while the decoder
grows. Equation (3) needs no automatic differentiation and no further product of matrices a row.

Reference: Rifai, Vincent, Muller, Glorot and Bengio 2011, equations 4 and 7. Row D9.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Decodes, Encodes
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Positive, Real, Space
from simulacra.core.updates import Update


class ContractiveAutoencoder(Model, Encodes, Decodes):
    """Autoencoder of one layer of logistic units with a penalty on the derivative of its code.

    Args:
        space: space of one observation.
        latent: number of logistic units.
        contraction: weight lambda of the penalty in equation (1); 0 disables it.

    Raises:
        ValueError: if the rows are no numbers, or `contraction` is negative.

    Example:
        >>> ContractiveAutoencoder(Real((5,)), latent=2).jacobian(torch.zeros(3, 5)).shape
        torch.Size([3, 2, 5])
    """

    def __init__(self, space: Space, latent: int = 256, contraction: float = 0.1, *, seed: int = 0):
        super().__init__(space)
        if not isinstance(space, Binary | Levels | Real | Positive):
            raise ValueError(
                f"a contractive autoencoder needs 0/1, levels or numbers, but the space is {space}."
            )
        if not 0 <= contraction < math.inf:
            raise ValueError(
                f"contraction is {contraction:g}, but a weight is finite and not negative: give 0.1."
            )
        self.code_size, self.contraction = latent, contraction
        self.layer = nn.Linear(math.prod(space.features_shape), latent)
        nn.init.xavier_uniform_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        self.output = nn.Parameter(torch.zeros(self.layer.in_features))

    def updates(self) -> list[Update]:
        """Returns the only update, which minimizes equation (1)."""
        return [Update("autoencoder", ("",), contractive_error)]

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the code h, shape (B, latent).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        return self.layer(self.features(x).flatten(1)).sigmoid()

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the reconstruction in the units of x, shape (B, *).

        Args:
            z: codes, shape (B, latent).
            c: not used.
        """
        return self.space.from_features(self._decoded(z).unflatten(1, self.space.features_shape))

    def jacobian(self, x: Tensor) -> Tensor:
        """Returns J of equation (2), the derivative of the code in the features, shape (B, latent, features).

        Args:
            x: observations, shape (B, *).
        """
        h = self.infer(x)
        # (2)
        return (h * (1 - h)).unsqueeze(2) * self.layer.weight

    def steepness(self, h: Tensor) -> Tensor:
        """Returns |J|_F^2 of equation (3), shape (B,).

        Args:
            h: codes, shape (B, latent).
        """
        # (3)
        return (h * (1 - h)).square() @ self.layer.weight.square().sum(1)

    def _decoded(self, h: Tensor) -> Tensor:
        return h @ self.layer.weight + self.output


def contractive_error(model: ContractiveAutoencoder, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) per example."""
    target, h = model.features(batch.x).flatten(1), model.infer(batch.x)
    # (1)
    loss = {"reconstruction": (target - model._decoded(h)).square().sum(1)}
    if model.contraction:
        loss["contraction"] = model.contraction * model.steepness(h)
    return Terms(loss)
