"""Error of a model that predicts numbers, on held-out rows, beside that of the mean of the training rows.

    MAE = 1/N sum_i |y_i - f_i|                                                                   (1)
    R^2 = 1 - sum_i (y_i - f_i)^2 / sum_i (y_i - mean_i y_i)^2                                    (2)
    gain = 1/N sum_i ( |y_i - m| - |y_i - f_i| ),   m the mean of the training rows               (3)

y are the numbers of the condition in their own units, column by column, and f the model's predictions. A
gain below 0 says that the mean alone is nearer.

Reference: Gomez-Bombarelli et al. 2018, table 1. Row E24.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.core.model import Model
from simulacra.core.scores.predictions import answers, known_numbers
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.interval import Interval, in_words, mean_of
from simulacra.evaluation.rows import chosen


@dataclass(frozen=True)
class Predicted:
    """Scores of one number.

    Args:
        name: its column.
        error: MAE of equation (1), in the number's own unit.
        trivial: MAE of the mean of the training rows.
        gain: equation (3).
        explained: R^2 of equation (2); NaN if the number is constant.
    """

    name: str
    error: Interval
    trivial: Interval
    gain: Interval
    explained: float


@dataclass(frozen=True)
class Prediction(Record):
    """Scores of a model that predicts numbers.

    Args:
        split: split of the rows.
        rows: number of rows whose numbers are known.
        columns: scores of each number.
    """

    split: str
    rows: int
    columns: tuple[Predicted, ...]


def prediction(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Prediction | None:
    """Scores the predictions for rows of `split` by equations (1) to (3).

    Args:
        model: model that predicts.
        data: data set with numbers as condition.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of random preprocessing.
        limit: largest number of rows, chosen at random; None: all.

    Returns:
        the scores over rows whose numbers are known; None if there are fewer than two, or the condition is
        no number.

    Example:
        >>> import torch
        >>> import simulacra
        >>> space = simulacra.Tokens((3,), 3, ("<end>", "C", "O"))
        >>> x = space.rows(["C", "CO", "COC"] * 20)
        >>> data = simulacra.from_tensors(x, space, c=[1.0, 2.0, 3.0] * 20, condition=simulacra.Real(()))
        >>> model = simulacra.ChemicalVAE(space, data.condition, latent=2, hidden=3, width=3)
        >>> found = prediction(model, data)
        >>> found.rows, found.columns[0].name
        (6, 'condition')
    """
    found = answers(model, data[split].rows(chosen(data[split], limit, seed)), seed)
    train = known_numbers(model, data.train.c, data.train.c_known)
    if found is None or train is None or len(found.truth) < 2:
        return None
    # (1), (3)
    trivial, error = (found.truth - train.mean(0)).abs(), found.errors
    means = [[mean_of(column) for column in t.unbind(1)] for t in (error, trivial, trivial - error)]
    columns = [Predicted(*each) for each in zip(found.names, *means, found.explained)]
    return Prediction(split, len(found.truth), tuple(columns))


def prediction_rows(found: Prediction) -> list[tuple[str, str]]:
    """Returns name and value of the scores of each number, in words.

    Args:
        found: the scores.
    """
    return [(f"prediction of {one.name}", _in_words(one)) for one in found.columns]


def _in_words(one: Predicted) -> str:
    mean = f"{one.trivial.value:.4g}"
    return f"MAE {in_words(one.error, '.4g')}, by the mean {mean}; R^2 {one.explained:.1%}"
