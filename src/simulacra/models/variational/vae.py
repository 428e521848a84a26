"""The variational autoencoder.

The evidence lower bound on log p(x), with an amortised Gaussian posterior, is

    L(x) = E_{q(z|x)} log p(x|z) - KL(q(z|x) || N(0, I))                       (1)
    z = mu(x) + sigma(x) eps,  eps ~ N(0, I)                                   (2)
    KL = 1/2 sum (mu^2 + sigma^2 - 1 - log sigma^2)                            (3)

Reference: Kingma and Welling, Auto-Encoding Variational Bayes, 2013 (equations 3, 4 and B);
Rezende, Mohamed and Wierstra 2014. Rows E1-E5, E14, E17; E15 by `pseudo_gibbs`, E18 by `analogies`.
"""

from __future__ import annotations

from typing import Literal, Unpack

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.distributions.divergences import kl_by_entry
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.models.variational.latent import LatentGaussian
from simulacra.models.variational.network_keywords import NetworkKeywords
from simulacra.models.variational.parts.weighed_kl import anneal, bound_terms, weigh_kl


class VAE(LatentGaussian):
    """Variational autoencoder; class-conditional if `condition` is given.

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        latent: size of the code z.
        kl: `analytic` (equation 3) or `monte-carlo` (log q(z|x) - log p(z) at the drawn z).
        kl_warmup: share of training over which the weight of the KL term rises linearly from 0 to 1; 0 has
            weight 1 throughout.
        free_bits: KL of each unit of the code that costs nothing in training, in nats.
        networks: options of the networks and of p(x|z), listed in `LatentVariableModel`.

    Raises:
        ValueError: if the likelihood does not fit the space, or a custom network has the wrong output shape.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> VAE(Binary((1, 8, 8)), latent=2).sample(3, seed=0).shape
        torch.Size([3, 1, 8, 8])
    """

    kl_weight: Tensor
    kl_warmup: float
    free_bits: float

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 16,
        kl: Literal["analytic", "monte-carlo"] = "analytic",
        kl_warmup: float = 0.0,
        free_bits: float = 0.0,
        *,
        seed: int = 0,
        **networks: Unpack[NetworkKeywords],
    ):
        super().__init__(space, condition, latent, **networks)
        if kl not in ("analytic", "monte-carlo"):
            raise ValueError(f"kl is {kl!r}: 'analytic' or 'monte-carlo'.")
        self.kl = kl
        weigh_kl(self, kl_warmup, free_bits)

    def updates(self) -> list[Update]:
        """Returns the only update: all parameters minimize the negative bound."""
        return [Update("vae", ("",), negative_elbo, after=anneal)]


def negative_elbo(model: VAE, batch: Batch, rng: Rng) -> Terms:
    """Computes -L(x) of equation (1) in nats, split into reconstruction and KL, each (B,)."""
    q = model.posterior(batch.x, batch.c, batch.known)
    # (2)
    z = q.sample(rng, "z")
    reconstruction = -model.likelihood(z, batch.c).log_prob(batch.x, batch.known)
    # (3)
    closed = kl_by_entry(q)
    if model.kl == "analytic":
        return bound_terms(model, reconstruction, closed)
    return bound_terms(model, reconstruction, _kl_at(q, z), closed)


def _kl_at(q: Gaussian, z: Tensor) -> Tensor:
    """Returns log q(z_i|x) - log p(z_i), an unbiased estimate of the KL of each unit at z ~ q."""
    zero = torch.zeros_like(z)
    return q.entries(z) - Gaussian(zero, zero, 1).entries(z)
