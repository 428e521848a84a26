"""The variational autoencoder with several stochastic layers.

    p(x, z) = p(x|z_1) p(z_1|z_2) ... p(z_{L-1}|z_L) p(z_L),   p(z_L) = N(0, I)      (1)
    q(z|x) = q(z_1|x) q(z_2|z_1) ... q(z_L|z_{L-1})                                  (2)
    L_k(x) = E log (1/k) sum_j p(x, z^j) / q(z^j|x),   z^j ~ q(z|x)                  (3)

Every conditional among the codes is a Gaussian; a network outputs its mean and log standard deviation. L_1 is
the evidence lower bound; L_k increases with k towards log p(x).

`encode` and `decode` use the topmost code z_L, whose prior is N(0, I). Both propagate the means of the layers
between: z_L = mu(... mu(x)). This is deterministic, but neither the mean of q(z_L|x), a mixture over the
codes below, nor E[x|z_L]. So the model does not declare a Gaussian posterior.

Reference: Rezende, Mohamed and Wierstra 2014; Burda, Grosse and Salakhutdinov, Importance Weighted
Autoencoders, 2015 (equations 3 and 8, section 5). Row E9.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any, Literal, Unpack

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.general import HasRates
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.divergences import kl_to_standard_normal
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.distributions.heads import mean_image
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.models.variational.iwae import negative_bound
from simulacra.models.variational.latent import LatentVariableModel
from simulacra.models.variational.network_keywords import ObservationKeywords
from simulacra.models.variational.parts.gaussian_code import Codes, gaussian_of, repeated
from simulacra.nets.mlp import mlp

RATE_DRAWS = 4  # draws of the codes of a row for the rates of its layers


class HierarchicalVAE(LatentVariableModel, HasRates):
    """Variational autoencoder with a chain of codes; by default the two layers of Burda et al. 2015.

    A condition c is an input of the networks next to x: p(x|z_1, c) and q(z_1|x, c).

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        latents: sizes of the codes z_1 (next to x) to z_L.
        k: importance samples of the training bound; 1 is the ELBO of the VAE, more are the IWAE's bound.
        hidden: sizes of the encoder's hidden layers (channels for `conv`); the decoder mirrors them.
        between: sizes of the hidden layers of the networks from one code to the next, up and down.
        net: `mlp` or `conv`; `auto` takes `conv` for images with a side of at least 16, else `mlp`.
        activation: `relu`, `tanh`, `silu`, `softplus`, `leaky-relu` or `sigmoid`.
        dropout: dropout rate of the hidden layers (`mlp`, and between the codes).
        networks: further options of the networks and of p(x|z_1), listed in `LatentVariableModel`.

    Raises:
        ValueError: if the likelihood does not fit the space, or a custom network has the wrong output shape.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = HierarchicalVAE(Binary((6,)), latents=(5, 2), hidden=(7,), between=(3,))
        >>> model.encode(model.sample(4)).shape
        torch.Size([4, 2])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latents: tuple[int, ...] = (100, 50),
        k: int = 1,
        hidden: tuple[int, ...] = (200, 200),
        between: tuple[int, ...] = (100, 100),
        net: Literal["auto", "mlp", "conv"] = "mlp",
        activation: str = "tanh",
        dropout: float = 0.0,
        *,
        seed: int = 0,
        **networks: Unpack[ObservationKeywords],
    ):
        if not latents or min(latents) < 1:
            raise ValueError(f"latents is {latents}, but it needs one size or more, such as (100, 50).")
        if k < 1:
            raise ValueError(f"k is {k}, but the bound needs at least one importance sample.")
        common: dict[str, Any] = {"activation": activation, "dropout": dropout}
        super().__init__(space, condition, latents[0], hidden=hidden, net=net, **common, **networks)
        self.latents, self.k, self.code_size = tuple(latents), k, latents[-1]
        network = lambda a, b: mlp([a, *between, 2 * b], activation, dropout)
        self.up = nn.ModuleList(network(a, b) for a, b in pairwise(latents))
        self.down = nn.ModuleList(network(b, a) for a, b in pairwise(latents))

    def updates(self) -> list[Update]:
        """Returns the only update: all parameters minimize the negative bound (3)."""
        return [Update("hierarchical-vae", ("",), partial(negative_bound, k=self.k))]

    def codes(self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None) -> Codes:
        """Draws k chains z_1, ..., z_L for each row by reparameterization, from the bottom to the top.

        Args:
            x: observations, shape (B, *).
            c: condition, or None.
            rng: source of random numbers.
            k: number of chains for each row.
            known: True where observed, shape (B, *); None for all.
        """
        q, z = self._upward(x, c, rng, k, known)
        # (1)
        zero = torch.zeros_like(z[-1])
        p = [law(down, above) for down, above in zip(self.down, z[1:])] + [Gaussian(zero, zero, 1)]
        # (2)
        terms = [p_i.log_prob(z_i) - q_i.log_prob(z_i) for p_i, q_i, z_i in zip(p, q, z)]
        return Codes(z[0], torch.stack(terms).sum(0))

    def _upward(
        self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None
    ) -> tuple[list[Gaussian], list[Tensor]]:
        """Returns q(z_1|x), ..., q(z_L|z_{L-1}) and the codes drawn from them, each (B, k, latents[i])."""
        q = [repeated(self.posterior(x, c, known))]
        z: list[Tensor] = []
        for i, size in enumerate(self.latents):
            if i:
                q.append(law(self.up[i - 1], z[-1]))
            z.append(q[i].at(rng.normal(f"z{i + 1}", k, size, dtype=q[0].loc.dtype)))
        return q, z

    @property
    def part_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the layers of codes, `z_1` next to x to `z_L`."""
        return tuple(f"z_{i + 1}" for i in range(len(self.latents)))

    def rates(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns log q(z_l|z_{l-1}) - log p(z_l|z_{l+1}) of each layer at `RATE_DRAWS` draws, shape (B, L).

        The topmost term is the KL(q(z_L|z_{L-1}) || N(0, I)) in closed form. In expectation the terms sum to
        KL(q(z|x) || p(z)), in nats.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        q, z = self._upward(x, c, rng, RATE_DRAWS, known)
        p = [law(down, above) for down, above in zip(self.down, z[1:])]
        below = [q_l.log_prob(z_l) - p_l.log_prob(z_l) for p_l, q_l, z_l in zip(p, q, z)]
        return torch.stack([*below, kl_to_standard_normal(q[-1]).expand(-1, RATE_DRAWS)], 2).mean(1)

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns log p(x, z) - log q(z|x) with one z ~ q, in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        return self.log_weights(x, c, rng, 1, known)[:, 0]

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns the topmost code by propagating the means of q, shape (B, latents[-1]).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            known: True where observed, shape (B, *); None for all.
        """
        z = self.posterior(x, c, known).loc
        for up in self.up:
            z = law(up, z).loc
        return z

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns E[x|z_1] at the z_1 that the means of p give for the topmost code, shape (B, *).

        Args:
            z: codes, shape (B, latent).
            c: conditions, shape (B, *), or None.
        """
        for down in reversed(self.down):
            z = law(down, z).loc
        return mean_image(self.likelihood(z, c), self.space)

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number L of levels.

        Args:
            how: not used.
        """
        return len(self.latents)

    def draw(self, rng: Rng, c: Tensor | None = None, watch: Watch | None = None) -> Tensor:
        """Samples z_L ~ N(0, I), then z_{L-1} ~ p(.|z_L) down to x ~ p(x|z_1), shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
            watch: called after each level with x drawn from it by the means of the levels below; None: never.
        """
        z = rng.normal(f"z{len(self.latents)}", self.latents[-1], dtype=self.dtype)
        self._seen(z, c, rng, len(self.down), watch)
        for i in range(len(self.down), 0, -1):
            z = law(self.down[i - 1], z).sample(rng, f"z{i}")
            self._seen(z, c, rng, i - 1, watch)
        return self.likelihood(z, c).sample(rng)

    def _seen(self, z: Tensor, c: Tensor | None, rng: Rng, below: int, watch: Watch | None) -> None:
        """Calls `watch` with the x that the means of the levels below z, and the noise of x, give."""
        if watch is None:
            return
        for i in range(below, 0, -1):
            z = law(self.down[i - 1], z).loc
        x = self.likelihood(z, c).sample(rng)
        L = len(self.latents)
        watch(L - below, L, x, torch.ones_like(x, dtype=torch.bool))


def law(network: nn.Module, z: Tensor) -> Gaussian:
    """Returns the Gaussian conditional of a code given the neighbouring code.

    Args:
        network: network from (*, n) to mean and log standard deviation, (*, 2 m).
        z: the neighbouring code, shape (B, *, n).
    """
    return gaussian_of(network(z))
