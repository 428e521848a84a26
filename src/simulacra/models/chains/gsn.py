"""Generative stochastic networks: a Markov chain of denoising, whose stationary distribution is the model.

    x~_t ~ C(x~ | x_t)                                                                              (1)
    h_(t+1) ~ P(h | x~_t, h_t),   x_(t+1) ~ P(x | h_(t+1))                                          (2)

Training starts the chain at a row x of the data and lets it walk k steps; every state must lead back to x:

    J = -(1/k) sum_(t=1..k) log P(x | h_t)                                                          (3)

with h_t from (1) and (2), and no gradient from one step to the next. If P(x | h) were the exact conditional,
the data would be the stationary distribution (Bengio et al. 2014, theorem 1).

Without a memory (h depends on x~_t alone) it is the chain of a denoising autoencoder. With k = 1 only the
corrupted data are denoised. With k > 1 (walk-back) the states that the chain reaches by itself are led back,
too, which removes modes far from the data. Units of h are noisy or binary:

    h = tanh(a + s e),  e ~ N(0, I)      or      h ~ Bernoulli(sigmoid(a))                          (4)

with a from a network of x~_t and h_t. The gradient passes binary draws straight through.

Reference: Bengio, Yao, Alain and Vincent 2013; Bengio, Thibodeau-Laufer, Alain and Yosinski 2014. Rows D12,
D13, D14.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.chains import BurnIn, ChainSampler
from simulacra.core.capabilities.general import TakesCondition
from simulacra.core.corruption.parse import parse
from simulacra.core.distributions.elementary import Distribution
from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Update
from simulacra.models.chains.energy_objectives import check_above
from simulacra.models.chains.hidden_units import Units, units_of
from simulacra.nets.coders import build_decoder, build_encoder, default_net

USUAL = ("salt:0.4", "gaussian:0.5")  # the corruption of `auto`: the first one that fits the space


class GSN(Model, ChainSampler, TakesCondition):
    """Generative stochastic network, equations (1) to (4).

    Args:
        space: space of 0/1, levels or real numbers.
        condition: space of the condition c of p(x | c), which both networks are given; None for p(x).
        latent: number of units of h.
        hidden: sizes of the hidden layers between x and h (channels for `conv`); None takes the defaults of
            the network.
        net: `mlp` or `conv`; `auto` takes `conv` for images with a side of at least 16, else `mlp`.
        activation: activation of the hidden layers.
        likelihood: distribution of x given h; `auto` takes the default of the space.
        corruption: C of (1), such as `salt:0.4`, `mask:0.3` or `gaussian:0.5`; `none` for no corruption;
            `auto` is `salt:0.4`, or `gaussian:0.5` for numbers without ends.
        walk: steps k of the chain in training.
        walk_back: if True, x follows the chain in training; if False, it is held at the row, and only h
            follows.
        memory: if True, h_t is an input of the next step.
        units: `tanh` or `binary`, equation (4).
        noise: standard deviation s of (4), of `tanh` units.
        burn_in: steps of the chain for a sample.
        lr: learning rate.

    Raises:
        ValueError: if the corruption or the likelihood does not fit the space, or an option is out of range.

    Example:
        >>> from simulacra import Binary
        >>> GSN(Binary((6,)), latent=5, hidden=(), burn_in=3).sample(2, seed=0).shape
        torch.Size([2, 6])
    """

    drawing = BurnIn
    length = Epochs(50)

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 128,
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "conv"] = "auto",
        activation: str = "relu",
        likelihood: str = "auto",
        corruption: str = "auto",
        walk: int = 5,
        walk_back: bool = True,
        memory: bool = True,
        units: Units = "tanh",
        noise: float = 1.0,
        burn_in: int = 100,
        lr: float = 1e-3,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition)
        check_above(latent=latent, walk=walk, burn_in=burn_in, lr=lr)
        if noise < 0:
            quiet = build_with(noise=0.0)
            raise Refusal(f"noise is {noise}, but a standard deviation is at least 0: use {quiet}.", quiet)
        self.latent, self.walk, self.memory, self.burn_in, self.lr = latent, walk, memory, burn_in, lr
        self.units, self.noise, self.walk_back = units, noise, walk_back
        self.corruption = parse(fitting(space) if corruption == "auto" else corruption)
        if self.corruption is not None:
            self.corruption.space(space)
        self.head = likelihood_head(space, likelihood)
        kind, sizes = default_net(space, net, hidden)
        beside = latent if memory else 0
        self.encoder = build_encoder(space, latent, kind, sizes, condition, activation, beside=beside)
        self.decoder = build_decoder(space, latent, self.head.output, kind, sizes, condition, activation)

    def updates(self) -> list[Update]:
        """Returns the only update, which minimizes equation (3)."""
        return [Update("walk", ("",), walked_back, optimizer=Adam(lr=self.lr))]

    # ---- the two halves of a step

    def hidden_of(self, x: Tensor, h: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws the next h by (1) and the first half of (2), shape (B, latent).

        Args:
            x: observations x_t, shape (B, *).
            h: units h_t, shape (B, latent).
            rng: generator of the corruption and of the units.
            c: conditions, shape (B, *), or None.
        """
        # (1)
        seen = x if self.corruption is None else self.corruption.apply(x, rng, self.space)
        return units_of(self.units, self.preactivation(seen, h, c), self.noise, rng)

    def preactivation(self, x: Tensor, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns a of (4), shape (B, latent).

        Args:
            x: corrupted observations, shape (B, *).
            h: units h_t, shape (B, latent).
            c: conditions, shape (B, *), or None.
        """
        beside = [*self._given(c), *([h] if self.memory else [])]
        given = (torch.cat([b.flatten(1) for b in beside], 1),) if beside else ()
        return self.encoder(self.features(x), *given)

    def emission(self, h: Tensor, c: Tensor | None = None) -> Distribution:
        """Returns P(x | h) of (2).

        Args:
            h: units, shape (B, latent).
            c: conditions, shape (B, *), or None.
        """
        return self.head.build(self.decoder(h, *self._given(c)))

    def _given(self, c: Tensor | None) -> tuple[Tensor, ...]:
        """Returns the features of the condition as inputs of a network; an empty tuple without one."""
        if self.condition is None or c is None:
            return ()
        return (self.condition.features(c, self.dtype).reshape(c.shape[0], -1),)

    def first(self, rng: Rng) -> Tensor:
        """Draws h_0 at a = 0, shape (B, latent).

        Args:
            rng: generator of the units.
        """
        a = torch.zeros(len(rng.rows), self.latent, dtype=self.dtype, device=self.device)
        return units_of(self.units, a, self.noise, rng)

    # ---- the chain, whose states are x and h side by side

    def packed(self, x: Tensor, h: Tensor) -> Tensor:
        """Returns the state of x and h, without a gradient, shape (B, d + latent).

        Args:
            x: observations, shape (B, *).
            h: units, shape (B, latent).
        """
        return torch.cat([x.reshape(h.shape[0], -1).to(h.dtype), h], 1).detach()

    def shown(self, state: Tensor) -> Tensor:
        """Returns x of a state, shape (B, *).

        Args:
            state: states of the chains, shape (B, d + latent).
        """
        return state[:, : -self.latent].reshape(state.shape[0], *self.space.shape)

    def start_chain(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws h_0 and x_0 ~ P(x | h_0), shape (B, d + latent).

        Args:
            rng: generator of the draws.
            c: conditions, shape (B, *), or None.
        """
        h = self.first(rng.at("start"))
        return self.packed(self.emission(h, c).sample(rng, "start x"), h)

    def chain_at(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns a state of x and h_0, shape (B, d + latent).

        Args:
            x: observations, shape (B, *).
            rng: generator of h_0.
            c: not used.
        """
        return self.packed(x, self.first(rng.at("start")))

    def step(self, state: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Makes one step by (1) and (2), shape (B, d + latent).

        Args:
            state: states of the chains, shape (B, d + latent).
            rng: generator of the step.
            c: conditions, shape (B, *), or None.
        """
        h = self.hidden_of(self.shown(state), state[:, -self.latent :], rng, c)
        # (2)
        return self.packed(self.emission(h, c).sample(rng), h)

    def clamp(self, state: Tensor, x: Tensor, known: Tensor) -> Tensor:
        """Returns the states with the known entries of x, shape (B, d + latent).

        Args:
            state: states of the chains, shape (B, d + latent).
            x: observations, shape (B, *).
            known: True where known, shape (B, *).
        """
        now = self.shown(state)
        return self.packed(torch.where(known, x.to(now.dtype), now), state[:, -self.latent :])


def fitting(space: Space) -> str:
    """Returns the usual corruption of a space.

    Args:
        space: space of x.
    """
    for text in USUAL:
        found = parse(text)
        if found is not None and found.fits(space):
            return text
    return USUAL[0]


def walked_back(model: GSN, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (3) in nats, shape (B,), and logs the first and the last term.

    Args:
        model: the network.
        batch: rows of data, at which the chains begin.
        rng: generator of the chains; the key of each step holds its number.
    """
    x, h, found = batch.x, model.first(rng.at("start")), []
    for t in range(model.walk):
        h = model.hidden_of(x, h.detach(), rng.at(t), batch.c)
        p = model.emission(h, batch.c)
        # (3)
        found.append(-p.log_prob(batch.x))
        if model.walk_back and t < model.walk - 1:
            with torch.no_grad():
                x = p.sample(rng.at(t))
    return Terms(
        {"walk": torch.stack(found).mean(0)}, {"first": found[0].detach(), "last": found[-1].detach()}
    )
