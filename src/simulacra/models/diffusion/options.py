"""Options of drawing from a diffusion: the sampler, its number of steps, and guidance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulacra.core.capabilities.sampling import Sampling

Sampler = Literal["ancestral", "ddim", "heun"]
SAMPLERS = ("ancestral", "ddim", "heun")


@dataclass(frozen=True)
class Denoising(Sampling):
    """Options of drawing from a diffusion.

    Args:
        steps: number of steps from noise to x; None: as many as the model was trained with.
        sampler: `ancestral` draws from the model's own reverse steps, `ddim` adds a share eta of their noise,
            `heun` solves the ODE of the same marginals at second order, with two passes a step; None: the
            model's own, `ancestral`.
        eta: share of noise of `ddim`, from 0 (none) to 1; None: 0.
        guidance: how far a draw goes from p(x) toward and beyond p(x|c): 0 ignores the condition, 1 is
            p(x|c); None: 1.

    Raises:
        ValueError: if a value is out of range, or eta is given to another sampler.
    """

    steps: int | None = None
    sampler: Sampler | None = None
    eta: float | None = None
    guidance: float | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps is {self.steps}, but a draw takes at least one: give 1 or more.")
        if self.sampler is not None and self.sampler not in SAMPLERS:
            raise ValueError(f"sampler is {self.sampler!r}; possible are {', '.join(SAMPLERS)}.")
        if self.eta is not None and not 0 <= self.eta <= 1:
            raise ValueError(f"eta is {self.eta}, but a share of noise lies in [0, 1]: give 0 or 1.")
        if self.eta and self.sampler is not None and self.sampler != "ddim":
            raise ValueError(f"eta is {self.eta}, but sampler={self.sampler!r} takes none: that is for ddim.")
        if self.guidance is not None and not 0 <= self.guidance <= 100:
            raise ValueError(f"guidance is {self.guidance}, but it lies in [0, 100]: 1 is p(x|c).")
