"""The variational recurrent network: a VAE for each step of a sequence, tied together by a recurrent state.

    p(z_t | h_(t-1)) = N(mu_0, sigma_0^2)                                        (1)
    p(x_t | z_t, h_(t-1))                                                        (2)
    h_t = GRU(phi_x(x_t), phi_z(z_t), h_(t-1)),   h_0 = 0                        (3)
    q(z_t | x_t, h_(t-1)) = N(mu, sigma^2)                                       (4)
    L(x) = E_q sum_t [log p(x_t | z_t, h_(t-1)) - KL(q(z_t | x_t, h_(t-1)) || p(z_t | h_(t-1)))]      (5)
    w = prod_t p(x_t | z_t, h_(t-1)) p(z_t | h_(t-1)) / q(z_t | x_t, h_(t-1))    (6)

The state (3) depends on the codes, so that the prior of a step (1) is not N(0, I) but depends on the steps
before it, and p(x) is a mixture over whole paths z_1, ..., z_T. The mean of the weights (6) of k paths gives
the bound of the IWAE. Training averages (5) over all steps of a batch; scores are sums over the steps of a
row.

Reference: Chung et al., A Recurrent Latent Variable Model for Sequential Data, 2015 (equations 5 to 11).
Row E11.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import (
    Continues,
    HasImportanceWeights,
    HasRates,
    Samples,
    TakesCondition,
    TakesLengths,
)
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.divergences import kl_gaussian
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.model import Model
from simulacra.core.optimizers import Adam
from simulacra.core.ragged import log_odds, so_far, trimmed, valid_frames, valid_steps
from simulacra.core.random.keyed import Rng
from simulacra.core.random.resampling import effective, kept, systematic
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage, Update
from simulacra.models.variational.network_keywords import LikelihoodName
from simulacra.models.variational.parts.gaussian_code import gaussian_of
from simulacra.models.variational.parts.weighed_kl import anneal, warm_up_kl
from simulacra.models.variational.sequences.needs import as_sequences
from simulacra.models.variational.sequences.steps import Step, summed
from simulacra.nets.sequences.latent_recurrence import LatentRecurrence

PATHS = 64  # paths of codes that follow the known beginning of a sequence
RATE_DRAWS = 4  # paths of a row for the rates of its units


class VRNN(Model, Samples, HasImportanceWeights, HasRates, Continues, TakesCondition, TakesLengths):
    """Variational recurrent network over sequences of steps of any kind.

    Args:
        space: space of sequences.
        condition: space of the condition c of p(x | c); None for p(x).
        latent: size of the code z_t of each step.
        state: size of the recurrent state h_t.
        hidden: sizes of the hidden layers of each network.
        activation: `relu`, `tanh`, `silu`, `softplus`, `leaky-relu` or `sigmoid`.
        likelihood: distribution of a step x_t; `auto` takes the default of the space of a step.
        scale: fixed standard deviation of a `gaussian` likelihood, in units of x; None learns it.
        mixtures: number of components of a `logistic-mixture`.
        kl_warmup: share of training over which the weight of the KL term rises linearly from 0 to 1, so that
            the decoder uses the codes before the KL has its full weight; 0 has weight 1 throughout.
        lr: learning rate of Adam.

    Raises:
        ValueError: if the space holds no sequences, the likelihood does not fit a step, or an option is out
            of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = VRNN(Sequence((5,), of=Binary((4,))), latent=2, state=3, hidden=(7,))
        >>> model.log_prob([torch.zeros(5, 4), torch.zeros(2, 4)], k=10).method
        'IWAE bound, k=10'
    """

    space: Sequence
    kl_weight: Tensor
    kl_warmup: float

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 16,
        state: int = 128,
        hidden: tuple[int, ...] = (128,),
        activation: str = "relu",
        likelihood: LikelihoodName = "auto",
        scale: float | None = None,
        mixtures: int = 5,
        kl_warmup: float = 0.0,
        lr: float = 1e-3,
        *,
        seed: int = 0,
    ):
        step = as_sequences("VRNN", space).of
        super().__init__(space, condition)
        _check(latent, state, hidden)
        self.latent, self.lr = latent, lr
        warm_up_kl(self, kl_warmup)
        self.head = likelihood_head(step, likelihood, scale, mixtures)
        features = math.prod(step.features_shape)
        given = math.prod(condition.features_shape) if condition else 0
        self.net = LatentRecurrence(features, latent, state, hidden, self.head.output, given, activation)

    def updates(self) -> list[Update]:
        """Returns the only update; steps after the end of a sequence have weight 0."""
        # gradients through many steps may explode
        optimizer = Adam(lr=self.lr, clip=1.0)
        weights = {"reconstruction": valid_frames, "kl": valid_frames}
        return [Update("vrnn", ("",), negative_elbo, after=anneal, weights=weights, optimizer=optimizer)]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, on batches without the steps behind their longest row.

        Steps of 0 and 1 start at the frequency of a one in each entry.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        start = Initial(start_at_frequencies) if self.head.name == "bernoulli" else None
        return Stage("train", self.updates(), self.length, start=start, view=trimmed) if i == 0 else None

    # ---- paths of codes

    def condition_features(self, c: Tensor | None) -> Tensor | None:
        """Returns the condition as features, shape (B, 1, U), or None.

        Args:
            c: conditions, shape (B, *), or None.
        """
        if self.condition is None or c is None:
            return None
        return self.condition.vectors(c, self.dtype).unsqueeze(1)

    def step(self, x: Tensor, h: Tensor, u: Tensor | None, rng: Rng) -> Step:
        """Draws z_t ~ q for k paths of each row.

        Args:
            x: x_t in the model's space, shape (B, *).
            h: states h_(t-1), shape (B, k, state).
            u: condition as features, shape (B, 1, U), or None.
            rng: source of random numbers.
        """
        phi_x = self._phi_x(x)
        # (1), (4)
        p, q = gaussian_of(self.net.prior(h, u)), gaussian_of(self.net.posterior(phi_x, h, u))
        z = q.at(rng.normal("z", h.shape[1], self.latent, dtype=h.dtype))
        phi_z = self.net.phi_z(z)
        # (2)
        log_x = self.head.build(self.net.decoder(phi_z, h, u)).log_prob(x.unsqueeze(1))
        # (3)
        return Step(log_x, q, p, z, self.net.next(phi_x, phi_z, h, u))

    def _phi_x(self, x: Tensor) -> Tensor:
        """Returns phi_x of a step, shape (B, 1, width)."""
        return self.net.phi_x(self.space.of.vectors(x, self.dtype)).unsqueeze(1)

    def path(self, x: Tensor, c: Tensor | None, rng: Rng, k: int = 1) -> Iterator[Step]:
        """Draws k paths of codes for each row and yields their steps.

        Each step has a key of its own and is computed alone, so that not a bit of it depends on the steps
        behind it or their number.

        Args:
            x: sequences in the model's space, shape (B, T, *); T may be shorter than in the space.
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: number of paths of each row.
        """
        h, u = self.net.begin(len(x), k), self.condition_features(c)
        for t in range(x.shape[1]):
            step = self.step(x[:, t], h, u, rng.at(t))
            h = step.h
            yield step

    def _within(self, x: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
        """Returns the rows without the steps behind the longest, and True before the end of each, (B, T)."""
        if known is None:
            return x, valid_steps(x, None)
        lengths = self.space.lengths_of(known, type(self).__name__)
        x = self.space.filled(x, known)[:, : int(lengths.max())]
        return x, valid_steps(x, lengths)

    # ---- bounds

    def log_weights(
        self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None
    ) -> Tensor:
        """Computes log p(x, z_j) - log q(z_j | x) of k whole paths, equation (6), in nats, shape (B, k).

        Args:
            x: sequences, shape (B, T, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: number of paths.
            known: False in the steps after the end of a row, which are left out; None for full rows.
        """
        x, valid = self._within(x, known)
        # (6)
        return summed((step.log_w for step in self.path(x, c, rng, k)), valid)

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns L(x) of equation (5) at one path, with the KL of each step in closed form, in nats, (B,).

        Args:
            x: sequences, shape (B, T, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: False in the steps after the end of a row, which are left out; None for full rows.
        """
        x, valid = self._within(x, known)
        # (5)
        terms = (step.log_x - kl_gaussian(step.q, step.p) for step in self.path(x, c, rng))
        return summed(terms, valid)[:, 0]

    @property
    def part_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the units of the code of a step, `z_1` to `z_d`."""
        return tuple(f"z_{i + 1}" for i in range(self.latent))

    def rates(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns the KL terms of (5) of each unit, summed over the steps of a row, in nats, (B, latent).

        They are means over `RATE_DRAWS` paths.

        Args:
            x: sequences, shape (B, T, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: False in the steps after the end of a row, which are left out; None for full rows.
        """
        x, valid = self._within(x, known)
        each = lambda law: Gaussian(law.loc, law.log_scale, 0)
        paths = self.path(x, c, rng, RATE_DRAWS)
        terms = (kl_gaussian(each(step.q), each(step.p)).mean(1) for step in paths)
        return summed(terms, valid)

    # ---- samples

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of steps.

        Args:
            how: not used.
        """
        return self.space.steps

    def draw(self, rng: Rng, c: Tensor | None = None, watch: Watch | None = None) -> Tensor:
        """Samples sequences step by step: z_t by (1), x_t by (2), shape (B, T, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
            watch: called after each step with their number so far, their total, x so far and True for steps
                that are drawn; None: never.
        """
        n = len(rng.rows)
        return self._continued(self.net.begin(n, 1), None, None, rng, c, watch)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Continues each sequence from its known first steps, shape (B, T, *).

        `PATHS` paths of codes follow the known steps by q and are resampled by the weights (6) where these
        become uneven (a particle filter); one of them goes on by (1) and (2). This is exact in the limit of
        many paths.

        Args:
            x: sequences, shape (B, T, *); missing steps may have any value.
            known: False in the steps to draw, shape of x.
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        begun, valid = self._within(x, known)
        h = self.filtered(begun, valid, c, rng.at("filter"))
        return self._continued(h, begun, valid, rng, c)

    def filtered(self, x: Tensor, valid: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Draws a state behind the last valid step of each row from p(h | x), shape (B, 1, state).

        Args:
            x: beginnings of sequences, shape (B, T, *).
            valid: True for the steps of each row, shape (B, T).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
        """
        h, u = self.net.begin(len(x), PATHS), self.condition_features(c)
        log_w = torch.zeros_like(h[..., 0])
        for t in range(x.shape[1]):
            step, there = self.step(x[:, t], h, u, rng.at(t)), valid[:, t, None]
            log_w = torch.where(there, log_w + step.log_w, log_w)
            h = torch.where(there.unsqueeze(2), step.h, h)
            uneven = (effective(log_w) < PATHS / 2).to(there.device).unsqueeze(1) & there
            which = systematic(log_w, rng.at(t).uniform("resample", dtype=h.dtype))
            moved = h.gather(1, which.unsqueeze(2).expand_as(h))
            h = torch.where(uneven.unsqueeze(2), moved, h)
            log_w = torch.where(uneven, torch.zeros_like(log_w), log_w)
        return kept(h, log_w, rng).unsqueeze(1)

    def _continued(
        self,
        h: Tensor,
        begun: Tensor | None,
        valid: Tensor | None,
        rng: Rng,
        c: Tensor | None,
        watch: Watch | None = None,
    ) -> Tensor:
        """Samples the steps of each row behind its valid ones from the state there, shape (B, T, *)."""
        u, frames = self.condition_features(c), list[Tensor]()
        for t in range(self.space.steps):
            now = rng.at("draw", t)
            # (1), (2)
            z = gaussian_of(self.net.prior(h, u)).at(now.normal("z", 1, self.latent, dtype=h.dtype))
            phi_z = self.net.phi_z(z)
            x = self.head.build(self.net.decoder(phi_z, h, u)[:, 0]).sample(now)
            # (3)
            after = self.net.next(self._phi_x(x), phi_z, h, u)
            if begun is not None and valid is not None and t < begun.shape[1]:
                there = valid[:, t]
                after = torch.where(there.view(-1, 1, 1), h, after)
                x = torch.where(there.view(-1, *[1] * (x.dim() - 1)), begun[:, t].to(x.dtype), x)
            h = after
            frames.append(x)
            if watch is not None:
                watch(t + 1, self.space.steps, *so_far(frames, self.space.steps))
        return torch.stack(frames, 1)


def start_at_frequencies(model: VRNN, source: Source, rng: Rng) -> None:
    """Initializes the output biases at the log-odds of the mean of each entry of a step.

    Args:
        model: the model, with a Bernoulli likelihood.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    model.net.output_bias.copy_(log_odds(source, rng))


def negative_elbo(model: VRNN, batch: Batch, rng: Rng) -> Terms:
    """Computes the terms of -L(x), equation (5), of each step in nats, split into two, each (B, T).

    The KL is multiplied by `kl_weight`, which rises over `kl_warmup`.

    Args:
        model: the model.
        batch: rows of data, x of shape (B, T, *).
        rng: source of random numbers.
    """
    steps = list(model.path(batch.x, batch.c, rng))
    # (5)
    reconstruction = -torch.cat([step.log_x for step in steps], 1)
    kl = torch.cat([kl_gaussian(step.q, step.p) for step in steps], 1)
    return Terms({"reconstruction": reconstruction, "kl": model.kl_weight * kl})


def _check(latent: int, state: int, hidden: tuple[int, ...]) -> None:
    for name, size in (("latent", latent), ("state", state)):
        if size < 1:
            raise ValueError(f"{name} is {size}, but it must be at least 1.")
    if not hidden or min(hidden) < 1:
        raise ValueError(f"hidden is {hidden}, but it needs one size or more, such as (128,).")
