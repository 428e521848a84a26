"""Error of a model that classifies, on held-out rows with known labels.

Reference: Larochelle and Bengio 2008; Salimans et al. 2016. Rows A24, G13.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.scores.chance import share_error
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.rows import subset


@dataclass
class Classification(Record):
    """Classification errors.

    Args:
        wrong: number of rows whose likeliest class is wrong.
        rows: number of rows with a known label.
    """

    wrong: int
    rows: int
    derived = ("share", "error")

    @property
    def share(self) -> float:
        """Share of wrong rows."""
        return self.wrong / self.rows

    @property
    def error(self) -> float:
        """Standard error of the share, binomial; NaN of a single row."""
        return share_error(self.wrong, self.rows)

    @property
    def words(self) -> str:
        """The share with its error, in words."""
        error = "" if math.isnan(self.error) else f" +- {self.error:.2%}"
        return f"{self.share:.2%}{error} of {self.rows:,} rows"


def classification(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Classification | None:
    """Counts the wrong labels of rows of `split`.

    Args:
        model: model that classifies.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of the classification.
        limit: largest number of rows, chosen at random; None: all.

    Returns:
        the counts over rows with a known label; None if there are none.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("digits", binarize="threshold", condition="label")
        >>> model = simulacra.DiscriminativeRBM(data.space, data.condition, hidden=3)
        >>> classification(model, data, limit=50).rows
        50
    """
    rows = subset(data[split], limit, seed)
    y = labels_of(rows)
    at = None if y is None else (y >= 0).nonzero()[:, 0]
    if y is None or at is None or not len(at):
        return None
    found = model.classify(rows.rows(at).x, seed).argmax(1).cpu()
    return Classification(int((found != y[at]).sum()), len(at))


def labels_of(rows: Split) -> Tensor | None:
    """Returns class numbers of the rows, shape (N,), -1 if unknown; None if rows have no classes.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.data.sources.tensors import from_tensors
        >>> known, c = torch.tensor([False, True]), torch.tensor([0, 1])
        >>> labels_of(from_tensors(torch.zeros(2, 3), Real((3,)), c=c, c_known=known, valid=0, test=0).train)
        tensor([-1,  1])
    """
    y = rows.c if rows.labels is None else rows.labels
    if y is None or y.dim() != 1 or y.is_floating_point():
        return None
    if rows.labels is None and rows.c_known is not None:
        y = torch.where(rows.c_known, y, -1)
    return y.cpu().long()
