"""Converts rows of a space and data frames to `Columns`, and completed columns back to rows.

Nominal classes, ordered classes and 0/1 columns are classes; every other kind of field is a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.spaces.classes import Categorical, Ordinal, codes_of
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Space
from simulacra.tables.columns import Columns, exact, table_from

if TYPE_CHECKING:
    import pandas

LARGEST = 1e100  # replaces infinity, which trees do not accept
CLASSES = (Binary, Categorical, Ordinal)
Completer = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def table_of(space: Table, x: Tensor, known: Tensor | None = None) -> Columns:
    """Converts rows of a table in raw units, as `model.sample` and `data.train.x` give them, to columns.

    Args:
        space: the space of the rows.
        x: rows, shape (B, d).
        known: True where an entry is observed, shape (B, d); None: everywhere except NaN.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> space = Table(height=Real(), grade=Ordinal((), 2, values=(3, 5)))
        >>> found = table_of(space, torch.tensor([[1.7, 5.0]]))
        >>> found.numbers["height"].tolist(), found.texts("grade")
        ([1.7], ['5'])
    """
    names, numbers, classes, levels = [], {}, {}, {}
    for (name, field, i), column in zip(entries(space), x.cpu().unbind(1)):
        gone = _gone(column, None if known is None else known[:, i].cpu()).numpy()
        names.append(name)
        if isinstance(field, CLASSES):
            codes = codes_of(getattr(field, "values", ()), column.nan_to_num(0.0))
            classes[name] = np.where(gone, -1, codes.round().long().numpy())
            levels[name] = levels_of(field)
        else:
            values = np.clip(exact(column.numpy()), -LARGEST, LARGEST)
            numbers[name] = np.where(gone, np.nan, values)
    return table_from(numbers, classes, levels, names)


def entries(space: Table) -> list[tuple[str, Space, int]]:
    """Returns name, field and column number of each entry of a table's rows."""
    found: list[tuple[str, Space, int]] = []
    for name, field in space.fields:
        for i in range(field.dims):
            found.append((name if field.dims == 1 else f"{name}[{i + 1}]", field, len(found)))
    return found


def levels_of(field: Space) -> tuple[str, ...]:
    """Returns the names of a field's classes: its own names, its values, or 0, 1, ..."""
    named: tuple[str, ...] = getattr(field, "names", ())
    stands: tuple[float, ...] = getattr(field, "values", ())
    return named or tuple(f"{v:g}" for v in stands) or tuple(map(str, range(getattr(field, "classes", 2))))


def from_frame(frame: pandas.DataFrame, classes: Sequence[str] = (), like: Columns | None = None) -> Columns:
    """Converts a data frame to columns; text columns are classes.

    Args:
        frame: the data frame.
        classes: names of numeric columns that are classes too.
        like: the training table, whose columns are taken and whose classes come first; None: all columns.
    """
    import pandas as pd

    names = like.names if like is not None else tuple(map(str, frame.columns))
    chosen = {name for name in names if name in classes or not pd.api.types.is_numeric_dtype(frame[name])}
    chosen = chosen if like is None else set(like.classes)
    numbers = {n: frame[n].to_numpy(np.float64, na_value=np.nan) for n in names if n not in chosen}
    texts = {
        name: [None if pd.isna(v) else _text(v) for v in frame[name]] for name in names if name in chosen
    }
    levels = {
        name: tuple(
            dict.fromkeys(
                [*(like.levels[name] if like else ()), *sorted({v for v in column if v is not None})]
            )
        )
        for name, column in texts.items()
    }
    numbered = {name: {v: i for i, v in enumerate(levels[name])} for name in texts}
    codes = {n: [-1 if v is None else numbered[n][v] for v in column] for n, column in texts.items()}
    return table_from(numbers, codes, levels, names)


def completer_of(space: Table, complete: Callable[..., Tensor]) -> Completer:
    """Converts a function that completes raw rows, such as `model.complete`, to one for `Columns.matrix`.

    Args:
        space: the space of the rows.
        complete: called as `complete(x, known=known, seed=seed)` with raw rows, NaN where missing.
    """

    def completed(x: np.ndarray, known: np.ndarray, seed: int) -> np.ndarray:
        raw = x.copy()
        for _, field, i in entries(space):
            if getattr(field, "values", ()):
                gone = np.isnan(x[:, i])
                raw[:, i] = np.append(field.values, np.nan)[np.where(gone, -1, x[:, i]).astype(int)]  # type: ignore[attr-defined]
        filled = complete(torch.from_numpy(raw), known=torch.from_numpy(known), seed=seed)
        return table_of(space, filled).matrix()

    return completed


def _gone(column: Tensor, known: Tensor | None) -> Tensor:
    nothing = column.isnan() if column.is_floating_point() else torch.zeros_like(column, dtype=torch.bool)
    return nothing if known is None else nothing | ~known


def _text(value: Any) -> str:
    """Returns a class name; whole numbers have no decimal point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
