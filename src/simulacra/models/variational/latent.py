"""The shared base of models with a Gaussian amortised posterior: q(z|x), p(x|z) and importance weights.

    p(x) = E_{z ~ p(z)} p(x|z),     q(z|x) = N(mu(x), sigma(x)^2)

The prior p(z) is N(0, I), or has further layers of its own.

Reference: Kingma and Welling 2013; Rezende, Mohamed and Wierstra 2014.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.general import (
    WEIGHED,
    Completes,
    Decodes,
    Encodes,
    HasImportanceWeights,
    HasJoint,
    HasPosterior,
    HasRates,
    Samples,
    TakesCondition,
    TakesMissing,
    repeated_fills,
)
from simulacra.core.distributions.elementary import Distribution, Gaussian
from simulacra.core.distributions.heads import likelihood_head, mean_image
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Stage
from simulacra.models.variational.analogies import Analogies, only_for_classes
from simulacra.models.variational.completing import Rounds, resampled, weighted
from simulacra.models.variational.factors_from_data import factors_from_data
from simulacra.models.variational.factors_with_gaps import FactorsWithGaps
from simulacra.models.variational.network_keywords import LikelihoodName
from simulacra.models.variational.parts.gaussian_code import Codes, GaussianCode, WeighedCodes, gaussian_of
from simulacra.models.variational.pseudo_gibbs import pseudo_gibbs
from simulacra.nets.coders import build_decoder, build_encoder, check_network, default_net

TABLES: Mapping[str, Any] = {"least_steps": 3000, "lr": 2e-3, "schedule": "cosine"}
# tensors that files of earlier versions lack
ADDED = ("encoder.linear", "decoder.linear", "factors.")
PROPOSALS, ROUNDS = 64, 4  # codes of each round of a completion, which resamples one of all rounds
DROPOUT = 0.1  # of the networks of a table on normal scores


class LatentVariableModel(
    WeighedCodes,
    Model,
    Samples,
    HasImportanceWeights,
    Encodes,
    Decodes,
    Completes,
    TakesCondition,
    TakesMissing,
):
    """Abstract base with q(z|x), p(x|z) and importance weights; subclasses choose the prior p(z).

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        latent: size of the code z next to x.
        hidden: layer sizes of the encoder (channels for `conv`), which the decoder mirrors; None takes the
            defaults of the network.
        net: `mlp` or `conv`; `auto` takes `conv` for images with a side of at least 16, else `mlp`.
        activation: `relu`, `tanh`, `silu`, `softplus`, `leaky-relu` or `sigmoid`.
        likelihood: distribution of x given z; `auto` takes the default of the space.
        scale: fixed standard deviation of a `gaussian` likelihood, in units of x; None learns it.
        mixtures: number of components of a `logistic-mixture`.
        dropout: dropout rate of the hidden layers (`mlp` only); None takes 0.1 for tables with linear maps
            beside the networks, which otherwise learn a small table by heart, and 0 for all else.
        gaps: give the encoder a mask of the missing entries, for rows with gaps; without it a missing
            number looks like a mean one. The mask follows the features of the condition.
        encoder: custom network from features (B, *) to (B, 2 latent); None builds one.
        decoder: custom network from (B, latent) to (B, P, *shape), or to (B, P) for tables, with P parameters
            for each entry; None builds one.

    Raises:
        ValueError: if the likelihood does not fit the space, or a custom network has the wrong output shape.
    """

    completions: ClassVar[tuple[str, ...]] = ("resampling", "pseudo-gibbs")
    _linear: ClassVar[bool] = False  # networks of normal scores have linear maps beside them

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
        dropout: float | None = None,
        gaps: bool = False,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
    ):
        super().__init__(space, condition)
        only_for_classes(self)
        if latent < 1:
            raise ValueError(f"latent is {latent}, but a code needs at least one number.")
        self.code_size, self.gaps = latent, gaps
        self.head = likelihood_head(space, likelihood, scale, mixtures)
        kind, sizes = default_net(space, net, hidden)
        output = self.head.output
        linear = self._linear and isinstance(space, Table) and space.scored is not None
        rate = DROPOUT * linear if dropout is None else dropout
        self.encoder = encoder or build_encoder(
            space, 2 * latent, kind, sizes, condition, activation, rate, space.dims * gaps, linear
        )
        self.decoder = decoder or build_decoder(
            space, latent, output, kind, sizes, condition, activation, rate, linear
        )
        own = linear and encoder is None
        self.factors = FactorsWithGaps(space.features_shape[0], latent) if own else None
        self.added = tuple(n for n in self.state_dict() if n.startswith(ADDED))
        extra = (condition.features_shape or (1,),) if condition else ()
        shown = ((sum(map(math.prod, extra)) + space.dims,),) if gaps else extra
        check_network("encoder", self.encoder, (space.features_shape, *shown), (2 * latent,))
        check_network("decoder", self.decoder, ((latent,), *extra), output)

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended options for tables: at least 3,000 steps, and a rate decaying from 0.002."""
        return TABLES if isinstance(self.space, Table) else {}

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which starts from the data (`factors_from_data`).

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return (
            Stage("train", self.updates(), self.length, start=Initial(factors_from_data)) if i == 0 else None
        )

    def condition_features(self, c: Tensor | None) -> tuple[Tensor, ...]:
        """Returns the condition's features as further arguments of a network, an empty tuple without one."""
        if self.condition is None or c is None:
            return ()
        return (self.condition.features(c, self.dtype).reshape(-1, *(self.condition.features_shape or (1,))),)

    def posterior(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Gaussian:
        """Returns q(z|x) = N(mu, sigma^2), one network for mu and log sigma (E3), event (latent,).

        Args:
            x: observations, shape (B, *).
            c: condition, or None.
            known: True where observed, shape (B, *); missing features are set to zero. None for all.
        """
        f, wider = self._without_gaps(self.features(x), known)
        q = gaussian_of(self.encoder(f, *self._beside(f, c, known)))
        return q if wider is None else Gaussian(q.loc, q.log_scale + wider, 1)

    def _without_gaps(self, f: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Returns features without gaps, and by what log sigma is larger for it, or None."""
        if known is None:
            return f, None
        there = self.space.features_known(known)
        if self.factors is None:
            return torch.where(there, f, torch.zeros_like(f)), None
        return self.factors(f, there)

    def _beside(self, f: Tensor, c: Tensor | None, known: Tensor | None) -> tuple[Tensor, ...]:
        """Further inputs of the encoder: the condition, and with `gaps` 1 where x is missing."""
        given = self.condition_features(c)
        if not self.gaps:
            return given
        none = f.new_zeros(f.shape[0], self.space.dims)
        gone = none if known is None else (~known).flatten(1).to(f.dtype)
        return (torch.cat([*(g.flatten(1) for g in given), gone], 1),)

    def likelihood(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        """Returns p(x|z).

        Args:
            z: codes, shape (B, latent).
            c: condition, or None.
        """
        return self.head.build(self.decoder(z, *self.condition_features(c)))

    @abstractmethod
    def codes(self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None) -> Codes:
        """Draws k codes z_j = mu + sigma eps_j for each row.

        Args:
            x: observations, shape (B, *).
            c: condition, or None.
            rng: source of random numbers.
            k: number of codes for each row.
            known: True where observed, shape (B, *); None for all.
        """

    def likelihoods(self, z: Tensor, c: Tensor | None) -> Distribution:
        """Returns p(x|z_j, c) of several codes of each row, a distribution of shape (B, k, *).

        Args:
            z: codes, shape (B, k, latent).
            c: conditions, shape (B, *), or None.
        """
        each = None if c is None else c.repeat_interleave(z.shape[1], 0)
        parameters = self.decoder(z.flatten(0, 1), *self.condition_features(each))
        return self.head.build(parameters.unflatten(0, z.shape[:2]))

    def fill(
        self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None, method: str = "resampling"
    ) -> Tensor:
        """Returns x with the missing entries drawn from p(x_missing | x_known) (`variational.completing`).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
            method: `resampling`, or `pseudo-gibbs` for the chain of `pseudo_gibbs`.
        """
        if method == "pseudo-gibbs":
            return pseudo_gibbs(self, x, known, rng, c)
        return resampled(self, x, known, rng, c, Rounds(PROPOSALS, ROUNDS))

    def weighted_fills(
        self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, k: int, method: str | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns a draw for each proposed code with the weight of the code, shapes (B, n, *) and (B, n).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
            k: number of draws that they replace; n is `WEIGHED` k, or that of a completion if it is larger.
            method: `resampling`; `pseudo-gibbs` for k ends of the chain of `pseudo_gibbs`.
        """
        if method == "pseudo-gibbs":
            return repeated_fills(self, x, known, rng, c, k, method)
        each = max(PROPOSALS, math.ceil(WEIGHED * k / ROUNDS))
        return weighted(self, x, known, rng, c, Rounds(each, ROUNDS))


class LatentGaussian(Analogies, GaussianCode, LatentVariableModel, HasPosterior, HasJoint, HasRates):
    """Abstract base with one code of prior N(0, I); subclasses choose the objective."""

    _linear = True

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns E[x|z], shape (B, *).

        Args:
            z: codes, shape (B, latent).
            c: conditions, shape (B, *), or None.
        """
        return mean_image(self.likelihood(z, c), self.space)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples z ~ N(0, I), then x ~ p(x|z), shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
        """
        z = rng.normal("z", self.code_size, dtype=self.dtype)
        return self.likelihood(z, c).sample(rng)
