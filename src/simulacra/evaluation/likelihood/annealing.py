"""Bounds on partition functions by annealed importance sampling, forward and in reverse.

Forward, from x_0 ~ p_0 along 0 = beta_0 < ... < beta_K = 1, with transitions T_k that leave p_k invariant:

    w = prod_k p*_k(x_k-1) / p*_k-1(x_k-1),   x_k ~ T_k(. | x_k-1),   E[w] = Z_K / Z_0        (1)

so log Z_0 + log mean w is in expectation at most log Z, which gives an optimistic likelihood. In reverse,
from x_K ~ p_K back along the same path, E[1 / w] = Z_0 / Z_K: the estimate is in expectation at least log Z,
which gives a pessimistic likelihood. The true value lies between them if the reverse chains start from draws
of the model.

Reference: Neal 2001; Salakhutdinov and Murray 2008; Burda, Grosse and Salakhutdinov 2015; Grosse,
Ghahramani and Adams 2015 (bidirectional Monte Carlo). Rows A7, A8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.general import HasAnnealingPath
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.evaluation.likelihood.brackets import Annealed, Bracket
from simulacra.evaluation.likelihood.lengths import (
    Settled,
    affordable,
    kept_short,
    settled,
    step_seconds,
    usual,
)
from simulacra.evaluation.measures.kept_parts import Form, fields_of, once

__all__ = ["Annealed", "Annealing", "Bracket", "annealed", "bracket", "forward", "reverse", "schedule"]
SHARES = ((0.5, 500), (0.9, 4000), (1.0, 10_000))  # steps up to each beta, from Salakhutdinov and Murray


@dataclass(frozen=True)
class Annealing:
    """Options for bounding log Z; defaults depend on the number of log Z and on the time limit.

    Args:
        temperatures: steps of the schedule; None: 1,000, or 100 for over 100 different log Z.
        chains: chains in each direction; None: 100, or 10 for over 100 different log Z.
        sweeps: Gibbs sweeps from free units before the reverse chains start; None: 1,000, or 100 for over
            100 different log Z.
        seconds: time limit: steps are timed, and entries that are None are reduced until they fit; None: no
            limit.
        most: temperatures and chains that replace the defaults above, for a short run.

    Raises:
        ValueError: if one of them is too small.

    Example:
        >>> Annealing(chains=20).settled(1)
        Settled(temperatures=1000, chains=20, sweeps=1000)
    """

    temperatures: int | None = None
    chains: int | None = None
    sweeps: int | None = None
    seconds: float | None = None
    most: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name, least in (("temperatures", 1), ("chains", 2), ("sweeps", 1)):
            given = getattr(self, name)
            if given is not None and given < least:
                raise ValueError(f"{name} is {given}, but annealing needs at least {least}.")

    def settled(self, laws: int) -> Settled:
        """Returns temperatures, chains and sweeps for the given number of log Z, ignoring the time limit."""
        return settled((self.temperatures, self.chains, self.sweeps), *(self.most or usual(laws)))

    def affordable(self, machine: Any, laws: int = 1, c: Tensor | None = None) -> Settled:
        """Returns temperatures, chains and sweeps within the time limit, by timing some steps.

        Args:
            machine: model with an annealing path.
            laws: number of different log Z.
            c: conditions, one for each log Z, shape (laws, *), or None.
        """
        given = (self.temperatures, self.chains, self.sweeps)
        if self.seconds is None or None not in given:
            return self.settled(laws)
        step = lambda chains: step_seconds(machine, chains, laws, c)
        most, seconds = self.most or usual(laws), self.seconds
        # timing may vary: a resumed evaluation keeps the lengths chosen before
        return once(
            "lengths",
            (machine, given, seconds, most, laws, c),
            lambda: affordable(given, seconds, most, step),
            Form(lambda how: ({}, {"how": how}), lambda tensors, facts: Settled(*facts["how"])),
            least=0,
        )

    def bracket(self, model: Model, seed: int = 0) -> Bracket:
        """Returns bounds on log Z of the model; after an interrupt, those of a short first run.

        Args:
            model: model with an annealing path.
            seed: seed of all draws.
        """
        how = self.affordable(model)
        return kept_short(how, lambda how: bracket(model, how.temperatures, how.chains, how.sweeps, seed))


DEFAULT = Annealing()


def schedule(n: int) -> list[float]:
    """Returns n + 1 inverse temperatures from 0 to 1, dense near 1 as in Salakhutdinov and Murray.

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
    model: HasAnnealingPath, state: Tensor, betas: Sequence[float], rng: Rng, c: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Anneals along `betas` and returns log w of (1) and the last states.

    Args:
        model: model with an annealing path.
        state: initial states, drawn at the first of `betas`, shape (chains, *).
        betas: inverse temperatures; a falling sequence gives log of 1/w.
        rng: random numbers of the transitions.
        c: conditions, shape (chains, *), or None.

    Returns:
        log w in nats, float64, shape (chains,), and the last states.
    """
    log_w = torch.zeros(len(state), dtype=torch.float64)
    name = "annealing forward" if betas[0] < betas[-1] else "annealing in reverse"
    for k, (before, after) in enumerate(each([*pairwise(betas)], name, "temperature")):
        gain, state = model.anneal(state, before, after, rng.at(k), c)
        log_w += to_float64(gain).cpu()
    return log_w, state


def forward(
    model: Model, betas: Sequence[float], chains: int, seed: int = 0, c: Tensor | None = None
) -> Annealed:
    """Returns the forward estimate of log Z by (1), in expectation at most log Z.

    Args:
        model: model with an annealing path.
        betas: inverse temperatures from 0 to 1.
        chains: number of chains.
        seed: seed of all draws.
        c: conditions, shape (chains, *), or None.
    """
    rng = Rng(seed, "annealing forward", rows=range(chains), device=model.device)
    path = can.able(model, can.HasAnnealingPath)

    def run() -> Annealed:
        with evaluating(model):
            log_w, _ = annealed(path, path.start_chain(rng.at("start")), betas, rng, c)
            return Annealed(log_w, float(path.base_log_z()) + _log_mean(log_w))

    return once("annealed-forward", (model, [*betas], chains, seed, c), run, fields_of(Annealed))


def reverse(
    model: Model,
    betas: Sequence[float],
    chains: int,
    sweeps: int,
    seed: int = 0,
    c: Tensor | None = None,
    state: Tensor | None = None,
) -> Annealed:
    """Returns the reverse estimate of log Z by (1), in expectation at least log Z.

    Args:
        model: model with an annealing path.
        betas: inverse temperatures from 0 to 1.
        chains: number of chains.
        sweeps: Gibbs sweeps from free units to the first states.
        seed: seed of all draws.
        c: conditions, shape (chains, *), or None.
        state: exact draws of the model as first states, if they are available.
    """
    rng = Rng(seed, "annealing in reverse", rows=range(chains), device=model.device)
    path = can.able(model, can.HasAnnealingPath)

    def run() -> Annealed:
        with evaluating(model):
            first = state
            if first is None:
                first = path.start_chain(rng.at("start"))
                for t in each(range(sweeps), "sweeps before annealing in reverse", "sweep"):
                    # an annealing step at constant temperature is a Gibbs sweep
                    _, first = path.anneal(first, 1.0, 1.0, rng.at("sweep", t), c)
            log_w, _ = annealed(path, first, [*betas][::-1], rng, c)
            return Annealed(log_w, float(path.base_log_z()) - _log_mean(log_w))

    of = (model, [*betas], chains, sweeps, seed, c, state)
    return once("annealed-reverse", of, run, fields_of(Annealed))


def bracket(
    model: Model,
    betas: Sequence[float] | int = 1000,
    chains: int = 100,
    sweeps: int = 1000,
    seed: int = 0,
    c: Tensor | None = None,
) -> Bracket:
    """Returns a lower and an upper estimate of log Z of a model.

    Args:
        model: model with an annealing path.
        betas: inverse temperatures from 0 to 1, or the number of steps of `schedule`.
        chains: number of chains in each direction.
        sweeps: Gibbs sweeps from free units before the reverse chains start.
        seed: random seed; the same seed gives the same numbers.
        c: one condition, shape (1, *), or None.

    Raises:
        ValueError: if the model has no annealing path, or the temperatures do not rise from 0 to 1.

    Example:
        >>> import simulacra
        >>> model = simulacra.RBM(simulacra.Binary((6,)), hidden=3)
        >>> found = bracket(model, 50, chains=20, sweeps=50)
        >>> abs(found.forward.log_z - model.log_z().item()) < 0.05
        True
    """
    model._need("bracket", HasAnnealingPath)
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
