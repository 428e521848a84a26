"""Capabilities of models with a lower bound on log p(x): the bound, how it tightens, and its rates.

    log p(x) >= E_q log p(x|z) - KL(q(z|x) || p(z))                                                  (1)
    L_k(x) <= L_{k+1}(x) <= log p(x)                                                                 (2)
    L_k(x) = E log (1/k) sum_j w_j,   w_j = p(x, z_j) / q(z_j|x)                                     (3)

The KL in (1) is the rate: the nats that the code holds about x. A bound that k tightens (2) need not be a
mean of importance weights (3): 2 log mean sqrt(w) is none. Where the code is x with noise added step by step,
the steps back have errors and variances of their own.

Reference: Burda, Grosse and Salakhutdinov 2015 (3); Alemi et al. 2018 (rates).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import torch
from torch import Tensor

from simulacra.core.capabilities.marker import Capability
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng

SAMPLE_BLOCK = 256  # importance samples that share one key, so that results do not depend on the budget


class HasBound(Capability):
    """Has a lower bound on its log-density.

    `elbo_name` is the name of the bound `elbo` in scores.
    """

    phrase = "has a bound on its log-density"
    elbo_name: ClassVar[str] = "ELBO"

    @abstractmethod
    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Returns a value whose expectation over the noise is at most log p(x|c), in nats, shape (B,).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
            rng: generator of the noise.
        """


class TightensBound(HasBound):
    """Has a lower bound on its log-density that tightens with a number k of draws, equation (2).

    `bound_name` is the bound's name in scores: `NAME, k=5000`. `elbo` is a bound of one draw.
    """

    phrase = "has a bound that tightens"
    bound_name: ClassVar[str] = "bound"

    @abstractmethod
    def bound(self, x: Tensor, c: Tensor | None, rng: Rng, k: int) -> Tensor:
        """Returns a value whose expectation is at most log p(x|c) and rises with k, in nats, shape (B,).

        A model that takes rows with missing entries has a further argument `known`, True where x is observed.

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
            rng: generator of the draws; the noise of a row depends on `rng.rows`, not on the batch.
            k: number of draws; memory must not grow with it beyond a block.
        """


class HasImportanceWeights(TightensBound):
    """Has a bound that importance samples tighten: E log (1/k) sum w -> log p."""

    phrase = "has an importance-weighted bound"
    bound_name: ClassVar[str] = "IWAE bound"

    @abstractmethod
    def log_weights(self, x: Tensor, c: Tensor | None, rng: Rng, k: int) -> Tensor:
        """Returns log p(x, z_j|c) - log q(z_j|x, c) of k draws z_j ~ q, in nats, shape (B, k).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
            rng: generator of the draws.
            k: number of draws.
        """

    def bound(self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None) -> Tensor:
        """Returns equation (3), in nats, float64, shape (B,).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
            rng: generator of the draws.
            k: number of importance samples.
            known: True where x is observed, shape of x; None: everywhere.
        """
        # (3)
        sums = (log_w.logsumexp(1) for log_w in weight_blocks(self, x, c, rng, k, known))
        return reduce(torch.logaddexp, sums) - math.log(k)


class HasRates(Capability):
    """Has a rate, the KL of its code to the prior, that is a sum over parts of the code.

    `part_names` are the names of the parts, such as units, layers or steps.
    """

    phrase = "has rates"
    part_names: tuple[str, ...]

    @abstractmethod
    def rates(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Returns the terms of KL(q(z|x, c) || p(z|c)) by part of z, in nats, shape (B, parts).

        In expectation over the noise they sum to the KL. A part on whose values no other part depends has its
        own KL, which is at least 0; a term of a part below others may be less. A model that takes rows with
        missing entries has a further argument `known`, True where x is observed.

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
            rng: generator of the noise.
        """


class HasJoint(Capability):
    """Has a density of x together with its code, at any code."""

    phrase = "has a joint density of x and its code"

    @abstractmethod
    def log_joint(self, x: Tensor, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns log p(x, z|c) of k codes of each row, in nats, shape (B, k).

        A model that takes rows with missing entries has a further argument `known`, True where x is observed.

        Args:
            x: observations in the model's space, shape (B, *).
            z: codes, shape (B, k, latent).
            c: condition of each row, shape (B, *); None: no condition.
        """


def weight_blocks(
    model: Any, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None
) -> Iterator[Tensor]:
    """Yields the log-weights of k draws in blocks, float64, each of shape (B, at most `SAMPLE_BLOCK`).

    Args:
        model: model with importance weights.
        x: observations, shape (B, *).
        c: condition of each, shape (B, *), or None.
        rng: generator; each block has its own key.
        k: number of importance samples.
        known: True where x is observed, shape of x; None: everywhere.
    """
    for block, done in enumerate(range(0, k, SAMPLE_BLOCK)):
        keyed = rng.at("importance", block)
        yield to_float64(model.log_weights(x, c, keyed, min(SAMPLE_BLOCK, k - done), **observed(known)))


def observed(known: Tensor | None) -> dict[str, Tensor]:
    """Returns `known` as a keyword argument for a function of a capability, or no argument if it is None."""
    return {} if known is None else {"known": known}


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
