"""Options of drawing by a differential equation: its method, the number of steps, and guidance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulacra.core.capabilities.sampling import Sampling

Method = Literal["euler", "midpoint", "heun"]
METHODS = ("euler", "midpoint", "heun")


@dataclass(frozen=True)
class Integration(Sampling):
    """Options of drawing by a differential equation from noise to x.

    Args:
        steps: number of steps from noise to x; None: as many as the model says.
        sampler: `euler` takes one pass a step, `midpoint` and `heun` two, and their error falls with the
            square of the step; None: the model's own, `heun`.
        guidance: how far a draw goes from p(x) toward and beyond p(x|c): 0 ignores the condition, 1 is
            p(x|c); None: 1.

    Raises:
        ValueError: if a value is out of range.
    """

    steps: int | None = None
    sampler: Method | None = None
    guidance: float | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps is {self.steps}, but a draw takes at least one: give 1 or more.")
        if self.sampler is not None and self.sampler not in METHODS:
            raise ValueError(f"sampler is {self.sampler!r}; possible are {', '.join(METHODS)}.")
        if self.guidance is not None and not 0 <= self.guidance <= 100:
            raise ValueError(f"guidance is {self.guidance}, but it lies in [0, 100]: 1 is p(x|c).")
