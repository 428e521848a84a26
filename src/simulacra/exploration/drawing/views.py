"""The registry of views: how observations are shown follows from their space alone.

A table never gets an image grid; images never become histograms. Report, docs and studio all ask
`view`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from simulacra.core.spaces import composite
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.data.audio.midi import is_music
from simulacra.exploration.drawing import panels, style
from simulacra.exploration.drawing.pianoroll import piano_roll
from simulacra.exploration.drawing.sheet import sheet
from simulacra.exploration.drawing.waveform import waveform

PAIRS = 5  # entries up to which all pairs are shown


@dataclass(frozen=True)
class View:
    """One way to show observations.

    Args:
        name: such as `image grid`.
        fits: whether a space is shown like this.
        draw: (space, x, other, title, names) -> figure.
    """

    name: str
    fits: Callable[[Space], bool]
    draw: Callable[[Space, Tensor, Tensor | None, str, Sequence[str]], Figure]


def view_of(space: Space) -> View:
    """The view of a space: the first of `VIEWS` that fits.

    Example:
        >>> view_of(Real((3,))).name, view_of(Binary((1, 8, 8))).name
        ('pairs', 'image grid')
    """
    return next(v for v in VIEWS if v.fits(space))


def view(
    space: Space,
    x: Any,
    path: str | Path | None = None,
    title: str = "",
    other: Any = None,
    names: Sequence[str] = (),
) -> Figure:
    """Show observations as their space asks for.

    Args:
        x: observations in raw units, shape (B, *).
        path: where to write a PNG file, or None.
        other: observations to compare with, drawn in grey where distributions are shown and below or
            beside x where each observation is; images leave them out.
        names: of the entries (columns of a table).

    Raises:
        ValueError: if x does not have the shape of the space, or is empty.

    Example:
        >>> view(Real((2,)), torch.randn(50, 2), title="samples").axes[0].get_xlabel()
        'x1'
    """
    x, other = torch.as_tensor(x).cpu(), None if other is None else torch.as_tensor(other).cpu()
    for rows in (x, other):
        if rows is not None and (tuple(rows.shape[1:]) != space.shape or not len(rows)):
            raise ValueError(
                f"x has shape {tuple(rows.shape)}, but {space} needs at least one row of its own."
            )
    if isinstance(space, Table):
        names = names or space.names
        space = _plain(space)
    figure = view_of(space).draw(space, x, other, title, names)
    if path is not None:
        style.save(figure, Path(path))
    return figure


def _plain(space: Table) -> Space:
    """A table whose columns are all real, or all binary, is seen as the vector that it is."""
    for kind in (Real, Binary):
        if all(type(field) is kind for _, field in space.fields):
            return kind(space.shape)
    return space


def _images(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    columns = math.ceil(math.sqrt(len(x)))
    rows = len(x) // columns
    return sheet(space, x[: rows * columns].unflatten(0, (rows, columns)), title)


def _matrix(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    parts = {"": x} if other is None else {"samples": x, "data": other}
    figure = style.new_figure(7.5, 5)
    for axes, (name, rows) in zip(panels.grid(figure, 1, len(parts)), parts.items()):
        flat = rows.flatten(1)[:64].float().numpy()
        axes.imshow(flat, cmap="Blues", vmin=0, vmax=1.25, aspect="auto", interpolation="nearest")
        style.tidy(axes, name, x="entry", y="observation")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if names and len(names) <= panels.PANELS:
            axes.set_xticks(
                range(len(names)),
                [style.plain(name, panels.CLASS) for name in names],
                rotation=45,
                ha="right",
            )
    style.headline(figure, title)
    return figure


def _sequences(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    shown, whose = panels.beside(x, other, 6)
    figure = style.new_figure(8, 1.5 * len(shown) + 0.6)
    for axes, steps, name in zip(panels.grid(figure, len(shown), 1), shown, whose):
        grey = steps.reshape(len(steps), -1).T
        axes.imshow(grey.numpy(), cmap="Blues", aspect="auto", interpolation="nearest", origin="lower")
        style.tidy(axes, name, y="entry")
    figure.axes[-1].set_xlabel("step", fontsize=style.SMALL, color=style.MUTED)
    style.headline(figure, title)
    return figure


def _scatter(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    figure = style.new_figure(5.6, 5.4)
    axes = figure.add_subplot()
    labels = entry_names(space, names)
    _points(axes, x.flatten(1), other.flatten(1) if other is not None else None, 0, 1)
    style.tidy(axes, x=labels[0], y=labels[1])
    axes.set_aspect("equal", "datalim")
    panels.key(figure, axes, title, other)
    return figure


def _pairs(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    d, labels = space.dims, entry_names(space, names)
    flat, grey = x.flatten(1), other.flatten(1) if other is not None else None
    figure = style.new_figure(1.9 * d + 0.6, 1.8 * d + 0.6)
    for cell, axes in enumerate(panels.grid(figure, d, d)):
        i, j = divmod(cell, d)
        if i == j:
            panels.histogram(axes, flat[:, i], grey[:, i] if grey is not None else None)
            axes.set_yticks([])
        else:
            _points(axes, flat, grey, j, i)
        style.tidy(axes, x=labels[j] if i == d - 1 else "", y=labels[i] if j == 0 else "")
    panels.key(figure, figure.axes[0], title, other)
    return figure


def _marginals(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    grey = other.flatten(1) if other is not None else None
    return panels.columns([space] * space.dims, entry_names(space, names), x.flatten(1), grey, title)


def _fields(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    assert isinstance(space, Table)
    return panels.fields(space, x, other, title)


def _bars(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    assert isinstance(space, Categorical)
    flat, labels = x.reshape(len(x), -1), entry_names(space, names)
    grey = other.reshape(len(other), -1) if other is not None else None
    d = min(flat.shape[1], panels.PANELS)
    columns = min(d, 3)
    figure = style.new_figure(max(4.5, 3 * columns), 2 * -(-d // columns) + 0.7)
    for i, axes in enumerate(panels.grid(figure, -(-d // columns), columns)):
        if i >= d:
            axes.set_visible(False)
            continue
        panels.bars(axes, space, flat[:, i], None if grey is None else grey[:, i])
        style.tidy(axes, labels[i], y="share" if i % columns == 0 else "")
    panels.key(figure, figure.axes[0], title, other)
    return figure


def _points(axes: Axes, x: Tensor, other: Tensor | None, i: int, j: int) -> None:
    for rows, colour, name in ((other, style.OTHER, "data"), (x, style.MAIN, "samples")):
        if rows is not None:
            across, up = rows[:, i].numpy(), rows[:, j].numpy()
            axes.scatter(across, up, _size(rows), color=colour, alpha=0.6, lw=0, label=name)


def _size(x: Tensor) -> float:
    return float(np.clip(3000 / len(x), 4, 22))


def entry_names(space: Space, names: Sequence[str] = ()) -> list[str]:
    """The names of the entries: x1, x2, ... of a vector that has none."""
    if len(names) == space.dims:
        return list(names)
    return [""] if not space.shape else [f"x{i + 1}" for i in range(space.dims)]


VIEWS: tuple[View, ...] = (
    View("piano roll", is_music, piano_roll),
    View("sequences", lambda s: isinstance(s, composite.Sequence), _sequences),
    View("fields", lambda s: isinstance(s, Table), _fields),
    View("image grid", lambda s: s.image, _images),
    View("binary matrix", lambda s: isinstance(s, Binary), _matrix),
    View("bars", lambda s: isinstance(s, Categorical), _bars),
    View("waveform", lambda s: isinstance(s, Audio), waveform),
    View("scatter", lambda s: isinstance(s, Real) and s.dims == 2, _scatter),
    View("pairs", lambda s: isinstance(s, Real) and 3 <= s.dims <= PAIRS, _pairs),
    View("marginals", lambda s: isinstance(s, (Real, Levels, Space)), _marginals),
)
