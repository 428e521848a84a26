"""Diagnostics that a model reports about itself on held-out rows, after training.

Reference: Goodfellow 2016, NIPS tutorial. Rows F8, F11.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import blocks

ROWS = 1000  # largest number of rows


@dataclass(frozen=True)
class Diagnostics:
    """Numbers that the model reports about itself.

    Args:
        numbers: numbers by name.
        alarm: one sentence if something is wrong; otherwise None.
        rows: number of held-out rows.
    """

    numbers: dict[str, float]
    alarm: str | None
    rows: int = ROWS

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:.3g}" for name, value in self.numbers.items())


def diagnostics(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Diagnostics:
    """Returns the model's diagnostics on random rows of `split`.

    Args:
        model: model with the capability `HasDiagnostics`.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of all draws.
        limit: largest number of rows; None: 1,000.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> sorted(diagnostics(simulacra.GAN(data.space), data, limit=50).numbers)
        ['accuracy', 'diversity', 'gradient']
    """
    told = can.able(model, can.HasDiagnostics)
    with evaluating(model):
        block = next(iter(blocks(model, data[split], seed, min(limit or ROWS, ROWS))))
        # key the noise by position, so that equal rows get different samples
        numbers = told.diagnostics(block.y, block.rng.on(range(len(block.y))), block.c)
    return Diagnostics(numbers, told.alarm(numbers), len(block.y))
