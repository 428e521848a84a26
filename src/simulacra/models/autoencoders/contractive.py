"""The contractive autoencoder, whose code changes little where x does, and its walk along the data.

    h = s(W x + b),   min |x - W' h - b'|^2 + lambda |J(x)|_F^2                 (1)
    J(x) = dh / dx = diag(h (1 - h)) W                                          (2)
    |J(x)|_F^2 = sum_j (h_j (1 - h_j))^2 sum_i W_ji^2                           (3)

s is the logistic function; encoder and decoder share W, so that the code cannot shrink while the decoder
grows. Equation (3) needs no automatic differentiation and no further product of matrices a row.

Trained, J is large only along the directions in which the data vary. A Markov chain takes steps in these:

    h~ = h + J(x) J(x)' e,   e ~ N(0, s^2 I),   x <- W' h~ + b'                 (4)

J' e = W' (h (1 - h) e) and J times it are two products of matrices; no J is built. Each reconstruction leads
back to the data. The chain runs on the features x as they are; an observation that it shows is rounded to
its space. It begins at a draw of independent normal features with the means and deviations of the data.

Reference: Rifai, Vincent, Muller, Glorot and Bengio 2011, equations 4 and 7; Rifai, Bengio, Dauphin and
Vincent 2012 (the walk). Rows D9, D11.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.chains import BurnIn, ChainDraws
from simulacra.core.capabilities.general import Decodes, Encodes
from simulacra.core.corruption.corruption import within
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Positive, Real, Space
from simulacra.core.updates import Source, Stage, Update


class ContractiveAutoencoder(Model, ChainDraws, Encodes, Decodes):
    """Autoencoder of one layer of logistic units with a penalty on the derivative of its code.

    Args:
        space: space of one observation.
        latent: number of logistic units.
        contraction: weight lambda of the penalty in equation (1); 0 disables it.
        noise: standard deviation s of the walk (4).
        burn_in: steps of the walk for a sample.

    Raises:
        ValueError: if the rows are no numbers, or an option is out of range.

    Example:
        >>> ContractiveAutoencoder(Real((5,)), latent=2).jacobian(torch.zeros(3, 5)).shape
        torch.Size([3, 2, 5])
    """

    drawing = BurnIn
    added = ("location", "deviation")
    location: Tensor
    deviation: Tensor

    def __init__(
        self,
        space: Space,
        latent: int = 256,
        contraction: float = 0.1,
        noise: float = 1.0,
        burn_in: int = 100,
        *,
        seed: int = 0,
    ):
        super().__init__(space)
        if not isinstance(space, Binary | Levels | Real | Positive):
            raise ValueError(
                f"a contractive autoencoder needs 0/1, levels or numbers, but the space is {space}."
            )
        if not 0 <= contraction < math.inf:
            raise ValueError(
                f"contraction is {contraction:g}, but a weight is finite and not negative: give 0.1."
            )
        check_walk(noise, burn_in)
        self.code_size, self.contraction, self.noise, self.burn_in = latent, contraction, noise, burn_in
        self.layer = nn.Linear(math.prod(space.features_shape), latent)
        nn.init.xavier_uniform_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        self.output = nn.Parameter(torch.zeros(self.layer.in_features))
        self.register_buffer("location", torch.zeros(self.layer.in_features))
        self.register_buffer("deviation", torch.ones(self.layer.in_features))

    def updates(self) -> list[Update]:
        """Returns the only update, which minimizes equation (1)."""
        return [Update("autoencoder", ("",), contractive_error)]

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, which begins by measuring where the walks start.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=measure_data) if i == 0 else None

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the code h, shape (B, latent).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        return self._code(self.features(x).flatten(1))

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

    def _code(self, f: Tensor) -> Tensor:
        return self.layer(f).sigmoid()

    def _decoded(self, h: Tensor) -> Tensor:
        return h @ self.layer.weight + self.output

    # ---- the walk, whose states are features

    def start_chain(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws independent normal features with the means and deviations of the data, (B, features).

        Args:
            rng: generator of the draws.
            c: not used.
        """
        e = rng.normal("start", len(self.location), dtype=self.dtype)
        return self.location + self.deviation * e

    def chain_at(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns the features of observations, shape (B, features).

        Args:
            x: observations, shape (B, *).
            rng: not used.
            c: not used.
        """
        return self.features(x).flatten(1)

    def step(self, state: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Makes one step by (4), shape (B, features).

        Args:
            state: features x, shape (B, features).
            rng: generator of e.
            c: not used.
        """
        h = self._code(state)
        slope = h * (1 - h)
        e = self.noise * rng.normal("walk", self.code_size, dtype=h.dtype)
        along = (slope * e) @ self.layer.weight  # J' e, shape (B, features)
        # (4)
        return self._decoded(h + slope * (along @ self.layer.weight.T))

    def shown(self, state: Tensor) -> Tensor:
        """Returns the observations of states, within their space and rounded to it, shape (B, *).

        Args:
            state: features, shape (B, features).
        """
        x = self.space.from_features(state.unflatten(1, self.space.features_shape))
        return within(x, self.space, x)


def measure_data(model: ContractiveAutoencoder, source: Source, rng: Rng) -> None:
    """Measures means and deviations of the features, with which walks begin.

    Args:
        model: the autoencoder.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    mean, variance = moments.mean_and_variance(model, source, rng)
    model.location.copy_(mean.flatten())
    model.deviation.copy_(variance.sqrt().flatten())


def check_walk(noise: float, burn_in: int) -> None:
    """Raises ValueError if a walk cannot be made with these options.

    Args:
        noise: standard deviation of its steps.
        burn_in: their number.
    """
    if not 0 <= noise < math.inf:
        usual = build_with(noise=1.0)
        raise Refusal(
            f"noise is {noise:g}, but a standard deviation is finite and at least 0: use {usual}.", usual
        )
    if burn_in < 1:
        usual = build_with(burn_in=100)
        raise Refusal(f"burn_in is {burn_in}, but a walk takes at least one step: use {usual}.", usual)


def contractive_error(model: ContractiveAutoencoder, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) per example."""
    target, h = model.features(batch.x).flatten(1), model.infer(batch.x)
    # (1)
    loss = {"reconstruction": (target - model._decoded(h)).square().sum(1)}
    if model.contraction:
        loss["contraction"] = model.contraction * model.steepness(h)
    return Terms(loss)
