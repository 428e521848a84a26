"""How often a model that classifies is wrong on held-out rows whose labels are known.

Reference: Larochelle and Bengio 2008; Salimans et al. 2016. Rows A24, G13.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import count


@dataclass
class Classification:
    """Wrong labels.

    Args:
        wrong: number of rows whose likeliest class is not theirs.
        rows: number of rows.
    """

    wrong: int
    rows: int

    @property
    def share(self) -> float:
        """Share of the rows that are wrong."""
        return self.wrong / self.rows

    @property
    def error(self) -> float:
        """Standard error of the share, binomial."""
        return math.sqrt(self.share * (1 - self.share) / self.rows)

    def summary(self) -> dict[str, Any]:
        """The numbers as JSON."""
        return {"wrong": self.wrong, "rows": self.rows, "share": self.share, "error": self.error}


def classification(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Classification | None:
    """Wrong labels of the rows of `split`; None where the rows have none.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("digits", binarize="threshold", condition="label")
        >>> model = simulacra.DiscriminativeRBM(data.space, data.condition, hidden=3)
        >>> classification(model, data, limit=50).rows
        50
    """
    rows = data[split]
    n = count(rows, limit)
    chosen = rows.rows(torch.arange(n))
    y = rows.labels[:n] if rows.labels is not None else chosen.c
    if y is None or y.dim() != 1 or y.is_floating_point():
        return None
    found = model.classify(chosen.x, seed).argmax(1).cpu()
    return Classification(int((found != y.cpu()).sum()), n)
