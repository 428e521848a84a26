"""Rows of a table for users: column names, class names, whole numbers without decimals."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.inputs.tables import TRUTH
from simulacra.core.numerics.precision import precise_device
from simulacra.core.packages import install_command
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Binary, Count, Real, Space
from simulacra.core.storage.files import write_atomically
from simulacra.core.storage.plain_text import is_formula, without_formula

if TYPE_CHECKING:
    import pandas


def columns_of(space: Table, x: Tensor) -> dict[str, list[Any]]:
    """Returns the columns of rows in raw units, by name.

    Args:
        space: space of the table.
        x: shape (B, d).

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Real
        >>> space = Table(age=Count(), sex=Categorical((), 2, ("f", "m")), height=Real())
        >>> columns_of(space, torch.tensor([[30.0, 1.0, 1.75]]))
        {'age': [30], 'sex': ['m'], 'height': [1.75]}
    """
    columns: dict[str, list[Any]] = {}
    for (name, field), part in zip(space.fields, space.parts(x.cpu())):
        flat = part.reshape(len(x), -1).unbind(1)
        for i, column in enumerate(flat):
            columns[name if len(flat) == 1 else f"{name}[{i + 1}]"] = _values(field, column)
    return columns


def _values(field: Space, column: Tensor) -> list[Any]:
    names = getattr(field, "names", ())
    if isinstance(field, Binary) and field.truth:
        return [bool(value) for value in column.tolist()]
    if getattr(field, "values", ()):
        return [int(value) if value == round(value) else value for value in column.tolist()]
    if isinstance(field, (Binary, Count, Categorical, Ordinal)):
        whole = [int(value) for value in column.round().tolist()]
        values = [int(name) for name in names] if numbered(names) else names
        return [values[value] for value in whole] if names else whole
    if isinstance(field, (Numeric, Real)) and field.decimals == 0:
        return [int(value) if value == round(value) else value for value in column.tolist()]
    # the shortest text of a float32: 0.1, not 0.10000000149
    return [float(str(value)) for value in column.numpy()]


def with_digits(space: Table, x: Tensor, of: tuple[type[Numeric | Real], ...] = (Numeric, Real)) -> Tensor:
    """Rows of a table whose numbers have the decimals of their columns.

    Args:
        space: space of the table.
        x: rows in raw units, shape (B, d).
        of: kinds of the columns that are rounded.

    Returns:
        float64 if a column has decimals, otherwise x.

    Example:
        >>> import torch
        >>> with_digits(Table(dose=Numeric(decimals=1)), torch.tensor([[5.3105]])).tolist()
        [[5.3]]
    """
    places = lambda field: field.decimals if isinstance(field, of) else None
    known = [decimals for _, field in space.fields for decimals in [places(field)] * field.dims]
    if all(decimals is None for decimals in known):
        return x
    # a float of 32 bits holds no 62.12
    wide = x.to(precise_device(x.device), torch.float64)
    scale = wide.new_tensor([10.0 ** (decimals or 0) for decimals in known])
    whole = torch.tensor([decimals is None for decimals in known], device="cpu")
    digits = (wide * scale).round() / scale
    digits[:, whole] = _widened(x[:, whole.to(x.device)])
    return digits


def _widened(x: Tensor) -> Tensor:
    """Rows in double precision; single precision by its shortest text: 0.1, not 0.10000000149."""
    device = precise_device(x.device)
    if x.dtype != torch.float32:
        return x.to(device, torch.float64)
    return torch.from_numpy(x.cpu().numpy().astype(str).astype(np.float64)).to(device)


def numbered(names: tuple[str, ...]) -> bool:
    """Returns True if all class names are whole numbers, as grades 1 to 6 are and 02139 is not."""
    return all(name.removeprefix("-").isdecimal() and str(int(name)) == name for name in names)


def to_frame(space: Table, x: Tensor) -> pandas.DataFrame:
    """Returns rows as a data frame with the columns, types and categories of the data.

    Args:
        space: space of the table.
        x: rows in raw units, shape (B, d).

    Raises:
        ValueError: if pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ValueError(f"a data frame needs pandas: {install_command('tables')}.") from error
    frame = pd.DataFrame(columns_of(space, x))
    for name, field in space.fields:
        if not isinstance(field, (Categorical, Ordinal)) or field.values:
            continue
        if field.names == TRUTH:
            frame[name] = frame[name] == TRUTH[1]
        elif field.names and not numbered(field.names):
            ordered = isinstance(field, Ordinal)
            frame[name] = pd.Categorical(frame[name], categories=list(field.names), ordered=ordered)
    return frame


def write_csv(
    space: Table,
    x: Tensor,
    path: Path,
    escape: bool = False,
    beside: Mapping[str, list[Any]] | None = None,
    separator: str = ",",
    decimal: str = ".",
) -> int:
    """Writes rows as a .csv file; columns without names get no header.

    Args:
        space: space of the table.
        x: rows in raw units, shape (B, d).
        path: file to write.
        escape: put an apostrophe before texts that a spreadsheet would compute as formulas.
        beside: further columns after those of the table, such as the condition.
        separator: mark between cells.
        decimal: decimal mark of numbers.

    Returns:
        the number of such texts in the file, 0 if they are escaped.
    """
    columns = {**columns_of(space, x), **(beside or {})}
    numbered = list(columns) == [str(j) for j in range(1, len(columns) + 1)]
    formulas = sum(map(is_formula, columns)) + sum(is_formula(v) for c in columns.values() for v in c)
    if escape and formulas:
        columns = {str(without_formula(k)): [*map(without_formula, c)] for k, c in columns.items()}

    if decimal != ".":
        marked = lambda v: str(v).replace(".", decimal) if isinstance(v, float) else v
        columns = {name: [*map(marked, cells)] for name, cells in columns.items()}

    def write(aside: Path) -> None:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=separator)
            if not numbered:
                writer.writerow(columns)
            writer.writerows(zip(*columns.values()))

    write_atomically(path, write)
    return 0 if escape else formulas
