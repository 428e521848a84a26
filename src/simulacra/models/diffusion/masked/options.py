"""Options of drawing from a masked diffusion: passes, the order of unmasking, temperature and guidance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulacra.core.capabilities.ancestral import Adjusted

Order = Literal["random", "confidence"]
ORDERS = ("random", "confidence")


@dataclass(frozen=True)
class Unmasking(Adjusted):
    """Options of drawing from a masked diffusion.

    Args:
        temperature: T of f^(1/T), normalized, from which each entry is drawn; below 1 they are closer to the
            likeliest values.
        top_k: number of likeliest values, with those as likely as the last of them, from which each entry is
            drawn; 0: all.
        steps: passes of the network for a sample, each of which unmasks its share of the entries; None: as
            many as the model has.
        order: `random` unmasks entries at random, `confidence` those whose drawn values the network finds
            likeliest; None: the model's own, `random`.
        guidance: how far a draw goes from p(x) toward and beyond p(x|c): 0 ignores the condition, 1 is
            p(x|c); None: 1.

    Raises:
        ValueError: if a value is out of range.
    """

    steps: int | None = None
    order: Order | None = None
    guidance: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps is {self.steps}, but a draw takes at least one: give 1 or more.")
        if self.order is not None and self.order not in ORDERS:
            raise ValueError(f"order is {self.order!r}; possible are {', '.join(ORDERS)}.")
        if self.guidance is not None and not 0 <= self.guidance <= 100:
            raise ValueError(f"guidance is {self.guidance}, but it lies in [0, 100]: 1 is p(x|c).")
