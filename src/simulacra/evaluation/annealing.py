"""Partition functions from both sides: annealed importance sampling forward and in reverse.

Forward, from x_0 ~ p_0 along 0 = beta_0 < ... < beta_K = 1, with transitions T_k that leave p_k as it is:

    w = prod_k p*_k(x_k-1) / p*_k-1(x_k-1),   x_k ~ T_k(. | x_k-1),   E[w] = Z_K / Z_0        (1)

so log Z_0 + log mean w is in expectation at most log Z: a likelihood that looks better than it is. In
reverse, from x_K ~ p_K back along the same path, E[1 / w] = Z_0 / Z_K: the estimate is in expectation at
least log Z, and the likelihood looks worse. The truth lies between them, as far as the first states of the
reverse chains are draws from the model.

Reference: Neal 2001; Salakhutdinov and Murray 2008; Burda, Grosse and Salakhutdinov 2015; Grosse,
Ghahramani and Adams 2015 (bidirectional Monte Carlo). Rows A7, A8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from simulacra.core.capabilities import Anneals
from simulacra.core.model import Model
from simulacra.core.precision import precise
from simulacra.core.random import Rng
from simulacra.core.words import evaluating

FEW = 0.1  # share of the chains that must count for an estimate to be believed
MANY = 100  # different log Z beyond which each is annealed briefly
APART = 1.0  # nats between the two directions beyond which neither is believed
SHARES = ((0.5, 500), (0.9, 4000), (1.0, 10_000))  # Salakhutdinov and Murray's steps up to each beta


@dataclass(frozen=True)
class Annealed:
    """One direction.

    Args:
        log_weights: log w of each chain (in reverse: log of 1/w), float64, shape (chains,).
        log_z: the estimate of log Z in nats.
    """

    log_weights: Tensor
    log_z: float

    @property
    def effective(self) -> float:
        """(sum w)^2 / sum w^2: how many of the chains count."""
        w = self.log_weights
        return float((2 * w.logsumexp(0) - (2 * w).logsumexp(0)).exp())

    @property
    def error(self) -> float:
        """Standard error of log Z over the chains, by the delta method, in nats."""
        n = len(self.log_weights)
        return math.sqrt(max(n / self.effective - 1, 0.0) / (n - 1)) if n > 1 else math.nan


@dataclass(frozen=True)
class Bracket:
    """log Z from both sides.

    Args:
        forward: in expectation at most log Z.
        reverse: in expectation at least log Z.
        betas: number of temperatures.
        chains: number of chains in each direction.
        sweeps: before the reverse chains start.
        seed: of all draws.
    """

    forward: Annealed
    reverse: Annealed
    betas: int
    chains: int
    sweeps: int
    seed: int

    @property
    def gap(self) -> float:
        """Nats between the two directions."""
        return self.reverse.log_z - self.forward.log_z

    @property
    def doubts(self) -> list[str]:
        """Why the estimate cannot be believed; empty where it can."""
        found = []
        if abs(self.gap) > APART:
            found.append(f"the two directions are {abs(self.gap):.1f} nats apart")
        for name, side in (("forward", self.forward), ("reverse", self.reverse)):
            if side.effective < FEW * self.chains:
                found.append(f"{side.effective:.1f} of {self.chains} {name} chains count")
        return found

    @property
    def details(self) -> dict[str, Any]:
        """The bracket as JSON."""
        return {
            "log_z_forward": self.forward.log_z,
            "log_z_forward_error": self.forward.error,
            "log_z_reverse": self.reverse.log_z,
            "log_z_reverse_error": self.reverse.error,
            "effective_chains": [self.forward.effective, self.reverse.effective],
            "temperatures": self.betas,
            "chains": self.chains,
            "sweeps": self.sweeps,
            "annealing_seed": self.seed,
            "doubts": self.doubts,
        }

    def __str__(self) -> str:
        said = (
            f"log Z from {self.forward.log_z:.2f} +- {self.forward.error:.2f} (forward) to "
            f"{self.reverse.log_z:.2f} +- {self.reverse.error:.2f} (reverse), {self.betas:,} temperatures, "
            f"{self.chains} chains each, effective sample sizes {self.forward.effective:.1f} and "
            f"{self.reverse.effective:.1f}"
        )
        doubts = f"; unreliable: {' and '.join(self.doubts)}" if self.doubts else ""
        return f"{said}{doubts}"


class Settled(NamedTuple):
    """Temperatures, chains and sweeps, none of them open."""

    temperatures: int
    chains: int
    sweeps: int


@dataclass(frozen=True)
class Annealing:
    """How log Z is bracketed; what is None is chosen by how many there are.

    Args:
        temperatures: steps of the schedule: 1,000, for over 100 different log Z 100.
        chains: in each direction: 100, for over 100 different log Z 10.
        sweeps: Gibbs sweeps from free units before the reverse chains start: 1,000, for over 100 different
            log Z 100.

    Raises:
        ValueError: if one of them is too small.

    Example:
        >>> Annealing(chains=20).settled(1)
        Settled(temperatures=1000, chains=20, sweeps=1000)
    """

    temperatures: int | None = None
    chains: int | None = None
    sweeps: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("temperatures", 1), ("chains", 2), ("sweeps", 1)):
            given = getattr(self, name)
            if given is not None and given < least:
                raise ValueError(f"{name} is {given}, but annealing needs at least {least}.")

    def settled(self, laws: int) -> Settled:
        """The numbers for so many different log Z."""
        chosen = (100, 10, 100) if laws > MANY else (1000, 100, 1000)
        given = (self.temperatures, self.chains, self.sweeps)
        return Settled(*[b if a is None else a for a, b in zip(given, chosen)])

    def bracket(self, model: Model, seed: int = 0) -> Bracket:
        """log Z of the model from both sides."""
        how = self.settled(1)
        return bracket(model, how.temperatures, how.chains, how.sweeps, seed)


DEFAULT = Annealing()


def schedule(n: int) -> list[float]:
    """n + 1 inverse temperatures from 0 to 1, dense near 1 as those of Salakhutdinov and Murray.

    Example:
        >>> betas = schedule(29)
        >>> len(betas), betas[0], betas[1], betas[-1]
        (30, 0.0, 0.5, 1.0)
    """
    total = sum(steps for _, steps in SHARES)
    knots, at = [(0.0, 0.0)], 0.0
    for beta, steps in SHARES:
        at += steps / total
        knots.append((at, beta))
    betas = []
    for i in range(n + 1):
        t = i / n
        k = next(k for k in range(1, len(knots)) if t <= knots[k][0] + 1e-12)
        (t0, b0), (t1, b1) = knots[k - 1], knots[k]
        betas.append(b0 + (b1 - b0) * (t - t0) / (t1 - t0))
    betas[-1] = 1.0
    return betas


@torch.no_grad()
def annealed(
    model: Anneals, state: Tensor, betas: Sequence[float], rng: Rng, c: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """log w of (1) along `betas`, in nats, float64, shape (chains,), and the last states.

    Args:
        state: drawn at the first of `betas`; a path that falls gives log of 1/w.
    """
    log_w = torch.zeros(len(state), dtype=torch.float64)
    for k, (before, after) in enumerate(pairwise(betas)):
        gain, state = model.anneal(state, before, after, rng.at(k), c)
        log_w += precise(gain).cpu()
    return log_w, state


def forward(
    model: Model, betas: Sequence[float], chains: int, seed: int = 0, c: Tensor | None = None
) -> Annealed:
    """log Z by (1): in expectation at most log Z."""
    rng = Rng(seed, "annealing forward", rows=range(chains), device=model.device)
    able = cast(Any, model)
    with evaluating(model):
        log_w, _ = annealed(able, able.start_chain(rng.at("start")), betas, rng, c)
        return Annealed(log_w, float(able.base_log_z()) + _log_mean(log_w))


def reverse(
    model: Model,
    betas: Sequence[float],
    chains: int,
    sweeps: int,
    seed: int = 0,
    c: Tensor | None = None,
    state: Tensor | None = None,
) -> Annealed:
    """log Z by (1) backwards from draws of the model: in expectation at least log Z.

    Args:
        sweeps: Gibbs sweeps that the first states have gone through.
        state: exact draws of the model, where there are any.
    """
    rng = Rng(seed, "annealing in reverse", rows=range(chains), device=model.device)
    able = cast(Any, model)
    with evaluating(model):
        if state is None:
            state = able.start_chain(rng.at("start"))
            for t in range(sweeps):
                # at one temperature a step of the path is a sweep
                _, state = able.anneal(state, 1.0, 1.0, rng.at("sweep", t), c)
        log_w, _ = annealed(able, state, [*betas][::-1], rng, c)
        return Annealed(log_w, float(able.base_log_z()) - _log_mean(log_w))


def bracket(
    model: Model,
    betas: Sequence[float] | int = 1000,
    chains: int = 100,
    sweeps: int = 1000,
    seed: int = 0,
    c: Tensor | None = None,
) -> Bracket:
    """log Z of a model from below and from above.

    Args:
        betas: inverse temperatures from 0 to 1, or how many steps of `schedule`.
        chains: in each direction.
        sweeps: Gibbs sweeps from free units before the reverse chains start.
        seed: same seed, same numbers.
        c: one condition, shape (1, *), or None.

    Raises:
        ValueError: if the model has no path to anneal along, or the temperatures are none.

    Example:
        >>> import simulacra
        >>> model = simulacra.RBM(simulacra.Binary((6,)), hidden=3)
        >>> found = bracket(model, 50, chains=20, sweeps=50)
        >>> abs(found.forward.log_z - model.log_z().item()) < 0.05
        True
    """
    model._need("bracket", Anneals)
    path = list(betas) if not isinstance(betas, int) else schedule(betas) if betas > 0 else []
    if len(path) < 2 or path[0] != 0 or path[-1] != 1 or path != sorted(path):
        raise ValueError("betas must rise from 0 to 1 in at least one step.")
    given = None if c is None else c.expand(chains, *c.shape[1:])
    return Bracket(
        forward(model, path, chains, seed, given),
        reverse(model, path, chains, sweeps, seed, given),
        len(path),
        chains,
        sweeps,
        seed,
    )


def _log_mean(log_w: Tensor) -> float:
    return float(log_w.logsumexp(0)) - math.log(len(log_w))
