"""Predicted numbers of rows beside the true ones, in their own units.

    MAE = 1/N sum_i |y_i - f_i|                                                  (1)
    R^2 = 1 - sum_i (y_i - f_i)^2 / sum_i (y_i - mean_i y_i)^2                   (2)

y are the numbers of the condition, column by column, and f the model's predictions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.spaces.composite import Table


@dataclass(frozen=True)
class Answers:
    """Numbers of rows, with a name for each column.

    Args:
        names: names of the columns.
        truth: the numbers y, float64 of shape (N, columns).
        predicted: the predictions f, likewise.

    Example:
        >>> column = lambda *values: torch.tensor(values, dtype=torch.float64).unsqueeze(1)
        >>> found = Answers(("logP",), column(1, 2, 3), column(1, 3, 3))
        >>> found.errors.mean(0).tolist(), found.explained
        ([0.3333333333333333], (0.5,))
    """

    names: tuple[str, ...]
    truth: Tensor
    predicted: Tensor

    @property
    def errors(self) -> Tensor:
        """The absolute error of each row, whose mean is (1), shape (N, columns)."""
        return (self.truth - self.predicted).abs()

    @property
    def explained(self) -> tuple[float, ...]:
        """R^2 of each column by (2); NaN for a column that is constant."""
        spread = (self.truth - self.truth.mean(0)).square().sum(0)
        left = self.errors.square().sum(0)
        # the spread of equal numbers is rounding
        varies = self.truth.amax(0) > self.truth.amin(0)
        found = torch.where(
            varies, 1 - left / torch.where(varies, spread, torch.ones_like(spread)), torch.nan
        )
        return tuple(found.tolist())


def answers(model: Model, rows: Batch, seed: int = 0) -> Answers | None:
    """Returns the numbers of those rows that have them, and the predictions for them.

    Args:
        model: a model.
        rows: raw rows with their conditions as c.
        seed: seed of random preprocessing.

    Returns:
        the numbers; None if the model predicts none, or no row has them.
    """
    truth = known_numbers(model, rows.c, rows.c_known)
    if truth is None:
        return None
    at = torch.arange(len(rows)) if rows.c_known is None else rows.c_known.cpu().nonzero()[:, 0]
    predicted = torch.as_tensor(model.predict(rows.x[at.to(rows.x.device)], seed))
    return Answers(names_of(model, truth.shape[1]), truth, to_float64(predicted.reshape(truth.shape)))


def known_numbers(model: Model, c: Tensor | None, c_known: Tensor | None) -> Tensor | None:
    """Returns the known numbers of conditions, float64 of shape (n, columns); None if there are none.

    Args:
        model: a model.
        c: raw conditions, shape (N, *), or None.
        c_known: True where they are known, shape (N,); None: everywhere.
    """
    condition = model.condition
    if c is None or condition is None or condition.discrete or not model.supports(can.Predicts):
        return None
    y = c if c_known is None else c[c_known.to(c.device)]
    return to_float64(y.cpu().reshape(len(y), -1)) if len(y) else None


def names_of(model: Model, columns: int) -> tuple[str, ...]:
    """Returns the names of the predicted columns: those of the condition, or numbered ones.

    Args:
        model: model that predicts.
        columns: their number.
    """
    raw = None if model.conditioning is None else model.conditioning.raw
    if isinstance(raw, Table) and len(raw.names) == columns:
        return raw.names
    return ("condition",) if columns == 1 else tuple(f"condition {j + 1}" for j in range(columns))
