"""Small panels side by side: samples in colour, what they are compared with in grey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from simulacra.core.spaces.classes import Categorical, Ordinal, codes_of
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Levels, Positive, Space
from simulacra.exploration.drawing import style

PANELS = 16  # at most in one picture
BINS = 30
COLUMN, CLASS = 30, 20  # letters of a column and of a class
NAMED = 12  # classes that are written below their bars


def grid(figure: Figure, rows: int, columns: int) -> list[Axes]:
    """The panels of a figure, row by row."""
    return list(np.atleast_1d(figure.subplots(rows, columns)).ravel())


def beside(x: Tensor, other: Tensor | None, n: int) -> tuple[Tensor, list[str]]:
    """The first n of x, or half of them and as many of the data, and the name of each.

    Example:
        >>> shown, names = beside(torch.zeros(5, 2), torch.ones(3, 2), 4)
        >>> shown[:, 0].tolist(), names
        ([0.0, 0.0, 1.0, 1.0], ['sample', 'sample', 'data', 'data'])
    """
    if other is None:
        return x[:n].float(), [""] * min(n, len(x))
    parts = x[: n // 2].float(), other[: n // 2].float()
    return torch.cat(parts), [name for name, part in zip(("sample", "data"), parts) for _ in part]


def key(figure: Figure, axes: Axes, title: str, other: Tensor | None) -> None:
    """The title, and what the colours stand for where there are two."""
    style.headline(figure, title)
    if other is not None:
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=2,
            frameon=False,
            fontsize=style.SMALL,
            markerscale=2,
        )


def columns(
    spaces: Sequence[Space],
    labels: Sequence[str],
    x: Tensor,
    other: Tensor | None,
    title: str,
) -> Figure:
    """One panel a column, as its own space asks for.

    Args:
        spaces: of the columns.
        x: shape (B, columns); NaN where missing.
        other: likewise, or None.
    """
    d = min(len(spaces), PANELS)
    across = min(d, 4)
    down = -(-d // across)
    figure = style.new_figure(max(4.5, 2.4 * across), 1.9 * down + 0.7)
    for i, axes in enumerate(grid(figure, down, across)):
        if i >= d:
            axes.set_visible(False)
            continue
        column(axes, spaces[i], x[:, i], None if other is None else other[:, i])
        style.tidy(axes, style.plain(labels[i], COLUMN))
        axes.set_yticks([])
    left_out = f" (first {d} of {len(spaces)} entries)" if len(spaces) > d else ""
    key(figure, figure.axes[0], title + left_out, other)
    return figure


def column(axes: Axes, space: Space, x: Tensor, other: Tensor | None) -> None:
    """Bars for classes, a histogram for numbers: of logarithms where they are positive."""
    x, other = _there(x), None if other is None else _there(other)
    if isinstance(space, (Categorical, Ordinal)):
        bars(axes, space, x, other)
        return
    whole = isinstance(space, (Binary, Levels, Count))
    histogram(axes, x, other, whole, logarithmic=isinstance(space, Positive))


def _there(x: Tensor) -> Tensor:
    return x[~x.isnan()] if x.is_floating_point() else x


def bars(axes: Axes, space: Categorical | Ordinal, x: Tensor, other: Tensor | None) -> None:
    """The share of each class."""
    places = np.arange(space.classes)
    codes = lambda t: codes_of(space.values, t).long()
    share = lambda t: torch.bincount(codes(t), minlength=space.classes).numpy() / max(1, len(t))
    if other is not None:
        axes.bar(places, share(other), 0.9, color=style.OTHER, alpha=0.6, label="data")
    axes.bar(places, share(x), 0.55, color=style.MAIN, label="samples")
    if space.names and space.classes <= NAMED:
        axes.set_xticks(places, [style.plain(name, CLASS) for name in space.names], rotation=30, ha="right")


def histogram(
    axes: Axes, x: Tensor, other: Tensor | None, whole: bool = False, logarithmic: bool = False
) -> None:
    """A histogram, with a bin for each of few whole numbers."""
    both = x.double() if other is None else torch.cat([x.double(), other.double()])
    low, high = (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
    edges: Any = np.linspace(low, high if high > low else low + 1, BINS + 1)
    if whole and high - low < 64:
        edges = np.arange(low, high + 2) - 0.5
    if logarithmic:
        edges = np.geomspace(low, high if high > low else low * 2, BINS + 1)
        axes.set_xscale("log")
    shown: dict[str, Any] = {"density": not logarithmic}
    weights = lambda t: np.full(len(t), 1 / max(1, len(t))) if logarithmic else None
    if other is not None:
        axes.hist(
            other.numpy(), edges, weights=weights(other), color=style.OTHER, alpha=0.6, label="data", **shown
        )
    drawn: dict[str, Any] = {"histtype": "step", "lw": 1.6} if other is not None else {"alpha": 0.85}
    axes.hist(x.numpy(), edges, weights=weights(x), color=style.MAIN, label="samples", **shown, **drawn)


def fields(space: Table, x: Tensor, other: Tensor | None, title: str) -> Figure:
    """The columns of a table, each by its own kind."""
    spaces: list[Space] = []
    labels: list[str] = []
    for name, field in space.fields:
        spaces += [field] * field.dims
        labels += [name] if field.dims == 1 else [f"{name}[{i + 1}]" for i in range(field.dims)]
    return columns(spaces, labels, x, other, title)
