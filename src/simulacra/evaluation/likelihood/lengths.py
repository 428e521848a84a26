"""How long annealing is: as long as usual, or what a time buys by steps that are timed.

A bracket by T temperatures, S sweeps and n chains of each law makes 2 T + S steps of n chains, each of which
takes about a + b n seconds. The standard error of log Z falls as 1 / sqrt(n), and the spread of the
weights as 1 / T. Lengths come in rungs, so that one machine finds the same length again.
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
MANY = 100  # different log Z beyond which each is annealed briefly
USUAL, USUAL_OF_MANY = (1000, 100), (100, 10)  # temperatures and chains
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
TIMED = 3  # steps that are timed, after a first
CHAINS = 2**14  # that are annealed at once
SHORT, TIMES = 30, 10  # steps of a first run, and times as many beyond which one is made


class Settled(NamedTuple):
    """Temperatures, chains and sweeps, none of them open."""

    temperatures: int
    chains: int
    sweeps: int

    @property
    def steps(self) -> int:
        """Steps of each chain in both directions, and sweeps before the reverse one."""
        return 2 * self.temperatures + self.sweeps


def usual(laws: int) -> tuple[int, int]:
    """Temperatures and chains of so many different log Z, whatever the time."""
    return USUAL_OF_MANY if laws > MANY else USUAL


def settled(given: Given, temperatures: int, chains: int) -> Settled:
    """What was given, and the rest as proposed."""
    proposed = (temperatures, chains, temperatures)
    return Settled(*[b if a is None else a for a, b in zip(given, proposed)])


def affordable(given: Given, seconds: float, most: tuple[int, int], step: Callable[[int], float]) -> Settled:
    """The longest lengths whose steps fit into the time: at most `most`, else the first of `RUNGS`.

    Args:
        given: lengths that are not open.
        seconds: for all steps.
        most: temperatures and chains that are enough.
        step: seconds of a step of so many chains.

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
    _say(found, wanted, cost)
    return found


def _say(found: Settled, wanted: Settled, cost: Callable[[Settled], float]) -> None:
    """How long annealing will take, and what was left out, where that is worth a line."""
    if found != wanted:
        log.info(
            "annealing: %s temperatures and %d chains, about %s "
            "(%s temperatures and %d chains would take %s: a longer budget buys them)",
            *(f"{found.temperatures:,}", found.chains, duration(cost(found))),
            *(f"{wanted.temperatures:,}", wanted.chains, duration(cost(wanted))),
        )


def step_seconds(machine: Any, chains: int, laws: int = 1, c: Tensor | None = None) -> float:
    """Seconds of a step of annealing, the shortest of a few.

    Args:
        machine: anneals.
        chains: of each law.
        laws: number of different log Z.
        c: their conditions, shape (laws, *), or None.
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
    """`run(how)`; where it is long and is interrupted, the short run that was made first.

    Args:
        run: gives a bracket, which says `interrupted`.
    """
    short = Settled(min(SHORT, how.temperatures), min(10, how.chains), min(SHORT, how.sweeps))
    if how.steps < TIMES * short.steps:
        return run(how)
    first = run(short)
    try:
        return run(how)
    except KeyboardInterrupt:
        return replace(first, interrupted=True)  # type: ignore[type-var]
