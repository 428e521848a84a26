"""Bound, importance weights and rates of a Gaussian q(z|x) with the prior N(0, I), for any networks.

    L(x) = E_q log p(x|z) - KL(q(z|x) || N(0, I))                                (1)
    log w_j = log p(x|z_j) + log p(z_j) - log q(z_j|x),   z_j = mu + sigma eps_j (2)

Reference: Kingma and Welling 2013 (1); Burda, Grosse and Salakhutdinov 2015 (2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from simulacra.core.capabilities.general import HasImportanceWeights, HasJoint, HasPosterior, HasRates
from simulacra.core.distributions.divergences import kl_by_entry, kl_to_standard_normal
from simulacra.core.distributions.elementary import Distribution, Gaussian
from simulacra.core.random.keyed import Rng

MAX_LOG_SIGMA = 20.0  # largest |log sigma| of a code


@dataclass
class Codes:
    """Draws from the posterior of each row.

    Args:
        z: code of the layer on which p(x|z) depends, shape (B, k, latent).
        log_ratio: log p - log q of all codes drawn, or log p where z is given, in nats, shape (B, k).
    """

    z: Tensor
    log_ratio: Tensor


class WeighedCodes(HasImportanceWeights, mixin=True):
    """Importance weights of a model that draws `codes` and has p(x|z) of several of them (`likelihoods`)."""

    if TYPE_CHECKING:

        def codes(
            self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None
        ) -> Codes: ...

        def likelihoods(self, z: Tensor, c: Tensor | None) -> Distribution: ...

    def log_weights(
        self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None
    ) -> Tensor:
        """Computes log p(x, z_j) - log q(z_j|x) of k draws, in nats, shape (B, k).

        Args:
            x: observations, shape (B, *).
            c: condition, or None.
            rng: source of random numbers.
            k: number of importance samples.
            known: True where observed, shape (B, *): p(x|z) is then that of these entries. None for all.
        """
        return self.weights_of(x, c, self.codes(x, c, rng, k, known), known)

    def weights_of(self, x: Tensor, c: Tensor | None, drawn: Codes, known: Tensor | None) -> Tensor:
        """Computes log p(x, z_j) - log q(z_j|x) of given codes, in nats, shape (B, k).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            drawn: the codes.
            known: True where observed, shape (B, *); None for all.
        """
        p = self.likelihoods(drawn.z, c)
        # (2)
        return p.log_prob(x.unsqueeze(1), None if known is None else known.unsqueeze(1)) + drawn.log_ratio


class GaussianCode(WeighedCodes, HasPosterior, HasJoint, HasRates, mixin=True):
    """Bound, weights and rates of a model with a Gaussian `posterior` and p(x|z) as `likelihood`."""

    if TYPE_CHECKING:
        code_size: int

        def posterior(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Gaussian: ...

        def likelihood(self, z: Tensor, c: Tensor | None = None) -> Distribution: ...

    @property
    def part_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the units of the code, `z_1` to `z_d`."""
        return tuple(f"z_{i + 1}" for i in range(self.code_size))

    def rates(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns KL(q(z_i|x) || N(0, 1)) of each unit in closed form, in nats, shape (B, latent).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: not used.
            known: True where observed, shape (B, *); None for all.
        """
        return kl_by_entry(self.posterior(x, c, known))

    def codes(self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None) -> Codes:
        """Draws k codes z_j = mu + sigma eps_j for each row.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: number of codes for each row.
            known: True where observed, shape (B, *); None for all.
        """
        q = repeated(self.posterior(x, c, known))
        eps = rng.normal("z", k, self.code_size, dtype=q.loc.dtype)
        # (2)
        z = q.at(eps)
        # log p(z) - log q(z|x): the constants cancel
        return Codes(z, 0.5 * (eps * eps - z * z).sum(-1) + q.log_scale.sum(-1))

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns E_q log p(x|z) - KL(q(z|x) || N(0, I)) with one draw of z, in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        q = self.posterior(x, c, known)
        # (1)
        return self.likelihood(q.sample(rng, "z"), c).log_prob(x, known) - kl_to_standard_normal(q)

    def log_joint(self, x: Tensor, z: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns log p(x|z) + log N(z; 0, I), in nats, shape (B, k).

        Args:
            x: observations, shape (B, *).
            z: codes, shape (B, k, latent).
            c: conditions, shape (B, *), or None.
            known: True where observed, shape (B, *); None for all.
        """
        zero = torch.zeros_like(z)
        return self.weights_of(x, c, Codes(z, Gaussian(zero, zero, 1).log_prob(z)), known)

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns the posterior mean mu(x), shape (B, latent).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            known: True where observed, shape (B, *); None for all.
        """
        return self.posterior(x, c, known).loc


def gaussian_of(numbers: Tensor) -> Gaussian:
    """Returns the Gaussian of a code from a network's output, event (latent,).

    The log standard deviation is clamped to `MAX_LOG_SIGMA`: that of an outlier would overflow to NaN.

    Args:
        numbers: mean and log standard deviation, shape (*, 2 latent).
    """
    mu, log_sigma = numbers.chunk(2, -1)
    return Gaussian(mu, log_sigma.clamp(-MAX_LOG_SIGMA, MAX_LOG_SIGMA), 1)


def repeated(q: Gaussian) -> Gaussian:
    """Returns q for several draws of each row, with parameters of shape (B, 1, latent)."""
    return Gaussian(q.loc.unsqueeze(1), q.log_scale.unsqueeze(1), 1)
