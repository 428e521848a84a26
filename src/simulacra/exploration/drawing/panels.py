"""Panels of columns: bars for classes, histograms for numbers; samples in colour over data in grey."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from simulacra.core.inputs.tables import TRUTH
from simulacra.core.spaces.classes import Categorical, Ordinal, codes_of
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Levels, Positive, Space
from simulacra.exploration.drawing.marks import Bars, Histogram, Mark
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.text import short

PANELS = 16  # largest number of panels in one picture
BINS = 30
COLUMN, CLASS = 30, 20  # letters of a column and of a class
NAMED = 12  # largest number of classes with names below their bars


def beside(x: Tensor, other: Tensor | None, n: int) -> tuple[Tensor, list[str]]:
    """The first n rows of x, or half as many of x and of the data, and the name of each row.

    Args:
        x: samples, shape (B, *).
        other: rows of the data, shape (B', *); None: only samples, without names.
        n: largest number of rows.

    Example:
        >>> shown, names = beside(torch.zeros(5, 2), torch.ones(3, 2), 4)
        >>> shown[:, 0].tolist(), names
        ([0.0, 0.0, 1.0, 1.0], ['sample', 'sample', 'data', 'data'])
    """
    if other is None:
        return x[:n].float(), [""] * min(n, len(x))
    parts = x[: n // 2].float(), other[: n // 2].float()
    return torch.cat(parts), [name for name, part in zip(("sample", "data"), parts) for _ in part]


def legend(other: Tensor | None) -> str:
    """A legend below the panels, where there are two colours."""
    return "none" if other is None else "below"


def columns(
    spaces: Sequence[Space],
    labels: Sequence[str],
    x: Tensor,
    other: Tensor | None,
    title: str,
) -> Picture:
    """One panel for each column, at most 16.

    Args:
        spaces: of the columns.
        labels: names of the columns.
        x: samples, shape (B, columns); NaN where missing.
        other: rows of the data, likewise, or None.
        title: above the picture.
    """
    d = min(len(spaces), PANELS)
    across = min(d, 4)
    down = -(-d // across)
    made = [column(spaces[i], x[:, i], None if other is None else other[:, i], labels[i]) for i in range(d)]
    left_out = f" (first {d} of {len(spaces)} entries)" if len(spaces) > d else ""
    width, height = max(4.5, 2.4 * across), 1.9 * down + 0.7
    return grid(made, across, width, height, title + left_out, legend=legend(other))


def column(space: Space, x: Tensor, other: Tensor | None, label: str) -> Panel:
    """Returns a panel of one column: bars for classes, a histogram for numbers.

    Positive numbers have a logarithmic axis.

    Args:
        space: space of the column.
        x: values of the samples, shape (N,); NaN is left out.
        other: values of the data, shape (M,), drawn behind; None: samples alone.
        label: title of the panel, such as the column's name.
    """
    x, other = _there(x), None if other is None else _there(other)
    title, no_ticks = short(label, COLUMN), Axis(ticks=())
    if isinstance(space, Binary):
        space = Categorical((), 2, TRUTH if space.truth else ("0", "1"))
    if isinstance(space, (Categorical, Ordinal)):
        return Panel(bars(space, x, other), title, x=class_axis(space), y=no_ticks)
    whole = isinstance(space, (Levels, Count))
    log = isinstance(space, Positive)
    return Panel(histogram(x, other, whole, log), title, x=Axis(scale="log" if log else "linear"), y=no_ticks)


def _there(x: Tensor) -> Tensor:
    """The values that are not missing."""
    return x[~x.isnan()] if x.is_floating_point() else x


def bars(space: Categorical | Ordinal, x: Tensor, other: Tensor | None) -> tuple[Mark, ...]:
    """Returns bars of the share of each class, those of the data behind those of the samples.

    Args:
        space: space of the column.
        x: values of the samples, shape (N,).
        other: values of the data, shape (M,), or None.
    """

    def shares(t: Tensor) -> np.ndarray:
        codes = codes_of(space.values, t).long()
        return torch.bincount(codes, minlength=space.classes).numpy() / max(1, len(t))

    ours = Bars(shares(x), "samples", "samples", 0.55)
    if other is None:
        return (ours,)
    return Bars(shares(other), "data", "data", 0.9, 0.6), ours


def class_axis(space: Categorical | Ordinal) -> Axis:
    """An axis with the names of at most 12 classes."""
    if not space.names or space.classes > NAMED:
        return Axis()
    names = tuple(short(name, CLASS) for name in space.names)
    return Axis(ticks=tuple(map(float, range(space.classes))), labels=names, slant=30, anchor="right")


def histogram(
    x: Tensor, other: Tensor | None, whole: bool = False, logarithmic: bool = False
) -> tuple[Mark, ...]:
    """Histograms of samples and data with the same bins.

    Args:
        x: samples, shape (B,).
        other: rows of the data, shape (B',), drawn behind the samples; None: none.
        whole: values are whole numbers; each gets a bin where they span fewer than 64.
        logarithmic: bins of equal ratio, whose heights are shares; otherwise heights are densities.
    """
    x, other = _there(x), None if other is None else _there(other)
    both = x.double() if other is None else torch.cat([x.double(), other.double()])
    low, high = (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    if whole and high - low < 64:
        edges = np.arange(low, high + 2) - 0.5
    if logarithmic:
        edges = np.geomspace(low, high if high > low else low * 2, BINS + 1)
    ours = heights(x.numpy(), edges, logarithmic)
    if other is None:
        return (Histogram(edges, ours, ("samples",), ("samples",), 0.85),)
    behind = heights(other.numpy(), edges, logarithmic)
    return (
        Histogram(edges, behind, ("data",), ("data",), 0.6),
        Histogram(edges, ours, ("samples",), ("samples",), outline=True),
    )


def heights(values: np.ndarray, edges: np.ndarray, shares: bool = False) -> np.ndarray:
    """Returns the density in each bin, or the share of the values in it, shape (1, bins).

    Args:
        values: shape (N,).
        edges: edges of the bins, shape (bins + 1,).
        shares: give shares, which add up to 1, in place of densities.
    """
    if shares:
        weights = np.full(len(values), 1 / max(1, len(values)))
        return np.histogram(values, edges, weights=weights)[0][None]
    return np.histogram(values, edges, density=True)[0][None]


def fields(space: Table, x: Tensor, other: Tensor | None, title: str) -> Picture:
    """The columns of a table, each by its own kind.

    Args:
        space: the table.
        x: rows, shape (B, columns).
        other: rows to compare with, or None.
        title: above the picture.
    """
    spaces: list[Space] = []
    labels: list[str] = []
    for name, field in space.fields:
        spaces += [field] * field.dims
        labels += [name] if field.dims == 1 else [f"{name}[{i + 1}]" for i in range(field.dims)]
    return columns(spaces, labels, x, other, title)
