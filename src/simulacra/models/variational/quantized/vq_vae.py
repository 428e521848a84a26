"""The vector-quantized VAE: codes from a codebook, and then a learned prior over them.

    z_e = f(x),   k = q(z_e),   z_q = e_k                                        (1)
    L = -log p(x | z_e + sg(z_q - z_e), c) + beta |z_e - sg(z_q)|^2              (2)
    M = -log p(k | c)                                                            (3)
    log p(x|c) >= log p(x | e_k, c) + log p(k | c)                               (4)

sg stops gradients. Stage 1 trains encoder and decoder by (2): the gradient of the decoder's input passes
straight to the encoder, and the codebook follows the encodings (`codebook`). Stage 2 trains the prior on the
codes of the frozen encoder by (3). Training has no KL term: under a uniform prior it is the constant
T log K.

p(x|c) is a sum over all K^T code maps, of which (4) keeps one, that of the encoder: a lower bound. It is an
ELBO whose q(k|x) is a point and has no entropy. It cannot tighten with draws, as there are none.

Reference: van den Oord, Vinyals and Kavukcuoglu, Neural Discrete Representation Learning, 2017, equations 1
and 3, and appendix A.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.ancestral import Adjusted
from simulacra.core.capabilities.general import (
    Encodes,
    HasBound,
    HasDiagnostics,
    HasPrior,
    HasRates,
    Samples,
    TakesCondition,
    TakesMissing,
)
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.elementary import Distribution
from simulacra.core.distributions.heads import likelihood_head, mean_image
from simulacra.core.gradients import straight_through
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage, Update
from simulacra.models.variational.latent import TABLES
from simulacra.models.variational.network_keywords import LikelihoodName
from simulacra.models.variational.quantized.code_prior import CodePrior
from simulacra.models.variational.quantized.codebook import Codebook, perplexity
from simulacra.models.variational.quantized.coders import code_coders
from simulacra.models.variational.quantized.settings import alarm, check_numbers

FIRST = 1024  # largest number of training rows from whose encodings the codebook starts


class VQVAE(
    Model, Samples, HasBound, HasRates, Encodes, HasPrior, HasDiagnostics, TakesCondition, TakesMissing
):
    """VQ-VAE: an encoder to codes of a codebook, a decoder, and a transformer as the prior of codes.

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c), which decoder and prior see; None for p(x).
        codebook: number K of vectors in the codebook.
        latent: size d of each vector.
        codes: number T of codes of a row with `mlp`; None takes 16. With `conv` the map has one code for
            each place that the halvings leave: 7 x 7 for images of 28 x 28 by default.
        beta: weight of the commitment of encodings to their codes.
        decay: weight of the past in the running sums that move the codebook.
        restart: share of the mean use of a vector below which it is moved to an encoding; 0: never.
        hidden: layer sizes of the encoder (channels for `conv`, each halves the sides), which the decoder
            mirrors; None takes (32, 64) for `conv`, otherwise the defaults of the VAE.
        net: `mlp` or `conv`; `auto` takes `conv` for images with a side of at least 16, else `mlp`.
        activation: `relu`, `tanh`, `silu`, `softplus`, `leaky-relu` or `sigmoid`.
        likelihood: distribution of x given its codes; `auto` takes the default of the space.
        scale: fixed standard deviation of a `gaussian` likelihood, in units of x; None learns it.
        mixtures: number of components of a `logistic-mixture`.
        prior_layers: number of layers of the prior.
        prior_heads: number of heads of its attention, which divides the width.
        prior_width: number of features of a code in each layer of the prior.

    Raises:
        ValueError: if a number is out of range, or the likelihood does not fit the space.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = VQVAE(Binary((1, 16, 16)), codebook=5, latent=3, hidden=(4, 6))
        >>> model.map, model.numbers(model.encode(model.sample(2, seed=0))).shape
        ((4, 4), torch.Size([2, 4, 4]))
    """

    drawing = Adjusted
    code_by_code = True
    elbo_name: ClassVar[str] = "bound of one code map"

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        codebook: int = 128,
        latent: int = 16,
        codes: int | None = None,
        beta: float = 0.25,
        decay: float = 0.99,
        restart: float = 0.05,
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "conv"] = "auto",
        activation: str = "relu",
        likelihood: LikelihoodName = "auto",
        scale: float | None = None,
        mixtures: int = 5,
        prior_layers: int = 3,
        prior_heads: int = 4,
        prior_width: int = 64,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition)
        check_numbers(codebook, latent, codes, beta, decay, restart)
        self.beta = beta
        self.head = likelihood_head(space, likelihood, scale, mixtures)
        self.encoder, self.decoder = code_coders(
            space, condition, latent, codes, self.head.output, net, hidden, activation
        )
        self.map = self.encoder.map
        self.T, self.code_size = math.prod(self.map), math.prod(self.map) * latent
        self.codebook = Codebook(codebook, latent, decay, restart)
        size = math.prod(condition.features_shape) if condition else 0
        self.code_prior = CodePrior(self.T, codebook, prior_layers, prior_heads, prior_width, size)
        if condition is not None:
            # its codes are drawn given c, which `prior` does not take
            self.remove(HasPrior)

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended for tables: at least 3,000 steps a stage, and a rate decaying from 0.002."""
        return TABLES if isinstance(self.space, Table) else {}

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the stage of the codes (2), then that of their prior (3).

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i == 0:
            update = Update("codes", ("encoder.", "decoder."), quantized_loss, after=follow)
            return Stage("codes", [update], self.length, start=Initial(codebook_from_data))
        if i == 1:
            update = Update("prior", ("code_prior.",), prior_loss)
            return Stage("prior", [update], self.length, view=codes)
        return None

    # ---- codes

    def encodings(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns z_e of equation (1), shape (B, T, latent).

        Args:
            x: observations, shape (B, *).
            known: True where observed, shape (B, *); missing features are set to zero. None for all.
        """
        f = self.features(x)
        if known is not None:
            f = torch.where(self.space.features_known(known), f, torch.zeros_like(f))
        return self.encoder(f)

    def nearest(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns the numbers k of the codes of x, equation (1), shape (B, T).

        Args:
            x: observations, shape (B, *).
            known: True where observed, shape (B, *); None for all.
        """
        return self.codebook.nearest(self.encodings(x, known))

    def numbers(self, z: Tensor) -> Tensor:
        """Returns the indices in the codebook of codes that `encode` gave, as a map, shape (B, *map).

        Args:
            z: codes, shape (B, T latent); another vector has the index of the nearest code.
        """
        return self.codebook.nearest(z.unflatten(1, (self.T, -1))).unflatten(1, self.map)

    def vectors(self, k: Tensor) -> Tensor:
        """Returns the codes with the given indices in the codebook, for `decode`, shape (B, T latent).

        Args:
            k: indices, shape (B, *map) or (B, T).
        """
        return self.codebook.embed(k.flatten(1)).flatten(1)

    def likelihood(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        """Returns p(x | z, c).

        Args:
            z: vectors of codes, shape (B, T, latent).
            c: conditions, shape (B, *), or None.
        """
        return self.head.build(self.decoder(z, self._given(c)))

    def _given(self, c: Tensor | None) -> Tensor | None:
        return None if self.condition is None or c is None else self.condition.vectors(c, self.dtype)

    # ---- capabilities

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns the right side of (4), in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: not used: the code is no draw.
            known: True where observed, shape (B, *): the bound is that of these entries. None for all.
        """
        k = self.nearest(x, known)
        # (4)
        given_codes = self.likelihood(self.codebook.embed(k), c).log_prob(x, known)
        return given_codes + self.code_prior.log_density(k, self._given(c))

    @property
    def part_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the codes, `k_1` to `k_T`, in raster order of the map."""
        return tuple(f"k_{t + 1}" for t in range(self.T))

    def rates(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns -log p(k_t | k_<t, c) of each code, which sum to KL(q(k|x) || p(k|c)), in nats, (B, T).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: not used.
            known: True where observed, shape (B, *); None for all.
        """
        return -self.code_prior.terms(self.nearest(x, known), self._given(c))

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns the codes z_q of equation (1), shape (B, T latent); `numbers` gives their numbers.

        Args:
            x: observations, shape (B, *).
            c: not used: the encoder does not see it.
            known: True where observed, shape (B, *); None for all.
        """
        return self.vectors(self.nearest(x, known))

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns E[x | z, c], shape (B, *).

        Args:
            z: codes, shape (B, T latent); they may lie between those of the codebook.
            c: conditions, shape (B, *), or None.
        """
        return mean_image(self.likelihood(z.unflatten(1, (self.T, -1)), c), self.space)

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws codes from the learned prior, shape (B, T latent).

        Args:
            rng: source of random numbers.
            name: name of the draw.
        """
        return self.vectors(self.code_prior.draw(rng.at(name)))

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number T of codes, which are drawn one by one.

        Args:
            how: not used.
        """
        return self.T

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Draws codes from the prior and x given them, shape (B, *).

        Args:
            rng: source of random numbers, which has the number of rows.
            c: conditions, shape (B, *), or None.
            how: options of drawing the codes; None: the model's own.
            watch: called after each code with x drawn from the codes so far, with the mean code in place of
                those that follow; None: never.
        """

        def seen(t: int, total: int, k: Tensor, known: Tensor) -> None:
            mean = (self.codebook.N.unsqueeze(1) * self.codebook.e).sum(0) / self.codebook.N.sum()
            z = torch.where(known.unsqueeze(2), self.codebook.embed(k), mean)
            x = self.likelihood(z, c).sample(rng)
            assert watch is not None
            watch(t, total, x, torch.ones_like(x, dtype=torch.bool))

        k = self.code_prior.draw(rng.at("z"), self._given(c), how, seen if watch else None)
        return self.likelihood(self.codebook.embed(k), c).sample(rng)

    def diagnostics(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> dict[str, float]:
        """Returns the perplexity of the use of the codebook, and the share of it that rows use.

        Args:
            x: held-out rows, shape (B, *).
            rng: not used.
            c: not used.
        """
        use = self.codebook.use(self.nearest(x))
        return {"perplexity": perplexity(use), "used": float(to_float64(use > 0).mean())}

    def alarm(self, diagnostics: dict[str, float]) -> str | None:
        """Returns a warning if held-out rows use only a small part of the codebook, or None.

        Args:
            diagnostics: the result of `diagnostics`.
        """
        return alarm(diagnostics, len(self.codebook.e))


def quantized_loss(model: VQVAE, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (2), split into reconstruction in nats and commitment, each (B,).

    Args:
        model: the model.
        batch: rows of data; `known` marks the entries that are observed.
        rng: chooses the encodings proposed to unused vectors.
    """
    z_e = model.encodings(batch.x, batch.known)
    k = model.codebook.nearest(z_e.detach())
    z_q = model.codebook.embed(k)
    # (2)
    p = model.likelihood(straight_through(z_e, z_q), batch.c)
    commitment = (z_e - z_q).square().sum((1, 2))
    loss = {
        "reconstruction": -p.log_prob(batch.x, batch.known),
        "commitment": model.beta * commitment,
    }
    return Terms(loss, stats=model.codebook.sums(z_e, k, rng, batch.rows))


def follow(model: VQVAE, terms: Mapping[str, Tensor], progress: float) -> None:
    """Moves the codebook by the sums of the step.

    Args:
        model: a VQ-VAE.
        terms: means and sums of the update.
        progress: not used.
    """
    model.codebook.follow(terms)


def codes(model: VQVAE, batch: Batch, rng: Rng) -> Batch:
    """Returns the batch with the numbers of its codes instead of x.

    Args:
        model: a VQ-VAE whose codes are trained.
        batch: rows of data.
        rng: not used.
    """
    return replace(batch, x=model.nearest(batch.x, batch.known), known=None)


def prior_loss(model: VQVAE, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (3) of a batch of numbers of codes, in nats, shape (B,)."""
    return Terms({"nll": -model.code_prior.log_density(batch.x, model._given(batch.c))})


def codebook_from_data(model: VQVAE, source: Source, rng: Rng) -> None:
    """Sets the codebook to encodings of training rows, chosen at random.

    Args:
        model: an untrained VQ-VAE.
        source: the training split.
        rng: chooses the rows.
    """
    rows = some_of(len(source), FIRST, rng)
    batch = source.batch(rows, rng.on(range(len(rows)))).to(model.device)
    z = model.encodings(batch.x, batch.known).flatten(0, 1)
    chosen = rng.permutation("codebook", len(z)).to(z.device)
    model.codebook.begin(z[chosen[torch.arange(len(model.codebook.e), device=z.device) % len(z)]])
