"""`Drawn`: the samples of a model, and its function that completes hidden cells, as measures use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

Filler = Callable[[pd.DataFrame, int], pd.DataFrame]


@dataclass(frozen=True)
class Drawn:
    """The samples of a model.

    Args:
        frame: as many samples as training rows, with their columns and types.
        fill: called as `fill(rows, seed)` with None in hidden cells; returns the rows completed by one draw.
            None if the model cannot complete rows.
    """

    frame: pd.DataFrame
    fill: Filler | None = None


def restored(frame: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Returns the columns of the training rows in their order, with text parsed where they are numbers.

    Args:
        frame: the samples of a model.
        train: the training rows.
    """
    columns = {}
    for name in train:
        values = frame[name]
        if not pd.api.types.is_numeric_dtype(train[name]):
            columns[name] = values.astype(str).to_numpy()
        elif pd.api.types.is_numeric_dtype(values):
            columns[name] = values.to_numpy()
        else:
            columns[name] = pd.to_numeric(values.astype(str)).to_numpy()
    return pd.DataFrame(columns)
