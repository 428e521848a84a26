"""A model as the measures see it: its drawn rows, and a function that fills in hidden cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

Filler = Callable[[pd.DataFrame, int], pd.DataFrame]


@dataclass(frozen=True)
class Drawn:
    """Rows of a model.

    Args:
        frame: as many drawn rows as there are training rows, in their columns and types.
        fill: called as `fill(rows, seed)` with None in hidden cells, gives one draw of the rows filled in;
            None where the model cannot.
    """

    frame: pd.DataFrame
    fill: Filler | None = None


def restored(frame: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """The columns of the training rows in their order: numbers as numbers, also where they came as texts."""
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
