"""The importance-weighted autoencoder: a VAE trained on a tighter bound.

    L_k(x) = E log (1/k) sum_j p(x, z_j) / q(z_j|x),   z_j ~ q(z|x)            (8)

L_1 is the VAE's bound; L_k increases with k towards log p(x).

Reference: Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, 2015. Row E9.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Unpack

from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.models.variational.latent import LatentGaussian, LatentVariableModel
from simulacra.models.variational.network_keywords import NetworkKeywords


class IWAE(LatentGaussian):
    """Importance-weighted autoencoder.

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        latent: size of the code z.
        k: importance samples of the training bound; 1 is the VAE.
        networks: options of the networks and of p(x|z), listed in `LatentVariableModel`.

    Raises:
        ValueError: if the likelihood does not fit the space, or a custom network has the wrong output shape.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> IWAE(Binary((6,)), latent=2, k=5).sample(4).shape
        torch.Size([4, 6])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 16,
        k: int = 5,
        *,
        seed: int = 0,
        **networks: Unpack[NetworkKeywords],
    ):
        super().__init__(space, condition, latent, **networks)
        if k < 1:
            raise ValueError(f"k is {k}, but the bound needs at least one importance sample.")
        self.k = k

    def updates(self) -> list[Update]:
        """Returns the only update: all parameters minimize the negative bound."""
        return [Update("iwae", ("",), partial(negative_bound, k=self.k))]


def negative_bound(model: LatentVariableModel, batch: Batch, rng: Rng, k: int) -> Terms:
    """Computes -L_k(x) of equation (8) in nats, shape (B,), and logs the ELBO at the same draws.

    Args:
        model: a latent variable model.
        batch: rows of data.
        rng: source of random numbers.
        k: number of importance samples.
    """
    log_w = model.log_weights(batch.x, batch.c, rng, k, batch.known)
    bound = log_w.logsumexp(1) - math.log(k)
    return Terms({"bound": -bound}, {"elbo": log_w.detach().mean(1)})
