"""What annealing says of log Z: an estimate from each side, with errors and doubts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

FEW = 0.1  # share of the chains that must count for an estimate to be believed
APART = 1.0  # nats between the two directions beyond which neither is believed
BROKEN_OFF = "annealing was interrupted, and this is its short first run"


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
        interrupted: whether a longer run was broken off, of which this is the first short one.
    """

    forward: Annealed
    reverse: Annealed
    betas: int
    chains: int
    sweeps: int
    seed: int
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """Nats between the two directions."""
        return self.reverse.log_z - self.forward.log_z

    @property
    def doubts(self) -> list[str]:
        """Why the estimate cannot be believed; empty where it can."""
        found = [BROKEN_OFF] if self.interrupted else []
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
