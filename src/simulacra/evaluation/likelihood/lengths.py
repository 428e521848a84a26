"""Chooses the length of annealing: the default, or the longest that fits a time limit, by timing steps.

Annealing with T temperatures, S sweeps and n chains of each law takes 2 T + S steps of n chains, each of
about a + b n seconds. The standard error of log Z falls as 1 / sqrt(n), and the variance of the log-weights
as 1 / T. Only the lengths in `RUNGS` are used, so that timings on one machine lead to the same length again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from simulacra.core.interface import evaluating
from simulacra.core.progress.tasks import duration
from simulacra.core.random.keyed import Rng

log = logging.getLogger("simulacra")
T = TypeVar("T")
Given = tuple[int | None, int | None, int | None]  # temperatures, chains, sweeps
MANY = 100  # with more different log Z, the shorter default is used
USUAL, USUAL_OF_MANY = (1000, 100), (100, 10)  # default temperatures and chains
RUNGS = (
    (1000, 50),
    (500, 50),
    (500, 20),
    (200, 20),
    (100, 20),
    (100, 10),
    (50, 10),
    (30, 10),
    (30, 5),
    (20, 3),
)
TIMED = 3  # timed steps, after one for warm-up
CHAINS = 2**14  # largest number of chains that are annealed at once
SHORT, TIMES = 30, 10  # length of a first run; it is made if the whole run is at least 10 times as long


class Settled(NamedTuple):
    """Length of annealing.

    Args:
        temperatures: number of steps in each direction.
        chains: number of chains in each direction.
        sweeps: number of Gibbs sweeps before the reverse direction.
    """

    temperatures: int
    chains: int
    sweeps: int

    @property
    def steps(self) -> int:
        """Number of steps of each chain in both directions and of sweeps."""
        return 2 * self.temperatures + self.sweeps


def usual(laws: int) -> tuple[int, int]:
    """Returns the default temperatures and chains for the given number of different log Z."""
    return USUAL_OF_MANY if laws > MANY else USUAL


def settled(given: Given, temperatures: int, chains: int) -> Settled:
    """Returns the given numbers, with None replaced by defaults.

    Args:
        given: temperatures, chains and sweeps; None: default.
        temperatures: default temperatures and sweeps.
        chains: default chains.
    """
    proposed = (temperatures, chains, temperatures)
    return Settled(*[b if a is None else a for a, b in zip(given, proposed)])


def affordable(given: Given, seconds: float, most: tuple[int, int], step: Callable[[int], float]) -> Settled:
    """Returns the longest annealing whose predicted time fits: `most` at most, otherwise one of `RUNGS`.

    Args:
        given: temperatures, chains and sweeps; entries that are not None stay.
        seconds: time limit for all steps.
        most: sufficient temperatures and chains.
        step: returns the seconds of a step of so many chains.

    Example:
        >>> affordable((None, None, None), 60, (1000, 100), lambda chains: 0.001 * chains)
        Settled(temperatures=500, chains=20, sweeps=500)
        >>> affordable((None, 5, None), 60, (1000, 100), lambda chains: 0.001 * chains)
        Settled(temperatures=1000, chains=5, sweeps=1000)
    """
    wanted = settled(given, *most)
    few, many = max(2, wanted.chains // 10), wanted.chains
    of_few, of_many = step(few), step(many)
    b = max(0.0, of_many - of_few) / max(1, many - few)
    cost = lambda how: how.steps * max(of_few + b * (how.chains - few), 0.1 * of_few)
    rungs = [rung for rung in RUNGS if rung[0] <= most[0] and rung[1] <= most[1]]
    tries = [wanted, *[settled(given, *rung) for rung in rungs]]
    found = next((how for how in tries if cost(how) <= seconds), min(tries, key=cost))
    _log_length(found, wanted, cost)
    return found


def _log_length(found: Settled, wanted: Settled, cost: Callable[[Settled], float]) -> None:
    """Logs the chosen length and its time if it is shorter than the default."""
    if found != wanted:
        log.info(
            "annealing: %s temperatures and %d chains, about %s "
            "(%s temperatures and %d chains would take %s: a longer budget buys them)",
            *(f"{found.temperatures:,}", found.chains, duration(cost(found))),
            *(f"{wanted.temperatures:,}", wanted.chains, duration(cost(wanted))),
        )


def step_seconds(machine: Any, chains: int, laws: int = 1, c: Tensor | None = None) -> float:
    """Returns the shortest time of a few annealing steps, in seconds.

    Args:
        machine: model with an annealing path.
        chains: number of chains of each law.
        laws: number of different log Z.
        c: conditions, one for each law, shape (laws, *), or None.
    """
    some = max(1, min(laws, CHAINS // chains))
    rng = Rng(0, "timing", rows=range(chains * some), device=machine.device)
    given = None if c is None else c[:some].repeat_interleave(chains, 0)
    times = []
    with evaluating(machine), torch.no_grad():
        state = machine.start_chain(rng.at("start"))
        for t in range(1 + TIMED):
            began = time.perf_counter()
            _, state = machine.anneal(state, 0.0, 0.5, rng.at(t), given)
            times.append(time.perf_counter() - began)
    return min(times[1:]) * laws / some


def kept_short(how: Settled, run: Callable[[Settled], T]) -> T:
    """Returns `run(how)`; if a long run is interrupted, returns the result of a short run made first.

    Args:
        how: length of the run.
        run: anneals with a given length and returns a dataclass with a field `interrupted`.
    """
    short = Settled(min(SHORT, how.temperatures), min(10, how.chains), min(SHORT, how.sweeps))
    if how.steps < TIMES * short.steps:
        return run(how)
    first = run(short)
    try:
        return run(how)
    except KeyboardInterrupt:
        return replace(first, interrupted=True)  # type: ignore[type-var]
