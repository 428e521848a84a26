"""Shared by every model with a Gaussian amortised posterior: q(z|x), p(x|z), the weights.

    p(x) = E_{z ~ p(z)} p(x|z),     q(z|x) = N(mu(x), sigma(x)^2)

The prior p(z) is N(0, I), or has further layers of its own.

Reference: Kingma and Welling 2013; Rezende, Mohamed and Wierstra 2014.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.general import (
    Completes,
    Decodes,
    Encodes,
    HasImportanceWeights,
    HasPosterior,
    Samples,
    TakesCondition,
    TakesMissing,
)
from simulacra.core.distributions.divergences import kl_to_standard_normal
from simulacra.core.distributions.elementary import Categorical, Distribution, Gaussian
from simulacra.core.distributions.heads import likelihood_head, mean_image
from simulacra.core.distributions.marginals import marginals
from simulacra.core.model import Model
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import ENTRIES
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source, Stage
from simulacra.nets.coders import build_decoder, build_encoder, check_network, default_net
from simulacra.nets.mlp import MLPDecoder

LikelihoodName = Literal[
    "auto",
    "bernoulli",
    "gaussian",
    "logistic",
    "logistic-mixture",
    "categorical",
    "log-normal",
    "poisson",
    "negative-binomial",
    "cumulative-logit",
    "interval-gaussian",
    "interval-mixture",
    "fields",
]
TABLES: Mapping[str, Any] = {"least_steps": 3000, "lr": 2e-3, "schedule": "cosine"}
MAX_LOG_SIGMA = 20.0  # of a code in any direction
PROPOSALS = 128  # codes that a completion chooses from


@dataclass
class Codes:
    """Draws from the posterior of each row.

    Args:
        z: the code next to x, shape (B, k, latent).
        log_ratio: log p - log q of all that was drawn, in nats, shape (B, k).
    """

    z: Tensor
    log_ratio: Tensor


class ObservationKeywords(TypedDict, total=False):
    """Options of `LatentVariableModel` that say what p(x|z) is, and networks of one's own."""

    likelihood: LikelihoodName
    scale: float | None
    mixtures: int
    encoder: nn.Module | None
    decoder: nn.Module | None


class NetworkKeywords(ObservationKeywords, total=False):
    """The keywords of `LatentVariableModel`; a test compares the two."""

    hidden: tuple[int, ...] | None
    net: Literal["auto", "mlp", "conv"]
    activation: str
    dropout: float


class LatentVariableModel(
    Model, Samples, HasImportanceWeights, Encodes, Decodes, Completes, TakesCondition, TakesMissing
):
    """Abstract: q(z|x), p(x|z) and what follows from weighted codes; subclasses say what p(z) is.

    Args:
        space: what one observation is.
        condition: what the condition is; None for p(x).
        latent: size of the code z next to x.
        hidden: layer sizes of the encoder (channels for `conv`); the decoder mirrors them.
        net: `mlp`, `conv`, or `auto`: convolutions for images with a side of at least 16.
        activation: `relu`, `tanh`, `silu`, `softplus`, `leaky-relu` or `sigmoid`.
        likelihood: distribution of x given z; `auto` takes the space's first.
        scale: fixed standard deviation of a Gaussian observation; None: learned.
        mixtures: components of a `logistic-mixture`.
        dropout: share of hidden activations dropped in training (`mlp` only).
        encoder: a network of your own from features (B, *) to (B, 2 latent).
        decoder: a network of your own from (B, latent) to (B, P, *shape), or to (B, P) for fields.

    Raises:
        ValueError: if the observation does not fit the space, or a network not the model.
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 16,
        *,
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "conv"] = "auto",
        activation: str = "relu",
        likelihood: LikelihoodName = "auto",
        scale: float | None = None,
        mixtures: int = 5,
        dropout: float = 0.0,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
    ):
        super().__init__(space, condition)
        if latent < 1:
            raise ValueError(f"latent is {latent}, but a code needs at least one number.")
        self.code_size = latent
        self.head = likelihood_head(space, likelihood, scale, mixtures)
        kind, sizes = default_net(space, net, hidden)
        output = self.head.output
        self.encoder = encoder or build_encoder(
            space, 2 * latent, kind, sizes, condition, activation, dropout
        )
        self.decoder = decoder or build_decoder(
            space, latent, output, kind, sizes, condition, activation, dropout
        )
        extra = (condition.features_shape,) if condition else ()
        check_network("encoder", self.encoder, (space.features_shape, *extra), (2 * latent,))
        check_network("decoder", self.decoder, ((latent,), *extra), output)

    @property
    def recommended(self) -> Mapping[str, Any]:
        """For tables, which have few rows: at least 3,000 steps, at a rate that falls from 0.002."""
        return TABLES if isinstance(self.space, Table) else {}

    def stage(self, i: int, past: list) -> Stage | None:
        """One stage; a Bernoulli output begins at the mean of the data, columns at their marginals."""
        return Stage("train", self.updates(), self.length, start=bias_from_data) if i == 0 else None

    def condition_features(self, c: Tensor | None) -> tuple[Tensor, ...]:
        """The condition as further network input, or nothing."""
        if self.condition is None or c is None:
            return ()
        return (self.condition.features(c, self.dtype),)

    def posterior(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Gaussian:
        """q(z|x) = N(mu, sigma^2), one network for mu and log sigma (E3), event (latent,).

        Args:
            x: shape (B, *).
            known: True where x is observed, shape (B, *); elsewhere the network sees zeros.
        """
        f = self.features(x)
        if known is not None:
            f = torch.where(self.space.features_known(known), f, torch.zeros_like(f))
        return gaussian_of(self.encoder(f, *self.condition_features(c)))

    def likelihood(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        """p(x|z) for codes of shape (B, latent)."""
        return self.head.build(self.decoder(z, *self.condition_features(c)))

    @abstractmethod
    def codes(self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None) -> Codes:
        """k draws for each row, z_j = mu + sigma eps_j."""

    def log_weights(
        self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None
    ) -> Tensor:
        """log p(x, z_j) - log q(z_j|x) of k draws: in nats, shape (B, k).

        Where only the `known` entries are observed, p(x|z) is that of these.
        """
        return self._weights(x, c, self.codes(x, c, rng, k, known), known)

    def _weights(self, x: Tensor, c: Tensor | None, drawn: Codes, known: Tensor | None) -> Tensor:
        n, k, _ = drawn.z.shape
        each = None if c is None else c.repeat_interleave(k, 0)
        parameters = self.decoder(drawn.z.flatten(0, 1), *self.condition_features(each))
        p = self.head.build(parameters.unflatten(0, (n, k)))
        return p.log_prob(x.unsqueeze(1), None if known is None else known.unsqueeze(1)) + drawn.log_ratio

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x with the missing entries drawn from p(x_missing | x_known), by importance resampling:

        of `PROPOSALS` codes z_j ~ q(z|x_known) one is kept with probability w_j / sum w,
        w_j = p(x_known, z_j) / q(z_j|x_known) (Mattei and Frellsen 2019, equation 12).
        """
        x, size = self.space.filled(x, known), max(1, ENTRIES // (self.space.dims * PROPOSALS))
        pieces = [slice(i, i + size) for i in range(0, len(x), size)]
        return torch.cat(
            [self._fill(x[i], known[i], rng.on(rng.rows[i]), None if c is None else c[i]) for i in pieces]
        )

    def _fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None) -> Tensor:
        drawn = self.codes(x, c, rng, PROPOSALS, known)
        chosen = Categorical(self._weights(x, c, drawn, known), 0).sample(rng, "which")
        z = drawn.z[torch.arange(len(x), device=x.device), chosen]
        draws = self.likelihood(z, c).sample(rng)
        # whole numbers are no type for real draws
        wide = x.dtype if self.space.discrete else torch.promote_types(x.dtype, draws.dtype)
        return torch.where(known, x.to(wide), draws.to(wide))


class LatentGaussian(LatentVariableModel, HasPosterior):
    """Abstract: one code of prior N(0, I); subclasses state the objective."""

    def codes(self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None) -> Codes:
        """k draws for each row, z_j = mu + sigma eps_j."""
        q = repeated(self.posterior(x, c, known))
        eps = rng.normal("z", k, self.code_size, dtype=q.loc.dtype)
        z = q.at(eps)
        # log p(z) - log q(z|x): the constants cancel
        return Codes(z, 0.5 * (eps * eps - z * z).sum(-1) + q.log_scale.sum(-1))

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """E_q log p(x|z) - KL(q(z|x) || N(0, I)) with one z, in nats, shape (B,)."""
        q = self.posterior(x, c, known)
        return self.likelihood(q.sample(rng, "z"), c).log_prob(x, known) - kl_to_standard_normal(q)

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """mu(x), shape (B, latent)."""
        return self.posterior(x, c, known).loc

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """E[x|z], shape (B, *)."""
        return mean_image(self.likelihood(z, c), self.space)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """z ~ N(0, I), x ~ p(x|z), shape (B, *)."""
        z = rng.normal("z", self.code_size, dtype=self.dtype)
        return self.likelihood(z, c).sample(rng)


def gaussian_of(numbers: Tensor) -> Gaussian:
    """The Gaussian of a code whose mean and log standard deviation a network gives, event (latent,).

    Any q bounds log p, so a row far out may be given a narrower one than the network says: the standard
    deviations of others stay far from the limit, and those of such a row would overflow to NaN.

    Args:
        numbers: shape (*, 2 latent).
    """
    mu, log_sigma = numbers.chunk(2, -1)
    return Gaussian(mu, log_sigma.clamp(-MAX_LOG_SIGMA, MAX_LOG_SIGMA), 1)


def repeated(q: Gaussian) -> Gaussian:
    """q for several draws of each row: parameters of shape (B, 1, latent)."""
    return Gaussian(q.loc.unsqueeze(1), q.log_scale.unsqueeze(1), 1)


def bias_from_data(model: LatentVariableModel, source: Source, rng: Rng) -> None:
    """Output biases at the log-odds of each pixel's mean, so that training learns what is left.

    As Burda et al. 2015 begin. The columns of a table begin at their marginals. Networks of one's own and
    other distributions are left alone.
    """
    if not isinstance(model.decoder, MLPDecoder):
        return
    if isinstance(model.space, Table):
        found = [p.flatten() for p in marginals(model, source, rng)]
        model.decoder.output_bias.copy_(torch.cat(found))
    elif model.head.name == "bernoulli":
        p = moments.mean(model, source, rng, limit=2000).clamp(1e-3, 1 - 1e-3)
        model.decoder.output_bias.copy_(torch.logit(p))
