"""Capabilities of models whose log-density is estimated, or known by its gradient.

An estimate, such as the solution of a differential equation, is no bound: its error may have either sign.
Its kind is `stochastic`, so that `compare` never takes it for proof.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor

from simulacra.core.capabilities.marker import Capability
from simulacra.core.random.keyed import Rng


@dataclass(frozen=True)
class DensityEstimate:
    """Estimates of log p(x).

    Args:
        value: log p(x), in nats, shape (B,).
        off: change of `value` when the computation is made half as fine, in nats, shape (B,).
        method: how it was computed, such as `ODE, 32 steps of rk4, exact trace`.
    """

    value: Tensor
    off: Tensor
    method: str


class EstimatesDensity(Capability):
    """Estimates its log-density, with a tolerance."""

    phrase = "estimates its log-density"

    @abstractmethod
    def estimated_density(self, x: Tensor, c: Tensor | None, rng: Rng) -> DensityEstimate:
        """Returns an estimate of log p(x|c) of each row, with its tolerance.

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
            rng: generator of random probes; the noise of a row depends on `rng.rows`, not on the batch.
        """


class HasScore(Capability):
    """Knows the gradient of log p(x) in x, which statistics calls the score.

    It may be that of p(x) after Gaussian noise of standard deviation `noise` is added. The method is called
    `slope`, as a score of the library is a number for each row.
    """

    phrase = "has the gradient of its log-density"

    @abstractmethod
    def slope(self, x: Tensor, c: Tensor | None = None, noise: float | None = None) -> Tensor:
        """Returns the gradient of log p(x|c) in x, in nats per unit of x, shape (B, *).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
            noise: standard deviation of the noise in x; None: the model's own.
        """
