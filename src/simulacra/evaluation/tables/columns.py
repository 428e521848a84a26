"""A table as the measures take it: numbers in float64, classes as codes, missing cells marked.

Nominal classes, ordered classes and 0/1 columns are classes; every other kind of field is a number. Decimals
say how finely a column of numbers is written:

    decimals(v) = min { k : |v_i - round(v_i, k)| <= 1e-9 for all i },  8 where there is none            (1)

Numbers in single precision are read as their own shortest text, so that 0.1 has one decimal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.classes import Categorical, Ordinal, codes_of
from simulacra.core.composite import Fields
from simulacra.core.space import Binary, Space

if TYPE_CHECKING:
    import pandas

MOST_DECIMALS, EXACT = 8, 1e-9
LARGEST = 1e100  # for infinity, which trees refuse
CLASSES = (Binary, Categorical, Ordinal)
Completer = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


class NotMeasured(ValueError):
    """The table does not allow a measure; the sentence says why."""


@dataclass(frozen=True)
class Table:
    """Columns by name.

    Args:
        names: of all columns, in order.
        numbers: columns of numbers, float64 of shape (B,), NaN where missing.
        classes: columns of classes as codes, int64 of shape (B,), -1 where missing.
        levels: names of the classes of each such column.
        decimals: equation (1) of each column of numbers.

    Example:
        >>> table = table_from({"age": [30.0, 41.5]}, {"sex": [1, 0]}, {"sex": ("f", "m")})
        >>> len(table), table.decimals["age"], table.texts("sex")
        (2, 1, ['m', 'f'])
    """

    names: tuple[str, ...]
    numbers: Mapping[str, np.ndarray]
    classes: Mapping[str, np.ndarray]
    levels: Mapping[str, tuple[str, ...]]
    decimals: Mapping[str, int]

    def __len__(self) -> int:
        first = self.names[0]
        return len(self.numbers[first] if first in self.numbers else self.classes[first])

    def rows(self, index: np.ndarray) -> Table:
        """The rows `index`: numbers of rows, or booleans of shape (B,)."""
        numbers = {name: values[index] for name, values in self.numbers.items()}
        return replace(self, numbers=numbers, classes={n: c[index] for n, c in self.classes.items()})

    def some(self, n: int, seed: int = 0) -> Table:
        """At most n of the rows, chosen at random, in their order."""
        if len(self) <= n:
            return self
        return self.rows(np.sort(np.random.default_rng(seed).permutation(len(self))[:n]))

    def only(self, names: Sequence[str]) -> Table:
        """These columns."""
        keep = lambda columns: {name: columns[name] for name in names if name in columns}
        return Table(tuple(names), *map(keep, (self.numbers, self.classes, self.levels, self.decimals)))

    def shown_as(self, other: Table, seed: int = 0) -> Table:
        """These rows with cells hidden where rows of `other`, chosen at random, miss them."""
        at = np.random.default_rng(seed).integers(0, len(other), len(self))
        gone = {name: np.isnan(other.column(name)[at]) for name in self.names}
        numbers = {name: np.where(gone[name], np.nan, v) for name, v in self.numbers.items()}
        classes = {name: np.where(gone[name], -1, codes) for name, codes in self.classes.items()}
        return replace(self, numbers=numbers, classes=classes)

    def texts(self, name: str) -> list[str]:
        """The classes of a column by name, empty where missing."""
        return ["" if code < 0 else self.levels[name][code] for code in self.classes[name]]

    def matrix(self) -> np.ndarray:
        """All columns side by side, classes as their codes, NaN where missing, shape (B, columns)."""
        return np.stack([self.column(name) for name in self.names], 1)

    def column(self, name: str) -> np.ndarray:
        """A column of numbers, or the codes of one of classes, in float64; NaN where missing."""
        if name in self.numbers:
            return self.numbers[name]
        codes = self.classes[name]
        return np.where(codes < 0, np.nan, codes.astype(np.float64))

    def numeric(self, also: Table | None = None) -> dict[str, np.ndarray]:
        """Columns of numbers, and of classes that are called by numbers; NaN where missing.

        Args:
            also: a table whose classes must be called by numbers too.
        """
        found = {}
        for name in self.names:
            levels = (*self.levels.get(name, ()), *(also.levels.get(name, ()) if also else ()))
            if name in self.numbers:
                found[name] = self.numbers[name]
            elif all(map(_is_number, levels)):
                stands = np.array([*map(float, self.levels[name]), np.nan])
                found[name] = stands[self.classes[name]]
        return found


def table_from(
    numbers: Mapping[str, Any],
    classes: Mapping[str, Any] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    names: Sequence[str] | None = None,
) -> Table:
    """The table of given columns.

    Args:
        numbers: columns of numbers by name, NaN where missing.
        classes: codes by name, -1 where missing.
        levels: names of the classes; by default the codes themselves.
        names: the order of the columns; numbers come first by default.
    """
    values = {name: np.asarray(column, np.float64) for name, column in numbers.items()}
    codes = {name: np.asarray(column, np.int64) for name, column in (classes or {}).items()}
    called = {
        name: tuple((levels or {}).get(name) or map(str, range(int(column.max(initial=0)) + 1)))
        for name, column in codes.items()
    }
    order = tuple(names) if names is not None else (*values, *codes)
    return Table(order, values, codes, called, {name: decimals(v) for name, v in values.items()})


def table_of(space: Fields, x: Tensor, known: Tensor | None = None) -> Table:
    """Rows of a table in raw units, as `model.sample` and `data.train.x` give them.

    Args:
        x: shape (B, d).
        known: True where an entry is observed, shape (B, d); None: everywhere but NaN.

    Example:
        >>> from simulacra.core.space import Real
        >>> space = Fields(height=Real(), grade=Ordinal((), 2, values=(3, 5)))
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


def entries(space: Fields) -> list[tuple[str, Space, int]]:
    """Name, field and place of each entry of a table's rows."""
    found: list[tuple[str, Space, int]] = []
    for name, field in space.fields:
        for i in range(field.dims):
            found.append((name if field.dims == 1 else f"{name}[{i + 1}]", field, len(found)))
    return found


def levels_of(field: Space) -> tuple[str, ...]:
    """The names of a field's classes: its own, the numbers that stand for them, or 0, 1, ..."""
    named: tuple[str, ...] = getattr(field, "names", ())
    stands: tuple[float, ...] = getattr(field, "values", ())
    return named or tuple(f"{v:g}" for v in stands) or tuple(map(str, range(getattr(field, "classes", 2))))


def from_frame(frame: pandas.DataFrame, classes: Sequence[str] = (), like: Table | None = None) -> Table:
    """The table of a data frame: the columns `classes` and those of text are classes.

    Args:
        classes: names of columns of numbers that are classes too.
        like: the training table, whose columns are taken, and whose classes come first.
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


def completer_of(space: Fields, complete: Callable[..., Tensor]) -> Completer:
    """A completer of `Table.matrix` from one of raw rows, such as `model.complete`.

    Args:
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


def decimals(values: np.ndarray) -> int:
    """Equation (1) of the values that are finite.

    Example:
        >>> decimals(np.array([1.0, 2.5])), decimals(np.array([3.0])), decimals(np.array([1 / 3]))
        (1, 0, 8)
    """
    seen = np.unique(values[np.isfinite(values)])
    # (1)
    fits = (k for k in range(MOST_DECIMALS) if not (np.abs(seen - seen.round(k)) > EXACT).any())
    return next(fits, MOST_DECIMALS)


def exact(values: np.ndarray) -> np.ndarray:
    """Numbers in float64: those in single precision as their own shortest text.

    Example:
        >>> exact(np.array([0.1], np.float32)).tolist()
        [0.1]
    """
    if values.dtype not in (np.float32, np.float16):
        return values.astype(np.float64)
    seen, at = np.unique(values, return_inverse=True)
    return np.asarray(seen.astype(str).astype(np.float64)[at.reshape(values.shape)])


def rounded(table: Table, like: Table) -> Table:
    """The table with its numbers rounded to the decimals of `like`; no -0."""
    numbers = {name: values.round(like.decimals[name]) + 0.0 for name, values in table.numbers.items()}
    return replace(table, numbers=numbers, decimals=like.decimals)


def _gone(column: Tensor, known: Tensor | None) -> Tensor:
    nothing = column.isnan() if column.is_floating_point() else torch.zeros_like(column, dtype=torch.bool)
    return nothing if known is None else nothing | ~known


def _text(value: Any) -> str:
    """A class by name: whole numbers without a decimal point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
