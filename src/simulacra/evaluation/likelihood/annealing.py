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
SHARES = ((0.5, 500), (0.9, 4000), (1.0, 10_000))  # Salakhutdinov and Murray's steps up to each beta


@dataclass(frozen=True)
class Annealing:
    """How log Z is bracketed; what is None is chosen by how many there are and by the time.

    Args:
        temperatures: steps of the schedule: 1,000, for over 100 different log Z 100.
        chains: in each direction: 100, for over 100 different log Z 10.
        sweeps: Gibbs sweeps from free units before the reverse chains start: 1,000, for over 100 different
            log Z 100.
        seconds: that annealing may take: steps are timed, and what is None is shortened until it fits; None:
            no limit.
        most: temperatures and chains in place of the usual ones, for a brief look.

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
        """The numbers for so many different log Z, whatever the time."""
        return settled((self.temperatures, self.chains, self.sweeps), *(self.most or usual(laws)))

    def affordable(self, machine: Any, laws: int = 1, c: Tensor | None = None) -> Settled:
        """The numbers whose time fits, by steps that are timed.

        Args:
            machine: anneals.
            laws: number of different log Z.
            c: their conditions, shape (laws, *), or None.
        """
        given = (self.temperatures, self.chains, self.sweeps)
        if self.seconds is None or None not in given:
            return self.settled(laws)
        step = lambda chains: step_seconds(machine, chains, laws, c)
        most, seconds = self.most or usual(laws), self.seconds
        # steps that are timed again may buy another length: an evaluation that goes on keeps its own
        return once(
            "lengths",
            (machine, given, seconds, most, laws, c),
            lambda: affordable(given, seconds, most, step),
            Form(lambda how: ({}, {"how": how}), lambda tensors, facts: Settled(*facts["how"])),
            least=0,
        )

    def bracket(self, model: Model, seed: int = 0) -> Bracket:
        """log Z of the model from both sides; an interrupt leaves a short first run."""
        how = self.affordable(model)
        return kept_short(how, lambda how: bracket(model, how.temperatures, how.chains, how.sweeps, seed))


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
    model: HasAnnealingPath, state: Tensor, betas: Sequence[float], rng: Rng, c: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """log w of (1) along `betas`, in nats, float64, shape (chains,), and the last states.

    Args:
        state: drawn at the first of `betas`; a path that falls gives log of 1/w.
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
    """log Z by (1): in expectation at most log Z."""
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
    """log Z by (1) backwards from draws of the model: in expectation at least log Z.

    Args:
        sweeps: Gibbs sweeps that the first states have gone through.
        state: exact draws of the model, where there are any.
    """
    rng = Rng(seed, "annealing in reverse", rows=range(chains), device=model.device)
    path = can.able(model, can.HasAnnealingPath)

    def run() -> Annealed:
        with evaluating(model):
            first = state
            if first is None:
                first = path.start_chain(rng.at("start"))
                for t in each(range(sweeps), "sweeps before annealing in reverse", "sweep"):
                    # at one temperature a step of the path is a sweep
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
