"""The sentence VAE: texts through a Gaussian code, with homotopies between texts.

    L(x) = E_{q(z|x)} log p(x|z) - KL(q(z|x) || N(0, I))                         (1)
    q(z|x) = N(mu(h_n), sigma(h_n)^2),   h_t = GRU(E x_t, h_(t-1))               (2)
    p(x|z) = prod_t p(x_t | x_<t, z),    s_t = GRU([D x_(t-1), z], s_(t-1))      (3)

A decoder that sees the tokens before can do without the code, and the KL vanishes. To prevent that, training
replaces the input x_(t-1) of (3) by a mask token with probability `word_dropout`, raises the weight of the KL
from 0 to 1 (`kl_warmup`), and replaces the KL of a unit by `free_bits` where it is smaller. Scores use none
of the three.

A homotopy is the sequence of texts decoded at points on the line between the codes of two texts.

Reference: Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, Generating Sentences from a Continuous Space,
2015; Kingma et al. 2016 (free bits). Row E23.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.ancestral import Adjusted
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
)
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.divergences import kl_by_entry
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.tokens import Tokens, counted
from simulacra.core.updates import Update
from simulacra.models.variational.analogies import Analogies, only_for_classes
from simulacra.models.variational.parts.gaussian_code import GaussianCode, gaussian_of
from simulacra.models.variational.parts.weighed_kl import anneal, bound_terms, weigh_kl
from simulacra.models.variational.texts.completing import CANDIDATES, candidates
from simulacra.models.variational.texts.given_code import TextsGivenCode, longest
from simulacra.nets.sequences.recurrent_text import TextDecoder, TextEncoder


class SentenceVAE(
    Analogies,
    GaussianCode,
    Model,
    Samples,
    HasImportanceWeights,
    HasPosterior,
    Encodes,
    HasJoint,
    HasRates,
    Decodes,
    Completes,
    TakesCondition,
):
    """Variational autoencoder of texts with recurrent networks, optionally conditional.

    Args:
        space: space of texts.
        condition: space of the condition c of p(x | c), such as a class or numbers; None for p(x).
        latent: size of the code z.
        hidden: size of the states of both networks.
        width: number of features of a token.
        word_dropout: probability that the decoder does not see a token, in training only; at 1 it writes
            from the code and the place alone.
        kl_warmup: share of training over which the weight of the KL rises linearly from 0 to 1; 0 has weight
            1 throughout.
        free_bits: KL of each unit of the code that costs nothing in training, in nats.

    Raises:
        ValueError: if the space holds no texts, or an option is out of range.

    Example:
        >>> space = Tokens((4,), 3, ("<end>", "a", "b"))
        >>> model = SentenceVAE(space, latent=2, hidden=5, width=3)
        >>> model.encode(["ab", "abba", ""]).shape, model.log_prob(["ab"], k=10).kind
        (torch.Size([3, 2]), 'lower')
    """

    space: Tokens
    drawing = Adjusted
    entry_by_entry, any_gaps = True, True
    kl_weight: Tensor
    kl_warmup: float
    free_bits: float

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 16,
        hidden: int = 256,
        width: int = 128,
        word_dropout: float = 0.25,
        kl_warmup: float = 0.5,
        free_bits: float = 0.0,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition)
        only_for_classes(self)
        check(space, {"latent": latent, "hidden": hidden, "width": width}, word_dropout)
        assert isinstance(space, Tokens)
        self.code_size, self.word_dropout = latent, word_dropout
        size = math.prod(condition.features_shape) if condition else 0
        self.encoder = TextEncoder(space.classes, width, hidden, 2 * latent, size)
        self.decoder = TextDecoder(space.classes, width, hidden, latent + size)
        weigh_kl(self, kl_warmup, free_bits)

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended: gradients clipped at 5."""
        return {"clip": 5.0}

    def updates(self) -> list[Update]:
        """Returns the only update: all parameters minimize the negative bound."""
        return [Update("vae", ("",), negative_elbo, after=anneal)]

    def posterior(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Gaussian:
        """Returns q(z|x) of equation (2), event (latent,).

        Args:
            x: texts, shape (B, T).
            c: conditions, shape (B, *), or None.
            known: True where known, shape (B, T): the encoder reads up to the first gap; None: all.
        """
        x = x[:, : longest(x, self.space.end)]
        read = counted(x, self.space.end)
        if known is not None:
            read = read & known[:, : x.shape[1]].long().cumprod(1).bool()
        # (2)
        return gaussian_of(self.encoder(x.long(), read.sum(1) - 1, self._features(c)))

    def likelihood(self, z: Tensor, c: Tensor | None = None) -> TextsGivenCode:
        """Returns p(x|z) of equation (3).

        Args:
            z: codes, shape (B, latent).
            c: conditions, shape (B, *), or None.
        """
        f = self._features(c)
        return TextsGivenCode(self.space, self.decoder, z if f is None else torch.cat([z, f], -1))

    def likelihoods(self, z: Tensor, c: Tensor | None) -> TextsGivenCode:
        """Returns p(x|z_j, c) of several codes of each row.

        Args:
            z: codes, shape (B, k, latent).
            c: conditions, shape (B, *), or None.
        """
        f = self._features(c)
        more = () if f is None else (f.unsqueeze(1).expand(-1, z.shape[1], -1),)
        return TextsGivenCode(self.space, self.decoder, torch.cat([z, *more], -1))

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the text whose tokens are each the likeliest one after those before, shape (B, T).

        Args:
            z: codes, shape (B, latent).
            c: conditions, shape (B, *), or None.
        """
        return self.likelihood(z, c).mean

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples z ~ N(0, I), then x ~ p(x|z) token by token, shape (B, T).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
            how: options of drawing the tokens; None: the model's own.
            watch: called after each token with the number of tokens drawn, their total, x so far and True for
                the tokens that are drawn; None: never.
        """
        z = rng.normal("z", self.code_size, dtype=self.dtype)
        return self.likelihood(z, c).drawn(rng, how=how, watch=watch)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with the unknown tokens drawn given the known ones (`texts.completing`).

        Args:
            x: texts, shape (B, T); unknown tokens may have any value.
            known: True where known, shape (B, T).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        *_, last = candidates(self, x, known, rng, c)
        return last.chosen

    def weighted_fills(
        self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, k: int, method: str | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns the candidates of a completion with their weights, shapes (B, n, T) and (B, n).

        Args:
            x: texts, shape (B, T); unknown tokens may have any value.
            known: True where known, shape (B, T).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
            k: number of draws that they replace; n is `WEIGHED` k, or that of a completion if it is larger.
            method: not used: there is one way.
        """
        found = list(candidates(self, x, known, rng, c, max(CANDIDATES, WEIGHED * k)))
        return torch.stack([one.x for one in found], 1), torch.stack([one.log_w for one in found], 1)

    def _features(self, c: Tensor | None) -> Tensor | None:
        return None if self.condition is None or c is None else self.condition.vectors(c, self.dtype)


def negative_elbo(model: SentenceVAE, batch: Batch, rng: Rng) -> Terms:
    """Computes -L(x) of equation (1) in nats, split into reconstruction and KL, each (B,).

    The logged `elbo` is that of the decoder which does not see the dropped tokens.

    Args:
        model: the model.
        batch: rows of data.
        rng: source of random numbers.
    """
    q = model.posterior(batch.x, batch.c)
    p = model.likelihood(q.sample(rng, "z"), batch.c)
    p.dropped = dropped_words(batch.x, model.word_dropout, rng)
    return bound_terms(model, -p.log_prob(batch.x), kl_by_entry(q))


def dropped_words(x: Tensor, rate: float, rng: Rng) -> Tensor | None:
    """Draws the mask of dropped tokens: each is True with probability `rate`, shape of x; None if it is 0.

    Args:
        x: texts, shape (B, T).
        rate: the probability.
        rng: source of random numbers.
    """
    return rng.uniform("words", x.shape[1]) < rate if rate else None


def check(space: Space, sizes: Mapping[str, int], word_dropout: float) -> None:
    """Raises ValueError unless the space holds texts, all sizes are at least 1, and the rate is in [0, 1].

    Args:
        space: space of the data.
        sizes: sizes by name.
        word_dropout: the rate.
    """
    if not isinstance(space, Tokens) or not space.shape:
        raise ValueError(
            f"a sentence VAE takes texts, but the space is {space}: load a file of texts, or take a VAE."
        )
    for name, value in sizes.items():
        if value < 1:
            one = build_with(**{name: 1})
            raise Refusal(f"{name} is {value}, but a sentence VAE has at least one: take {one}.", one)
    if not 0 <= word_dropout <= 1:
        half = build_with(word_dropout=0.5)
        raise Refusal(f"word_dropout is {word_dropout}, but it is a probability: take {half}.", half)
