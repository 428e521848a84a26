"""How a model that can tell says it stands, after training, on held-out rows.

Reference: Goodfellow 2016, NIPS tutorial. Rows F8, F11.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import blocks

ROWS = 1000  # that are looked at


@dataclass(frozen=True)
class Diagnostics:
    """What the model says of itself.

    Args:
        numbers: by name.
        alarm: one sentence while something is wrong, or None.
    """

    numbers: dict[str, float]
    alarm: str | None

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:.3g}" for name, value in self.numbers.items())


def diagnostics(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Diagnostics:
    """The numbers on rows of `split`, chosen at random.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> sorted(diagnostics(simulacra.GAN(data.space), data, limit=50).numbers)
        ['accuracy', 'diversity', 'gradient']
    """
    told = can.able(model, can.HasDiagnostics)
    with evaluating(model):
        block = next(iter(blocks(model, data[split], seed, min(limit or ROWS, ROWS))))
        # samples by place: equal rows must not repeat them
        numbers = told.diagnostics(block.y, block.rng.on(range(len(block.y))), block.c)
    return Diagnostics(numbers, told.alarm(numbers))
