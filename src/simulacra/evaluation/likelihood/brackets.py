"""Results of annealing: a lower and an upper estimate of log Z with standard errors and warnings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

FEW = 0.1  # smallest effective share of the chains of a reliable estimate
APART = 1.0  # largest difference of two reliable estimates, in nats
BROKEN_OFF = "annealing was interrupted, and this is its short first run"


@dataclass(frozen=True)
class Annealed:
    """The estimate of one direction.

    Args:
        log_weights: log w of each chain (in reverse: log of 1/w), float64, shape (chains,).
        log_z: estimate of log Z in nats.
    """

    log_weights: Tensor
    log_z: float

    @property
    def effective(self) -> float:
        """Effective number of chains, (sum w)^2 / sum w^2."""
        w = self.log_weights
        return float((2 * w.logsumexp(0) - (2 * w).logsumexp(0)).exp())

    @property
    def error(self) -> float:
        """Standard error of log Z over the chains, by the delta method, in nats."""
        n = len(self.log_weights)
        return math.sqrt(max(n / self.effective - 1, 0.0) / (n - 1)) if n > 1 else math.nan


@dataclass(frozen=True)
class Bracket:
    """Estimates of log Z from both sides.

    Args:
        forward: estimate that is in expectation at most log Z.
        reverse: estimate that is in expectation at least log Z.
        betas: number of temperatures.
        chains: number of chains in each direction.
        sweeps: number of sweeps before the reverse chains start.
        seed: seed of all draws.
        interrupted: True if a longer run was interrupted and this is the short first one.
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
        """Difference of the two estimates in nats."""
        return self.reverse.log_z - self.forward.log_z

    @property
    def doubts(self) -> list[str]:
        """Reasons why the estimates are unreliable; empty if they are reliable."""
        found = [BROKEN_OFF] if self.interrupted else []
        if abs(self.gap) > APART:
            found.append(f"the two directions are {abs(self.gap):.1f} nats apart")
        for name, side in (("forward", self.forward), ("reverse", self.reverse)):
            if side.effective < FEW * self.chains:
                found.append(f"{side.effective:.1f} of {self.chains} {name} chains count")
        return found

    @property
    def details(self) -> dict[str, Any]:
        """The estimates as a dictionary for JSON."""
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
