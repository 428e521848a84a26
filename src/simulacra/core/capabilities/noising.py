"""The capability of models that add noise to x in steps and lead back: what each step back claims and does.

q(x_t | x_t-1) adds noise,   p(x_t-1 | x_t) leads back,   x_T ~ p(x_T)
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor

from simulacra.core.capabilities.marker import Capability
from simulacra.core.random.keyed import Rng


@dataclass(frozen=True)
class StepErrors:
    """Squared error of a step back, and the variance that it claims: equal on average if that is right.

    Args:
        squared: E_q |x_t-1 - E_p x_t-1|^2 of each row, shape (B,).
        claimed: sum of the variances of p(x_t-1 | x_t) over entries, shape (B,).
    """

    squared: Tensor
    claimed: Tensor


class HasNoising(Capability):
    """Adds noise in `noise_steps` steps until nothing is left of x, and leads back."""

    phrase = "steps of noise"

    @property
    @abstractmethod
    def noise_steps(self) -> int:
        """T, the number of steps."""

    @abstractmethod
    def brief_bound(self, x: Tensor, c: Tensor | None, rng: Rng, passes: int) -> Tensor:
        """Returns an unbiased estimate of the bound from some of its T terms, in nats, float64, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            passes: number of terms.
        """

    @abstractmethod
    def signal_left(self, x: Tensor) -> Tensor:
        """Returns KL(q(x_T | x) || p(x_T)), in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
        """

    @abstractmethod
    def step_errors(self, x: Tensor, t: int, c: Tensor | None, rng: Rng) -> StepErrors:
        """Returns the error of the step from x_t to x_t-1 beside its variance, at one draw of x_t.

        Args:
            x: observations, shape (B, *).
            t: step, from 1 to T.
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
        """
