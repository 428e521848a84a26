"""Partition functions of many distributions at once: one for each condition, or for each frame of a sequence.

    log p(x|c) = sum_t -F_t(x_t) - log Z_t                                       (1)

Each distribution ("law") t is the same machine with its own biases and log Z. Equal laws are annealed once;
all of them are annealed together, forward and in reverse as in `evaluation.likelihood.annealing`. The noise
of a law's chains is keyed by the contents of its condition, so that its log Z does not depend on other laws.

Reference: Boulanger-Lewandowski, Bengio and Vincent 2012, section 5; Salakhutdinov and Murray 2008. Rows A7,
A8, A17, A21, A22.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import each, stage
from simulacra.core.random.contents import Contents, contents_of
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.laws import Laws
from simulacra.evaluation.likelihood.annealing import Annealing, annealed, schedule
from simulacra.evaluation.likelihood.brackets import APART, BROKEN_OFF, FEW
from simulacra.evaluation.likelihood.lengths import CHAINS, Settled, kept_short
from simulacra.evaluation.measures.kept_parts import Form, once


@dataclass(frozen=True)
class Brackets:
    """Estimates of log Z of many laws from both sides.

    Args:
        forward: estimates that are in expectation at most log Z, float64, shape (laws,).
        reverse: estimates that are in expectation at least log Z, shape (laws,).
        effective: effective number of chains in each direction, shape (2, laws).
        betas: number of temperatures.
        chains: number of chains of each law, in each direction.
        sweeps: number of sweeps before the reverse chains start.
        seed: seed of all draws.
        interrupted: True if a longer run was interrupted and this is the short first one.
    """

    forward: Tensor
    reverse: Tensor
    effective: Tensor
    betas: int
    chains: int
    sweeps: int
    seed: int
    interrupted: bool = False

    @property
    def doubts(self) -> list[str]:
        """Reasons why the estimates are unreliable; empty if they are reliable."""
        found = [BROKEN_OFF] if self.interrupted else []
        gap = float((self.reverse - self.forward).abs().mean())
        if gap > APART:
            found.append(f"the two directions are {gap:.1f} nats apart, in the mean over the laws")
        # the effective number is at least 1, so require 2 if there are few chains
        few = (self.effective < max(FEW * self.chains, 2)).double().mean(1)
        for name, share in zip(("forward", "reverse"), few.tolist()):
            if share > FEW:
                found.append(f"of {share:.0%} of the laws hardly any {name} chain counts")
        return found

    @property
    def errors(self) -> list[float]:
        """Standard errors of one log Z forward and in reverse, averaged over the laws, in nats."""
        n = self.chains
        each = ((n / self.effective - 1).clamp_min(0) / (n - 1)).sqrt()
        first, second = each.mean(1).tolist()
        return [first, second]

    @property
    def details(self) -> dict[str, Any]:
        """The estimates as a dictionary for JSON, averaged over the laws."""
        return {
            "laws": len(self.forward),
            "log_z_forward": float(self.forward.mean()),
            "log_z_reverse": float(self.reverse.mean()),
            "effective_chains": self.effective.median(1).values.tolist(),
            "temperatures": self.betas,
            "chains": self.chains,
            "sweeps": self.sweeps,
            "annealing_seed": self.seed,
            "doubts": self.doubts,
        }

    def __str__(self) -> str:
        low, high = float(self.forward.mean()), float(self.reverse.mean())
        first, second = self.effective.median(1).values.tolist()
        below, above = self.errors
        said = (
            f"log Z of {len(self.forward):,} laws, one for each condition or frame, on average from "
            f"{low:.2f} +- {below:.2f} (forward) to {high:.2f} +- {above:.2f} (reverse), "
            f"{self.betas:,} temperatures, {self.chains} chains each, "
            f"effective sample sizes {first:.1f} and {second:.1f} (medians)"
        )
        doubts = f"; unreliable: {' and '.join(self.doubts)}" if self.doubts else ""
        return f"{said}{doubts}"


@dataclass
class Met:
    """The distinct laws of a set of rows, and an index from rows to laws.

    Args:
        machine: model that all laws share; None before the first rows.
        conditions: conditions of the laws, in order of first occurrence.
        law: index of the law, for each use.
        row: index of the row, for each use.
        kinds: digests of the contents of the conditions, uint64.
    """

    machine: Any = None
    conditions: list[Tensor] = field(default_factory=list)
    law: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    kinds: list[np.uint64] = field(default_factory=list)
    _numbers: dict[np.uint64, int] = field(default_factory=dict)

    def add(self, laws: Laws, first: int) -> None:
        """Adds the laws of further rows.

        Args:
            laws: laws of the rows.
            first: index of the first of these rows.
        """
        self.machine = laws.machine
        for c, kind in zip(laws.c, laws.kinds.digests):
            if kind not in self._numbers:
                self._numbers[kind] = len(self.conditions)
                self.conditions.append(c)
                self.kinds.append(kind)
            self.law.append(self._numbers[kind])
        self.row += (first + laws.row).tolist()

    def summed(self, log_z: Tensor, rows: int) -> Tensor:
        """Returns the sum of log Z_t of each row, the second term of (1), shape (rows,).

        Args:
            log_z: log Z of each law, shape (laws,).
            rows: number of rows.
        """
        law, row = torch.tensor(self.law), torch.tensor(self.row)
        return torch.zeros(rows, dtype=log_z.dtype).index_add(0, row, log_z[law])


def bracket_each(
    machine: Any,
    conditions: Sequence[Tensor],
    asked: Annealing,
    seed: int = 0,
    kinds: Contents | None = None,
) -> Brackets:
    """Returns estimates of log Z of a machine under each of several conditions.

    Args:
        machine: model with an annealing path that takes a condition.
        conditions: conditions, one for each law.
        asked: options of annealing; defaults depend on the number of laws.
        seed: seed of all draws.
        kinds: digests that key the noise of the laws; None: those of the conditions.

    Example:
        >>> import simulacra
        >>> from simulacra import Binary, Categorical
        >>> model = simulacra.RBM(Binary((6,)), Categorical((), 3), hidden=2)
        >>> found = bracket_each(model, torch.arange(3), Annealing(50, 20, 50))
        >>> bool(((found.forward - model.log_z(torch.arange(3))).abs() < 0.05).all())
        True
    """
    c = torch.stack(list(conditions))
    named, how = contents_of(c) if kinds is None else kinds, asked.affordable(machine, len(c), c)
    return kept_short(how, lambda how: _brackets(machine, c, how, seed, named))


BOTH: Form[tuple[Tensor, Tensor, Tensor]] = Form(
    lambda parts: (dict(zip("abc", parts)), {}), lambda found, facts: (found["a"], found["b"], found["c"])
)


def _brackets(machine: Any, c: Tensor, how: Settled, seed: int, kinds: Contents) -> Brackets:
    size, parts = max(1, CHAINS // how.chains), []
    with evaluating(machine), torch.no_grad(), stage("log Z", len(c), "law") as progress:
        for i in range(0, len(c), size):
            progress.part = len(c[i : i + size])
            some, named = c[i : i + size], kinds[i : i + size]
            make = lambda some=some, named=named: _two_sided(machine, some, how, seed, named)
            parts.append(once("annealed-laws", (machine, some, how, seed, named), make, BOTH))
            progress.advance(progress.part)
    forward, reverse, effective = (torch.cat(part, -1) for part in zip(*parts))
    return Brackets(forward, reverse, effective, how.temperatures + 1, how.chains, how.sweeps, seed)


def _two_sided(
    machine: Any, c: Tensor, how: Settled, seed: int, kinds: Contents
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns both estimates of each log Z, and the effective numbers of chains."""
    n = how.chains
    rng = Rng(seed, "laws", rows=kinds.repeated(n), device=machine.device)
    given, path = c.repeat_interleave(n, 0), schedule(how.temperatures)
    there = rng.at("forward")
    up, _ = annealed(machine, machine.start_chain(there.at("start")), path, there, given)
    back = rng.at("reverse")
    state = machine.start_chain(back.at("start"))
    for t in each(range(how.sweeps), "sweeps before annealing in reverse", "sweep"):
        # an annealing step at constant temperature is a Gibbs sweep
        _, state = machine.anneal(state, 1.0, 1.0, back.at("sweep", t), given)
    down, _ = annealed(machine, state, path[::-1], back, given)
    base = to_float64(machine.base_log_z()).cpu()
    up, down = up.view(-1, n), down.view(-1, n)
    mean = lambda log_w: log_w.logsumexp(1) - math.log(n)
    effective = torch.stack([(2 * w.logsumexp(1) - (2 * w).logsumexp(1)).exp() for w in (up, down)])
    return base + mean(up), base - mean(down), effective


def energies(laws: Laws, rows: int) -> Tensor:
    """Returns the first term of (1) for each row, in nats, float64, shape (rows,).

    Args:
        laws: laws of the rows.
        rows: number of rows.
    """
    each = -to_float64(can.able(laws.machine, can.HasEnergy).free_energy(laws.x, laws.c)).cpu()
    return torch.zeros(rows, dtype=each.dtype).index_add(0, laws.row.cpu(), each)
